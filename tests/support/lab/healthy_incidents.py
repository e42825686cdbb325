# SPDX-License-Identifier: Apache-2.0
"""Healthy traffic of kinds that tempt a diagnosis: nothing in it is wrong, and nothing may be said to be."""

import time

from .children import Child
from .incidents import API_PORT, Incident
from .network import counters
from .nginx import nginx_counts, start_nginx
from .redis_incidents import Healthy
from .socket_incidents import SocketIncident


class ShortConnections(Healthy):
    name = "redis-short"
    summary = "20 clients that open a connection for each request and close it, 6,000 times; nothing is wrong"
    default_clients = 20
    default_requests = 6_000
    extra = ("-k", "0")

    def check(self) -> None:
        super().check()
        truth, count = self.truth(), self.tally.counts["redis"]
        self.require(self.options.gate2 or count.connects >= truth["requests"], f"{count.connects} connections")


class WebHealthy(Incident):
    name = "web-healthy"
    summary = "wrk asks nginx on 20 kept connections as fast as it can; nothing is wrong"
    seconds_mean = "how long wrk asks at least"
    default_seconds = 4.0
    default_failures = 0
    default_clients = 20
    needs = ("nginx", "wrk", "ip", "ss", "nsenter", "nstat")

    def start_server(self) -> Child:
        return start_nginx(self, API_PORT, 75)

    def start_client(self) -> Child:
        """wrk drops its connections in the middle of requests when it ends: here it asks until the lab ends, after whoever watches."""
        address = self.network.server_address
        host = f"[{address}]" if ":" in address else address
        return self.in_client_later("wrk", "wrk", "-t", "1", "-c", str(self.options.clients), "-d", "1h", f"http://{host}:{API_PORT}/")

    def _count(self) -> None:
        connects, requests = nginx_counts(self)
        self.tally.add("api", ok=requests - self.tally.ok(), connects=connects - self.connects)
        self.connects = connects

    def before(self) -> None:
        self.connects = 0
        self.client.send({})
        self.children.wait_for("the first requests", lambda: nginx_counts(self)[1] > 1000, 30, poll_s=0.05)
        self._count()

    def decisive(self) -> None:
        until = time.monotonic() + self.options.seconds
        self.children.wait_for("the load's time", lambda: time.monotonic() >= until, self.options.seconds + 30, poll_s=0.05)
        self._count()

    def check(self) -> None:
        resets = counters(self.network.server)["TcpOutRsts"] + counters(self.network.client)["TcpOutRsts"]
        self.require(resets == 0, f"{resets} resets were sent")

    def truth(self) -> dict:
        return {"requests": self.tally.ok(), "resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def story(self) -> str:
        return f"{self.tally.ok()} requests were answered on {self.connects} connections"


class IdlePool(SocketIncident):
    name = "idle-pool"
    summary = "a pool of 20 kept connections to nginx, used now and then; each side closes some idle ones, in good order"
    seconds_mean = "how long the pool is used"
    default_seconds = 6.0
    default_failures = 0
    needs = ("nginx", *SocketIncident.needs)
    used, let_go, left_alone = 12, 4, 4
    every_s = 0.1

    def start_server(self) -> Child:
        # Those in use are asked again long before that.
        return start_nginx(self, API_PORT, max(1.0, self.options.seconds / 2))

    def _names(self, kind: str, count: int) -> list[str]:
        return [f"{kind}{number}" for number in range(count)]

    def before(self) -> None:
        self.in_use = self._names("used", self.used)
        self.closing, self.idle = self._names("let-go", self.let_go), self._names("left-alone", self.left_alone)
        for name in self.in_use + self.closing + self.idle:
            self.open(name)
            self.request(name)

    def keep_warm(self) -> None:
        for name in self.in_use + self.closing + self.idle:
            self.request(name)

    def decisive(self) -> None:
        started, turn = time.monotonic(), 0
        closing = list(self.closing)
        while (passed := time.monotonic() - started) < self.options.seconds:
            self.request(self.in_use[turn % self.used])
            turn += 1
            if closing and passed > self.options.seconds / 4:
                self.do("close", name=closing.pop())
            time.sleep(self.every_s)
        for name in closing:
            self.do("close", name=name)
        # The pool looks for connections that became readable, and drops them.
        self.do("wait_fin", seconds=self.options.seconds + 30, names=self.idle, timeout_s=self.options.seconds + 20)
        for name in self.idle + self.in_use:
            self.do("close", name=name)

    def truth(self) -> dict:
        return {"closed_idle_by_server": self.left_alone, "closed_idle_by_client": self.let_go,
                "resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def check(self) -> None:
        resets = counters(self.network.server)["TcpOutRsts"] + counters(self.network.client)["TcpOutRsts"]
        self.require(resets == 0, f"{resets} resets were sent")

    def story(self) -> str:
        return (f"{self.tally.ok()} requests on {self.tally.counts['api'].connects} connections; nginx closed {self.left_alone} that were "
                f"idle, the client {self.let_go}")


HEALTHY_INCIDENTS = (ShortConnections, WebHealthy, IdlePool)
