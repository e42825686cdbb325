#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/refresh-baselines against small files: refresh_baselines_test.py SCRIPT TABLE"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT, TABLE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def instance(name, *cards, tracking=None):
    network = {"NetworkCards": [{"BaselineBandwidthInGbps": low, "PeakBandwidthInGbps": high} for low, high in cards]}
    if tracking:
        network["ConnectionTrackingConfiguration"] = {"DefaultTcpEstablishedTimeout": tracking}
    return {"InstanceType": name, "NetworkInfo": network}


MICRO = instance("t4g.micro", (0.064, 5.0), tracking=432000)
BIG = instance("m8i.big", (100.0, 100.0), (66.666, 100.0), tracking=350)
OLD = {"InstanceType": "m1.small", "NetworkInfo": {"NetworkCards": [{"NetworkPerformance": "Low"}]}}


class Refresh(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.table = pathlib.Path(self.folder.name) / "table.tsv"

    def run_script(self, text, *arguments):
        return subprocess.run([sys.executable, SCRIPT, "--table", self.table, *arguments], input=text, text=True,
                              capture_output=True, check=False)

    def rows(self):
        lines = [line for line in self.table.read_text().splitlines() if not line.startswith("#")]
        self.assertEqual(lines[0], "type\tbaseline_bit_per_s\tburst_bit_per_s\tconntrack_established_s")
        return [line.split("\t") for line in lines[1:]]

    def test_both_kinds_of_file_give_the_same_table(self):
        entries = [MICRO, BIG]
        tables = []
        for document in ({"InstanceTypes": entries}, {e["InstanceType"]: e for e in entries}, entries):
            done = self.run_script(json.dumps(document), "--date", "2026-01-02", "--source", "a test")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            tables.append(self.table.read_text())
        self.assertEqual(len(set(tables)), 1)
        self.assertIn("\n# date: 2026-01-02\n# source: a test\n", tables[0])
        self.assertEqual(self.rows(), [["m8i.big", "166666000000", "200000000000", "350"],
                                       ["t4g.micro", "64000000", "5000000000", "432000"]])

    def test_rows_of_cache_nodes_stay(self):
        self.table.write_text("# date: 2020-01-01\ncache.t4g.micro\t64000000\t5000000000\t0\nt1.gone\t1\t1\t0\n")
        self.assertEqual(self.run_script(json.dumps([MICRO])).returncode, 0)
        self.assertEqual([row[0] for row in self.rows()], ["cache.t4g.micro", "t4g.micro"])

    def test_a_type_without_a_baseline_is_told(self):
        done = self.run_script(json.dumps([MICRO, OLD]))
        self.assertEqual(done.returncode, 0)
        self.assertIn("m1.small", done.stdout)
        self.assertEqual(len(self.rows()), 1)

    def test_what_is_wrong_writes_nothing(self):
        bad = instance("t4g.micro\n", (1.0, 1.0))
        for text in ("", "{", "[]", '{"InstanceTypes": 3}', "[3]", json.dumps([bad]), json.dumps([MICRO, MICRO]),
                     json.dumps([instance("a1.b", (-1.0, 1.0))]), json.dumps([instance("a1.b", (True, 1.0))])):
            done = self.run_script(text)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), text)
            self.assertFalse(self.table.exists(), text)

    def test_help_and_a_wrong_date(self):
        self.assertEqual(self.run_script("", "--help").returncode, 0)
        self.assertEqual(self.run_script("[]", "--date", "today").returncode, 2)

    def test_the_table_in_the_tree_is_sorted_and_whole(self):
        self.table.write_bytes(TABLE.read_bytes())
        names = [row[0] for row in self.rows()]
        self.assertEqual(names, sorted(set(names)))
        self.assertTrue(all(len(row) == 4 for row in self.rows()))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
