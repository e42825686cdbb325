#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a slow Redis: it speaks the protocol, does one command after the other as Redis does, and every command
takes the same time. The real one cannot be made slow without making it busy as well: several of these share one processor.

slow_redis.py ADDRESS PORT MILLISECONDS VALUE_BYTES

It prints a line of JSON when it listens, and its counts for every line on standard input.
"""

import json
import selectors
import socket
import sys
import time

import resp


def say(**fields) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class SlowRedis:
    """The connections, and what was done for them."""

    def __init__(self, address: str, port: int, seconds: float, value_bytes: int):
        self.seconds = seconds
        self.value = b"$%d\r\n%b\r\n" % (value_bytes, b"v" * value_bytes)
        self.calls = self.bytes_in = self.bytes_out = 0
        self.connections = 0
        self.busy_s: list[float] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family, backlog=511)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        self.unread: dict[socket.socket, bytes] = {}

    def answer(self, sock: socket.socket, command: list[bytes]) -> None:
        if command[0].upper() != b"GET":  # redis-benchmark asks for the configuration first.
            self.send(sock, b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n")
            return
        started = time.monotonic()
        time.sleep(self.seconds)
        self.busy_s.append(time.monotonic() - started)
        self.calls += 1
        self.send(sock, self.value)

    def send(self, sock: socket.socket, data: bytes) -> None:
        sock.sendall(data)
        self.bytes_out += len(data)

    def serve(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
            if not data:
                raise ConnectionError
            self.bytes_in += len(data)
            self.unread[sock] += data
            while (found := resp.decode(self.unread[sock])) is not None:
                command, end = found
                self.unread[sock] = self.unread[sock][end:]
                self.answer(sock, command)
        except ConnectionError:
            self.selector.unregister(sock)
            del self.unread[sock]
            sock.close()

    def run(self) -> None:
        say(event="up")
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    if not sys.stdin.readline():
                        return
                    busy = sorted(self.busy_s) or [0.0]
                    say(event="stats", calls=self.calls, connections=self.connections, bytes_in=self.bytes_in,
                        bytes_out=self.bytes_out, busy_p50_s=round(busy[len(busy) // 2], 6), busy_max_s=round(busy[-1], 6))
                elif key.fileobj is self.listener:
                    sock, _ = self.listener.accept()
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.connections += 1
                    self.unread[sock] = b""
                    self.selector.register(sock, selectors.EVENT_READ)
                else:
                    self.serve(key.fileobj)


if __name__ == "__main__":
    SlowRedis(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000, int(sys.argv[4])).run()
