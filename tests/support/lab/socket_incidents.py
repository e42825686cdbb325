# SPDX-License-Identifier: Apache-2.0
"""Incidents made by a client that works on the sockets themselves: against a real nginx, and against the API server."""

import time

from .children import Child
from .incidents import API_PORT, PYTHON, SUPPORT, Incident
from .network import LabError
from .nginx import start_nginx

class SocketIncident(Incident):
    """Bookkeeping for the client that takes one command at a time."""

    needs = ("ip", "ss", "nsenter")

    def start_client(self) -> Child:
        return self.in_client("socket client", PYTHON, f"{SUPPORT}/raw_client.py")

    def do(self, op: str, seconds: float = 30, **more) -> dict:
        """One command to the client, and its result."""
        number = len(self.client.events)
        self.client.send({"op": op, **more})
        self.children.wait_for(f"the client's {op}", lambda: len(self.client.events) > number, seconds)
        result = self.client.events[number]
        if result["event"] == "error":
            raise LabError(f"the client's {op}: {result['message']}")
        return result

    def open(self, name: str) -> None:
        self.do("open", name=name, address=self.network.server_address, port=API_PORT)
        self.tally.add("api", connects=1)

    def request(self, name: str, **more) -> None:
        """An exchange that must be good."""
        result = self.do("request", name=name, **more)
        self.require("failed" not in result, f"a good call failed: {result.get('message')}")
        self.tally.add("api", ok=1)

    def good_connections(self, prefix: str, count: int = 3, calls: int = 4) -> None:
        """Connections with some calls each, closed in good order."""
        for number in range(count):
            self.open(f"{prefix}{number}")
        for _ in range(calls):
            for number in range(count):
                self.request(f"{prefix}{number}")
        for number in range(count):
            self.do("close", name=f"{prefix}{number}")

    def failure(self, result: dict, error_class: str, error_message: str, **more) -> None:
        started = result.get("started_s", result["ended_s"])
        self.tally.failures.append({
            "call": "", "endpoint": "api", "local_port": result["local_port"], "started_s": started, "ended_s": result["ended_s"],
            "after_s": round(result["ended_s"] - started, 6), "error_class": error_class, "error_message": error_message, **more})


class ClosedBeforeReuse(SocketIncident):
    name = "closed-before-reuse"
    summary = "nginx closes kept connections after N s (keepalive_timeout); the client uses them once more"
    seconds_mean = "nginx's keepalive_timeout"
    default_seconds = 2.0
    needs = ("nginx", *SocketIncident.needs)

    def start_server(self) -> Child:
        return start_nginx(self, API_PORT, self.options.seconds)

    def _victims(self) -> list[str]:
        return [f"victim{number}" for number in range(self.options.failures)]

    def before(self) -> None:
        self.good_connections("w")
        for name in self._victims():
            self.open(name)
            self.request(name)

    def keep_warm(self) -> None:
        for name in self._victims():
            self.request(name)
            time.sleep(0.05)  # What ends at one moment is one event, no timer.

    def decisive(self) -> None:
        self.keep_warm()
        self.facts.state("outstanding", calls=0)
        self.do("wait_fin", seconds=self.options.seconds + 30, names=self._victims(), timeout_s=self.options.seconds + 20)
        time.sleep(0.2)  # The client of the incident does not write at once: it has no reason to.
        for name in self._victims():
            result = self.do("request", name=name)
            self.require("failed" in result, "a call on a closed connection was answered")
            self.tally.add("api", failed=1)
            self.failure(result, result["failed"], result["message"], fin_to_write_s=result["fin_to_write_s"])

    def after(self) -> None:
        self.good_connections("a")

    def truth(self) -> dict:
        count = len(self.tally.failures)
        return {"resets_made": count, "resets_received": count, "resets_sent": 0,
                "fin_to_write_s": sorted(f["fin_to_write_s"] for f in self.tally.failures)}


class LocalReset(SocketIncident):
    name = "local-reset"
    summary = "a process of this host closes sockets with unread data, and others with SO_LINGER 0: it sends the RSTs"
    seconds_mean = "not used"
    default_seconds = 1.0

    def start_server(self) -> Child:
        server = self.in_server("API server", PYTHON, f"{SUPPORT}/api_server.py", "--address", self.network.server_address,
                                f"api={API_PORT}")
        self.children.wait_for("the API server to listen", lambda: bool(server.events), 20)
        return server

    def before(self) -> None:
        self.good_connections("w")
        for number in range(self.options.failures):
            for name in (f"unread{number}", f"linger{number}"):
                self.open(name)
                self.request(name)

    def decisive(self) -> None:
        for number in range(self.options.failures):
            result = self.do("close_unread", name=f"unread{number}", path="/ok?think_ms=5&bytes=5000",
                             call=f"unread-{number}", at_least=5000)
            self.tally.add("api", ok=1)  # Its response arrived: an exchange like any other, but nobody read it.
            self.failure(result, "close", "with unread data", unread_bytes=result["unread_bytes"])
            result = self.do("close_linger0", name=f"linger{number}")
            self.failure(result, "close", "with SO_LINGER 0", unread_bytes=0)

    def after(self) -> None:
        self.good_connections("a")

    def truth(self) -> dict:
        each = self.options.failures
        return {"resets_made": 2 * each, "resets_received": 0, "resets_sent": 2 * each, "closed_unread": each, "closed_linger0": each,
                "unread_bytes": max((f["unread_bytes"] for f in self.tally.failures), default=0)}


SOCKET_INCIDENTS = (ClosedBeforeReuse, LocalReset)
