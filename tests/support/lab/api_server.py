#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The API server of the lab: HTTP/1.1 by hand, so that it decides itself how a connection ends.

It runs in the server's namespace as a process of its own. What happens to a request is asked for in its path:

    /ok       answers after `think_ms`, with `bytes` bytes of body
    /reset    waits `after` seconds after the last byte of the request, then closes with SO_LINGER 0: a RST
    /close    waits as long, then closes without a byte of an answer: a FIN
    /late     answers `after` seconds after the request, when the client has long gone
    /large    as /ok, and says that it was asked
    /stall    sends the head and `bytes` bytes of an answer that has twice as many, and never says more
    /silent   accepts, reads (so everything is acknowledged) and never says a byte

The call's number comes in the header X-Lab-Call and goes into every line of JSON that the server prints about it:
those lines are the ground truth (times are CLOCK_MONOTONIC, measured here).
"""

import argparse
import json
import os
import select
import socket
import struct
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

LINGER_0 = struct.pack("ii", 1, 0)

_print_lock = threading.Lock()


def say(event: str, **more) -> None:
    line = json.dumps({"event": event, "at_s": round(time.monotonic(), 6), **more}) + "\n"
    with _print_lock:
        sys.stdout.write(line)
        sys.stdout.flush()


class Request:
    """One request, read to its last byte."""

    def __init__(self, path: str, headers: dict, size: int):
        split = urlsplit(path)
        query = parse_qs(split.query)
        self.action = split.path.strip("/")
        self.after = float(query.get("after", ["0"])[0])
        self.think = float(query.get("think_ms", ["5"])[0]) / 1000
        self.body_bytes = int(query.get("bytes", ["256"])[0])
        self.call = headers.get("x-lab-call", "")
        self.close = headers.get("connection", "").lower() == "close"
        self.size = size
        self.received_at = time.monotonic()


def read_request(conn: socket.socket, buffer: bytearray) -> Request | None:
    """The next whole request, or None when the client closed or reset the connection."""
    head_end = -1
    length = 0
    headers: dict = {}
    while True:
        if head_end < 0:
            head_end = buffer.find(b"\r\n\r\n")
            if head_end >= 0:
                lines = buffer[:head_end].decode("latin-1").split("\r\n")
                for line in lines[1:]:
                    name, _, value = line.partition(":")
                    headers[name.strip().lower()] = value.strip()
                length = int(headers.get("content-length", "0"))
                path = lines[0].split(" ")[1]
        if head_end >= 0 and len(buffer) >= head_end + 4 + length:
            size = head_end + 4 + length
            del buffer[:size]
            return Request(path, headers, size)
        try:
            chunk = conn.recv(65536)
        except OSError:
            return None
        if not chunk:
            return None
        buffer += chunk


def answer(conn: socket.socket, request: Request) -> bool:
    """Sends the response in one write. False when the client had gone."""
    body = (b'{"quote":"' + b"7" * max(0, request.body_bytes - 12) + b'"}')
    head = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: {'close' if request.close else 'keep-alive'}\r\n\r\n")
    try:
        conn.sendall(head.encode() + body)
        return True
    except OSError:
        return False


def sleep_until(deadline: float) -> None:
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(left)


def time_of_fin(conn: socket.socket, deadline: float) -> float | None:
    """When the client closed its end, None when it did not do so before the deadline."""
    poll = select.poll()
    poll.register(conn, select.POLLRDHUP)
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(left * 1000):
            return time.monotonic()
    return None


def serve(conn: socket.socket, peer_port: int, endpoint: str) -> None:
    """One connection, from accept to close."""
    buffer = bytearray()
    try:
        while (request := read_request(conn, buffer)) is not None:
            about = {"call": request.call, "peer_port": peer_port, "endpoint": endpoint}
            if request.action != "ok":
                say("received", action=request.action, request_bytes=request.size, **about)
            if request.action == "reset":
                sleep_until(request.received_at + request.after)
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
                waited = time.monotonic() - request.received_at
                conn.close()
                say("reset", waited_s=round(waited, 6), request_bytes=request.size, **about)
                return
            if request.action == "close":
                sleep_until(request.received_at + request.after)
                say("closed", waited_s=round(time.monotonic() - request.received_at, 6), **about)
                return
            if request.action == "late":
                gone_at = time_of_fin(conn, request.received_at + request.after)
                sleep_until(request.received_at + request.after)
                sent = answer(conn, request)
                say("late_answer", sent=sent, waited_s=round(time.monotonic() - request.received_at, 6),
                    client_gone_after_s=gone_at and round(gone_at - request.received_at, 6), **about)
                return
            if request.action == "stall":
                head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {2 * request.body_bytes}\r\n\r\n"
                conn.sendall(head.encode() + b"7" * request.body_bytes)
            if request.action in ("silent", "stall"):
                while True:
                    try:
                        if not conn.recv(4096):
                            break
                    except OSError:
                        break
                say("client_gone", waited_s=round(time.monotonic() - request.received_at, 6), **about)
                return
            time.sleep(request.think)
            if not answer(conn, request) or request.close:
                return
    finally:
        conn.close()


def accept_loop(listener: socket.socket, endpoint: str) -> None:
    while True:
        conn, peer = listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        say("accepted", endpoint=endpoint, peer_port=peer[1])
        threading.Thread(target=serve, args=(conn, peer[1], endpoint), daemon=True).start()


def main() -> int:
    parser = argparse.ArgumentParser(description="HTTP server of the lab")
    parser.add_argument("--address", required=True)
    parser.add_argument("--backlog", type=int, default=512, help="of the listening sockets")
    parser.add_argument("endpoints", nargs="+", help="NAME=PORT")
    args = parser.parse_args()

    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    for item in args.endpoints:
        name, _, port = item.partition("=")
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((args.address, int(port)))
        listener.listen(args.backlog)
        threading.Thread(target=accept_loop, args=(listener, name), daemon=True).start()
    say("listening", pid=os.getpid())
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
