#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Healthy traffic of five kinds: there is nothing above a notice in its report, and the counts are the server's own."""

import os
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main  # noqa: E402


class Healthy(LiveCase):
    """Each from before its first byte to after its last, but wrk, which is watched while it asks."""

    def watch(self, name: str, *options: str) -> tuple[dict, dict, dict]:
        """A healthy incident: its report, which must be quiet, its endpoint there, and what the lab counted."""
        with Lab(name, *options) as lab, Tracer("--netns", lab.netns, "--fail-on", "warning", "--format", "json",
                                                "-o", self.file("report.json")) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            tracer.signal()
            code = tracer.wait_exit()
            report = self.read_report(self.file("report.json"))
            told = [(f["code"], f["severity"], f["title"], f["evidence"]) for f in report["findings"] if f["severity"] != "notice"]
            self.assertEqual(told, [], "nothing is wrong")
            self.assertEqual(code, 0, tracer.stderr.all())
            tracer.check_nothing_left()
            self.assertEqual(lab.end(), 0)
        self.check_nothing_lost(report)
        self.assertEqual(report["verdict"], "nothing_found")
        (endpoint,) = lab.ready["endpoints"]
        endpoint = self.endpoint(report, lab.ready, endpoint)
        self.assertEqual(endpoint["connects"], endpoint["connect_outcomes"]["established"])
        if name != "bulk":  # However iperf3's server ends the stream: nobody waits for an answer to it.
            self.assertEqual(endpoint["exchanges_failed"], 0)
        return report, endpoint, done

    def test_redis_benchmark(self):
        _, endpoint, done = self.watch("redis-healthy", "--requests", "40000")
        self.assertAlmostEqual(endpoint["exchanges"], done["requests"], delta=done["requests"] / 100)

    def test_keep_alive_web(self):
        """nginx closes each connection after 1000 requests, as is its habit; wrk opens another one."""
        _, endpoint, done = self.watch("web-healthy", "--seconds", "3")
        self.assertGreaterEqual(endpoint["exchanges"], 0.99 * done["requests"])
        self.assertGreaterEqual(endpoint["connects"], done["counts"]["api"]["connects"] - 1)

    def test_short_connections(self):
        _, endpoint, done = self.watch("redis-short")
        self.assertAlmostEqual(endpoint["exchanges"], done["requests"], delta=done["requests"] / 100)
        self.assertEqual(endpoint["connects"], done["counts"]["redis"]["connects"])

    def test_bulk(self):
        _, endpoint, done = self.watch("bulk", "--seconds", "3")
        self.assertGreaterEqual(endpoint["bytes_sent"], 0.99 * done["bytes"])

    def test_idle_pool(self):
        """Connections that either side closed while they were idle are no failures."""
        report, endpoint, done = self.watch("idle-pool")
        self.assertEqual((endpoint["exchanges"], endpoint["connects"]), (done["ok"], done["counts"]["api"]["connects"]))
        self.assertEqual(report["totals"]["resets"], {"sent": 0, "received": 0})


if __name__ == "__main__":
    main()
