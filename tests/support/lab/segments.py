#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two ends that decide what goes into one segment: the client writes a request in pieces, the server answers all of it.

segments.py server ADDRESS PORT      prints {"event":"up"}; a request is its length (4 bytes) and so many bytes
segments.py client ADDRESS PORT [nagle]   without TCP_NODELAY where it says nagle; one line of JSON per command on standard
                                     input, {"op":NAME, ...}, and one line for each:

    connect  name                    waits for the connection
    write    name, pieces            a request in pieces of so many bytes, one write each; does not wait for the answer
    read     name                    the answer
    close    name
"""

import json
import socket
import struct
import sys
import threading
import time

TIMEOUT_S = 60.0
ANSWER_BYTES = 100


def say(**fields) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def receive(sock: socket.socket, size: int) -> bytes | None:
    """Exactly `size` bytes; None when the connection ended before them."""
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(65536, size - len(data)))
        if not part:
            return None
        data += part
    return bytes(data)


def serve(sock: socket.socket) -> None:
    with sock:
        try:
            while (head := receive(sock, 4)) is not None and receive(sock, struct.unpack("!I", head)[0]) is not None:
                sock.sendall(b"a" * ANSWER_BYTES)
        except OSError:
            pass  # The client has gone.


def server(address: str, port: int) -> None:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    say(event="up")
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def client(address: str, port: int, nagle: bool) -> None:
    sockets: dict[str, socket.socket] = {}

    def do(op: str, name: str, pieces: tuple[int, ...] = ()) -> dict:
        if op == "connect":
            sockets[name] = socket.create_connection((address, port), timeout=TIMEOUT_S)
            sockets[name].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not nagle)
            return {"local_port": sockets[name].getsockname()[1]}
        if op == "write":
            rest = struct.pack("!I", sum(pieces) - 4) + b"q" * (sum(pieces) - 4)
            for size in pieces:
                sockets[name].sendall(rest[:size])
                rest = rest[size:]
        elif op == "read" and receive(sockets[name], ANSWER_BYTES) is None:
            raise ConnectionError("the server closed the connection")
        elif op == "close":
            sockets.pop(name).close()
        return {}

    say(event="up")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            say(event="did", op=command["op"], **do(**command), at_s=time.monotonic())
        except OSError as error:
            say(event="error", op=command["op"], message=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server(sys.argv[2], int(sys.argv[3]))
    else:
        client(sys.argv[2], int(sys.argv[3]), "nagle" in sys.argv[4:])
