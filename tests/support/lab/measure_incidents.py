# SPDX-License-Identifier: Apache-2.0
"""Incidents that show one measure each: every kind of retransmission, the application's own delay, a full accept queue."""

import os
import signal
import statistics
import time

from .children import Child
from .incidents import API_PORT, PYTHON, SUPPORT, Incident
from .network import LabError, counters
from .socket_incidents import SocketIncident

SEGMENT_PORT, WEB_PORT = 9100, 9292
RETRANSMIT_COUNTERS = (
    "TcpActiveOpens", "TcpRetransSegs", "TcpExtTCPTimeouts", "TcpExtTCPLossProbes", "TcpExtTCPFastRetrans",
    "TcpExtTCPSlowStartRetrans", "TcpExtTCPSynRetrans", "TcpExtTCPSpuriousRtxHostQueues", "TcpExtTCPRetransFail", "TcpExtTCPDSACKRecv")
# The first `count` packets that match are lost, and no other.
DROP_FIRST = """table inet lab
delete table inet lab
table inet lab {{
  chain pre {{
    type filter hook prerouting priority -300;
    {match} numgen inc mod 1000000000 < {count} counter drop
  }}
}}
"""


class SegmentIncident(Incident):
    """A client that writes its requests in pieces: what goes into one segment is known."""

    needs = ("ip", "nft", "ss", "tc", "nsenter", "nstat")

    def endpoints(self) -> dict[str, int]:
        return {"peer": SEGMENT_PORT}

    def start_server(self) -> Child:
        server = self.in_server("peer", PYTHON, "-B", f"{SUPPORT}/segments.py", "server", self.network.server_address, str(SEGMENT_PORT))
        self.children.wait_for("the peer to listen", lambda: bool(server.events), 20)
        return server

    def start_client(self) -> Child:
        return self.in_client("segment client", PYTHON, "-B", f"{SUPPORT}/segments.py", "client", self.network.server_address,
                              str(SEGMENT_PORT))

    def tell(self, op: str, name: str, **more) -> int:
        number = len(self.client.events)
        self.client.send({"op": op, "name": name, **more})
        return number

    def do(self, op: str, name: str, **more) -> dict:
        number = self.tell(op, name, **more)
        self.children.wait_for(f"the client's {op}", lambda: len(self.client.events) > number, 60)
        result = self.client.events[number]
        if result["event"] == "error":
            raise LabError(f"the client's {op}: {result['message']}")
        return result

    def connect(self, name: str) -> None:
        self.do("connect", name)
        self.tally.add("peer", connects=1)

    def request(self, name: str, *pieces: int) -> None:
        self.do("write", name, pieces=pieces)
        self.answer(name)

    def answer(self, name: str) -> None:
        self.do("read", name)
        self.tally.add("peer", ok=1)

    def warm(self, name: str) -> None:
        """Round trips, so that the kernel's timers know the path."""
        for _ in range(5):
            self.request(name, 200)

    def truth(self) -> dict:
        net = self.network
        tcp = {end: {name: counters(namespace).get(name, 0) for name in RETRANSMIT_COUNTERS}
               for end, namespace in (("client", net.client), ("server", net.server))}
        return {"tcp": tcp, "resets_made": 0, "resets_received": 0, "resets_sent": 0}


class RetransmitKinds(SegmentIncident):
    """Each kind by itself, because exactly the right packets are lost:

    syn     the first SYN                            synack  the first SYN-ACK (the client repeats its SYN as well)
    tlp     the only segment of a request            fast    the first of eight segments
    rto     the only segment, and its tail loss probe
    """

    name = "retransmit-kinds"
    summary = "single packets are lost so that each kind of retransmission happens: SYN, SYN-ACK, TLP, fast, RTO"
    seconds_mean = "not used"
    default_seconds = 1.0
    rounds = 3
    default_failures = 0

    def lose_to_server(self, count: int, flags: str) -> None:
        self.network.firewall(DROP_FIRST.format(match=f"tcp dport {SEGMENT_PORT} {flags}", count=count), self.network.server)

    def lose_to_client(self, count: int, flags: str) -> None:
        self.network.firewall(DROP_FIRST.format(match=f"tcp sport {SEGMENT_PORT} {flags}", count=count), self.network.client)

    def lose_nothing(self) -> None:
        for namespace in (self.network.client, self.network.server):
            self.network.firewall("table inet lab\ndelete table inet lab\n", namespace)

    def before(self) -> None:
        for number in range(self.rounds):
            self.connect(f"data{number}")
            self.warm(f"data{number}")

    def decisive(self) -> None:
        syn, syn_ack, data = "tcp flags & (syn | ack) == syn", "tcp flags & (syn | ack) == syn | ack", "tcp flags & psh == psh"
        for number in range(self.rounds):
            self.lose_to_server(1, syn)
            self.connect(f"syn{number}")
            self.warm(f"syn{number}")
            self.lose_nothing()
            self.lose_to_client(1, syn_ack)
            self.connect(f"synack{number}")
            self.warm(f"synack{number}")
            self.lose_nothing()
            name = f"data{number}"
            for lost, pieces in ((1, (300,)), (1, (500,) * 8), (2, (300,))):
                self.lose_to_server(lost, data)
                self.request(name, *pieces)
                self.lose_nothing()
                self.warm(name)

    def truth(self) -> dict:
        truth = super().truth()
        client, server = truth["tcp"]["client"], truth["tcp"]["server"]
        kinds = {"syn": client["TcpExtTCPSynRetrans"], "tlp": client["TcpExtTCPLossProbes"], "fast": client["TcpExtTCPFastRetrans"],
                 "rto": client["TcpExtTCPTimeouts"] - client["TcpExtTCPSynRetrans"]}
        return {**truth, "retransmits": {"client": {**kinds, "synack": 0}, "server": {"synack": server["TcpExtTCPSynRetrans"]}}}

    def check(self) -> None:
        truth = self.truth()
        made = truth["retransmits"]["client"]
        wanted = {"syn": self.rounds, "tlp": 2 * self.rounds, "fast": self.rounds, "rto": self.rounds}
        for kind, count in wanted.items():
            self.require(made[kind] >= count, f"{made[kind]} retransmissions of the kind {kind} instead of {count}")
        self.require(truth["retransmits"]["server"]["synack"] >= self.rounds, "too few SYN-ACKs were sent again")
        self.require(truth["tcp"]["client"]["TcpRetransSegs"] == sum(made.values()), f"{truth['tcp']['client']} does not add up")

    def story(self) -> str:
        truth = self.truth()["retransmits"]
        made = {**truth["client"], **truth["server"]}
        return "sent again: " + ", ".join(f"{count} {kind}" for kind, count in made.items())


class RetransmitBusy(SegmentIncident):
    name = "retransmit-busy"
    summary = "this host's own device sends 1 Mbit/s: timeouts strike while the first copy has not even left (EBUSY)"
    seconds_mean = "how long requests of 20 kB are made"
    default_seconds = 12.0
    default_failures = 0
    default_clients = 6

    def before(self) -> None:
        for number in range(self.options.clients):
            self.connect(f"c{number}")
            self.warm(f"c{number}")

    def decisive(self) -> None:
        # The path was quick until now, so the retransmission timers are short.
        self.network.shape(self.network.client, "1mbit", latency="4s")
        names = [f"c{number}" for number in range(self.options.clients)]
        until = time.monotonic() + self.options.seconds
        while time.monotonic() < until:
            for name in names:
                self.do("write", name, pieces=[20_000])
            for name in names:
                self.answer(name)

    def truth(self) -> dict:
        net = self.network
        return {**super().truth(), "qdisc": net.qdisc(net.client)}

    def check(self) -> None:
        truth = self.truth()
        busy = truth["tcp"]["client"]["TcpExtTCPSpuriousRtxHostQueues"]
        self.require(busy >= 3, f"only {busy} retransmissions met their first copy")
        self.require(truth["qdisc"]["drops"] == 0, "packets were dropped")

    def story(self) -> str:
        own = self.truth()["tcp"]["client"]
        return (f"{own['TcpExtTCPSpuriousRtxHostQueues']} times a timer found the first copy still in this host; "
                f"{own['TcpRetransSegs']} segments were sent again")


class AppGap(Incident):
    name = "app-gap"
    summary = "a web application waits before it calls its API; the API itself answers at once"
    seconds_mean = "not used"
    milliseconds_mean = "how long it waits before each call"
    default_seconds = 1.0
    default_milliseconds = 1500.0
    default_failures = 0
    needs = ("ip", "ss", "nsenter")
    users, calls = 3, 7

    def start_server(self) -> Child:
        server = self.in_server("API server", PYTHON, f"{SUPPORT}/api_server.py", "--address", self.network.server_address,
                                f"api={API_PORT}")
        self.children.wait_for("the API server to listen", lambda: bool(server.events), 20)
        return server

    def start_client(self) -> Child:
        """The application. Its users are on the API's host."""
        self.asking = [self.in_server(f"user {number}", PYTHON, f"{SUPPORT}/raw_client.py") for number in range(self.users)]
        return self.in_client("web application", PYTHON, "-B", f"{SUPPORT}/calls_api.py", "threads", self.network.client_address,
                              str(WEB_PORT), self.network.server_address, str(API_PORT))

    def ask(self, op: str, **more) -> None:
        """All users do the same at once."""
        wanted = {user: len(user.events) + 1 for user in self.asking}
        for user in self.asking:
            user.send({"op": op, "name": "app", **more})
        self.children.wait_for(f"the users' {op}", lambda: all(len(user.events) >= n for user, n in wanted.items()),
                               self.options.milliseconds / 1000 + 30)
        for user in self.asking:
            result = user.events[-1]
            self.require(result["event"] == "did" and "failed" not in result, f"a user's {op}: {result.get('message')}")

    def before(self) -> None:
        self.children.wait_for("the users to start", lambda: all(user.events for user in self.asking), 20)
        self.ask("open", address=self.network.client_address, port=WEB_PORT)

    def decisive(self) -> None:
        for _ in range(self.calls):
            self.ask("request", path=f"/call?gap_ms={self.options.milliseconds}")
            self.tally.add("api", ok=self.users, connects=self.users)

    def after(self) -> None:
        self.ask("close")

    def truth(self) -> dict:
        return {"gaps_s": sorted(event["gap_s"] for event in self.client.events if event["event"] == "call"),
                "web": {"address": self.network.client_address, "port": WEB_PORT, "connects": self.users},
                "resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def check(self) -> None:
        gaps = self.truth()["gaps_s"]
        self.require(len(gaps) == self.users * self.calls, f"{len(gaps)} calls were made")

    def story(self) -> str:
        gaps = self.truth()["gaps_s"]
        return f"{len(gaps)} calls, made {statistics.median(gaps):.2f} s after the user's request; the API took a few milliseconds"


class NoCall(AppGap):
    name = "no-call"
    summary = "a web application keeps users waiting for N s and calls nobody meanwhile; for other users it calls its API at once"
    seconds_mean = "how long the users without a call wait"
    default_seconds = 6.0
    default_milliseconds = 0.0
    def decisive(self) -> None:
        for _ in range(self.calls):
            self.ask("request", path="/call?gap_ms=20")
            self.tally.add("api", ok=self.users, connects=self.users)
        self.ask("request", path=f"/wait?wait_ms={int(self.options.seconds * 1000)}")

    def story(self) -> str:
        return f"{self.users} users waited {self.options.seconds:.1f} s for an answer, and no call was made for them"


class ListenOverflow(SocketIncident):
    name = "listen-overflow"
    summary = "a server does not accept for N s and its accept queue is full: SYNs are dropped, connects take a second and more"
    seconds_mean = "how long the server is stopped"
    default_seconds = 4.0
    default_failures = 0
    default_clients = 12
    needs = (*SocketIncident.needs, "nstat")
    backlog = 3

    def start_server(self) -> Child:
        server = self.in_server("API server", PYTHON, f"{SUPPORT}/api_server.py", "--address", self.network.server_address,
                                "--backlog", str(self.backlog), f"api={API_PORT}")
        self.children.wait_for("the API server to listen", lambda: bool(server.events), 20)
        return server

    def before(self) -> None:
        self.good_connections("w")

    def decisive(self) -> None:
        names = [f"victim{number}" for number in range(self.options.clients)]
        until = time.monotonic() + self.options.seconds
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            for name in names:
                self.do("begin", name=name, address=self.network.server_address, port=API_PORT)
            self.children.wait_for("the time of the stop", lambda: time.monotonic() >= until, self.options.seconds + 10, poll_s=0.05)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        for name in names:
            self.do("finish", name=name, timeout_s=60, seconds=70)
            self.tally.add("api", connects=1)
        for name in names:
            self.request(name)
            self.do("close", name=name)

    def after(self) -> None:
        self.good_connections("a")

    def truth(self) -> dict:
        own = counters(self.network.server)
        return {"overflows": own["TcpExtListenOverflows"], "drops": own["TcpExtListenDrops"], "backlog": self.backlog,
                "resets_made": 0, "resets_received": 0, "resets_sent": 0}

    def check(self) -> None:
        truth = self.truth()
        self.require(truth["overflows"] >= 3, f"the accept queue overflowed {truth['overflows']} times only")

    def story(self) -> str:
        truth = self.truth()
        return f"the accept queue (backlog {self.backlog}) overflowed {truth['overflows']} times; every connect succeeded in the end"


MEASURE_INCIDENTS = (RetransmitKinds, RetransmitBusy, AppGap, NoCall, ListenOverflow)
