#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tcpdiag diff on recordings of real traffic: what is alike has no difference, what is not is named first."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from live import Lab, LiveCase, Tracer, main, run_tcpdiag  # noqa: E402


class Diff(LiveCase):
    def record(self, name: str, incident: str, *options: str) -> str:
        recording = self.file(name + ".tcpdiag")
        with Lab(incident, *options) as lab, Tracer("--netns", lab.ready["client_netns_path"], "-w", recording,
                                                    "-o", self.file(name + ".txt")) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            self.assertEqual(lab.end(), 0)
        return recording

    def diff(self, *files: str) -> dict:
        answer = run_tcpdiag("diff", *files, "--format", "json")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        return json.loads(answer.stdout)

    def test_two_healthy_runs(self):
        """The same load twice: chance is no difference. What may be one is told as low, and decides nothing."""
        answer = self.diff(self.record("good", "redis-healthy"), self.record("bad", "redis-healthy"))
        self.assertEqual(answer["verdict"], "no_difference", answer["answer"])
        self.assertEqual([], [each for each in answer["differences"] if each["confidence"] != "low"])
        self.assertEqual([], [each for each in answer["only_in"]
                              if each["kind"] == "finding" and each["severity"] != "notice"])

    def test_healthy_and_throttled(self):
        good = self.record("good", "redis-healthy")
        bad = self.record("bad", "redis-throttled", "--seconds", "12")
        answer = self.diff(good, bad)
        self.assertEqual(answer["verdict"], "bad_is_worse", answer["answer"])
        self.assertEqual(answer["differences"][0]["tier"], "delays")
        self.assertEqual([], self.diff(bad, bad)["differences"])

    def test_failed_against_good(self):
        incident = self.record("incident", "api-reset", "--seconds", "1")
        text = run_tcpdiag("diff", incident)
        self.assertEqual((text.returncode, text.stderr), (0, ""))
        self.assertLessEqual(max(len(line) for line in text.stdout.splitlines()), 80)
        self.assertIn("fail", text.stdout.splitlines()[0])


if __name__ == "__main__":
    main()
