#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: the text report, its exit code, and that untrusted names cannot get at the terminal."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main  # noqa: E402

# An escape sequence, quotes, a backslash, a line feed, a tab, and bytes that are no UTF-8.
HOSTILE_NAME = b"\x1b[2J\"'<\\\n\t\xff\xc3("


class TextCase(LiveCase):
    """Traces the reset incident and keeps what was printed."""

    def trace(self, *tracer_options: str, lab_options: tuple[str, ...] = (), exit_code: int = 0) -> tuple[bytes, dict, list[str]]:
        """Standard output as it came, the lab's truth, the lines of standard error."""
        with open(self.file("out"), "wb") as output, Lab("api-reset", "--seconds", "2", *lab_options) as lab, \
                Tracer("--netns", lab.netns, *tracer_options, stdout=output) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), exit_code, tracer.stderr.all())
            tracer.check_nothing_left()
        with open(self.file("out"), "rb") as output:
            return output.read(), {**lab.ready, **done}, tracer.stderr.all()


class Text(TextCase):
    def test_first_screen_has_the_cause(self):
        output, truth, _ = self.trace()
        lines = output.decode("utf-8").splitlines()
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
        self.trace("--fail-on", "critical", exit_code=4)

    def test_healthy_traffic_says_so(self):
        with open(self.file("out"), "wb") as output, Lab("api-ok") as lab, \
                Tracer("--netns", lab.netns, "--fail-on", "warning", stdout=output) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        with open(self.file("out"), encoding="utf-8") as output:
            text = output.read()
        self.assertNotRegex(text, r"(?m)^CAUSE\b")
        self.assertRegex(text, rf"(?i)nothing wrong seen in {done['ok']}\b")

    def test_nothing_matched_says_what_was_there(self):
        with Lab("api-ok") as lab, Tracer("--netns", lab.netns, "-D", "1", "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        report = self.read_report(self.file("r.json"))
        self.assertEqual(report["verdict"], "nothing_matched")
        self.assertEqual(report["filters"]["remote_port"], [1])
        self.assertGreater(report["sockets_filtered_out"], 0)

    def test_hostile_process_name_in_text(self):
        output, _, errors = self.trace(lab_options=("--client-name", os.fsdecode(HOSTILE_NAME)))
        text = output.decode("utf-8")
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), "raw control characters in the report")
        self.assertFalse(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\n".join(errors)), "raw control characters on standard error")
        self.assertRegex(text, r"(?m)^CAUSE 1\b.*\bpeer-reset-awaiting-response\b")

    def test_hostile_process_name_in_json(self):
        _, truth, _ = self.trace("--format", "json", "-o", self.file("r.json"), lab_options=("--client-name", os.fsdecode(HOSTILE_NAME)))
        report = self.read_report(self.file("r.json"))
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
