#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Too much of everything: under a flood of SYNs and a storm of retransmissions memory is bounded, and what is lost is counted.

The witnesses are the namespace's own counters (nstat) and a second tracer without a limit: what one tells is what the other tells
and has left out together. `--table` makes that of docs/reliability.md (scripts/test --storms).
"""

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab.incidents import PYTHON  # noqa: E402
from lab.network import run  # noqa: E402
from lab.syn_flood import SOURCES  # noqa: E402
from live import Lab, LiveCase, Tracer, main, unix_time  # noqa: E402
from socket_case import SocketCase  # noqa: E402

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
        for name in ("TCPSynRetrans", "RetransSegs", "ListenDrops", "ListenOverflows", "TCPReqQFullDoCookies", "SyncookiesSent",
                     "SyncookiesRecv"):
            self.assertEqual(counters[name], own.get(f"TcpExt{name}", own.get(f"Tcp{name}")), name)
        self.assertEqual((plain["totals"]["listen_drops"], plain["totals"]["listen_overflows"]),
                         (own["TcpExtListenDrops"], own["TcpExtListenOverflows"]))
        # Not always the first: a busy machine's CPU backlog drops some of the flood, which is a finding too.
        (finding,) = (f for f in plain["findings"] if f["code"] == "syn-flood")
        self.assertEqual((finding["severity"], finding["confidence"], finding["count"], finding["endpoint"]),
                         ("warning", "high", own["TcpExtTCPReqQFullDoCookies"], None))
        self.assertEqual([finding["evidence"][key] for key in ("full_queue_drops_delta", "cookies_sent_delta",
                                                               "cookies_returned_delta", "syncookies")],
                         [0, own["TcpExtSyncookiesSent"], own["TcpExtSyncookiesRecv"], 1])
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
        self.assertEqual(sum(totals["retransmits"].values()), own["TcpRetransSegs"])
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


@dataclasses.dataclass
class Flooded:
    """A trace under a flood of SYNs to a closed port, of which each is answered by a reset: an event without a connection."""

    starved: bool  # a third of one processor at most, and less than others get
    interrupted: bool  # ends while the flood goes on
    per_second: float = 0  # reached
    kernel: int = 0  # OutRsts
    told: int = 0
    lost: dict[str, int] = dataclasses.field(default_factory=dict)
    between_commits_s: float = 0  # at most
    stopped_after_s: float = 0  # from the signal to the last thing that was traced
    ended_after_s: float = 0  # ... and to the end of the program


class Floods(SocketCase):
    CLOSED_PORT = 8998

    def flood(self, per_second: int, seconds: float, starved: bool, interrupted: bool) -> Flooded:
        client, server = self.hosts()
        run("ip", "-n", server.namespace, "route", "add", SOURCES[4], "via", client.address)
        link = json.loads(run("ip", "-n", server.namespace, "-j", "link", "show", "eth0"))[0]
        sender = subprocess.Popen(
            client.network.inside(client.namespace, PYTHON, "-B", f"{os.path.dirname(__file__)}/../support/lab/syn_flood.py", "eth0",
                                  link["address"], server.address, str(self.CLOSED_PORT), str(per_second), str(seconds)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(sender.kill)
        sender.stdout.readline()
        report, recording = self.file("report.json"), self.file("x.tcpdiag")
        flooded = Flooded(starved, interrupted)
        with contextlib.ExitStack() as stack:
            tracer = stack.enter_context(Tracer("--netns", server.path, "--force", "--format", "json", "-o", report, "-w", recording))
            tracer.wait_attached()
            before = server.counters()["TcpOutRsts"]
            if starved:
                self.starve(stack, tracer.pid, sender.pid)
            sender.stdin.write("\n")
            sender.stdin.flush()
            began = time.monotonic()
            commits = [began]
            newest = None
            while (now := time.monotonic()) < began + (seconds * 2 / 3 if interrupted else seconds + 0.5):
                status = os.stat(recording)
                if (status.st_mtime_ns, status.st_size) != newest:
                    newest = (status.st_mtime_ns, status.st_size)
                    commits.append(now)
                time.sleep(0.02)
            flooded.between_commits_s = max(b - a for a, b in zip(commits, [*commits[1:], now]))
            at, wall = time.monotonic(), time.time()
            tracer.signal(signal.SIGINT)
            self.assertEqual(tracer.wait_exit(60), 0, tracer.stderr.all())
            flooded.ended_after_s = time.monotonic() - at
        did = json.loads(sender.stdout.readline())
        sender.stdin.close()
        told = self.read_report(report)
        counted = told["kernel_counters"][0]["counters"]["OutRsts"]
        if not interrupted:  # all of it was traced
            self.assertEqual(server.counters()["TcpOutRsts"] - before, counted)
        self.assertEqual(server.counters()["TcpOutRsts"] - before, did["sent"], "each SYN was answered")
        flooded.per_second = did["sent"] / did["seconds"]
        flooded.kernel, flooded.told = counted, told["totals"]["resets"]["sent"]
        flooded.lost = {cause: n for cause, n in told["loss"].items() if n}
        flooded.stopped_after_s = unix_time(told["window"]["end_at"]) - wall
        return flooded

    def starve(self, stack: contextlib.ExitStack, tracer: int, sender: int) -> None:
        """The tracer shares a processor with three loops, which come first; the flood has the other."""
        first, *others = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(tracer, {first})
        os.sched_setaffinity(sender, {others[-1] if others else first})
        os.setpriority(os.PRIO_PROCESS, tracer, 5)
        for _ in range(3):
            loop = subprocess.Popen(["sh", "-c", "while :; do :; done"])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
            os.sched_setaffinity(loop.pid, {first})

    def check(self, flooded: Flooded) -> None:
        known = flooded.told + sum(flooded.lost.values())
        if flooded.interrupted:  # the flood went on between the reading of the counters and the last event
            self.assertGreaterEqual(known, flooded.kernel, flooded)
            self.assertLess(known, flooded.kernel + 0.2 * flooded.per_second, flooded)
        else:
            self.assertEqual(known, flooded.kernel, flooded)
        self.assertFalse([cause for cause in flooded.lost if cause.startswith("unseen")], flooded)

    def test_starved(self):
        """Faster than they are read: what is lost is counted, the second comes round, and Ctrl-C is heard."""
        flooded = self.flood(40_000, 6, starved=True, interrupted=True)
        self.check(flooded)
        self.assertGreater(sum(flooded.lost.values()), 0)
        self.assertLess(flooded.between_commits_s, 3)
        self.assertLess(flooded.stopped_after_s, 2)


def table() -> None:
    """Rows as they stand in docs/reliability.md."""
    print("| resets/s | starved | ended | kernel | told | lost | told + lost | between commits, at most, s | Ctrl-C heard after, s "
          "| report after, s |")
    print("| ---: | --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    for starved in (False, True):
        for interrupted in (False, True):
            for per_second in (10_000, 20_000, 40_000, 60_000):
                case = Floods()
                case.setUp()
                try:
                    row = case.flood(per_second, 9, starved, interrupted)
                    case.check(row)
                finally:
                    case.doCleanups()
                lost = ", ".join(f"{cause} {n}" for cause, n in row.lost.items()) or "0"
                print(f"| {row.per_second:.0f} | {'yes' if starved else 'no'} | {'during' if interrupted else 'after'} | {row.kernel} | "
                      f"{row.told} | {lost} | {row.told + sum(row.lost.values())} | {row.between_commits_s:.1f} | "
                      f"{row.stopped_after_s:.2f} | {row.ended_after_s:.2f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        table()
    else:
        main()
