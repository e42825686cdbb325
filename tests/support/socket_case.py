# SPDX-License-Identifier: Apache-2.0
"""Test cases that make the traffic themselves: sockets of the test's own process in the namespaces of a lab network.

A socket stays in the namespace that it was made in, so a test steers both ends, one step after the other, and knows
exactly what there was to be counted.
"""

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator

from lab.network import Network, counters, run
from live import LiveCase, Tracer, wait_until

# A deadline for everything that a socket waits for here.
SOCKET_S = 30.0
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(path: str) -> Iterator[None]:
    """The calling thread is in this network namespace meanwhile."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Host:
    """One end of a network: a namespace and its address."""

    def __init__(self, network: Network, namespace: str, address: str):
        self.network, self.namespace, self.address = network, namespace, address
        self.path = network.path(namespace)
        self.inode = os.stat(self.path).st_ino

    def tcp(self, family: int = socket.AF_INET, protocol: int = 0) -> socket.socket:
        with inside(self.path):
            made = socket.socket(family, socket.SOCK_STREAM, protocol)
        made.settimeout(SOCKET_S)
        return made

    def udp(self) -> socket.socket:
        with inside(self.path):
            made = socket.socket(family_of(self.address), socket.SOCK_DGRAM)
        made.settimeout(SOCKET_S)
        return made

    def bound(self, port: int, address: str = "", family: int | None = None, protocol: int = 0) -> socket.socket:
        """A socket with SO_REUSEADDR, bound to this port."""
        made = self.tcp(family or family_of(address or self.address), protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        return made

    def listen(self, port: int, address: str | None = None, backlog: int = 512, protocol: int = 0) -> socket.socket:
        made = self.bound(port, self.address if address is None else address, protocol=protocol)
        made.listen(backlog)
        return made

    def connect(self, address: str, port: int, local_port: int = 0, protocol: int = 0) -> socket.socket:
        made = self.bound(local_port, protocol=protocol, family=family_of(address)) if local_port else \
            self.tcp(family_of(address), protocol)
        made.connect((address, port))
        return made

    def send_segment(self, address: str, local_port: int, remote_port: int, flags: int = 0x10) -> None:
        """A TCP segment of no connection, an ACK by default."""
        family = family_of(address)
        header = struct.pack("!HHIIBBHHH", local_port, remote_port, 1000, 2000, 5 << 4, flags, 512, 0, 0)
        pseudo = b"".join(socket.inet_pton(family, one) for one in (self.address, address))
        pseudo += struct.pack("!II", len(header), socket.IPPROTO_TCP)
        words = sum(struct.unpack(f"!{(len(pseudo) + len(header)) // 2}H", pseudo + header))
        while words >> 16:
            words = (words & 0xffff) + (words >> 16)
        with inside(self.path), socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.bind((self.address, 0))
            raw.sendto(header[:16] + struct.pack("!H", ~words & 0xffff) + header[18:], (address, 0))

    def run(self, *command: str, stdin: str | None = None) -> str:
        return run(*self.network.inside(self.namespace, *command), stdin=stdin)

    def sysctl(self, **values: object) -> None:
        """Names with __ for each dot: net__ipv4__tcp_fastopen=3."""
        for name, value in values.items():
            self.run("sysctl", "-q", "-w", f"{name.replace('__', '.')}={value}")

    def counters(self) -> dict[str, int]:
        return counters(self.namespace)

    def live_sockets(self) -> list[str]:
        """Its TCP sockets that neither listen nor are in TIME_WAIT."""
        lines = self.run("ss", "-Htan", "state", "connected").splitlines()
        return [line for line in lines if not line.startswith("TIME-WAIT")]


def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError(f"the connection ended after {len(data)} of {size} bytes")
        data += part
    return data


def accept(listener: socket.socket) -> socket.socket:
    made, _ = listener.accept()
    made.settimeout(SOCKET_S)
    return made


def exchange(client: socket.socket, server: socket.socket, request: int = 100, answer: int = 1000) -> None:
    """One request and its answer, of so many bytes."""
    client.sendall(b"q" * request)
    receive(server, request)
    server.sendall(b"a" * answer)
    receive(client, answer)


class Traced:
    """What a tracer said, once it has ended."""

    def __init__(self, output: str):
        self.output = output
        self.report: dict = {}
        self.tracer: Tracer


class SocketCase(LiveCase):
    """A network of two hosts, tracers, and what their reports are asked."""

    def setUp(self):
        super().setUp()
        self._traces = 0

    def hosts(self, family: int = 4, pair: int = 0) -> tuple[Host, Host]:
        """The client's end and the server's."""
        network = Network(family, pair)
        network.up()
        self.addCleanup(network.down)
        return (Host(network, network.client, network.client_address), Host(network, network.server, network.server_address))

    def keep(self, sock: socket.socket) -> socket.socket:
        """Closed with the test at the latest."""
        self.addCleanup(sock.close)
        return sock

    @contextlib.contextmanager
    def traced(self, *hosts: Host, options: tuple[str, ...] = (), lossless: bool = True) -> Iterator[Traced]:
        """Traces these hosts' namespaces in one trace; the report is there when the block has ended."""
        self._traces += 1
        traced = Traced(self.file(f"report-{self._traces}.json"))
        where = [word for host in hosts for word in ("--netns", host.path)]
        with Tracer(*where, *options, "--format", "json", "-o", traced.output) as tracer:
            traced.tracer = tracer
            tracer.wait_attached()
            yield traced
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
        traced.report = self.read_report(traced.output)
        if lossless:
            self.check_nothing_lost(traced.report)

    def settle(self, *hosts: Host) -> None:
        """Until every connection of these hosts has ended, or is in TIME_WAIT."""
        def ended() -> bool:
            return not any(host.live_sockets() for host in hosts)
        wait_until("the connections to end", ended, SOCKET_S)

    # What a report says.
    def endpoint_at(self, report: dict, role: str, address: str, port: int, host: Host | None = None) -> dict:
        found = [e for e in report["endpoints"] if (e["role"], e["address"], e["port"]) == (role, address, port)
                 and (host is None or e["netns"]["inode"] == host.inode)]
        seen = [(e["role"], e["address"], e["port"], e["netns"]["inode"]) for e in report["endpoints"]]
        self.assertEqual(len(found), 1, f"endpoint {role} {address}:{port} once among {seen}")
        return found[0]

    def sockets_of(self, report: dict, endpoint: dict) -> list[dict]:
        return [sock for sock in report["sockets"] if sock["endpoint"] == endpoint["id"]]

    def check_counts(self, endpoint: dict, **wanted: object) -> None:
        """Keys of the endpoint; those of its connect outcomes, of which the ones not named must be 0, where one is named."""
        where = f"{endpoint['role']} {endpoint['address']}:{endpoint['port']}"
        outcomes = {key: value for key, value in wanted.items() if key in endpoint["connect_outcomes"]}
        if outcomes:
            self.assertEqual({key: count for key, count in endpoint["connect_outcomes"].items() if count},
                             {key: count for key, count in outcomes.items() if count}, where)
        rest = {key: value for key, value in wanted.items() if key not in outcomes}
        self.assertEqual({key: endpoint[key] for key in rest}, rest, where)

    def check_quiet(self, report: dict) -> None:
        told = [(f["code"], f["severity"], f["title"], f["evidence"]) for f in report["findings"] if f["severity"] != "notice"]
        self.assertEqual(told, [], "nothing is wrong")

    def check_pids(self, endpoint: dict, *pids: int) -> None:
        seen = sorted(pid for process in endpoint["processes"] for pid in process["pids"])
        self.assertEqual(seen, sorted(pids), f"owners of {endpoint['role']} {endpoint['address']}:{endpoint['port']}")


def kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
