#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of Redis for what redis-benchmark cannot do: bursts in quiet traffic, and workers that wait for jobs.

redis_client.py ADDRESS PORT

It takes one line of JSON per command on standard input, {"op":NAME, ...}, and prints one line of JSON for each when it is done.
"""

import json
import socket
import sys
import threading
import time

import resp

DEADLINE_S = 60.0


class Client:
    """Connections, and one thread for each that is in use."""

    def __init__(self, address: str, port: int):
        self.peer = (address, port)
        self.connections: list[resp.Connection] = []
        self.threads: list[threading.Thread] = []
        self.lock = threading.Lock()
        self.done = 0
        self.left = 0
        self.stopping = threading.Event()

    def connect(self) -> resp.Connection:
        sock = socket.create_connection(self.peer, timeout=DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return resp.Connection(sock)

    def open(self, connections: int, **_) -> dict:
        self.connections = [self.connect() for _ in range(connections)]
        return {"local_ports": [connection.sock.getsockname()[1] for connection in self.connections]}

    def _get(self, connection: resp.Connection, number: int) -> None:
        connection.call("GET", f"key:{number % 10:012d}")
        with self.lock:
            self.done += 1

    def _start(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _join(self) -> None:
        for thread in self.threads:
            thread.join(DEADLINE_S)
        self.threads.clear()

    def steady(self, interval_s: float, **_) -> dict:
        """From now on, until `stop`: a request every `interval_s` on a connection of its own."""
        def work(connection: resp.Connection) -> None:
            number, due = 0, time.monotonic()
            while not self.stopping.wait(max(0.0, due - time.monotonic())):
                self._get(connection, number)
                number, due = number + 1, due + interval_s
        self._start(work, self.connect())
        return {}

    def burst(self, requests: int, **_) -> dict:
        """So many requests at once as there are connections, until so many were made."""
        self.left = requests

        def work(connection: resp.Connection) -> None:
            while True:
                with self.lock:
                    if self.left == 0:
                        return
                    self.left -= 1
                    number = self.left
                self._get(connection, number)
        started = time.monotonic()
        threads = [threading.Thread(target=work, args=(connection,), daemon=True) for connection in self.connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        return {"started_s": started, "ended_s": time.monotonic()}

    def give_up(self, timeout_s: float, **_) -> dict:
        """A request on every connection, which is closed when no answer came in time."""
        waits: list[float] = []

        def work(connection: resp.Connection) -> None:
            connection.sock.settimeout(timeout_s)
            started = time.monotonic()
            try:
                connection.call("GET", "key:000000000000")
            except TimeoutError:
                connection.sock.close()
                with self.lock:
                    waits.append(time.monotonic() - started)
        for connection in self.connections:
            self._start(work, connection)
            time.sleep(min(0.05, 0.2 / len(self.connections)))  # What ends at one moment is one event, no timer.
        self._join()
        return {"waits_s": waits}

    def consume(self, **_) -> dict:
        """From now on every connection waits for a job, takes it, and waits for the next; a job `end` ends it."""
        def work(connection: resp.Connection) -> None:
            while connection.call("BLPOP", "jobs", 0)[1] != b"end":
                with self.lock:
                    self.done += 1
        for connection in self.connections:
            self._start(work, connection)
        return {}

    def load(self, connections: int, **_) -> dict:
        """From now on, until `stop_load`: 8 kB written and read again and again on every connection, and a new one where it ended."""
        self.loaded = {"ok": 0, "connects": 0, "refused": 0, "failed": 0, "errors": {}}
        for number in range(connections):
            self._start(self._load, f"load:{number}")
        return {}

    def _note(self, name: str, error: Exception | None = None) -> None:
        with self.lock:
            self.loaded[name] += 1
            if error:
                kind = type(error).__name__
                self.loaded["errors"][kind] = self.loaded["errors"].get(kind, 0) + 1

    def _load(self, key: str) -> None:
        connection, value = None, b"x" * 8000
        while not self.stopping.wait(0.005):
            try:
                if connection is None:
                    connection = self.connect()
                    self._note("connects")
                connection.call("SET", key, value)
                self._note("ok")
                connection.call("GET", key)
                self._note("ok")
            except (OSError, resp.RespError) as error:
                self._note("refused" if connection is None else "failed", error)
                if connection:
                    connection.close()
                connection = None
                self.stopping.wait(0.05)
        if connection:
            connection.close()

    def stop_load(self, **_) -> dict:
        self.stop()
        return self.loaded

    def stop(self, **_) -> dict:
        self.stopping.set()
        self._join()
        return {"done": self.done}


def say(**fields) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main(address: str, port: str) -> int:
    client = Client(address, int(port))
    operations = {name: getattr(client, name) for name in (
        "open", "steady", "burst", "give_up", "consume", "stop", "load", "stop_load")}
    say(event="up")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            result = operations[command["op"]](**{key: value for key, value in command.items() if key != "op"})
            say(event="did", op=command["op"], **result)
        except (OSError, resp.RespError) as error:
            say(event="error", op=command["op"], message=f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
