#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Too much of everything: under a flood of SYNs and a storm of retransmissions memory is bounded, and what is lost is counted.

The witnesses are the namespace's own counters (nstat) and a second tracer without a limit: what one tells is what the other tells
and has left out together.
"""

import contextlib
import os
import sqlite3
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main  # noqa: E402

LIMIT = 200
# An idle trace has 20 MB; a storm may add the sockets that it has, not what they do.
MOST_RSS_BYTES = 64 << 20


class Storms(LiveCase):
    def watch(self, incident: str, end: str, *limits: tuple[str, ...]) -> list[dict]:
        """The reports of tracers with these limits, all at the same time, and of the lab `self.done`."""
        with contextlib.ExitStack() as stack:
            lab = stack.enter_context(Lab(incident))
            tracers = []
            for number, limit in enumerate(limits):
                tracer = stack.enter_context(Tracer("--netns", lab.ready[f"{end}_netns_path"], *limit, "--format", "json",
                                                    "-o", self.file(f"{number}.json"), "-w", self.file(f"{number}.tcpdiag")))
                tracer.wait_attached()
                tracers.append(tracer)
            lab.open_gate()
            self.done = lab.wait("done")
            for tracer in tracers:
                tracer.signal()
            for tracer in tracers:
                self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
                tracer.check_nothing_left()
            self.assertEqual(lab.end(), 0)
        reports = [self.read_report(self.file(f"{number}.json")) for number in range(len(limits))]
        for report in reports:
            self.assertLess(report["cost"]["peak_rss_bytes"], MOST_RSS_BYTES)
        return reports

    def events(self, number: int) -> int:
        """How many events the tracer of this number was sent."""
        with contextlib.closing(sqlite3.connect(self.file(f"{number}.tcpdiag"))) as recording:
            return recording.execute("SELECT count(*) FROM events").fetchone()[0]

    def most_in_a_second(self, number: int) -> int:
        """Events of one second of the monotonic clock, in which the limit counts."""
        with contextlib.closing(sqlite3.connect(self.file(f"{number}.tcpdiag"))) as recording:
            return recording.execute(
                "SELECT max(n) FROM (SELECT count(*) AS n FROM events GROUP BY at_ns / 1000000000)").fetchone()[0]

    def check_limited(self, report: dict, number: int, plain: dict) -> None:
        """Of the tracer with LIMIT: it recorded no more, all else that tracer 0 was sent is counted, and the report says so with the hint.

        A socket whose close was left out is emitted once more, when it is destroyed: then that is one event more than tracer 0 has.
        """
        seen, lost = self.events(number), report["loss"]["rate_limited"]
        self.assertEqual({cause: n for cause, n in report["loss"].items() if n}, {"rate_limited": lost})
        self.assertGreater(lost, LIMIT)
        again = seen + lost - self.events(0)
        self.assertTrue(0 <= again <= plain["totals"]["sockets_seen"], f"{seen} seen, {lost} lost, of {self.events(0)}")
        self.assertLessEqual(seen, LIMIT * (int(report["window"]["duration_s"]) + 1))
        # An event has the time at which its program began: on each CPU one may be emitted in the second after its own.
        self.assertLessEqual(self.most_in_a_second(number), LIMIT + os.cpu_count())
        finding = report["findings"][-1]
        self.assertEqual((finding["code"], finding["evidence"]["cause"]), ("events-lost", "rate_limited"))
        self.assertEqual((finding["evidence"]["seen"], finding["evidence"]["lost"], finding["count"]), (seen, lost, lost))
        self.assertEqual(finding["severity"], "warning")
        self.assertIn("--max-events-per-second", finding["next_steps"][0]["text"])

    def test_syn_flood(self):
        plain, limited = self.watch("syn-flood", "server", (), ("--max-events-per-second", str(LIMIT)))
        own = self.done["server_counters"]
        self.check_nothing_lost(plain)
        # Each repeated SYN-ACK is emitted, and is all that the kernel counts as sent again.
        self.assertEqual(plain["totals"]["retransmits"]["synack"], own["TcpExtTCPSynRetrans"])
        self.assertEqual(own["TcpRetransSegs"], own["TcpExtTCPSynRetrans"])
        self.assertGreater(own["TcpExtTCPSynRetrans"], 10000)
        counters = plain["kernel_counters"][0]["counters"]
        for name in ("TCPSynRetrans", "RetransSegs", "ListenDrops", "ListenOverflows", "TCPReqQFullDoCookies"):
            self.assertEqual(counters[name], own.get(f"TcpExt{name}", own.get(f"Tcp{name}")), name)
        self.assertEqual((plain["totals"]["listen_drops"], plain["totals"]["listen_overflows"]),
                         (own["TcpExtListenDrops"], own["TcpExtListenOverflows"]))
        # The healthy client beside it: every call of it is there, and no address of the flood became a socket.
        inbound = [e for e in plain["endpoints"] if e["role"] == "inbound"]
        self.assertEqual([e["exchanges"] for e in inbound], [self.done["ok"]])
        self.assertEqual(plain["totals"]["sockets_seen"], own["TcpPassiveOpens"])

        self.check_limited(limited, 1, plain)
        # SYN-ACKs have three quarters of the limit: the connections' beginnings and ends were told beside them.
        self.assertLessEqual(limited["totals"]["retransmits"]["synack"], LIMIT * 3 // 4 * (int(limited["window"]["duration_s"]) + 1))
        self.assertEqual(limited["totals"]["sockets_seen"], plain["totals"]["sockets_seen"])
        self.assertEqual(limited["totals"]["listen_drops"], own["TcpExtListenDrops"])

    def test_retransmit_storm(self):
        plain, limited = self.watch("retransmit-storm", "client", (), ("--max-events-per-second", str(LIMIT)))
        own = self.done["tcp"]["client"]
        self.check_nothing_lost(plain)
        totals = plain["totals"]
        self.assertEqual(totals["retransmitted_segments"], own["TcpRetransSegs"])
        # By kinds they are counted in retransmissions, of which one may be of several segments.
        self.assertLessEqual(sum(totals["retransmits"].values()), own["TcpRetransSegs"])
        self.assertGreater(sum(totals["retransmits"].values()), 0.95 * own["TcpRetransSegs"])
        self.assertEqual((totals["connects"], totals["exchanges"]), (own["TcpActiveOpens"], self.done["ok"]))
        self.first_finding(plain, "retransmit-loss")

        self.check_limited(limited, 1, plain)
        # Exchanges are summed up in the kernel: no limit of events touches them.
        self.assertEqual(limited["totals"]["exchanges"], self.done["ok"])
        self.assertEqual(limited["kernel_counters"], plain["kernel_counters"])

    def test_no_limit(self):
        """0 is none, and the storms are below the usual one: a tracer without any is told the same."""
        plain, unlimited = self.watch("retransmit-storm", "client", (), ("--max-events-per-second", "0"))
        for report in (plain, unlimited):
            self.check_nothing_lost(report)
        self.assertEqual(self.events(0), self.events(1))


if __name__ == "__main__":
    main()
