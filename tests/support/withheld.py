# SPDX-License-Identifier: Apache-2.0
"""Events that the kernel did not let any BPF program see: a run that failed meanwhile says nothing."""

import contextlib
import os
import re
import subprocess
import tempfile

import private
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
        self._tracefs: int | None = None
        self._instance: str | None = None

    PREFIX = "tcpdiag-"

    _entered: list["Withheld"] = []  # the newest one last

    @classmethod
    def so_far(cls) -> int:
        """Since the newest one that is entered was."""
        return cls._entered[-1]._counted() if cls._entered else 0

    def __enter__(self) -> "Withheld":
        try:
            self._tracefs = self._open_tracefs()
            instances = f"/proc/self/fd/{self._tracefs}/instances"
            self._clean_leftovers(instances)
            self._instance = tempfile.mkdtemp(prefix=f"{self.PREFIX}{os.getpid()}-", dir=instances)
            tasks = " || ".join(f"common_pid == {task}" for task in os.listdir("/proc/1/task"))
            interrupts = f"(common_flags & {self.INTERRUPTS}) && ({tasks})"
            for event in self.EVENTS:
                directory = os.path.join(self._instance, "events", event)
                if os.path.isdir(directory):
                    self._write(os.path.join(directory, "filter"), interrupts)
                    self._write(os.path.join(directory, "enable"), "1")
        except BaseException as error:
            self._remove()
            if not isinstance(error, (OSError, subprocess.CalledProcessError)):
                raise
        self._entered.append(self)
        return self

    def __exit__(self, *_) -> None:
        self._entered.remove(self)
        try:
            self.count = self._counted()
        finally:
            self._remove()

    def _counted(self) -> int:
        if self._instance is None:
            return 0
        count = 0
        for cpu in os.listdir(os.path.join(self._instance, "per_cpu")):
            with open(os.path.join(self._instance, "per_cpu", cpu, "stats"), encoding="ascii") as stats:
                count += sum(int(number) for number in re.findall(r"^(?:entries|overrun): (\d+)$", stats.read(), re.MULTILINE))
        return count

    @staticmethod
    def _open_tracefs() -> int:
        """A mount that is nowhere any more, and ends with the descriptor: nothing of it is left of a test that is killed."""
        place = private.directory()
        subprocess.run(["mount", "-t", "tracefs", "tracefs", place], check=True, capture_output=True, timeout=30)
        try:
            return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True, timeout=30)
            os.rmdir(place)

    def _remove(self) -> None:
        if self._instance is not None:
            self._remove_instance(self._instance)
        if self._tracefs is not None:
            os.close(self._tracefs)
        self._instance = self._tracefs = None

    @classmethod
    def _remove_instance(cls, instance: str) -> None:
        cls._write(os.path.join(instance, "events", "enable"), "0")
        os.rmdir(instance)

    @classmethod
    def _clean_leftovers(cls, instances: str) -> None:
        """Removes what killed tests have left. Only root makes instances."""
        for entry in os.listdir(instances):
            pid = re.match(cls.PREFIX + r"(\d+)-", entry)
            if pid and start_time_of(int(pid[1])) is None:
                with contextlib.suppress(OSError):
                    cls._remove_instance(os.path.join(instances, entry))

    @staticmethod
    def _write(path: str, text: str) -> None:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
