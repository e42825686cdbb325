# SPDX-License-Identifier: Apache-2.0
"""Events that the kernel did not let any BPF program see: a run that failed meanwhile says nothing."""

import contextlib
import os
import re
import subprocess
import tempfile

from lab.network import start_time_of


class Withheld:
    """Counts tracepoints that fired in an interrupt while the current task belonged to process 1. A context manager.

    A sandbox whose agent is process 1 may keep that process from being traced: its kernel runs no BPF program there, not even for
    what a softirq does that only happened to interrupt it. Such a run says nothing about the program under test. Elsewhere process
    1 is an init that takes next to no interrupts. Where tracefs cannot be mounted, nothing is counted.
    """

    EVENTS = ("tcp/tcp_retransmit_skb", "tcp/tcp_retransmit_synack", "tcp/tcp_probe", "tcp/tcp_send_reset", "tcp/tcp_receive_reset",
              "sock/inet_sock_set_state", "net/net_dev_start_xmit")

    INTERRUPTS = 0x08 | 0x10  # TRACE_FLAG_HARDIRQ, TRACE_FLAG_SOFTIRQ: the task itself had nothing to do with it

    def __init__(self):
        self.count = 0

    PREFIX = "tcpdiag-tracefs-"

    def __enter__(self) -> "Withheld":
        self._clean_leftovers()
        self._root = tempfile.mkdtemp(prefix=f"{self.PREFIX}{os.getpid()}-")
        self._instance = os.path.join(self._root, "instances", os.path.basename(self._root))
        try:
            subprocess.run(["mount", "-t", "tracefs", "tracefs", self._root], check=True, capture_output=True, timeout=30)
            os.mkdir(self._instance)
            tasks = " || ".join(f"common_pid == {task}" for task in os.listdir("/proc/1/task"))
            interrupts = f"(common_flags & {self.INTERRUPTS}) && ({tasks})"
            for event in self.EVENTS:
                directory = os.path.join(self._instance, "events", event)
                if os.path.isdir(directory):
                    self._write(os.path.join(directory, "filter"), interrupts)
                    self._write(os.path.join(directory, "enable"), "1")
        except BaseException as error:
            self._remove()
            self._root = ""
            if not isinstance(error, (OSError, subprocess.CalledProcessError)):
                raise
        return self

    def __exit__(self, *_) -> None:
        if not self._root:
            return
        try:
            for cpu in os.listdir(os.path.join(self._instance, "per_cpu")):
                with open(os.path.join(self._instance, "per_cpu", cpu, "stats"), encoding="ascii") as stats:
                    self.count += sum(int(number) for number in re.findall(r"^(?:entries|overrun): (\d+)$", stats.read(), re.MULTILINE))
        finally:
            self._remove()

    def _remove(self) -> None:
        if os.path.isdir(self._instance):
            self._write(os.path.join(self._instance, "events", "enable"), "0")
            os.rmdir(self._instance)
        subprocess.run(["umount", self._root], check=False, capture_output=True, timeout=30)
        os.rmdir(self._root)

    @classmethod
    def _clean_leftovers(cls) -> None:
        """Removes what killed tests have left."""
        for entry in os.listdir(tempfile.gettempdir()):
            pid = re.match(cls.PREFIX + r"(\d+)-", entry)
            if pid and start_time_of(int(pid[1])) is None:
                dead = cls()
                dead._root = os.path.join(tempfile.gettempdir(), entry)
                dead._instance = os.path.join(dead._root, "instances", entry)
                with contextlib.suppress(OSError):
                    dead._remove()

    @staticmethod
    def _write(path: str, text: str) -> None:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
