#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings of real traces that do not end well. Those that do are checked with every incident: test_causes.py."""
import json
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from live import Lab, LiveCase, Tracer, main, run_tcpdiag, wait_until  # noqa: E402


class Recording(LiveCase):
    def test_killed(self):
        """SIGKILL: what was committed, once a second, is a report that says that its end is missing."""
        recording = self.file("killed.tcpdiag")

        def resets() -> int:
            with sqlite3.connect(f"file:{recording}?mode=ro&immutable=1", uri=True) as database:
                try:
                    return database.execute("SELECT count(*) FROM events WHERE kind = 'reset_received'").fetchone()[0]
                except sqlite3.DatabaseError:  # read in the middle of a commit
                    return 0

        with Lab("api-reset", "--seconds", "1") as lab, Tracer("--netns", lab.ready["client_netns_path"],
                                                               "-w", recording) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            lab.wait("done")
            wait_until("the resets are in the file", lambda: resets() > 0, 10)
            tracer.signal(signal.SIGKILL)
            tracer.wait_exit()
            self.assertEqual(lab.end(), 0)
        answer = run_tcpdiag("report", recording, "--format", "json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        report = json.loads(answer.stdout)
        self.check_schema(report)
        self.assertEqual((report["window"]["ended_by"], report["window"]["partial"]), ("error", True))
        self.assertEqual(report["findings"][0]["code"], "peer-reset-awaiting-response")

    def test_name_is_taken(self):
        """Said before anything is traced; the file stays what it was."""
        recording = self.file("taken.tcpdiag")
        with open(recording, "w", encoding="ascii") as file:
            file.write("mine")
        answer = run_tcpdiag("trace", "-d", "0", "-w", recording)
        self.assertEqual(answer.returncode, 2)
        self.check_one_line(answer.stderr)
        with open(recording, encoding="ascii") as file:
            self.assertEqual(file.read(), "mine")


if __name__ == "__main__":
    main()
