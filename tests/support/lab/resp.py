# SPDX-License-Identifier: Apache-2.0
"""Redis's protocol (RESP2), as much of it as the lab speaks."""

import socket


class RespError(Exception):
    """Redis said that a command was wrong, or went away."""


def encode(*words: bytes | str | int) -> bytes:
    """A command."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def decode(data: bytes, start: int = 0):
    """The value that begins at `start` and where it ends, or None as long as it is not complete."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, rest, at = data[start:start + 1], data[start + 1:line_end], line_end + 2
    if kind in b"+-":
        return (RespError(rest.decode()) if kind == b"-" else rest.decode()), at
    number = int(rest)
    if kind == b":":
        return number, at
    if number < 0:
        return None, at
    if kind == b"$":
        return (data[at:at + number], at + number + 2) if len(data) >= at + number + 2 else None
    values = []
    for _ in range(number):
        found = decode(data, at)
        if found is None:
            return None
        values.append(found[0])
        at = found[1]
    return values, at


class Connection:
    """A client's connection to Redis."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self._data = b""

    def call(self, *words: bytes | str | int):
        self.sock.sendall(encode(*words))
        while (found := decode(self._data)) is None:
            data = self.sock.recv(262144)
            if not data:
                raise RespError("Redis closed the connection")
            self._data += data
        value, end = found
        self._data = self._data[end:]
        if isinstance(value, RespError):
            raise value
        return value

    def info(self, section: str) -> dict[str, str]:
        lines = self.call("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def close(self) -> None:
        self.sock.close()
