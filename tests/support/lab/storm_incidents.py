# SPDX-License-Identifier: Apache-2.0
"""Incidents that are too much for anybody: SYNs from addresses that do not exist, and hundreds of connections that send again."""

import json
import time

from .children import Child
from .incidents import API_PORT, PYTHON, SUPPORT
from .measure_incidents import SEGMENT_PORT, SegmentIncident
from .network import counters, run
from .socket_incidents import SocketIncident
from .syn_flood import SOURCES

FLOOD_COUNTERS = ("TcpRetransSegs", "TcpPassiveOpens", "TcpExtTCPSynRetrans", "TcpExtListenDrops", "TcpExtListenOverflows",
                  "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv", "TcpExtTCPReqQFullDoCookies")
DROP_NEARLY_ALL = """table inet lab
delete table inet lab
table inet lab {{
  chain pre {{
    type filter hook prerouting priority -300;
    tcp dport {port} numgen random mod 100 < {percent} counter drop
  }}
}}
"""
DROP_NOTHING = "table inet lab\ndelete table inet lab\n"


class SynFlood(SocketIncident):
    """The server's queue of half-open connections fills; from then on it sends cookies (RFC 4987), and repeats its SYN-ACKs.

    It gives up after two of them, so that the incident ends in seconds: with the usual five it would be a minute.
    """

    name = "syn-flood"
    summary = "a server gets 30000 SYNs a second from addresses that do not exist for N s, beside a healthy client"
    seconds_mean = "how long the SYNs come"
    default_seconds = 4.0
    default_failures = 0
    needs = (*SocketIncident.needs, "nstat")
    per_second = 30000
    half_open = 16384
    kept = ("kept0", "kept1", "kept2")

    def start_server(self) -> Child:
        net = self.network
        for setting in (f"core.somaxconn={self.half_open}", "ipv4.tcp_syncookies=1", "ipv4.tcp_synack_retries=2"):
            run(*net.inside(net.server, "sysctl", "-q", "-w", f"net.{setting}"))
        # Without a route back the kernel would not answer; the client's namespace drops the answers, they are not for it.
        run("ip", "-n", net.server, "route", "add", SOURCES[self.options.family], "via", net.client_address)
        server = self.in_server("API server", PYTHON, f"{SUPPORT}/api_server.py", "--address", net.server_address,
                                "--backlog", str(self.half_open), f"api={API_PORT}")
        self.children.wait_for("the API server to listen", lambda: bool(server.events), 20)
        return server

    def start_client(self) -> Child:
        net = self.network
        link = json.loads(run("ip", "-n", net.server, "-j", "link", "show", "eth0"))[0]
        self.sender = self.children.start("SYN sender", net.inside(
            net.client, PYTHON, "-B", f"{SUPPORT}/syn_flood.py", "eth0", link["address"], net.server_address, str(API_PORT),
            str(self.per_second), str(self.options.seconds)), f"{net.directory}/sender.log")
        self.children.wait_for("the SYN sender to start", lambda: bool(self.sender.events), 20)
        return super().start_client()

    def before(self) -> None:
        self.good_connections("w")
        for name in self.kept:
            self.open(name)
            self.request(name)

    def keep_warm(self) -> None:
        for name in self.kept:
            self.request(name)

    def decisive(self) -> None:
        self.sender.send({})
        number = 0
        while len(self.sender.events) < 2:
            self.keep_warm()
            self.good_connections(f"meanwhile{number}-", 1, 1)
            number += 1
            time.sleep(0.1)  # A client that has something else to do as well.

    def after(self) -> None:
        self.children.wait_for("the last half-open connection to be given up", lambda: self._half_open() == 0, 60, poll_s=0.5)
        self.keep_warm()
        for name in self.kept:
            self.do("close", name=name)

    def _half_open(self) -> int:
        net = self.network
        return run(*net.inside(net.server, "ss", "-Htn", "state", "syn-recv")).count("\n")

    def truth(self) -> dict:
        own = counters(self.network.server)
        return {"syns": self.sender.events[1]["sent"], "flood_s": self.sender.events[1]["seconds"],
                "server_counters": {name: own.get(name, 0) for name in FLOOD_COUNTERS},
                "resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def check(self) -> None:
        truth = self.truth()
        self.require(truth["syns"] >= 2 * self.half_open, f"only {truth['syns']} SYNs were sent")
        self.require(truth["server_counters"]["TcpExtSyncookiesSent"] > 0, "the queue of half-open connections was never full")

    def story(self) -> str:
        truth = self.truth()
        own = truth["server_counters"]
        return (f"{truth['syns']} SYNs in {truth['flood_s']:.1f} s: {own['TcpExtSyncookiesSent']} were answered by cookies, "
                f"{own['TcpExtTCPSynRetrans']} SYN-ACKs were repeated, and every call of the healthy client was good")


class RetransmitStorm(SegmentIncident):
    name = "retransmit-storm"
    summary = "98 % of what hundreds of connections send is lost for N s: all of them send again and again, and then recover"
    seconds_mean = "how long it is lost"
    default_seconds = 3.0
    default_failures = 0
    default_clients = 400
    outstanding = (1400,) * 8  # what one connection has outstanding, all in the first congestion window
    lost_percent = 98

    def _names(self) -> list[str]:
        return [f"c{number}" for number in range(self.options.clients)]

    def before(self) -> None:
        for name in self._names():
            self.connect(name)
            self.request(name, 200)

    def decisive(self) -> None:
        self.network.firewall(DROP_NEARLY_ALL.format(port=SEGMENT_PORT, percent=self.lost_percent))
        until = time.monotonic() + self.options.seconds
        written = len(self.client.events) + self.options.clients
        for name in self._names():
            self.tell("write", name, pieces=self.outstanding)
        self.children.wait_for("the requests", lambda: len(self.client.events) >= written, 30)
        self.facts.state("outstanding", calls=self.options.clients)
        self.children.wait_for("the time of the loss", lambda: time.monotonic() >= until, self.options.seconds + 10, poll_s=0.05)
        self.network.firewall(DROP_NOTHING)

    def after(self) -> None:
        for name in self._names():
            self.answer(name)
        for name in self._names():
            self.do("close", name)

    def check(self) -> None:
        again = self.truth()["tcp"]["client"]["TcpRetransSegs"]
        self.require(again >= 5 * self.options.clients, f"only {again} segments were sent again")

    def story(self) -> str:
        again = self.truth()["tcp"]["client"]["TcpRetransSegs"]
        return f"{self.options.clients} connections sent {again} segments again, and every request was answered in the end"


STORM_INCIDENTS = (SynFlood, RetransmitStorm)
