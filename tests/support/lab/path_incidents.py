# SPDX-License-Identifier: Apache-2.0
"""Incidents between the hosts: packets that cross, a path that forgets connections or swallows them, a peer that is another one."""

import signal
import time

from .children import Child
from .http_incidents import STAGGER_S, HttpIncident
from .incidents import API_PORT, OTHER_PORT
from .nginx import start_nginx
from .network import counters, run
from .socket_incidents import SocketIncident

TIMED_OUT = ("Faraday::TimeoutError", "Net::ReadTimeout")
RESET = ("Faraday::ConnectionFailed", "Connection reset by peer")


class KeepAliveRace(SocketIncident):
    """nginx closes a kept connection after N s; half a round trip before, the client asks once more: FIN and request cross.

    nginx counts from when it sent the answer, the client from when the answer arrived, half a round trip later.
    """

    name = "keep-alive-race"
    summary = "nginx closes kept connections after N s, and the client's next request crosses the FIN on its way"
    seconds_mean = "nginx's keepalive_timeout"
    default_seconds = 1.0
    default_failures = 4
    needs = ("nginx", "nstat", *SocketIncident.needs)
    needs_path = True
    default_rtt_ms = 40.0
    least_rtt_ms = 2.0
    at_once, most_rounds = 8, 5

    def start_server(self) -> Child:
        return start_nginx(self, API_PORT, self.options.seconds)

    def before(self) -> None:
        self.good_connections("w")

    def decisive(self) -> None:
        self.answered = 0
        for number in range(self.most_rounds):
            names = [f"race{number}-{each}" for each in range(self.at_once)]
            for name in names:
                self.open(name)
            results = self.do("race", names=names, idle_s=self.options.seconds - self.options.rtt_ms / 2000)["results"]
            for name in names:
                self.tally.add("api", ok=1)
                result = results[name]
                if "failed" in result:
                    self.tally.add("api", failed=1)
                    self.failure(result, result["failed"], result["message"])
                else:
                    self.tally.add("api", ok=1)
                    self.answered += 1
                    self.do("close", name=name)
            if len(self.tally.failures) >= self.options.failures:
                return

    def after(self) -> None:
        self.good_connections("a")

    def truth(self) -> dict:
        return {"resets_made": counters(self.network.server)["TcpOutRsts"], "answered_in_time": self.answered, "resets_sent": 0}

    def check(self) -> None:
        wanted, failed = self.options.failures, len(self.tally.failures)
        self.require(failed >= wanted, f"{failed} requests crossed the FIN instead of {wanted}")


class PeerVanishes(HttpIncident):
    name = "peer-vanishes"
    summary = "from some moment on nothing reaches the API any more and nothing comes from it; calls time out after N s"
    seconds_mean = "the client's read timeout"
    default_seconds = 3.0
    default_failures = 4
    needs_path = True

    def __init__(self, *args):
        super().__init__(*args)
        self.read_timeout = self.options.seconds
        self.error_class, self.error_text = TIMED_OUT

    def endpoints(self) -> dict[str, int]:
        return {"api": API_PORT, "other": OTHER_PORT}

    def before(self) -> None:
        super().before()
        self.good_calls("o", endpoint="other", lanes=1)

    def decisive(self) -> None:
        self.network.rules(to_server=f"tcp dport {API_PORT} counter drop", to_client=f"tcp sport {API_PORT} counter drop")
        self.facts.state("outstanding", calls=self.options.failures)
        self.call([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S)) for n in range(self.options.failures)],
                  self.steady("other"), self.options.seconds + 60)

    def after(self) -> None:
        self.good_calls("a", endpoint="other")

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "dropped": self.network.firewall_packets(self.network.middle)}


class NatForgets(HttpIncident):
    """What the path knows is the client's port, with the time of its last packet either way; only a SYN makes it known."""

    name = "nat-forgets"
    summary = "a NAT forgets connections that were idle for N s, and drops their packets without a word; others stay in use"
    seconds_mean = "how long the NAT remembers an idle connection"
    default_seconds = 2.0
    default_failures = 4
    needs_path = True
    read_timeout = 2.0
    survivors = 4

    def __init__(self, *args):
        super().__init__(*args)
        self.error_class, self.error_text = TIMED_OUT
        family = "ip" if self.options.family == 4 else "ip6"
        kind = "ipv4_addr" if self.options.family == 4 else "ipv6_addr"
        source, target = f"{family} saddr . tcp sport", f"{family} daddr . tcp dport"
        self.sets = (f"set known {{\ntype {kind} . inet_service; flags dynamic,timeout; "
                     f"timeout {int(self.options.seconds * 1000)}ms;\n}}\n")
        self.to_server = (f"tcp flags & (syn | ack) == syn update @known {{ {source} }} accept\n"
                          f"{source} @known update @known {{ {source} }} accept\ntcp dport {API_PORT} counter drop")
        self.to_client = f"{target} @known update @known {{ {target} }} accept\ntcp sport {API_PORT} counter drop"

    def before(self) -> None:
        self.network.rules(self.to_server, self.to_client, self.sets)
        super().before()
        self.call([self.lane(f"kept{n}", self.good()) for n in range(self.survivors)])

    def keep_warm(self) -> None:
        self.call([self.lane(f"kept{n}", self.good()) for n in range(self.survivors)]
                  + [self.lane(f"victim{n}", self.good()) for n in range(self.options.failures)])

    def decisive(self) -> None:
        remembers = self.options.seconds
        lanes = [self.lane(f"victim{n}", self.good(idle_s=remembers * 1.2 + 0.2 + n * STAGGER_S)) for n in range(self.options.failures)]
        lanes += [self.lane(f"kept{n}", *[self.good(idle_s=remembers * (0.3 + 0.1 * n))] * 3) for n in range(self.survivors)]
        self.keep_warm()
        self.call(lanes, self.steady(), remembers * 3 + 60)

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "dropped": self.network.firewall_packets(self.network.middle)}


class Failover(HttpIncident):
    name = "failover"
    summary = "the API's host is gone for N s without a FIN; a fresh one answers the client's retransmissions with RSTs"
    seconds_mean = "how long nobody has the address"
    default_seconds = 2.0
    default_failures = 4
    needs_path = True

    def __init__(self, *args):
        super().__init__(*args)
        self.error_class, self.error_text = RESET

    def decisive(self) -> None:
        count = self.options.failures
        self.network.rules(to_server=f"tcp dport {API_PORT} counter drop", to_client=f"tcp sport {API_PORT} counter drop")
        until = time.monotonic() + self.options.seconds
        calls = self.begin([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S)) for n in range(count)])
        self._forget_connections()
        self.server.may_end = True
        self.server.signal(signal.SIGKILL)
        self.children.wait_for("the old server to end", lambda: self.server.ended, 10, poll_s=0.02)
        self.server = self.start_server()
        self.facts.state("outstanding", calls=count)
        self.children.wait_for("the address to be back", lambda: time.monotonic() >= until, self.options.seconds + 10, poll_s=0.05)
        self.dropped = self.network.firewall_packets(self.network.middle)
        self.network.rules()
        self.end(calls, 4 * self.options.seconds + 60)

    def _forget_connections(self) -> None:
        """A fresh host has none of the old one's sockets, not even those that still want to send a FIN."""
        listing = ("-Htn", "state", "established", "sport", "=", f":{API_PORT}")
        run_in = self.network.inside(self.network.server, "ss")
        run(*run_in, "-K", *listing, check=False)
        left = run(*run_in, *listing)
        self.require(not left, f"the old host's connections are still there: {left}")

    def truth(self) -> dict:
        return {"resets_made": counters(self.network.server)["TcpOutRsts"], "resets_received": len(self.tally.failures), "resets_sent": 0,
                "dropped": self.dropped}


class SynLost(HttpIncident):
    name = "syn-lost"
    summary = "one SYN in six is swallowed on the way: these connects take a second, and nothing fails"
    seconds_mean = "how long the client makes calls on connections of their own, about"
    default_seconds = 4.0
    default_failures = 0
    needs_path = True
    open_timeout = 20.0
    lanes_at_once = 6

    def before(self) -> None:
        self.good_calls("w")

    def decisive(self) -> None:
        self.network.rules(to_server=f"tcp dport {API_PORT} tcp flags & (syn | ack) == syn numgen inc mod 6 == 3 counter drop")
        calls = [self.good(delay_s=0.05)] * int(4 * self.options.seconds)
        self.call([self.lane(f"fresh{n}", *calls, keep=False) for n in range(self.lanes_at_once)], seconds=self.options.seconds + 120)
        self.dropped = self.network.firewall_packets(self.network.middle)
        self.network.rules()

    def truth(self) -> dict:
        waits = sorted(e["connect_s"] for e in self.client.events if e["event"] == "call" and e["connects"])
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "dropped": self.dropped,
                "slow_connects": sum(wait > 0.9 for wait in waits), "connect_max_s": waits[-1]}

    def check(self) -> None:
        super().check()
        truth = self.truth()
        self.require(truth["slow_connects"] >= 5, f"only {truth['slow_connects']} connects were slow")

    def story(self) -> str:
        truth = self.truth()
        return f"{truth['dropped']} SYNs were lost; {truth['slow_connects']} connects took about a second or more, and no call failed"


PATH_INCIDENTS = (KeepAliveRace, PeerVanishes, NatForgets, Failover, SynLost)
