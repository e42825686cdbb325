# SPDX-License-Identifier: Apache-2.0
"""Incidents within an exchange: an answer that stops, packets of full size that do not pass, late segments, small writes."""

from .children import Child
from .http_incidents import FailingPath, HttpIncident
from .incidents import API_PORT, PYTHON, SUPPORT
from .measure_incidents import SEGMENT_PORT, SegmentIncident
from .path_incidents import TIMED_OUT


class ResponseStalls(FailingPath):
    name = "response-stalls"
    summary = "the API sends a part of its answer and stops; the client's read timeout of N s ends the call"
    seconds_mean = "the client's read timeout"
    default_seconds = 3.0
    sent_bytes = 16384

    def __init__(self, *args):
        super().__init__(*args)
        self.read_timeout = self.options.seconds
        self.error_class, self.error_text = TIMED_OUT

    def failing_path(self) -> str:
        return f"/stall?bytes={self.sent_bytes}"

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "sent_bytes": self.sent_bytes}


class MtuHole(FailingPath):
    name = "mtu-hole"
    summary = "no packet above 1400 bytes comes from the API any more, small ones do; calls with large answers time out after N s"
    seconds_mean = "the client's read timeout"
    default_seconds = 3.0
    needs_path = True

    def __init__(self, *args):
        super().__init__(*args)
        self.read_timeout = self.options.seconds
        self.error_class, self.error_text = TIMED_OUT

    def failing_path(self) -> str:
        return "/large?bytes=20000"

    def decisive(self) -> None:
        self.network.rules(to_client=f"tcp sport {API_PORT} meta length > 1400 counter drop")
        super().decisive()

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "dropped": self.network.firewall_packets(self.network.middle)}


class Reorders(HttpIncident):
    name = "reorders"
    summary = "the path delivers 2 % of the large segments 4 ms late, behind others, and loses none"
    seconds_mean = "not used"
    default_seconds = 1.0
    default_failures = 0
    needs_path = True
    box_options = ("--reorder-permille", "20", "--reorder-extra-us", "4000", "--reorder-min-bytes", "1000")
    default_rtt_ms = least_rtt_ms = 2.0  # Less than it is late by, or a sender would repeat nothing too soon.
    calls, lanes = 25, 4

    def decisive(self) -> None:
        self.call([self.lane(f"lane{n}", *[self.good(path="/ok?think_ms=1&bytes=200000")] * self.calls) for n in range(self.lanes)])

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def story(self) -> str:
        return f"{self.tally.ok()} calls were answered, over a path that changes the order of segments"


class NagleDelays(SegmentIncident):
    """The peer knows only from its delayed ACK on that it should not wait: after a few exchanges it delays each (pingpong mode)."""

    name = "nagle-delays"
    summary = "the client writes head and body of its requests apart, without TCP_NODELAY: each call waits for a delayed ACK"
    seconds_mean = "not used"
    default_seconds = 1.0
    default_failures = 0
    calls, lanes = 60, 2
    waited_s = 0.035

    def __init__(self, *args):
        super().__init__(*args)
        self.waited: list[float] = []

    def start_client(self) -> Child:
        return self.in_client("segment client", PYTHON, "-B", f"{SUPPORT}/segments.py", "client", self.network.server_address,
                              str(SEGMENT_PORT), "nagle")

    def before(self) -> None:
        for lane in range(self.lanes):
            self.connect(f"c{lane}")

    def decisive(self) -> None:
        for _ in range(self.calls):
            wrote = {name: self.do("write", name, pieces=(200, 300))["at_s"] for name in self._names()}
            for name in self._names():
                self.waited.append(self.do("read", name)["at_s"] - wrote[name])
                self.tally.add("peer", ok=1)

    def _names(self) -> list[str]:
        return [f"c{lane}" for lane in range(self.lanes)]

    def after(self) -> None:
        for name in self._names():
            self.do("close", name)

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0,
                "waited_calls": sum(waited >= self.waited_s for waited in self.waited)}

    def check(self) -> None:
        self.require(self.truth()["waited_calls"] >= len(self.waited) // 2, f"only {self.truth()['waited_calls']} calls waited")

    def story(self) -> str:
        return f"{self.truth()['waited_calls']} of {len(self.waited)} calls waited for a delayed ACK"


EXCHANGE_INCIDENTS = (ResponseStalls, MtuHole, Reorders, NagleDelays)
