# SPDX-License-Identifier: Apache-2.0
"""Incidents between a Ruby client (Faraday on Net::HTTP) and an HTTP API."""

import time

from .children import Child
from .incidents import API_PORT, OTHER_PORT, PYTHON, SUPPORT, Incident
from .network import run

RUBY = "/usr/bin/ruby"
# Further apart than any good call is long, and together less than a second.
STAGGER_S = 0.15
DROP_SYNS = """table inet lab {{
  chain pre {{
    type filter hook prerouting priority -300;
    tcp dport {port} tcp flags & (syn | ack) == syn drop
  }}
}}
"""
FORGET_FLOWS = """table inet lab {{
  set forgotten {{ type inet_service; elements = {{ {ports} }} }}
  chain in {{
    type filter hook input priority 0;
    tcp dport {port} tcp sport @forgotten reject with tcp reset
  }}
}}
"""


class HttpIncident(Incident):
    """Lanes of calls, the bookkeeping about them, and good calls around the failures."""

    needs = ("ruby", "ip", "nft", "ss", "nsenter")
    open_timeout = 5.0
    read_timeout = 120.0
    workers = 3

    # What the client must say about a failure, and what may lie beneath.
    error_class = ""
    error_text = ""

    def __init__(self, *args):
        super().__init__(*args)
        self._endpoint_of: dict[str, str] = {}
        self._runs = 0

    def start_server(self) -> Child:
        endpoints = [f"{name}={port}" for name, port in self.endpoints().items() if name not in self.unserved()]
        server = self.in_server("API server", PYTHON, f"{SUPPORT}/api_server.py", "--address", self.network.server_address, *endpoints)
        self.children.wait_for("the API server to listen", lambda: bool(server.events), 20)
        return server

    def unserved(self) -> tuple[str, ...]:
        """Endpoints at which nobody listens."""
        return ()

    def start_client(self) -> Child:
        return self.in_client("Ruby client", RUBY, f"{SUPPORT}/api_client.rb")

    # Calls.
    def lane(self, name: str, *calls: dict, keep: bool = True, endpoint: str = "api") -> dict:
        """Calls one after the other, on one connection (`keep`) or on one each."""
        self._endpoint_of[name] = endpoint
        address = self.network.server_address
        host = f"[{address}]" if ":" in address else address
        return {"name": name, "keep": keep, "base": f"http://{host}:{self.endpoints()[endpoint]}",
                "open_timeout": self.open_timeout, "read_timeout": self.read_timeout,
                "calls": [{"call": f"{name}-{self._runs}-{number}", **call} for number, call in enumerate(calls)]}

    @staticmethod
    def good(**more) -> dict:
        return {"path": "/ok?think_ms=5&bytes=900", "body_bytes": 400, **more}

    def begin(self, lanes: list[dict], background: tuple[dict, ...] = ()) -> str:
        """Tells the client to make these calls; the name of the run is what `end` waits for."""
        run = f"run{self._runs}"
        self._runs += 1
        self.client.send({"run": run, "lanes": lanes, "background": list(background)})
        return run

    def end(self, run: str, seconds: float = 60) -> list[dict]:
        """Waits for the end of the run, counts its calls. Returns the failed ones."""
        self.children.wait_for("the client's calls", lambda: any(
            e["event"] == "ran" and e["run"] == run for e in self.client.events), seconds)
        failed = []
        for event in self.client.events:
            if event["event"] != "call" or event["run"] != run:
                continue
            endpoint = self._endpoint_of[event["lane"]]
            self.tally.add(endpoint, connects=event["connects"])
            if event["ok"]:
                self.tally.add(endpoint, ok=1)
                continue
            connect_failed = event["connects"] == 0 and event["local_port"] is None
            self.tally.add(endpoint, **({"connects_failed": 1} if connect_failed else {"failed": 1}))
            failed.append({"endpoint": endpoint, "after_s": round(event["ended_s"] - event["started_s"], 6),
                           "connect_s": event["connect_s"] if connect_failed else None,
                           **{key: event[key] for key in ("call", "local_port", "started_s", "ended_s",
                                                          "error_class", "error_message", "cause_class")}})
        self.tally.failures += failed
        return failed

    def call(self, lanes: list[dict], background: tuple[dict, ...] = (), seconds: float = 60) -> list[dict]:
        return self.end(self.begin(lanes, background), seconds)

    def good_calls(self, prefix: str, endpoint: str = "api", lanes: int = 3, fresh: int = 4) -> None:
        """`lanes` kept connections with four calls each, and `fresh` calls on connections of their own."""
        self.call([self.lane(f"{prefix}{number}", *[self.good(delay_s=0.01)] * 4, endpoint=endpoint) for number in range(lanes)]
                  + [self.lane(f"{prefix}-fresh", *[self.good()] * fresh, keep=False, endpoint=endpoint)])

    def steady(self, endpoint: str = "api") -> tuple[dict, ...]:
        """A good call every 50 ms for as long as the others last."""
        return (self.lane("steady", self.good(delay_s=0.05), endpoint=endpoint),)

    def server_events(self, kind: str, prefix: str = "") -> dict[str, dict]:
        return {e["call"]: e for e in self.server.events if e["event"] == kind and e["call"].startswith(prefix)}

    # The usual course: the failing lanes make good calls first, on the connections that will fail.
    def before(self) -> None:
        self.good_calls("w")
        self.call([self.lane(f"victim{n}", *[self.good(delay_s=0.01)] * 3) for n in range(self.options.failures)])

    def after(self) -> None:
        self.good_calls("a")

    def check(self) -> None:
        wanted = self.options.failures
        failures = self.tally.failures
        self.require(len(failures) == wanted, f"{len(failures)} calls failed instead of {wanted}")
        for failure in failures:
            said = f"{failure['error_class']}: {failure['error_message']}"
            self.require(failure["error_class"] == self.error_class and self.error_text in failure["error_message"],
                         f"the client said {said!r}, not {self.error_class}: {self.error_text}")


class FailingPath(HttpIncident):
    """One call of a certain path on each of the victims' connections, amid good calls on others."""

    def failing_path(self) -> str:
        raise NotImplementedError

    def decisive(self) -> None:
        count = self.options.failures
        run = self.begin([self.lane(f"victim{n}", {"path": self.failing_path(), "body_bytes": 400, "delay_s": n * STAGGER_S})
                          for n in range(count)], self.steady())
        self.children.wait_for("the failing requests to reach the server", lambda: len(self.server_events("received")) == count, 30)
        self.facts.state("outstanding", calls=count)
        self.end(run, self.options.seconds + 60)


class ApiOk(HttpIncident):
    name = "api-ok"
    summary = "an HTTP API that answers every call: kept connections and new ones, nothing wrong"
    seconds_mean = "how long the steady part lasts"
    default_seconds = 2.0
    default_failures = 0

    def before(self) -> None:
        self.good_calls("w")

    def decisive(self) -> None:
        pause = {"path": "/ok?think_ms=20&bytes=16000", "body_bytes": 1500, "delay_s": 0.1}
        self.call([self.lane("w0", *[pause] * max(1, int(self.options.seconds * 8)))], self.steady(), self.options.seconds + 60)

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0}


class ApiReset(FailingPath):
    name = "api-reset"
    summary = "some calls are reset by the API N s after the whole request arrived: Connection reset by peer"
    seconds_mean = "from the request's last byte to the server's RST"
    error_class, error_text = "Faraday::ConnectionFailed", "Connection reset by peer"

    def failing_path(self) -> str:
        return f"/reset?after={self.options.seconds}"

    def check(self) -> None:
        super().check()
        resets = self.server_events("reset")
        for failure in self.tally.failures:
            failure["server_waited_s"] = resets[failure["call"]]["waited_s"]
            failure["request_bytes"] = resets[failure["call"]]["request_bytes"]

    def truth(self) -> dict:
        return {"resets_made": len(self.server_events("reset")), "resets_received": len(self.server_events("reset")), "resets_sent": 0,
                "waits_s": sorted(f["server_waited_s"] for f in self.tally.failures)}


class ApiClosed(FailingPath):
    name = "api-closed"
    summary = "some calls meet an API that closes instead of answering, N s after the whole request: end of file reached"
    seconds_mean = "from the request's last byte to the server's FIN"
    error_class, error_text = "Faraday::ConnectionFailed", "end of file reached"

    def failing_path(self) -> str:
        return f"/close?after={self.options.seconds}"

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0,
                "waits_s": sorted(e["waited_s"] for e in self.server_events("closed").values())}


class ApiTimeout(FailingPath):
    name = "api-timeout"
    summary = "some calls are answered too late: the client's read timeout of N s fires (Net::ReadTimeout)"
    seconds_mean = "the client's read timeout"
    error_class, error_text = "Faraday::TimeoutError", "Net::ReadTimeout"

    def __init__(self, *args):
        super().__init__(*args)
        self.read_timeout = self.options.seconds

    def failing_path(self) -> str:
        return f"/late?after={self.options.seconds + 1}"

    def decisive(self) -> None:
        super().decisive()
        # The late answers meet closed sockets: this host answers each with a RST, after the client's FIN.
        self.children.wait_for("the late answers", lambda: len(self.server_events("late_answer")) == self.options.failures, 30)

    def check(self) -> None:
        super().check()
        self.require(all(e["client_gone_after_s"] for e in self.server_events("late_answer").values()), "a client did not give up")

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0,
                "resets_sent": sum(e["sent"] for e in self.server_events("late_answer").values()),
                "waits_s": sorted(e["client_gone_after_s"] for e in self.server_events("late_answer").values())}


class FirstBytesUnanswered(FailingPath):
    name = "first-bytes-unanswered"
    summary = "the server accepts and acknowledges but never speaks; the client gives up after N s"
    seconds_mean = "the client's read timeout"
    error_class, error_text = "Faraday::TimeoutError", "Net::ReadTimeout"

    def __init__(self, *args):
        super().__init__(*args)
        self.read_timeout = self.options.seconds

    def endpoints(self) -> dict[str, int]:
        return {"api": API_PORT, "other": OTHER_PORT}

    def failing_path(self) -> str:
        return "/silent"

    def before(self) -> None:
        self.good_calls("w", endpoint="other")

    def steady(self, endpoint: str = "other") -> tuple[dict, ...]:
        return super().steady(endpoint)

    def decisive(self) -> None:
        super().decisive()
        self.children.wait_for("the server to see the clients go",
                               lambda: len(self.server_events("client_gone")) == self.options.failures, 30)

    def after(self) -> None:
        self.good_calls("a", endpoint="other")

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0,
                "waits_s": sorted(e["waited_s"] for e in self.server_events("client_gone").values())}


class ConnectTimeout(HttpIncident):
    name = "connect-timeout"
    summary = "SYNs to the API are dropped for a while: the client's open timeout of N s fires (execution expired)"
    seconds_mean = "the client's open timeout"
    error_class, error_text = "Faraday::ConnectionFailed", "execution expired"

    def __init__(self, *args):
        super().__init__(*args)
        self.open_timeout = self.options.seconds
        self._ports: set[int] = set()

    def endpoints(self) -> dict[str, int]:
        return {"api": API_PORT, "other": OTHER_PORT}

    def before(self) -> None:
        self.good_calls("w")
        self.good_calls("o", endpoint="other", lanes=1)

    def decisive(self) -> None:
        self.network.firewall(DROP_SYNS.format(port=API_PORT))
        count = self.options.failures
        run = self.begin([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S), keep=False) for n in range(count)],
                         (self.lane("steady", self.good(delay_s=0.2), keep=False, endpoint="other"),))

        def all_waited() -> bool:
            self._ports |= set(self.network.client_ports_in_syn_sent(API_PORT))
            return len(self._ports) == count

        self.children.wait_for("the connects to hang", all_waited, 30, poll_s=0.05)
        self.facts.state("outstanding", calls=count)
        self.end(run, self.options.seconds + 60)
        self.network.firewall("delete table inet lab\n")

    def check(self) -> None:
        super().check()
        self.require(self.tally.counts["api"].connects_failed == self.options.failures, "a connect was answered after all")

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0, "unanswered_local_ports": sorted(self._ports),
                "waits_s": sorted(f["connect_s"] for f in self.tally.failures)}


class ConnectRefused(HttpIncident):
    name = "connect-refused"
    summary = "nobody listens on the API's port: Connection refused"
    seconds_mean = "how long the good calls to another port go on beside it"
    default_seconds = 1.0
    error_class, error_text = "Faraday::ConnectionFailed", "Connection refused"

    def endpoints(self) -> dict[str, int]:
        return {"api": API_PORT, "other": OTHER_PORT}

    def unserved(self) -> tuple[str, ...]:
        return ("api",)

    def before(self) -> None:
        self.good_calls("w", endpoint="other")

    def decisive(self) -> None:
        self.call([self.lane(f"victim{n}", self.good(delay_s=self.options.seconds * (n + 1) / self.options.failures), keep=False)
                   for n in range(self.options.failures)], self.steady("other"), self.options.seconds + 60)

    def after(self) -> None:
        self.good_calls("a", endpoint="other")

    def truth(self) -> dict:
        # The answers to the SYNs are RSTs: they are connect outcomes, not resets of a connection.
        return {"resets_made": self.options.failures, "resets_received": 0, "resets_sent": 0}


class ConnectUnreachable(HttpIncident):
    name = "connect-unreachable"
    summary = "the API's host has left the subnet: nobody answers for its address any more: No route to host"
    seconds_mean = "how long the host is away, at least"
    default_seconds = 1.0
    needs = (*HttpIncident.needs, "sysctl")
    error_class, error_text = "Faraday::ConnectionFailed", "No route to host"

    def before(self) -> None:
        net = self.network
        for value in ("mcast_solicit=1", "retrans_time_ms=300"):  # Linux's own would be three times a second.
            run(*net.inside(net.client, "sysctl", "-q", "-w", f"net.ipv{self.options.family}.neigh.eth0.{value}"))
        self.good_calls("w")

    def decisive(self) -> None:
        net = self.network
        net.leave(net.server)
        self.call([self.lane(f"victim{n}", self.good(delay_s=self.options.seconds * (n + 1) / self.options.failures), keep=False)
                   for n in range(self.options.failures)], seconds=self.options.seconds + 60)
        net.come_back(net.server)

    def after(self) -> None:
        """Nothing: what is left of the failed neighbour would decide."""

    def truth(self) -> dict:
        return {"resets_made": 0, "resets_received": 0, "resets_sent": 0}


class ReconnectStorm(ApiTimeout):
    name = "reconnect-storm"
    summary = "a calm client, then calls that time out after N s, then a connection for every call, dozens a second"
    seconds_mean = "the client's read timeout"
    default_seconds = 2.0
    calm_s, storm_s = 7.0, 4.0
    lanes, calls = 10, 24

    def before(self) -> None:
        super().before()
        # What is usual must be known before the first timeout.
        self.call([self.lane("calm", *[self.good(delay_s=0.1)] * int(self.calm_s / 0.1))], seconds=self.calm_s + 60)

    def after(self) -> None:
        started = time.monotonic()
        self.call([self.lane(f"storm{number}", *[self.good(delay_s=self.storm_s / self.calls)] * self.calls, keep=False)
                   for number in range(self.lanes)], seconds=self.storm_s + 60)
        self.storm = [started, time.monotonic()]

    def truth(self) -> dict:
        return {**super().truth(), "storm": self.storm, "storm_connects": self.lanes * self.calls}


class IdleReset(HttpIncident):
    name = "idle-reset"
    summary = "a middlebox forgets connections that were idle for N s: the next call on them meets a RST"
    seconds_mean = "idle time before the call that fails"
    default_seconds = 2.0
    error_class, error_text = "Faraday::ConnectionFailed", "Connection reset by peer"

    def decisive(self) -> None:
        victims = range(self.options.failures)
        before = len(self.client.events)
        # One after the other: what ends at one moment is one event, no timer.
        self.call([self.lane(f"victim{n}", self.good(delay_s=n * STAGGER_S)) for n in victims])
        ended = {e["lane"]: e for e in self.client.events[before:] if e["event"] == "call"}
        ports = sorted(e["local_port"] for e in ended.values())
        # Forgotten too early, it is the delayed acknowledgement of the last answer that would meet the RST, not the next call.
        self.children.wait_for("the last answers to be acknowledged",
                               lambda: not self.network.server_ports_unacknowledged(API_PORT), 20, poll_s=0.01)
        self.network.firewall(FORGET_FLOWS.format(port=API_PORT, ports=", ".join(map(str, ports))))
        self.facts.state("outstanding", calls=0, idle_ports=ports)
        for failure in self.call([self.lane(f"victim{n}", self.good(idle_s=self.options.seconds)) for n in victims],
                                 self.steady(), self.options.seconds + 60):
            lane = failure["call"].split("-")[0]
            failure["idle_s"] = round(failure["started_s"] - ended[lane]["ended_s"], 6)
        self.network.firewall("delete table inet lab\n")

    def check(self) -> None:
        super().check()
        for failure in self.tally.failures:  # With more words, Ruby had found the RST before it wrote.
            self.require(failure["error_message"] == self.error_text, f"the RST came before the call: {failure['error_message']}")

    def truth(self) -> dict:
        return {"resets_made": self.options.failures, "resets_received": self.options.failures, "resets_sent": 0,
                "idles_s": sorted(f["idle_s"] for f in self.tally.failures),
                "write_to_reset_s": sorted(f["after_s"] for f in self.tally.failures)}


HTTP_INCIDENTS = (ApiOk, ApiReset, ApiClosed, ApiTimeout, ConnectTimeout, ConnectRefused, ConnectUnreachable, IdleReset,
                  FirstBytesUnanswered, ReconnectStorm)
