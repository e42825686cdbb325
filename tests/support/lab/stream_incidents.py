# SPDX-License-Identifier: Apache-2.0
"""Streams of bytes one way: a reader that stalls, and a healthy bulk transfer by iperf3."""

import json
import time

from .children import Child
from .incidents import PYTHON, SUPPORT, Incident
from .network import LabError, counters, run

STREAM_PORT = 9000
IPERF_PORT = 5201


class ZeroWindow(Incident):
    name = "zero-window"
    summary = "a peer stops to read for a second now and then: its window closes, this host may not send"
    seconds_mean = "the length of the load"
    milliseconds_mean = "how long each stall takes"
    default_seconds = 12.0
    default_milliseconds = 1000.0
    default_failures = 0
    needs = ("ip", "ss", "nsenter")
    receive_buffer = 131072
    between_s = 1.5
    interval_ms = 10  # between two writes of 64 KiB; the sink's window carries no more than one in a round trip
    blocked_ms = 50  # a write that takes longer was held up; one after a pause waits for round trips of slow start

    def endpoints(self) -> dict[str, int]:
        return {"sink": STREAM_PORT}

    def start_server(self) -> Child:
        server = self.in_server("sink", PYTHON, "-B", f"{SUPPORT}/stream_peer.py", "sink", self.network.server_address, str(STREAM_PORT),
                                str(self.receive_buffer))
        self.children.wait_for("the sink to listen", lambda: bool(server.events), 20)
        return server

    def start_client(self) -> Child:
        return self.in_client("source", PYTHON, "-B", f"{SUPPORT}/stream_peer.py", "source", self.network.server_address, str(STREAM_PORT),
                              str(max(self.interval_ms, self.options.rtt_ms)), str(self.blocked_ms + 10 * self.options.rtt_ms))

    def tell(self, child: Child, op: str) -> dict:
        number = len(child.events)
        child.send({"op": op})
        self.children.wait_for(f"the {child.name}'s {op}", lambda: len(child.events) > number, 30)
        result = child.events[number]
        if result["event"] == "error":
            raise LabError(f"the {child.name}'s {op}: {result['message']}")
        return result

    def before(self) -> None:
        self.pauses: list[list[float]] = []
        self.local_port = self.tell(self.client, "open")["local_port"]
        self.tally.add("sink", connects=1)

    def decisive(self) -> None:
        self.started = time.monotonic()
        self.tell(self.client, "start")
        while time.monotonic() < self.started + self.options.seconds - self.between_s:
            time.sleep(self.between_s)
            paused = self.tell(self.server, "pause")["at_s"]
            time.sleep(self.options.milliseconds / 1000)
            self.pauses.append([paused, self.tell(self.server, "resume")["at_s"]])
        time.sleep(self.between_s)
        self.rwnd_limited_us = self._rwnd_limited_us()
        self.result = self.tell(self.client, "stop")

    def _rwnd_limited_us(self) -> int:
        """How long the client's kernel itself says that the peer's window held it up."""
        text = run(*self.network.inside(self.network.client, "ss", "-Htin", "dport", "=", f":{STREAM_PORT}"))
        word = next((word for word in text.split() if word.startswith("rwnd_limited:")), "rwnd_limited:0ms")
        return int(float(word.split(":")[1].split("ms")[0]) * 1000)

    def truth(self) -> dict:
        blocked = [ended - started for started, ended in self.result["blocked"]]
        return {"stalls": self.pauses, "stalled_s": round(sum(ended - started for started, ended in self.pauses), 6),
                "longest_stall_s": round(max(ended - started for started, ended in self.pauses), 6),
                "blocked_s": round(sum(blocked), 6), "blocked_count": len(blocked), "bytes": self.result["sent"],
                "rwnd_limited_us": self.rwnd_limited_us, "local_port": self.local_port}

    def check(self) -> None:
        truth = self.truth()
        count = truth["blocked_count"]
        self.require(count == len(self.pauses), f"{count} of {len(self.pauses)} stalls held the client up")
        self.require(truth["blocked_s"] > 0.7 * truth["stalled_s"], f"the client was held up for {truth['blocked_s']:.2f} s only")

    def story(self) -> str:
        truth = self.truth()
        return (f"the peer did not read {len(self.pauses)} times for {self.options.milliseconds / 1000:.2f} s each; "
                f"the client could not write for {truth['blocked_s']:.2f} s of it; {truth['bytes']} bytes sent")


class Bulk(Incident):
    name = "bulk"
    summary = "iperf3 sends as fast as it can, on a link without a limit; nothing is wrong (with --rtt: 40 Mbit/s)"
    seconds_mean = "how long iperf3 sends"
    default_seconds = 4.0
    default_failures = 0
    needs = ("iperf3", "ip", "ss", "nsenter")

    def endpoints(self) -> dict[str, int]:
        return {"iperf": IPERF_PORT}

    def start_server(self) -> Child:
        server = self.in_server("iperf3 server", "iperf3", "-s", "-1", "-B", self.network.server_address, "-p", str(IPERF_PORT))
        server.may_end = True
        self.children.wait_for("iperf3 to listen", lambda: bool(run(*self.network.inside(
            self.network.server, "ss", "-Hltn", "sport", "=", f":{IPERF_PORT}"))), 20, poll_s=0.02)
        return server

    def start_client(self) -> Child:
        # Faster than a path with a round trip forwards, and packets would be lost.
        limit = ("-b", "40M") if self.options.rtt_ms else ()
        client = self.in_client_later("iperf3", "iperf3", "-c", self.network.server_address, "-p", str(IPERF_PORT),
                                      "-t", str(max(1, int(self.options.seconds))), *limit, "-J")
        client.may_end = True
        return client

    def decisive(self) -> None:
        self.client.send({})
        self.children.wait_for("iperf3 to end", lambda: self.client.ended, 2 * self.options.seconds + 30, poll_s=0.05)
        try:
            self.result = json.loads("\n".join(self.client.text))
            self.sent = self.result["end"]["sum_sent"]
        except (ValueError, KeyError):
            raise LabError(f"iperf3: {self.result.get('error') if hasattr(self, 'result') else self.client.last_words()}") from None
        self.tally.add("iperf", connects=2)

    def truth(self) -> dict:
        return {"bytes": self.sent["bytes"], "bits_per_s": self.sent["bits_per_second"], "retransmitted_segments": self.sent["retransmits"],
                "resets_made": counters(self.network.server)["TcpOutRsts"]}

    def story(self) -> str:
        return f"iperf3 sent {self.sent['bytes'] / 1e9:.1f} GB at {self.sent['bits_per_second'] / 1e9:.1f} Gbit/s"


STREAM_INCIDENTS = (ZeroWindow, Bulk)
