# SPDX-License-Identifier: Apache-2.0
"""Processes of the lab that talk in lines of JSON, and how to wait for what they say."""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable

from .network import LabError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_the_lab() -> None:
    """In the child, before exec: if the lab is killed the hard way, its processes go with it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Child:
    """One process, in a session of its own (a Ctrl-C at the terminal is the lab's to handle)."""

    def __init__(self, name: str, command: list[str], log: str):
        self.name = name
        self.events: list[dict] = []
        self.text: list[str] = []  # What a program that is not the lab's own printed.
        self.may_end = False
        self.ended = False
        self._log_path = log
        self._rest = b""
        with open(log, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             start_new_session=True, preexec_fn=_die_with_the_lab,
                                             env={**os.environ, "TCPDIAG_LAB": str(os.getpid())})

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: dict) -> None:
        try:
            self._process.stdin.write((json.dumps(command) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LabError(f"the {self.name} has ended: {self.last_words()}") from None

    def read(self) -> bool:
        """Takes what can be read now into `events`. False when the process closed its output."""
        data = os.read(self._process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict) and "event" in event:
                self.events.append(event)
            else:
                self.text.append(line.decode("utf-8", "replace"))
        self.ended = not data
        return bool(data)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def fileno(self) -> int:
        return self._process.stdout.fileno()

    def last_words(self) -> str:
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return next((line for line in lines if "Error" in line), lines[-1] if lines else "no message")

    def stop(self) -> None:
        """Ends the process and all of its session, hard: there is nothing in it to keep."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass


class Children:
    """All processes of the lab: started, listened to and stopped together."""

    def __init__(self):
        self._all: list[Child] = []

    def start(self, name: str, command: list[str], log: str) -> Child:
        child = Child(name, command, log)
        self._all.append(child)
        return child

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float, poll_s: float = 1.0) -> None:
        """Reads everybody's lines until `condition` holds. It is asked after every line, and every `poll_s` besides."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for child in self._all:
                if not child.ended or not child.may_end:
                    selector.register(child, selectors.EVENT_READ)
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LabError(f"waited {seconds:.0f} s for {what}, in vain")
                for key, _ in selector.select(min(left, poll_s)):
                    if key.fileobj.read() or condition():
                        continue
                    if not key.fileobj.may_end:
                        raise LabError(f"the {key.fileobj.name} has ended: {key.fileobj.last_words()}")
                    selector.unregister(key.fileobj)

    def stop(self) -> None:
        for child in reversed(self._all):
            child.stop()
        self._all.clear()
