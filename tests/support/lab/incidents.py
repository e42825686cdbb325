# SPDX-License-Identifier: Apache-2.0
"""What all incidents share: their course, the counts, the ground truth.

The course is the same for each, so that a test or the demo can steer any of them:

    servers and client up -> fact `ready` -> [gate] -> before() -> fact `waiting` -> [gate2] -> decisive() -> after() -> fact `done`

`waiting` means that connections are established, good calls were made on them and nothing is outstanding: who starts a
tracer there meets sockets that are older than the trace.
"""

import os
import shutil
from dataclasses import dataclass, field

from .children import Child, Children
from .facts import Facts
from .network import LabError, Network

SUPPORT = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
API_PORT, OTHER_PORT = 8080, 8081


@dataclass
class Options:
    seconds: float
    failures: int
    family: int = 4
    gate: bool = False
    gate2: bool = False
    hold: bool = False
    client_name: str | None = None
    milliseconds: float = 0
    clients: int = 0
    requests: int = 0
    timestamps: bool = True
    rtt_ms: float = 0


@dataclass
class Count:
    """What happened on one endpoint."""

    ok: int = 0
    failed: int = 0
    connects: int = 0
    connects_failed: int = 0


@dataclass
class Tally:
    """All that was counted, whole and from the second gate on."""

    counts: dict[str, Count] = field(default_factory=dict)
    counts_after_gate2: dict[str, Count] = field(default_factory=dict)
    failures: list[dict] = field(default_factory=list)
    held: bool = False

    def add(self, endpoint: str, **what: int) -> None:
        for table in (self.counts, self.counts_after_gate2) if self.held else (self.counts,):
            count = table.setdefault(endpoint, Count())
            for name, number in what.items():
                setattr(count, name, getattr(count, name) + number)

    def ok(self) -> int:
        return sum(count.ok for count in self.counts.values())


class Incident:
    """One incident. Subclasses say what runs in which namespace and what happens."""

    name = ""
    summary = ""
    seconds_mean = ""
    default_seconds = 3.0
    default_failures = 3
    # 0: the option has no meaning there.
    default_milliseconds = 0.0
    default_clients = 0
    default_requests = 0
    milliseconds_mean = ""
    needs: tuple[str, ...] = ()
    needs_path = False  # What goes wrong is between the hosts, even without a round trip.
    default_rtt_ms = least_rtt_ms = 0.0
    box_options: tuple[str, ...] = ()  # of the delay box, beside the round trip

    def __init__(self, options: Options, network: Network, children: Children, facts: Facts):
        self.options, self.network, self.children, self.facts = options, network, children, facts
        self.tally = Tally()
        self.client: Child
        self.server: Child
        self.becomes = ""  # The name (comm) that the client will have once it runs, where it has another one until then.
        self.client_comm = ""
        self.server_comm = ""

    # What a subclass fills in.
    def endpoints(self) -> dict[str, int]:
        """Name -> port of every endpoint that the client talks to."""
        return {"api": API_PORT}

    def start_server(self) -> Child:
        raise NotImplementedError

    def start_client(self) -> Child:
        raise NotImplementedError

    def before(self) -> None:
        """Good calls."""

    def keep_warm(self) -> None:
        """Done now and then while the second gate is closed, where connections would time out otherwise."""

    def decisive(self) -> None:
        """The failures."""

    def after(self) -> None:
        """Good calls again."""

    def check(self) -> None:
        """Raises LabError unless what happened is what the incident promises."""

    def truth(self) -> dict:
        """Further keys for the fact `done`."""
        return {}

    def story(self) -> str:
        """One line of words about what really happened."""
        return f"{len(self.tally.failures)} of {self.tally.ok() + len(self.tally.failures)} calls failed, as intended"

    # The course.
    def play(self) -> None:
        self.server = self.start_server()
        self.client = self.start_client()
        self.children.wait_for("the client to start", lambda: any(e["event"] == "up" for e in self.client.events), 30)
        self.client_comm = (self.options.client_name or self.becomes) if self.becomes else comm_of(self.client.pid)
        self.server_comm = comm_of(self.server.pid)
        self._ready()
        if self.options.gate:
            self.facts.say("Press Enter to start the traffic.")
            self.facts.gate("gate")
        self.before()
        self.facts.state("requests", ok=self.tally.ok(), failed=len(self.tally.failures))
        self.facts.state("waiting", held=self.options.gate2, ok=self.tally.ok())
        if self.options.gate2:
            self.facts.say("Connections are established. Press Enter for the incident itself.")
            self.facts.gate("second gate", self.keep_warm, min(0.5, self.options.seconds / 4))
        self.tally.held = True
        self.decisive()
        self.facts.state("requests", ok=self.tally.ok(), failed=len(self.tally.failures))
        self.after()
        self.facts.state("requests", ok=self.tally.ok(), failed=len(self.tally.failures))
        self.check()
        self.path = self.network.path_counts()
        self._check_path()
        self._done()
        if self.options.hold:
            self.facts.say("Everything stays up until you press Enter.")
            self.facts.hold()

    def _check_path(self) -> None:
        """Nothing was lost between the hosts but what the incident wanted to be lost."""
        lost = {f"{name} {way}": count for way, counts in self.path.items() for name, count in counts.items()
                if name.startswith("dropped") and count}
        self.require(not lost, f"the delay box dropped frames: {lost}")

    def _ready(self) -> None:
        net = self.network
        self.facts.state(
            "ready", incident=self.name, seconds=self.options.seconds, failures=self.options.failures, family=self.options.family,
            rtt_ms=self.options.rtt_ms,
            client_netns=net.client, client_netns_path=net.path(net.client),
            server_netns=net.server, server_netns_path=net.path(net.server),
            client_address=net.client_address,
            endpoints={name: {"address": net.server_address, "port": port} for name, port in self.endpoints().items()},
            client={"pid": self.client.pid, "comm": self.client_comm}, server={"pid": self.server.pid, "comm": self.server_comm})
        self.facts.say(f"{self.name}: {self.summary}\n"
                       f"To watch it: sudo tcpdiag trace --netns {net.path(net.client)}")

    def _done(self) -> None:
        def table(counts: dict[str, Count]) -> dict:
            return {name: vars(counts.get(name, Count())) for name in self.endpoints()}

        tally = self.tally
        self.facts.state(
            "done", incident=self.name, as_intended=True, ok=tally.ok(), failed=len(tally.failures),
            counts=table(tally.counts), counts_after_gate2=table(tally.counts_after_gate2),
            client={"pid": self.client.pid, "comm": self.client_comm}, server={"pid": self.server.pid, "comm": self.server_comm},
            failures=tally.failures, story=self.story(), path=self.path, **self.truth())
        self.facts.say(self.story())
        for failure in tally.failures:
            port = failure["local_port"] or "-"
            name = "".join(c if c.isprintable() else "?" for c in self.client_comm)
            self.facts.say(f"  local port {port:>5}  {name} {self.client.pid}  after {failure['after_s']:.3f} s"
                           f"  {failure['error_class']}: {failure['error_message']}")

    # For subclasses.
    def require(self, condition: bool, text: str) -> None:
        if not condition:
            raise LabError(f"the incident did not happen as intended: {text}")

    def in_client(self, name: str, program: str, *arguments: str) -> Child:
        """Starts the client; under another process name (comm) if the options ask for one."""
        return self.children.start(name, self.network.inside(self.network.client, self.aliased(program), *arguments),
                                   f"{self.network.directory}/client.log")

    def in_client_later(self, name: str, program: str, *arguments: str) -> Child:
        """The same for a program that starts its traffic at once: it waits for a line first, and keeps its process id."""
        self.becomes = os.path.basename(program)
        program = shutil.which(program) or program
        waiting = """echo '{"event":"up"}'; read -r line; exec "$@" """
        return self.children.start(name, self.network.inside(
            self.network.client, "/bin/sh", "-c", waiting, "sh", self.aliased(program), *arguments), f"{self.network.directory}/client.log")

    def aliased(self, program: str) -> str:
        if not self.options.client_name:
            return program
        alias = f"{self.network.directory}/{self.options.client_name}"
        os.symlink(os.path.realpath(program), alias)
        return alias

    def in_server(self, name: str, *command: str) -> Child:
        return self.children.start(name, self.network.inside(self.network.server, *command),
                                   f"{self.network.directory}/server.log")


def comm_of(pid: int) -> str:
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="surrogateescape") as comm:
        return comm.read()[:-1]


def missing_tools(names: tuple[str, ...]) -> list[str]:
    """Those of the named programs that this machine does not have."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in names if not shutil.which(name, path=path)]
