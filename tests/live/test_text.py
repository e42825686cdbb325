#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: the text report, its exit code, and that untrusted names cannot get at the terminal."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, Tracer, main  # noqa: E402
from side_by_side import CLIENT, TEXT, Run, SideBySide, Watch  # noqa: E402

# An escape sequence, quotes, a backslash, a line feed, a tab, and bytes that are no UTF-8.
HOSTILE_NAME = b"\x1b[2J\"'<\\\n\t\xff\xc3("


RESET = ("--seconds", "2")
HOSTILE = (*RESET, "--client-name", os.fsdecode(HOSTILE_NAME))


class Text(SideBySide):
    RUNS = {
        "reset": Run("api-reset", RESET, watch=(TEXT, Watch(options=("--fail-on", "critical"), exit_code=4))),
        "hostile": Run("api-reset", HOSTILE, watch=(TEXT, CLIENT)),
        "healthy": Run("api-ok", watch=(Watch("text", form="text", options=("--fail-on", "warning")),)),
        "nothing": Run("api-ok", watch=(Watch(options=("-D", "1")),)),
    }

    def test_first_screen_has_the_cause(self):
        run = self.run_of("reset")
        truth = {**run.ready, **run.done}
        lines = run.texts["text"].decode("utf-8").splitlines()
        self.assertEqual([line for line in lines if len(line) > 80], [], "lines of more than 80 columns")
        screen = "\n".join(lines[:24])
        api, failed, ok = truth["endpoints"]["api"], truth["failed"], truth["ok"]
        self.assertRegex(screen, r"(?m)^CAUSE 1\b.*\bpeer-reset-awaiting-response\b")
        self.assertIn(f"{api['address']}:{api['port']}", screen)
        self.assertRegex(screen, rf"\b{failed} of {failed + ok}\b")
        self.assertRegex(screen, r"\bruby\b")
        self.assertIn(str(truth["client"]["pid"]), screen)
        self.assertRegex(screen, r"\b2\.0\d* s\b", "the wait till the reset")
        self.assertIn("Connection reset by peer", screen)
        self.assertTrue(lines[0].startswith("tcpdiag trace"), lines[0])
        self.assertRegex("\n".join(lines[:2]), r"lost events: 0\b")
        self.assertNotRegex("\n".join(lines), r"(?m)^CAUSE 2\b")

    def test_fail_on(self):
        self.first_finding(self.run_of("reset").report, "peer-reset-awaiting-response")

    def test_healthy_traffic_says_so(self):
        run = self.run_of("healthy")
        text = run.texts["text"].decode("utf-8")
        self.assertNotRegex(text, r"(?m)^CAUSE\b")
        self.assertRegex(text, rf"(?i)nothing wrong seen in {run.done['ok']}\b")

    def test_nothing_matched_says_what_was_there(self):
        report = self.run_of("nothing").report
        self.assertEqual(report["verdict"], "nothing_matched")
        self.assertEqual(report["filters"]["remote_port"], [1])
        self.assertGreater(report["sockets_filtered_out"], 0)

    def test_hostile_process_name_in_text(self):
        run = self.run_of("hostile")
        text, errors = run.texts["text"].decode("utf-8"), run.errors["text"]
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), "raw control characters in the report")
        self.assertFalse(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\n".join(errors)), "raw control characters on standard error")
        self.assertRegex(text, r"(?m)^CAUSE 1\b.*\bpeer-reset-awaiting-response\b")

    def test_hostile_process_name_in_json(self):
        run = self.run_of("hostile")
        report, truth = run.report, run.ready
        self.first_finding(report, "peer-reset-awaiting-response")
        process = self.endpoint(report, truth)["processes"][0]
        self.assertEqual(process["pids"], [truth["client"]["pid"]])
        self.assertIn("[2J", process["comm"])

    def test_standard_output_can_be_piped(self):
        """JSON to a pipe is one document and nothing else."""
        with Lab("api-ok", "--seconds", "1") as lab, Tracer("--netns", lab.netns, "--format", "json", stdout=subprocess.PIPE) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            lab.wait("done")
            tracer.signal()
            output = tracer.stdout.read()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        with open(self.file("r.json"), "wb") as file:
            file.write(output)
        self.assertEqual(self.read_report(self.file("r.json"))["verdict"], "nothing_found")


if __name__ == "__main__":
    main()
