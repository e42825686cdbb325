#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole program under AddressSanitizer and UndefinedBehaviorSanitizer: a live trace of an incident, and what the other commands
make of its recording and of 200 damaged copies of it. A fault ends the program with EXIT, which is none of its own codes.

Called by scripts/test --sanitizers with TCPDIAG= the program of the preset fuzz.
"""

import os
import random
import sqlite3
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main, run_tcpdiag  # noqa: E402

EXIT = 99
# Leaks are looked for at the end, with calls that the confined program may not make: pages of others, a process to look from.
os.environ["ASAN_OPTIONS"] = f"exitcode={EXIT}:detect_leaks=0:abort_on_error=0"
os.environ["UBSAN_OPTIONS"] = f"exitcode={EXIT}:print_stacktrace=1"

MUTATIONS = 200
SEED = 20261130
FORMATS = ("text", "json", "md", "html", "ndjson")
EXTREMES = (0, 1, -1, 2**31, 2**32, 2**63 - 1, -2**63, 1e308, float("inf"), "", "\x1b[2J\u202e", b"\xff\x00" * 2000, None)


class Program(LiveCase):
    def run_well(self, *arguments: str) -> str:
        done = run_tcpdiag(*arguments, seconds=120)
        said = done.stderr[-3000:]
        self.assertEqual(done.returncode, 0, f"{arguments}: {said}")
        self.assertNotIn("runtime error", done.stderr, arguments)
        return done.stdout

    def record(self, name: str, incident: str, *options: str) -> str:
        path = self.file(name)
        with Lab(incident, *options) as lab, Tracer("--netns", lab.ready["client_netns_path"], "-w", path,
                                                    "--format", "ndjson", "-o", self.file(f"{name}.ndjson")) as tracer:
            tracer.wait_attached(objects=False)
            lab.open_gate()
            lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all()[-30:])
            self.assertEqual(lab.end(), 0)
        return path

    def damage(self, path: str, copy: str, source: random.Random) -> None:
        """A few bytes anywhere, its end, or values that no trace has."""
        with open(path, "rb") as file:
            data = bytearray(file.read())
        kind = source.randrange(4)
        if kind == 0:
            for _ in range(source.randrange(1, 20)):
                data[source.randrange(len(data))] = source.randrange(256)
        elif kind == 1:
            del data[source.randrange(len(data)):]
        with open(copy, "wb") as file:
            file.write(data)
        if kind < 2:
            return
        database = sqlite3.connect(copy)
        tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(source.randrange(1, 4)):
            table = source.choice(tables)
            column = source.choice([row[1] for row in database.execute(f"PRAGMA table_info({table})")])
            try:
                database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)",
                                 (source.choice(EXTREMES),))
            except sqlite3.Error:  # the table itself refuses it
                pass
        database.commit()
        database.close()

    def test_all(self):
        good, bad = self.record("good.tcpdiag", "api-ok"), self.record("bad.tcpdiag", "api-reset", "--seconds", "2")
        for form in FORMATS:
            self.run_well("report", bad, "--format", form)
        self.run_well("report", bad, "--redact", "--from", "+1s", "--to", "+2s", "-w", self.file("slice.tcpdiag"))
        self.run_well("report", self.file("slice.tcpdiag"), "--events", "port", "8080")
        report = self.file("bad.json")
        self.run_well("report", bad, "--format", "json", "-o", report)
        for form in FORMATS[:4]:
            self.run_well("diff", good, bad, "--format", form)
            self.run_well("diff", bad, "--format", form)
            self.run_well("size", report, "--baseline", "64mbit", "--format", form)
            self.run_well("doctor", "--format", form)
        self.run_well("size", bad, "--baseline", "64mbit")
        source = random.Random(SEED)
        refused = 0
        copy = self.file("damaged.tcpdiag")
        for number in range(MUTATIONS):
            self.damage(bad, copy, source)
            done = run_tcpdiag("report", copy, "--format", FORMATS[number % len(FORMATS)], seconds=120)
            self.assertIn(done.returncode, (0, 1, 2), f"damaged copy {number}: {done.stderr[-3000:]}")
            refused += done.returncode != 0
        self.assertGreater(refused, MUTATIONS // 3)
        print(f"{refused} of {MUTATIONS} damaged recordings were refused")


if __name__ == "__main__":
    main()
