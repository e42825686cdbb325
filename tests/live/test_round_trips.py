#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every incident of the lab again with round trips of 4 and 40 ms, seen from both ends and, some of them, from their middle.

What is right does not depend on the round trip. What the other tests assert on a wire (0.03 ms) is not asserted again here: only
what comes first, that nothing else is said to be wrong, and that no failure goes without a finding. Incidents of which something
is between the hosts run here without a round trip as well.
"""

import copy
import itertools
import os
import re
import sys
from dataclasses import dataclass

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab.cli import INCIDENTS  # noqa: E402
from live import main  # noqa: E402
from side_by_side import Run, SideBySide, Watch  # noqa: E402

RTTS_MS = (4, 40)
FAILED = ("refused", "reset", "timed_out", "unreachable", "local_error")  # of a connect; one that was given up in time is none
NOTHING = "nothing"  # Nothing above a notice.


@dataclass(frozen=True)
class Right:
    """What is right about an incident. None: no more is asked of that end than what holds for every report."""

    incident: str
    options: tuple[str, ...] = ()
    client: str | None = None  # code of the first finding, a regular expression; NOTHING is one of them
    server: str | None = None
    also: str = "-"  # codes, a regular expression: what else may be above a notice
    must: tuple[str, ...] = ()  # (client) codes that must be there
    rtts_ms: tuple[int, ...] = RTTS_MS
    server_cause: str | None = None  # evidence of the server's first finding
    notices: bool = False  # a notice is enough
    counted: bool = True  # the lab knows how many calls failed
    middle: bool = False  # once more, from the middle, at the longest of its round trips


QUEUED = "throughput-ceiling|path-queueing"
OWN_LOSS = "retransmit-loss|dropped-by-this-host"  # without a path in between it is the client's own firewall
WITHOUT_TOO = (0, *RTTS_MS)  # Not run anywhere else.

# Neighbours run side by side: those that take about as long.
QUICK = (
    Right("api-reset", ("--seconds", "2"), "peer-reset-awaiting-response", "local-reset", middle=True),
    Right("api-closed", ("--seconds", "2"), "peer-closed-awaiting-response", "local-close", middle=True),
    Right("api-timeout", ("--seconds", "2"), "response-timeout", "peer-gave-up", middle=True),
    Right("idle-reset", (), "peer-reset-after-idle", middle=True),
    Right("closed-before-reuse", (), "peer-closed-before-reuse", middle=True),
    Right("connect-refused", (), "connect-refused"),
    Right("connect-unreachable", (), "connect-failed-locally"),
    Right("local-reset", (), "local-reset", counted=False),
    Right("redis-timeout", (), "response-timeout", "peer-gave-up"),
    Right("keep-alive-race", (), "peer-closed-before-reuse", middle=True),
    Right("listener-closes", (), "peer-reset-awaiting-response", "local-reset", rtts_ms=WITHOUT_TOO,
          server_cause="listener_closed"),
    # Where the client is slow, the RST is there before it has written its request.
    Right("accept-queue-resets", (), "connect-.*|peer-reset-(?!after-idle).*", "listen-overflow", counted=False),
    Right("own-firewall", (), "connect-failed-locally|dropped-by-this-host", NOTHING, rtts_ms=WITHOUT_TOO),
    # On a starved machine the three waits at the server show no timer: a notice.
    Right("first-bytes-unanswered", (), "first-bytes-unanswered", "peer-gave-up", notices=True),
    Right("peer-vanishes", (), "peer-unreachable", rtts_ms=WITHOUT_TOO, middle=True),
    Right("nat-forgets", (), "peer-forgot-connection", rtts_ms=WITHOUT_TOO, middle=True),
    Right("failover", (), "peer-forgot-connection", rtts_ms=WITHOUT_TOO, middle=True),
    Right("redis-killed", (), "peer-(reset|closed)-.*|connect-refused", "local-(close|reset)", also=".*", must=("connect-refused",),
          rtts_ms=WITHOUT_TOO),
    # With a round trip it is third ACKs that find the queue full: the client is connected, and writes when the server is back.
    # A client that comes late meets the full queue with its SYN nevertheless.
    Right("listen-overflow", (), "slow-connect", "listen-overflow", rtts_ms=(0,)),
    Right("listen-overflow", (), f"{NOTHING}|slow-connect", "listen-overflow"),
    Right("app-gap", ("--milliseconds", "1000"), "app-gap", None),
    Right("response-stalls", (), "response-stalled", rtts_ms=WITHOUT_TOO, middle=True),
    # Without a round trip the peer's ACKs come apart before the answers: that these are lost is not seen.
    Right("mtu-hole", (), "response-timeout|response-stalled", "retransmit-loss|peer-gave-up", rtts_ms=WITHOUT_TOO),
    Right("reorders", (), f"{NOTHING}|path-reordering", rtts_ms=(4, 40)),
    Right("nagle-delays", (), "nagle-delayed-ack", "nagle-delayed-ack", rtts_ms=WITHOUT_TOO),
    Right("connect-timeout", ("--failures", "4"), "connect-timeout", middle=True),
    Right("syn-lost", (), "slow-connect", rtts_ms=WITHOUT_TOO),
    Right("no-call", (), "no-outbound-attempt"),
    Right("api-ok", (), NOTHING, NOTHING),
    Right("reconnect-storm", (), "response-timeout", also="reconnect-storm"),
)
FULL_LINK = (
    # With a path the shaper is on it, as a cloud's is: behind the server's driver.
    Right("redis-throttled", ("--seconds", "14"), "throughput-ceiling", QUEUED, also="path-queueing|retransmit-loss", middle=True),
    Right("redis-200-clients", ("--seconds", "12"), QUEUED, also=".*"),
    # At 40 ms ten clients do not fill the link.
    Right("redis-10-clients", ("--seconds", "12"), QUEUED, also=QUEUED, rtts_ms=(4,), notices=True),
    Right("microburst", ("--seconds", "12"), "path-queueing", notices=True, rtts_ms=(4,)),
    Right("microburst", ("--seconds", "12"), NOTHING, rtts_ms=(40,)),  # less than the floors that a queue takes
    Right("local-queueing", ("--seconds", "12", "--clients", "60"), "local-queueing", also="retransmit-loss"),
    # At 40 ms 20 clients do not fill it all the time.
    Right("policed", ("--seconds", "15"), "throughput-ceiling", also="retransmit-loss", rtts_ms=(0, 4)),
    Right("lossy", ("--requests", "5000"), OWN_LOSS, also=OWN_LOSS, rtts_ms=(4,)),
    Right("lossy", ("--requests", "800"), OWN_LOSS, also=OWN_LOSS, rtts_ms=(40,)),
)
CALM = (
    Right("window-limited", ("--seconds", "10"), "window-limited"),
    Right("window-limited", ("--seconds", "10"), NOTHING, rtts_ms=(0,)),  # it costs nobody anything
    Right("redis-slow", ("--seconds", "8"), "delay-unattributed"),  # users wait; nobody else is to blame
    Right("slow-reader", ("--seconds", "8"), "slow-reader"),
    Right("zero-window", ("--seconds", "8"), "zero-window"),
    Right("retransmit-kinds"),
    Right("retransmit-busy", ("--seconds", "10")),
    Right("retransmit-storm", ("--clients", "100"), "retransmit-loss", also=".*"),
)
LOADED = FULL_LINK + CALM
# More packets than a path of this kind carries; test_storms.py.
NOT_HERE = ("syn-flood",)
HEALTHY = ("redis-healthy", "redis-short", "web-healthy", "idle-pool", "bulk")  # test_healthy.py, at every round trip

# What is known to be said wrongly, by end and by run, or by incident where it is wrong at each round trip.
# Where it turns out to be right after all, the test fails until its line is taken out.
WRONG: dict[tuple[str, str], str] = {
    ("redis-killed", "server"): "now and then a notice only: nothing was outstanding, and of who came then only the number is known",
    ("redis-throttled", "client"): "now and then path-queueing first, also as a notice, on a machine that has not enough processors",
    ("redis-throttled", "server"): "now and then a notice, as above",
    ("redis-200-clients", "client"): "now and then retransmit-loss and slow-reader first",
}


def _runs(rights: tuple[Right, ...]) -> dict[str, tuple[Right, Run]]:
    """By name. The server's end is traced where something is asked of it; of the quick ones once for what holds for every report."""
    client, server = (Watch(name=end, end=end, record=True, light=True) for end in ("client", "server"))
    runs = {}
    for right in rights:
        longest = max(right.rtts_ms)
        for rtt_ms in right.rtts_ms:
            both = right.server is not None or (right in QUICK and rtt_ms == longest)
            runs[f"{right.incident} {rtt_ms} ms"] = (right, Run(right.incident, (*right.options, "--rtt", str(rtt_ms)),
                                                                watch=(client, server) if both else (client,)))
        if right.middle:
            runs[f"{right.incident} {longest} ms, middle"] = (right, Run(right.incident, (*right.options, "--rtt", str(longest)),
                                                                         watch=(client,), middle=True))
    return runs


class RoundTripCase(SideBySide):
    END_TOGETHER = True
    ALONE = 3  # of a class at most: with more of them wrong it is not the machine
    RIGHT: dict[str, Right] = {}
    played_alone = 0

    def check_run(self, name: str) -> None:
        """Neighbours starve each other now and then, and what is said of a starved host is right of that host: once more, alone."""
        try:
            self.check_once(name)
        except AssertionError as error:
            cls = type(self)
            if cls.played_alone == self.ALONE:
                raise
            cls.played_alone += 1
            print(f"again, alone: {name}: {error}", flush=True)
            self.runs[name] = copy.deepcopy(self.RUNS[name])
            self.play(self.runs[name])
            self.check_once(name)

    def check_once(self, name: str) -> None:
        run, right = self.run_of(name), self.RIGHT[name]
        for end, code in (("client", right.client), ("server", right.server)):
            if end not in run.reports:
                continue
            with self.known_wrong(WRONG.get((name, end)) or WRONG.get((right.incident, end))):
                self.check_laws(run.reports[end])
                if end == "client":
                    self.check_counts(run, right)
                if code is not None:
                    self.check_right(run.reports[end], code, right, end)

    def check_right(self, report: dict, code: str, right: Right, end: str) -> None:
        loud = [finding["code"] for finding in report["findings"] if finding["severity"] != "notice" or right.notices]
        said = [f"{f['code']} ({f['severity']}): {f['title']}" for f in report["findings"]]
        if not loud and NOTHING in code.split("|"):
            return
        self.assertTrue(loud, f"nothing above a notice, not {code}; {said}")
        self.assertRegex(loud[0], f"^({code})$", said)
        if end == "client":
            others = [finding["code"] for finding in report["findings"]  # An effect that is linked to its cause is none.
                      if finding["severity"] != "notice" and not finding["caused_by"]
                      and not re.fullmatch(f"({code})|({right.also})", finding["code"])]
            self.assertEqual(others, [], f"nothing else was wrong; {said}")
            self.assertEqual([each for each in right.must if each not in loud], [], said)
        elif right.server_cause:
            self.assertEqual(report["findings"][0]["evidence"]["cause"], right.server_cause, said)

    def check_laws(self, report: dict) -> None:
        """Of every report: no failure without a finding, and totals that agree with the kernel."""
        totals, counters = report["totals"], report["kernel_counters"][0]["counters"]
        outcomes = totals["connect_outcomes"]
        failed = {name: outcomes[name] for name in FAILED if outcomes[name]}
        if totals["exchanges_failed"]:
            failed["exchanges"] = totals["exchanges_failed"]
        if failed:
            self.assertNotEqual(report["verdict"], "nothing_found", f"these failed: {failed}")
        if counters.get("OutRsts") is not None:
            self.assertEqual(totals["resets"]["sent"], counters["OutRsts"], "resets sent, by the kernel's own count")

    def check_counts(self, run: Run, right: Right) -> None:
        """Every call that failed is counted, and no other."""
        totals, counts = run.report["totals"], run.counts.values()
        seen = {"exchanges": totals["exchanges_failed"],
                "connects": sum(totals["connect_outcomes"][name] or 0 for name in (*FAILED, "abandoned"))}
        true = {"exchanges": sum(count["failed"] for count in counts), "connects": sum(count["connects_failed"] for count in counts)}
        if right.counted:
            self.assertEqual(seen, true, "what failed")


def _by_turns(some: dict, others: dict) -> dict:
    """One of these, one of those, so that a processor is not asked for too much at a time."""
    pairs = itertools.zip_longest(some.items(), others.items())
    return dict(item for pair in pairs for item in pair if item is not None)


def _class(name: str, runs: dict[str, tuple[Right, Run]], at_once: int, words: str) -> type:
    body = {"__doc__": words, "__module__": __name__, "AT_ONCE": at_once,
            "RUNS": {name: run for name, (_, run) in runs.items()}, "RIGHT": {name: right for name, (right, _) in runs.items()}}
    for run in runs:
        body["test_" + re.sub(r"\W+", "_", run)] = lambda self, run=run: self.check_run(run)
    return type(name, (RoundTripCase,), body)


Quick = _class("Quick", _runs(QUICK), 10, "Incidents that mostly wait.")
Loaded = _class("Loaded", _by_turns(_runs(FULL_LINK), _runs(CALM)), 5, "Incidents with a load.")


class Table(SideBySide):
    """The tables themselves."""

    def test_every_incident_is_checked(self):
        here = {right.incident for right in QUICK + LOADED}
        self.assertEqual(here | set(NOT_HERE) | set(HEALTHY), set(INCIDENTS))

    def test_what_is_wrong_is_run(self):
        names = {**Quick.RUNS, **Loaded.RUNS}.keys() | {right.incident for right in QUICK + LOADED}
        self.assertEqual([key for key in WRONG if key[0] not in names or key[1] not in ("client", "server")], [])


if __name__ == "__main__":
    main()
