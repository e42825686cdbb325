# SPDX-License-Identifier: Apache-2.0
"""What the lab tells whoever started it: one JSON object a line, and gates at which it waits for a line from there."""

import json
import os
import select
import time
from collections.abc import Callable
from typing import TextIO

from .network import LabError


class Facts:
    """Writes facts to a file, FIFO or /dev/fd/N, and prints the same story in words unless told to be quiet."""

    def __init__(self, path: str | None, quiet: bool):
        self._file: TextIO | None = open(path, "w", encoding="utf-8") if path else None
        self._quiet = quiet
        self._typed = b""

    def state(self, fact: str, **more) -> None:
        """`at_s` is CLOCK_MONOTONIC, `at_unix_s` the wall clock at the same moment."""
        if self._file:
            self._file.write(json.dumps({"fact": fact, "at_s": round(time.monotonic(), 6),
                                         "at_unix_s": round(time.time(), 6), **more}) + "\n")
            self._file.flush()

    def say(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def gate(self, name: str, meanwhile: Callable[[], None] | None = None, every_s: float = 0.5) -> None:
        """Waits for a line on standard input, doing `meanwhile` now and then. End of input: nobody is there any more."""
        while b"\n" not in self._typed:
            if meanwhile and not select.select([0], [], [], every_s)[0]:
                meanwhile()
                continue
            data = os.read(0, 4096)
            if not data:
                raise LabError(f"standard input ended before the {name} was opened")
            self._typed += data
        _, _, self._typed = self._typed.partition(b"\n")

    def hold(self) -> None:
        """Waits for a line on standard input, or its end."""
        while b"\n" not in self._typed and (data := os.read(0, 4096)):
            self._typed += data

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
