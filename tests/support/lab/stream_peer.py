#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a stream of bytes: the source writes at an even pace, the sink reads, except while it is told not to.

stream_peer.py sink ADDRESS PORT RECEIVE_BUFFER_BYTES      lines {"op":"pause"} and {"op":"resume"} on standard input
stream_peer.py source ADDRESS PORT INTERVAL_MS BLOCKED_MS  lines {"op":"open"}, {"op":"start"} and {"op":"stop"}

One line of JSON for each. A write that could not be finished for a while is noted: the kernel took no more.
"""

import json
import selectors
import socket
import sys
import threading
import time

CHUNK = b"s" * 65536


def say(**fields) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def sink(address: str, port: str, receive_buffer: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(receive_buffer))
    listener.bind((address, int(port)))
    listener.listen()
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    streams: set[socket.socket] = set()
    received = 0
    say(event="up")
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                stream, _ = listener.accept()
                streams.add(stream)
                selector.register(stream, selectors.EVENT_READ)
            elif key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                op = json.loads(line)["op"]
                for stream in streams:
                    if op == "pause":
                        selector.unregister(stream)
                    else:
                        selector.register(stream, selectors.EVENT_READ)
                say(event="did", op=op, at_s=time.monotonic(), received=received)
            else:
                data = key.fileobj.recv(1 << 20)
                received += len(data)
                if not data:
                    selector.unregister(key.fileobj)
                    streams.discard(key.fileobj)
                    key.fileobj.close()


class Source:
    """A thread that writes."""

    def __init__(self, address: str, port: str, interval_s: float, blocked_s: float):
        self.peer = (address, int(port))
        self.interval_s, self.blocked_s = interval_s, blocked_s
        self.stopping = threading.Event()
        self.sent = 0
        self.blocked: list[list[float]] = []

    def open(self) -> dict:
        self.stream = socket.socket(socket.AF_INET6 if ":" in self.peer[0] else socket.AF_INET, socket.SOCK_STREAM)
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 131072)
        self.stream.connect(self.peer)
        return {"local_port": self.stream.getsockname()[1]}

    def start(self) -> dict:
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()
        return {}

    def _write(self) -> None:
        due = time.monotonic()
        while not self.stopping.wait(max(0.0, due - time.monotonic())):
            started = time.monotonic()
            self.stream.sendall(CHUNK)
            ended = time.monotonic()
            self.sent += len(CHUNK)
            if ended - started >= self.blocked_s:
                self.blocked.append([started, ended])
            due = max(due + self.interval_s, ended)

    def stop(self) -> dict:
        self.stopping.set()
        self.thread.join(30)
        return {"sent": self.sent, "blocked": self.blocked}


def source(address: str, port: str, interval_ms: str, blocked_ms: str) -> None:
    client = Source(address, port, float(interval_ms) / 1000, float(blocked_ms) / 1000)
    operations = {"open": client.open, "start": client.start, "stop": client.stop}
    say(event="up")
    for line in sys.stdin:
        op = json.loads(line)["op"]
        try:
            say(event="did", op=op, **operations[op]())
        except OSError as error:
            say(event="error", op=op, message=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    {"sink": sink, "source": source}[sys.argv[1]](*sys.argv[2:])
