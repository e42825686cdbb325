#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Healthy traffic of five kinds, on a wire and with round trips: there is nothing above a notice in its report, and the counts are
the server's own.

test_healthy.py --repeat 20 runs it 20 times and prints the rows for docs/reliability.md.
"""

import os
import re
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main  # noqa: E402
from side_by_side import Run, SideBySide, Watch  # noqa: E402


class HealthyCase(LiveCase):
    def check_healthy(self, name: str, report: dict, ready: dict, on_their_way: int = 0) -> dict:
        """Nothing above a notice. Returns its only endpoint there. `on_their_way`: most connects under way when the client ended."""
        told = [(f["code"], f["severity"], f["title"], f["evidence"]) for f in report["findings"] if f["severity"] != "notice"]
        self.assertEqual(told, [], "nothing is wrong")
        self.check_nothing_lost(report)
        self.assertEqual(report["verdict"], "nothing_found")
        (endpoint,) = ready["endpoints"]
        endpoint = self.endpoint(report, ready, endpoint)
        self.assertLessEqual(endpoint["connects"] - endpoint["connect_outcomes"]["established"], on_their_way)
        if name != "bulk":  # However iperf3's server ends the stream: nobody waits for an answer to it.
            self.assertEqual(endpoint["exchanges_failed"], 0)
        return endpoint


class Healthy(HealthyCase):
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
            endpoint = self.check_healthy(name, report, lab.ready)
            self.assertEqual(code, 0, tracer.stderr.all())
            tracer.check_nothing_left()
            self.assertEqual(lab.end(), 0)
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


# As much as the path carries: responses of 32 KiB at some 150 Mbit/s, both together.
LOADS = {"redis-healthy": {4: ("--clients", "2", "--requests", "1500"), 40: ("--clients", "12", "--requests", "1000")},
         "redis-short": {4: ("--clients", "4", "--requests", "800"), 40: ("--clients", "20", "--requests", "500")},
         "web-healthy": {4: ("--seconds", "3"), 40: ("--seconds", "3")},
         "idle-pool": {4: (), 40: ()},
         "bulk": {4: ("--seconds", "4"), 40: ("--seconds", "4")}}


# Known to be said wrongly; a line here that is right after all makes its test fail.
WRONG: dict[str, str] = {}  # by run: what is known to be said wrongly


class RoundTrips(HealthyCase, SideBySide):
    """The same at 4 and at 40 ms, from both ends."""

    RUNS = {f"{name} {rtt_ms} ms": Run(name, (*options, "--rtt", str(rtt_ms)),
                                       watch=tuple(Watch(name=end, end=end, record=True, light=True) for end in ("client", "server")))
            for name, loads in LOADS.items() for rtt_ms, options in loads.items()}
    AT_ONCE = 5
    END_TOGETHER = True

    def check_run(self, name: str) -> None:
        run = self.run_of(name)
        on_their_way = run.done.get("clients", 0)  # requests or connects, when redis-benchmark ended
        with self.known_wrong(WRONG.get(name)):
            self.check_healthy(run.name, run.report, run.ready, on_their_way)
        (endpoint,) = run.ready["endpoints"]
        endpoint = self.endpoint(run.report, run.ready, endpoint)
        self.assertGreaterEqual(endpoint["rtt_floor_us"], 1000 * int(name.split()[1]))
        if run.name == "bulk":
            self.assertGreaterEqual(endpoint["bytes_sent"], 0.99 * run.done["bytes"])
        elif run.name != "web-healthy":  # wrk asks on after the last count.
            self.assertAlmostEqual(endpoint["exchanges"], run.done["ok"], delta=run.done["ok"] / 100 + on_their_way)
        server = run.reports["server"]
        self.assertEqual([(f["code"], f["severity"]) for f in server["findings"] if f["severity"] != "notice"], [], "the server's end")


for _name in RoundTrips.RUNS:
    setattr(RoundTrips, "test_" + re.sub(r"\W+", "_", _name), lambda self, name=_name: self.check_run(name))


if __name__ == "__main__":
    main()
