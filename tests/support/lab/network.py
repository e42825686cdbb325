# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces with a veth between them, and the book about who owns them. (delayed.py: with a path that takes time.)

The book is one directory per lab, /run/tcpdiag-lab/PID-STARTTIME: it exists before the first namespace does and goes
after the last, so whatever a killed lab left is known, and whether its owner still lives is told by the process's start
time (a number alone may have been given to another process since). Namespaces are called tcpdiag-lab-PID-c and -s, and -b
that of a path between them; those of a process's further pairs -c1 and -s1 and so on, with PID-STARTTIME-1 in the book. The
links are created inside them: nothing of a lab is ever seen in the host's own network, and any number of labs may use the same
addresses.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time

BOOK = "/run/tcpdiag-lab"
NETNS_DIRECTORY = "/run/netns"

# Every lab has the same two hosts.
ADDRESSES = {4: ("10.87.0.2", "10.87.0.1", 24), 6: ("fd00:87::2", "fd00:87::1", 64)}


class LabError(Exception):
    """Something that the lab needs did not work; the text says what."""


def start_time_of(pid: int) -> str | None:
    """The process's start time in ticks since boot, None when there is no such process (a zombie counts as none)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def run(*command: str, check: bool = True, stdin: str | None = None) -> str:
    """Runs a tool, returns what it printed; a failure is a LabError with the tool's own words."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=30,
                            stdin=None if stdin is not None else subprocess.DEVNULL)
    if check and result.returncode != 0:
        words = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        raise LabError(f"{' '.join(command)}: {words[0]}")
    return result.stdout


def counters(namespace: str) -> dict[str, int]:
    """The namespace's IP and TCP counters since it exists."""
    # All of them from zero on: nstat would otherwise print differences to the last time that anybody asked.
    return json.loads(run("ip", "netns", "exec", namespace, "nstat", "-asz", "-j"))["kernel"]


@contextlib.contextmanager
def _book_lock():
    os.makedirs(BOOK, mode=0o755, exist_ok=True)
    with open(f"{BOOK}/.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kill_all_in(namespace: str) -> None:
    """Kills every process of a dead lab's namespace, and waits until they are gone."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        pids = [int(word) for word in run("ip", "netns", "pids", namespace, check=False).split()]
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def clean_leftovers() -> int:
    """Removes what labs left whose owner is dead. Returns how many there were."""
    cleaned = 0
    with _book_lock():
        for entry in os.listdir(BOOK):
            match = re.fullmatch(r"(\d+)-(\d+)(?:-(\d+))?", entry)
            if not match or start_time_of(int(match[1])) == match[2]:
                continue
            for end in "cbs":
                namespace = f"tcpdiag-lab-{match[1]}-{end}{match[3] or ''}"
                if os.path.exists(f"{NETNS_DIRECTORY}/{namespace}"):
                    _kill_all_in(namespace)
                    run("ip", "netns", "delete", namespace, check=False)
            shutil.rmtree(f"{BOOK}/{entry}", ignore_errors=True)
            cleaned += 1
    return cleaned


class Network:
    """The two namespaces of one lab. `up` makes them, `down` removes whatever of them is there."""

    def __init__(self, family: int = 4, pair: int = 0):
        pid, number = os.getpid(), str(pair or "")
        self.client, self.server = f"tcpdiag-lab-{pid}-c{number}", f"tcpdiag-lab-{pid}-s{number}"
        self.client_address, self.server_address, self._prefix = ADDRESSES[family]
        self._family = family
        self.directory = f"{BOOK}/{pid}-{start_time_of(pid)}{number and f'-{number}'}"

    def path(self, namespace: str) -> str:
        return f"{NETNS_DIRECTORY}/{namespace}"

    def up(self) -> None:
        with _book_lock():
            os.mkdir(self.directory, mode=0o755)
        for namespace in self.namespaces():
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        self._link()
        for namespace in (self.client, self.server):
            self.come_back(namespace)
            run("ip", "-n", namespace, "link", "set", "eth0", "up")
        self._wait_for_link()

    def namespaces(self) -> tuple[str, ...]:
        return self.client, self.server

    def _link(self) -> None:
        """eth0 of both, connected."""
        run("ip", "-n", self.client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.server)

    def path_counts(self) -> dict:
        """What the path between them did to their frames; nothing: there is only a wire."""
        return {}

    def _wait_for_link(self) -> None:
        """Both ends carry traffic: a first SYN that had to wait for that would falsify the lab's figures."""
        deadline = time.monotonic() + 10
        for namespace in (self.client, self.server):
            while "LOWER_UP" not in run("ip", "-n", namespace, "link", "show", "eth0"):
                if time.monotonic() > deadline:
                    raise LabError(f"{namespace}: eth0 did not come up in 10 s")
                time.sleep(0.01)

    def _address(self, what: str, namespace: str) -> None:
        address = self.client_address if namespace == self.client else self.server_address
        nodad = ["nodad"] if self._family == 6 and what == "add" else []
        run("ip", "-n", namespace, "address", what, f"{address}/{self._prefix}", "dev", "eth0", *nodad)

    def come_back(self, namespace: str) -> None:
        """This namespace has its address (again)."""
        self._address("add", namespace)

    def leave(self, namespace: str) -> None:
        """This namespace's address is gone, and neither end remembers where it was."""
        self._address("delete", namespace)
        for each in (self.client, self.server):
            run("ip", "-n", each, "neighbour", "flush", "dev", "eth0")

    def down(self) -> None:
        for namespace in self.namespaces():
            if os.path.exists(self.path(namespace)):
                run("ip", "netns", "delete", namespace, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def inside(self, namespace: str, *command: str) -> list[str]:
        """The command line that runs `command` in this namespace (it replaces itself: same process id)."""
        return ["nsenter", f"--net={self.path(namespace)}", "--", *command]

    def firewall(self, rules: str, namespace: str | None = None) -> None:
        """Rules for nft, in the server's namespace if none is named."""
        run(*self.inside(namespace or self.server, "nft", "-f", "-"), stdin=rules)

    def firewall_packets(self, namespace: str) -> int:
        """Packets that the counters in this namespace's rules have seen."""
        found = json.loads(run(*self.inside(namespace, "nft", "-j", "list", "ruleset")))["nftables"]
        rules = [entry["rule"]["expr"] for entry in found if "rule" in entry]
        return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)

    def _egress(self, namespace: str) -> tuple[str, str]:
        """Where what leaves this namespace is limited: in which namespace, by which device."""
        return namespace, "eth0"

    def shape(self, namespace: str, rate: str, burst: str = "32kb", latency: str = "200ms") -> None:
        """Limits what leaves this namespace, by a token bucket with a queue of `latency` before it."""
        where, device = self._egress(namespace)
        run("tc", "-n", where, "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", burst, "latency", latency)

    def qdisc(self, namespace: str) -> dict:
        """What the queue of this namespace's device has counted."""
        where, device = self._egress(namespace)
        found = json.loads(run("tc", "-n", where, "-s", "-j", "qdisc", "show", "dev", device))[0]
        return {key: found.get(key) for key in ("kind", "bytes", "packets", "drops", "overlimits", "backlog")}

    def without_timestamps(self) -> None:
        """No TCP timestamps (RFC 7323) on connections made from now on."""
        for namespace in (self.client, self.server):
            run(*self.inside(namespace, "sysctl", "-q", "-w", "net.ipv4.tcp_timestamps=0"))

    def server_ports_unacknowledged(self, port: int, namespace: str | None = None) -> list[int]:
        """The client's ports of connections to `port` on which something that the server sent is not yet acknowledged."""
        listing = run(*self.inside(namespace or self.server, "ss", "-Htn", "state", "established", "sport", "=", f":{port}"))
        return [int(fields[3].rpartition(":")[2]) for fields in map(str.split, listing.splitlines()) if fields[1] != "0"]

    def client_ports_in_syn_sent(self, port: int) -> list[int]:
        """Local ports of the client's connects to `port` that wait for an answer."""
        listing = run(*self.inside(self.client, "ss", "-Htn", "state", "syn-sent", "dport", "=", f":{port}"))
        return sorted(int(line.split()[2].rpartition(":")[2]) for line in listing.splitlines())
