# SPDX-License-Identifier: Apache-2.0
"""Incidents that one of the hosts makes itself: its firewall, a process that is killed, a listener that refuses or goes."""

import os
import signal
import time

from .children import Child
from .http_incidents import STAGGER_S, HttpIncident
from .incidents import API_PORT, OTHER_PORT, PYTHON, SUPPORT
from .measure_incidents import ListenOverflow
from .network import counters, run
from .redis_incidents import REDIS_PORT, OwnClient

DROP_OWN_SYNS = """table inet lab {{
  chain out {{
    type filter hook output priority 0;
    tcp dport {port} tcp flags & (syn | ack) == syn counter drop
  }}
}}
"""


class OwnFirewall(HttpIncident):
    name = "own-firewall"
    summary = "this host's own firewall drops its SYNs to the API for a while: they never leave, and the open timeout of N s fires"
    seconds_mean = "the client's open timeout"
    default_seconds = 2.0
    default_failures = 6
    error_class, error_text = "Faraday::ConnectionFailed", "execution expired"

    def __init__(self, *args):
        super().__init__(*args)
        self.open_timeout = self.options.seconds

    def endpoints(self) -> dict[str, int]:
        return {"api": API_PORT, "other": OTHER_PORT}

    def before(self) -> None:
        self.good_calls("w")
        self.good_calls("o", endpoint="other", lanes=1)

    def decisive(self) -> None:
        self.network.firewall(DROP_OWN_SYNS.format(port=API_PORT), self.network.client)
        self.facts.state("outstanding", calls=self.options.failures)
        self.call([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S), keep=False) for n in range(self.options.failures)],
                  self.steady("other"), self.options.seconds + 60)
        self.dropped = self.network.firewall_packets(self.network.client)
        self.network.firewall("delete table inet lab\n", self.network.client)

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "dropped": self.dropped,
                "waits_s": sorted(f["connect_s"] for f in self.tally.failures)}

    def check(self) -> None:
        super().check()
        self.require(self.dropped >= self.options.failures, f"the firewall dropped {self.dropped} SYNs")


class RedisKilled(OwnClient):
    """As the kernel's out-of-memory killer does it: no goodbye, and the clients were never idle."""

    name = "redis-killed"
    summary = "Redis is killed under load and comes back after a moment, twice: resets, and connects that are refused meanwhile"
    seconds_mean = "how long the load lasts"
    default_seconds = 5.0
    default_clients = 8
    kills, down_s = 2, 0.3

    def before(self) -> None:
        self.do("load", connections=self.options.clients)

    def decisive(self) -> None:
        started = time.monotonic()
        self.killed: list[float] = []
        for number in range(self.kills):
            self.pause_until(started + self.options.seconds * (number + 1) / (self.kills + 1))
            self.server.may_end = True
            self.server.signal(signal.SIGKILL)
            self.killed.append(time.monotonic())
            self.children.wait_for("Redis to end", lambda: self.server.ended, 10, poll_s=0.01)
            self.pause_until(self.killed[-1] + self.down_s)
            os.unlink(f"{self.network.directory}/redis.sock")
            self.server = self.start_server()
        self.pause_until(started + self.options.seconds)
        self.load = self.do("stop_load")
        self.tally.add("redis", ok=self.load["ok"], connects=self.load["connects"], connects_failed=self.load["refused"],
                       failed=self.load["failed"])

    def truth(self) -> dict:
        return {"killed_at_s": self.killed, "load": self.load, "resets_made": counters(self.network.server)["TcpOutRsts"]}

    def check(self) -> None:
        self.require(self.load["refused"] >= 3, f"{self.load['refused']} connects were refused")
        self.require(self.load["failed"] >= self.kills, f"{self.load['failed']} commands failed")

    def story(self) -> str:
        load = self.load
        return (f"Redis was killed {self.kills} times: {load['failed']} commands failed, {load['refused']} connects were refused, "
                f"{load['ok']} commands were good")


class AcceptQueueResets(ListenOverflow):
    """Two waves of as many connects as the backlog. The first one fills the accept queue but for one place; a second one's SYNs
    are answered, as there is that place, and all but one of its ACKs find the queue full. So the SYNs of a wave must be on their
    way before its first ACK is: a SYN that finds the queue full is dropped, whatever tcp_abort_on_overflow says.
    """

    name = "accept-queue-resets"
    summary = "a server does not accept for N s, its accept queue is full, and tcp_abort_on_overflow resets who comes then"
    default_seconds = 2.0
    default_clients = 0
    default_rtt_ms, least_rtt_ms = 4.0, 2.0
    backlog = 8

    def start_server(self) -> Child:
        run(*self.network.inside(self.network.server, "sysctl", "-q", "-w", "net.ipv4.tcp_abort_on_overflow=1"))
        return super().start_server()

    def decisive(self) -> None:
        until = time.monotonic() + self.options.seconds
        asked: list[str] = []
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            for wave in range(2):
                names = [f"wave{wave}-{number}" for number in range(self.backlog)]
                results = self.do("rush", names=names, address=self.network.server_address, port=API_PORT, reset_within_s=0.3)["results"]
                for name, result in results.items():
                    if "failed" in result:
                        self.tally.add("api", connects=1, failed=1)
                        self.failure(result, result["failed"], result["message"])
                    else:
                        asked.append(name)
            self.children.wait_for("the time of the stop", lambda: time.monotonic() >= until, self.options.seconds + 10, poll_s=0.05)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        for name in asked:
            self.do("answer", name=name)
            self.tally.add("api", connects=1, ok=1)
            self.do("close", name=name)

    def truth(self) -> dict:
        resets = counters(self.network.server)["TcpOutRsts"]
        return {**super().truth(), "resets_made": resets, "resets_received": resets}

    def check(self) -> None:
        self.require(len(self.tally.failures) >= 3, f"{len(self.tally.failures)} connections were reset")
        truth = self.truth()
        self.require(truth["overflows"] >= 3, f"the accept queue overflowed {truth['overflows']} times only")

    def story(self) -> str:
        return f"{len(self.tally.failures)} of {2 * self.backlog} connections were reset right after their handshake"


class ListenerCloses(HttpIncident):
    """A process that is stopped, then told to end: what it had not accepted ends with it, and nothing of it was ever read."""

    name = "listener-closes"
    summary = "a server ends while connections wait in its accept queue, N s after they came: its kernel resets them"
    seconds_mean = "how long they wait"
    default_seconds = 1.0
    default_failures = 6
    error_class, error_text = "Faraday::ConnectionFailed", "Connection reset by peer"

    def before(self) -> None:
        self.good_calls("w")

    def decisive(self) -> None:
        count = self.options.failures
        os.kill(self.server.pid, signal.SIGSTOP)
        run_ = self.begin([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S), keep=False) for n in range(count)])
        self.children.wait_for("the connections to wait with their requests", lambda: self._waiting() >= count, 30, poll_s=0.02)
        self.facts.state("outstanding", calls=count)
        time.sleep(self.options.seconds)
        self.server.may_end = True
        for number in (signal.SIGTERM, signal.SIGCONT):
            os.kill(self.server.pid, number)
        self.children.wait_for("the server to end", lambda: self.server.ended, 10, poll_s=0.02)
        self.end(run_)
        self.server = self.start_server()

    def _waiting(self) -> int:
        """Connections whose request has arrived and that nobody has accepted."""
        net = self.network
        queue = run(*net.inside(net.server, "ss", "-Hltn", "sport", "=", f":{API_PORT}")).split()
        unread = run(*net.inside(net.server, "ss", "-Htn", "state", "established", "sport", "=", f":{API_PORT}")).splitlines()
        return min(int(queue[1]), sum(line.split()[0] != "0" for line in unread))

    def truth(self) -> dict:
        return {"resets_made": counters(self.network.server)["TcpOutRsts"], "resets_received": len(self.tally.failures), "resets_sent": 0}


HOST_INCIDENTS = (OwnFirewall, RedisKilled, AcceptQueueResets, ListenerCloses)
