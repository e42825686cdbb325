# SPDX-License-Identifier: Apache-2.0
"""Witnesses: what others than tcpdiag say about the same traffic. Packets by dumpcap and tshark, sockets by ss, queues by tc.

The kernel's counters come from nstat (Host.counters). Nothing here knows of tcpdiag.
"""

import array
import fcntl
import os
import re
import signal
import socket
import subprocess
import termios
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from live import Lines
from socket_case import Host, family_of, inside

CAPTURE_S = 30.0
DISCARD_PORT = 9  # markers go there; nobody listens

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_FIELDS = ("frame.time_epoch", "ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags",
           "tcp.window_size_value", "tcp.analysis.retransmission", "tcp.analysis.out_of_order", "tcp.options.sack.dsack_le")


@dataclass(slots=True)
class Frame:
    """One TCP segment as it passed the device."""

    at_us: float  # wall clock
    source: str
    source_port: int
    target_port: int
    seq: int
    ack: int
    length: int
    flags: int
    window: int  # as in the header, not scaled
    again: bool  # tshark: a retransmission (on the sender's own device its "out of order" is one too: nothing overtakes there)
    dsack: bool

    @property
    def end(self) -> int:
        """The sequence number after all that it occupies."""
        return (self.seq + self.length + bool(self.flags & SYN) + bool(self.flags & FIN)) % 2**32

    def has(self, flags: int) -> bool:
        return self.flags & flags == flags


def before(a: int, b: int) -> bool:
    """Sequence number a lies before b (RFC 9293, modulo 2^32)."""
    return 0 < (b - a) % 2**32 < 2**31


def offloads_off(*hosts: Host) -> None:
    """Frames on the wire are segments: no device makes or takes larger ones."""
    for host in hosts:
        host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off")


class Capture:
    """dumpcap on one host's device. A context manager: inside it, every packet is captured; after it, `frames` can be asked.

    Start and end are known from a packet of its own that is waited for in the file, so none before the end is missing.
    """

    def __init__(self, host: Host, peer_address: str, path: str, what: str = "tcp"):
        self._host, self._peer, self._path, self._what = host, peer_address, path, what
        self._frames: list[Frame] | None = None
        self._looked_to = 0

    def __enter__(self) -> "Capture":
        command = ["dumpcap", "-q", "-n", "-i", "eth0", "-s", "160", "-B", "64", "-w", self._path,
                   "-f", f"{self._what} or udp port {DISCARD_PORT}"]
        self._process = subprocess.Popen(self._host.network.inside(self._host.namespace, *command), stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._said = Lines(os.dup(self._process.stderr.fileno()))
        self._process.stderr.close()
        try:
            self._said.wait_for("dumpcap's line 'File: ...'", lambda line: line.startswith("File: "), CAPTURE_S)
            self._mark()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, failed, *_) -> None:
        try:
            if failed is None:
                self.end()
        finally:
            self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _mark(self) -> None:
        """Sends packets with a mark until one of them is in the file. dumpcap writes out only as packets come."""
        token = uuid.uuid4().bytes
        deadline = time.monotonic() + CAPTURE_S
        with inside(self._host.path):
            marker = socket.socket(family_of(self._peer), socket.SOCK_DGRAM)
        with marker:
            while True:
                marker.sendto(token, (self._peer, DISCARD_PORT))
                with open(self._path, "rb") as file:
                    file.seek(max(0, self._looked_to - len(token)))
                    data = file.read()
                    self._looked_to = file.tell()
                if token in data:
                    return
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"no mark in dumpcap's file; it said {self._said.all()}")
                time.sleep(0.03)

    def end(self) -> None:
        """Ends the capture with the newest packet in it. Fails when one was dropped."""
        if self._process.poll() is not None:
            return
        self._mark()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(CAPTURE_S)
        said = "\n".join(self._said.wait_end(CAPTURE_S))
        counted = re.search(r"Packets received/dropped on interface 'eth0': (\d+)/(\d+)", said)
        if not counted or counted[2] != "0":
            raise AssertionError(f"dumpcap does not say that it dropped nothing: {said}")

    @property
    def frames(self) -> list[Frame]:
        """All TCP segments in the order of the file, as tshark tells them."""
        if self._frames is None:
            self._frames = [_frame(words) for words in fields(self._path, "tcp", _FIELDS)]
        return self._frames

    def without(self, display_filter: str) -> list[Frame]:
        """The segments that are left without these, as tshark tells them where they never were."""
        path = f"{self._path}.part"
        _tshark("-r", self._path, "-n", "-Y", f"tcp and not ({display_filter})", "-w", path)
        return [_frame(words) for words in fields(path, "tcp", _FIELDS)]

    def look_ups(self) -> list[float]:
        """DNS over UDP: from each query to its answer, in microseconds."""
        return [float(words[0]) * 1e6 for words in fields(self._path, "dns.time", ("dns.time",))]


def _tshark(*options: str) -> str:
    result = subprocess.run(["tshark", *options], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise AssertionError(f"tshark: {result.stderr}")
    return result.stdout


def fields(path: str, display_filter: str, names: Iterable[str]) -> list[list[str]]:
    """Of each packet that the filter lets through, these fields."""
    printed = _tshark("-r", path, "-n", "-Y", display_filter, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields",
                      "-E", "occurrence=f", *(word for name in names for word in ("-e", name)))
    return [line.split("\t") for line in printed.splitlines()]


def _frame(words: list[str]) -> Frame:
    seconds, _, fraction = words[0].partition(".")
    at_us = int(seconds) * 1_000_000 + int(fraction[:9].ljust(9, "0")) / 1000
    source_port, target_port, seq, ack, length = (int(word or 0) for word in words[3:8])
    return Frame(at_us, words[1] or words[2], source_port, target_port, seq, ack, length, int(words[8], 16), int(words[9]),
                 bool(words[10] or words[11]), bool(words[12]))


def sent_by(frames: Iterable[Frame], address: str) -> list[Frame]:
    return [frame for frame in frames if frame.source == address]


def by_connection(frames: Iterable[Frame], client_port: int) -> list[Frame]:
    """Both directions of the connection that has this port on either end."""
    return [frame for frame in frames if client_port in (frame.source_port, frame.target_port)]


@dataclass
class Repeat:
    """A frame that was sent again, and when its first byte had left for the first time."""

    frame: Frame
    first_at_us: float

    @property
    def delay_us(self) -> float:
        return self.frame.at_us - self.first_at_us


@dataclass
class _Flow:
    sent: list[Frame] = field(default_factory=list)
    high: int | None = None


def repeats(frames: Iterable[Frame]) -> list[Repeat]:
    """Retransmitted frames among those that one host sent, in order, by their sequence numbers alone."""
    flows: dict[tuple[int, int], _Flow] = {}
    found = []
    for frame in frames:
        if frame.end == frame.seq:  # occupies nothing: an ACK, a RST, a window probe
            continue
        flow = flows.setdefault((frame.source_port, frame.target_port), _Flow())
        if flow.high is not None and before(frame.seq, flow.high):
            first = next(old for old in flow.sent if not before(frame.seq, old.seq) and before(frame.seq, old.end))
            found.append(Repeat(frame, first.at_us))
        if flow.high is None or before(flow.high, frame.end):
            flow.high = frame.end
        flow.sent.append(frame)
    return found


def recoveries(frames: Iterable[Frame], sender: str) -> dict[int, list[float]]:
    """By the sender's port: first retransmission of data or a FIN -> the ACK of all that was sent again until it came, in us.

    For captures on the sender's own device, where every ACK that is seen also reaches the sender's TCP.
    """
    frames = list(frames)
    again = {id(found.frame) for found in repeats([frame for frame in frames if frame.source == sender])}
    open_since: dict[tuple[int, int], tuple[float, int]] = {}
    found: dict[int, list[float]] = {}
    for frame in frames:
        if frame.source == sender:
            ports = (frame.source_port, frame.target_port)
            if id(frame) in again and not frame.has(SYN):
                since, high = open_since.get(ports, (frame.at_us, frame.end))
                open_since[ports] = (since, frame.end if before(high, frame.end) else high)
            continue
        ports = (frame.target_port, frame.source_port)
        if ports in open_since and frame.has(ACK) and not before(frame.ack, open_since[ports][1]):
            found.setdefault(ports[0], []).append(frame.at_us - open_since.pop(ports)[0])
    return found


def socket_infos(host: Host) -> dict[tuple[int, int], dict[str, str]]:
    """Established sockets by (local port, remote port), as `ss -ti` tells them: "bytes_acked:123" is key and text."""
    infos = {}
    for line in host.run("ss", "-tinOH", "state", "established").splitlines():
        words = line.split()
        ports = [int(word.rpartition(":")[2]) for word in words[2:4]]
        infos[ports[0], ports[1]] = dict(word.split(":", 1) for word in words[4:] if ":" in word)
    return infos


def unacknowledged(host: Host) -> list[str]:
    """Established sockets that wait for an ACK, as ss shows them."""
    lines = host.run("ss", "-Htn", "state", "established").splitlines()
    return [line for line in lines if line.split()[1] != "0"]


def unread(sock: socket.socket) -> int:
    """Bytes that have arrived and wait to be read."""
    waiting = array.array("i", [0])
    fcntl.ioctl(sock, termios.FIONREAD, waiting)
    return waiting[0]
