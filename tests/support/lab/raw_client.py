#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the lab that works on the sockets themselves, for the ways to end a connection that no HTTP library takes.

It takes one line of JSON per command on standard input, {"op":NAME, ...}, and prints exactly one line of JSON for each:
what it did and measured (CLOCK_MONOTONIC), or the exception. One thread; connections have names and stay open between commands.
"""

import array
import fcntl
import json
import os
import select
import socket
import struct
import sys
import termios
import threading
import time

DEADLINE_S = 20.0


class Client:
    """The open connections and the commands upon them."""

    def __init__(self):
        self.sockets: dict[str, socket.socket] = {}
        self.fin_seen_at: dict[str, float] = {}

    def open(self, name, address, port, **_):
        sock = socket.create_connection((address, port), timeout=DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets[name] = sock
        return {"local_port": sock.getsockname()[1]}

    def begin(self, name, address, port, **_):
        """A connect that does not wait; `finish` does."""
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.setblocking(False)
        sock.connect_ex((address, port))
        self.sockets[name] = sock
        return {"local_port": sock.getsockname()[1], "started_s": time.monotonic()}

    def finish(self, name, timeout_s, **_):
        sock = self.sockets[name]
        if not select.select([], [sock], [], timeout_s)[1]:
            raise TimeoutError(f"not connected after {timeout_s} s")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        sock.settimeout(DEADLINE_S)
        return {"ended_s": time.monotonic()}

    def _send(self, sock, path, call):
        body = b'{"order":"' + b"x" * 400 + b'"}'
        host = "[%s]" % sock.getpeername()[0] if ":" in sock.getpeername()[0] else sock.getpeername()[0]
        head = (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Lab-Call: {call}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        sock.sendall(head.encode() + body)

    def _receive(self, sock):
        """Reads one whole response. Raises ConnectionError where the connection ended before it."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = sock.recv(65536)
            if not chunk:
                raise ConnectionError("Remote end closed connection without response")
            data += chunk
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(rest) < length:
            chunk = sock.recv(65536)
            if not chunk:
                raise ConnectionError("Remote end closed connection within the response")
            rest += chunk

    def request(self, name, path="/ok", call="", **_):
        """One exchange. `failed` says how it ended if not well."""
        sock = self.sockets[name]
        port = sock.getsockname()[1]
        started = time.monotonic()
        try:
            self._send(sock, path, call)
            self._receive(sock)
        except OSError as error:
            ended = time.monotonic()
            sock.close()
            del self.sockets[name]
            result = {"failed": type(error).__name__, "message": error.strerror or str(error)}
            if name in self.fin_seen_at:
                result["fin_to_write_s"] = round(started - self.fin_seen_at[name], 6)
            return {"local_port": port, "started_s": started, "ended_s": ended, **result}
        return {"local_port": port, "started_s": started, "ended_s": time.monotonic()}

    def rush(self, names, address, port, reset_within_s, **_):
        """All of these connect at once, and each writes a request as soon as it is connected. `failed` where a reset came soon."""
        for name in names:
            self.begin(name, address, port)
        results = {}

        def one(name):
            sock = self.sockets[name]
            local_port, started = sock.getsockname()[1], time.monotonic()
            try:
                self.finish(name, DEADLINE_S)
                self._send(sock, "/ok", "")
                if select.select([sock], [], [], reset_within_s)[0] and not sock.recv(1, socket.MSG_PEEK):
                    raise ConnectionError("Remote end closed connection without response")
                results[name] = {"local_port": local_port, "started_s": started}
            except OSError as error:
                sock.close()
                del self.sockets[name]
                results[name] = {"local_port": local_port, "started_s": started, "ended_s": time.monotonic(),
                                 "failed": type(error).__name__, "message": error.strerror or str(error)}
        self._each(one, names)
        return {"results": results}

    @staticmethod
    def _each(work, names, stagger_s=0.0):
        """A thread for each of the names."""
        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
            time.sleep(stagger_s)
        for thread in threads:
            thread.join()

    def answer(self, name, **_):
        """The response to a request that was written."""
        self._receive(self.sockets[name])
        return {"ended_s": time.monotonic()}

    def race(self, names, idle_s, **_):
        """On each connection at once: an exchange, and one more `idle_s` after the first one's answer. How the second ones ended."""
        results = {}

        def one(name):
            first = self.request(name)
            if "failed" not in first:
                due = first["ended_s"] + idle_s
                time.sleep(max(0.0, due - time.monotonic() - 0.003))
                while time.monotonic() < due:
                    pass
                results[name] = self.request(name)

        self._each(one, names, 0.03)  # No two are due at the same moment.
        return {"results": results}

    def wait_fin(self, names, timeout_s, **_):
        """Until the peer has closed each of these connections: readable, and nothing there to read."""
        poll = select.poll()
        left = {self.sockets[name].fileno(): name for name in names}
        for number in left:
            poll.register(number, select.POLLRDHUP)
        deadline = time.monotonic() + timeout_s
        while left:
            for number, _ in poll.poll(max(1, int((deadline - time.monotonic()) * 1000))):
                self.fin_seen_at[left.pop(number)] = time.monotonic()
                poll.unregister(number)
            if left and time.monotonic() > deadline:
                raise TimeoutError(f"no FIN on {len(left)} of {len(names)} connections after {timeout_s} s")
        return {}

    def close_unread(self, name, path, call, at_least, **_):
        """Asks, waits until the response lies in the receive queue, reads not one byte of it, closes: the kernel sends a RST."""
        sock = self.sockets.pop(name)
        port = sock.getsockname()[1]
        self._send(sock, path, call)
        waiting = array.array("i", [0])
        deadline = time.monotonic() + DEADLINE_S
        while waiting[0] < at_least:
            fcntl.ioctl(sock, termios.FIONREAD, waiting)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting[0]} of {at_least} bytes arrived")
            if waiting[0] < at_least:
                time.sleep(0.002)
        ended = time.monotonic()
        sock.close()
        return {"local_port": port, "unread_bytes": waiting[0], "ended_s": ended}

    def close_linger0(self, name, **_):
        sock = self.sockets.pop(name)
        port = sock.getsockname()[1]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ended = time.monotonic()
        sock.close()
        return {"local_port": port, "ended_s": ended}

    def close(self, name, **_):
        self.sockets.pop(name).close()
        return {}


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main() -> int:
    client = Client()
    operations = {name: getattr(client, name) for name in ("open", "begin", "finish", "request", "rush", "answer", "race", "wait_fin",
                                                           "close_unread", "close_linger0", "close")}
    say(event="up")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            result = operations[command["op"]](**{key: value for key, value in command.items() if key != "op"})
            say(event="did", op=command["op"], **result)
        except (OSError, StopIteration, ValueError) as error:
            say(event="error", op=command["op"], message=f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
