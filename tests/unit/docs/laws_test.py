#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The laws of every report (tests/support/laws.py), of the golden files too; and that each law can be broken."""

import copy
import json
import os
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import laws  # noqa: E402
from live import SOURCE_DIR  # noqa: E402

GOLDEN = os.path.join(SOURCE_DIR, "tests", "golden", "report")


def golden(name: str) -> dict:
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as file:
        return json.load(file)


class Laws(unittest.TestCase):
    def test_golden_files_keep_them(self):
        names = [name for name in sorted(os.listdir(GOLDEN)) if name.endswith(".json")]
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(name):
                self.assertEqual(laws.broken(golden(name)), [])

    def breaks(self, words: str, change) -> None:
        report = copy.deepcopy(golden("nothing_found.json"))
        report["filters"] = {key: value if isinstance(value, bool) else None for key, value in report["filters"].items()}
        change(report)
        self.assertRegex(" ".join(laws.broken(report)), words)

    def test_a_failure_without_a_word(self):
        self.breaks("1 exchanges failed, and the verdict", lambda report: report["totals"].update(exchanges_failed=1))

    def test_slow_users(self):
        def slow(report: dict) -> None:
            report["endpoints"][0]["histograms"]["last_byte"] = {"count": 10, "buckets": [[900_000, 1_000_000, 10]]}
        self.breaks("took more than", slow)

    def test_nothing_seen(self):
        self.breaks("no socket was seen", lambda report: report["totals"].update(sockets_seen=0))
        self.breaks("the totals have .*connects.*nothing_seen", lambda report: report.update(verdict="nothing_seen"))
        self.breaks("names other namespaces", lambda report: report.update(other_netns=[{"pid": 1}]))

    def test_totals_that_do_not_agree(self):
        self.breaks("the kernel's RetransSegs is 99999",
                    lambda report: report["kernel_counters"].append({"counters": {"RetransSegs": 99999}}))

    def test_blame_without_proof(self):
        finding = {"id": "f1", "code": "response-timeout", "severity": "critical", "sockets": [], "endpoint": "e1", "caused_by": [],
                   "evidence": {"side": "remote_slow", "request_acked_count": 1, "count": 9}}
        self.breaks("blames the peer's application", lambda report: report["findings"].append(finding))


if __name__ == "__main__":
    unittest.main()
