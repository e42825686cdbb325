#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A process that does with sockets what it is told, so that a test decides which process and which thread does what.

actor.py DESCRIPTOR [DESCRIPTOR OF A CHILD ...]

Commands come over a Unix socket (SOCK_SEQPACKET), one JSON object each, and each is answered by one: {"op":NAME, ...}. With
"thread" a new thread does it, and the answer has its number. `fork` makes a child that has all of the sockets and takes its
commands from the next descriptor. Sockets have names; `give` sends one to the other end of the command socket, `take` receives one.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import threading

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
TIMEOUT_S = 30.0
libc = ctypes.CDLL(None, use_errno=True)


class Actor:
    """The sockets, and what can be done with them."""

    def __init__(self, control: socket.socket, children: list[int]):
        self.control, self.children = control, children
        self.sockets: dict[str, socket.socket] = {}

    def _named(self, name: str, made: socket.socket) -> dict:
        made.settimeout(TIMEOUT_S)
        self.sockets[name] = made
        return {}

    def hello(self, **_):
        """The first number is the one that this process knows itself by."""
        return {"pid": os.getpid()}

    def listen(self, name, address, port, **_):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(64)
        return self._named(name, made)

    def connect(self, name, address, port, **_):
        self._named(name, socket.create_connection((address, port), timeout=TIMEOUT_S))
        return {"local_port": self.sockets[name].getsockname()[1]}

    def accept(self, name, listener, **_):
        made, peer = self.sockets[listener].accept()
        self._named(name, made)
        return {"peer_port": peer[1]}

    def send(self, name, size, **_):
        self.sockets[name].sendall(b"x" * size)
        return {}

    def receive(self, name, size, **_):
        left = size
        while left:
            part = self.sockets[name].recv(left)
            if not part:
                raise ConnectionError("the connection ended")
            left -= len(part)
        return {}

    def close(self, name, **_):
        self.sockets.pop(name).close()
        return {}

    def rename(self, name, **_):
        """The process's name (comm), as bytes in hexadecimal. Of the thread that does it, so not with "thread"."""
        if libc.prctl(PR_SET_NAME, bytes.fromhex(name) + b"\0", 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        return {}

    def fork(self, **_):
        number = self.children.pop(0)
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(number)
            return {"child": pid}
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        self.control = socket.socket(fileno=number)
        return None

    def give(self, name, **_):
        socket.send_fds(self.control, [b"{}"], [self.sockets[name].fileno()])
        return None

    def take(self, name, **_):
        """The descriptor comes as a message of its own, after the command."""
        _, descriptors, _, _ = socket.recv_fds(self.control, 16, 1)
        return self._named(name, socket.socket(fileno=descriptors[0]))

    def run(self) -> None:
        while data := self.control.recv(65536):
            command = json.loads(data)
            answer = self._in_thread(command) if command.pop("thread", False) else self._do(command)
            if answer is not None:
                self.control.send(json.dumps(answer).encode())

    def _do(self, command: dict) -> dict | None:
        try:
            result = getattr(self, command.pop("op"))(**command)
        except OSError as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return None if result is None else {"tid": threading.get_native_id(), **result}

    def _in_thread(self, command: dict) -> dict | None:
        answers: list[dict | None] = []
        thread = threading.Thread(target=lambda: answers.append(self._do(command)))
        thread.start()
        thread.join()
        return answers[0]


def main() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    control, *children = map(int, sys.argv[1:])
    Actor(socket.socket(fileno=control), children).run()


if __name__ == "__main__":
    main()
