#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The filters, decided in the kernel: each lets in what it should and keeps out the rest, and says how much that was."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, Lines, LiveCase, Network, Tracer, main, run_tcpdiag, wait_until  # noqa: E402

# Connects from a chosen port to one where nobody listens: the simplest socket whose local port is known beforehand. SO_LINGER
# is not needed: a refused connect leaves nothing behind.
REFUSED_FROM = """
import socket, sys
for port in map(int, sys.argv[2:]):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port:
        s.bind(("", port))
    try:
        s.connect((sys.argv[1], 9))
    except ConnectionRefusedError:
        pass
    s.close()
"""

# A process called as its first argument says that connects where nobody listens, on command. Its child lives from the start on.
# One line in, one line out: "WHO PORT", where WHO is self, thread (of another name), child, grandchild or fork (a new child).
FAMILY = """
import os, socket, sys, threading

def refused(port):
    with socket.socket() as s:
        try:
            s.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            pass

def in_thread(port):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write("thread")
    refused(port)

def forked(port):
    pid = os.fork()
    if pid == 0:
        refused(port)
        os._exit(0)
    os.waitpid(pid, 0)

with open("/proc/self/comm", "w") as comm:
    comm.write(sys.argv[1])
orders, answers = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(orders[1])
    for line in os.fdopen(orders[0]):
        who, port = line.split()
        forked(int(port)) if who == "grandchild" else refused(int(port))
        os.write(answers[1], b".")
    os._exit(0)
os.close(orders[0])
print("ready", flush=True)
for line in sys.stdin:
    who, port = line.split()
    if who in ("child", "grandchild"):
        os.write(orders[1], line.encode())
        os.read(answers[0], 1)
    elif who == "thread":
        thread = threading.Thread(target=in_thread, args=[int(port)])
        thread.start()
        thread.join()
    else:
        forked(int(port)) if who == "fork" else refused(int(port))
    print("done", flush=True)
"""

# Sockets of every kind that an expression can tell apart; OLD is one that is open before the trace begins.
SOCKETS = """
import socket, sys
def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s
def connect(local, remote):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if local:
        s.bind(("", local))
    try:
        s.connect(remote)
    except ConnectionRefusedError:
        pass
    return s
listeners = [listen(24), listen(25)]
old = connect(0, ("127.0.0.1", 25)), listeners[1].accept()[0]
print("ready", flush=True)
sys.stdin.readline()
for local, remote in ((20001, ("127.0.0.1", 21)), (20002, ("127.0.0.1", 22)), (0, ("127.0.0.1", 22)), (0, (sys.argv[1], 23))):
    connect(local, remote).close()
with connect(0, ("127.0.0.1", 24)), listeners[0].accept()[0]:
    pass
print("done", flush=True)
sys.stdin.readline()
"""


class Steered:
    """A Python program in a namespace that answers each line with a line. A context manager: leaving it ends the program."""

    def __init__(self, network: Network, program: str, *arguments: str):
        command = network.inside(network.client, "/usr/bin/python3", "-c", program, *arguments)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._answers = Lines(os.dup(self._process.stdout.fileno()))
        self._process.stdout.close()
        self._asked = 0

    def __enter__(self) -> "Steered":
        self._wait("ready", 1)
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _wait(self, answer: str, count: int) -> None:
        wait_until(f"{count} times {answer!r} of the program", lambda: self._answers.all().count(answer) >= count, 60)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, line: str) -> None:
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        self._asked += 1
        self._wait("done", self._asked)


def cgroup_root() -> str | None:
    """Where the tree of version 2 is mounted."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        fields = [line.split() for line in mounts]
    return next((place for _, place, kind, *_ in fields if kind == "cgroup2"), None)


class Filters(LiveCase):
    CASES_AT_ONCE = 3

    def traced(self, lab: Lab, filters: dict[str, tuple[str, list[str]]]) -> tuple[dict, dict]:
        """One run of the lab under a tracer for each filter. name -> (namespace, options)."""
        with contextlib.ExitStack() as stack:
            tracers = {}
            for name, (netns, options) in filters.items():
                tracers[name] = stack.enter_context(Tracer("--netns", netns, *options, "--format", "json", "-o", self.file(name)))
            for tracer in tracers.values():
                tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            for tracer in tracers.values():
                tracer.signal()
            for name, tracer in tracers.items():
                self.assertEqual(tracer.wait_exit(), 0, f"{name}: {tracer.stderr.all()}")
        reports = {name: self.read_report(self.file(name)) for name in filters}
        return reports, done

    def check(self, name: str, report: dict, role: str, ports: list[int], filtered_out: int) -> None:
        seen = sorted((e["role"], e["port"]) for e in report["endpoints"])
        self.assertEqual(seen, sorted((role, port) for port in ports), f"filter {name}")
        self.assertEqual(report["sockets_filtered_out"], filtered_out, f"filter {name}")
        if not ports:
            self.assertEqual(report["verdict"], "nothing_matched", f"filter {name}")
        self.check_nothing_lost(report)

    def test_addresses_ports_families_roles(self):
        with Lab("connect-refused") as lab:
            client, server = lab.netns, lab.ready["server_netns_path"]
            api, other = (lab.ready["endpoints"][name]["port"] for name in ("api", "other"))
            address, own = lab.ready["endpoints"]["api"]["address"], lab.ready["client_address"]
            cases = {  # namespace, options, role, ports that are let in
                "all": (client, [], "outbound", [api, other]),
                "one port": (client, ["-D", str(other)], "outbound", [other]),
                "two ports": (client, ["-D", f"{api},{other}"], "outbound", [api, other]),
                "no such port": (client, ["-D", "9"], "outbound", []),
                "remote": (client, ["-A", address], "outbound", [api, other]),
                "remote block": (client, ["-A", "10.0.0.0/8"], "outbound", [api, other]),
                "other block": (client, ["-A", "192.0.2.0/24"], "outbound", []),
                "local": (client, ["-a", own], "outbound", [api, other]),
                "other local": (client, ["-a", "192.0.2.1"], "outbound", []),
                "IPv4": (client, ["-4"], "outbound", [api, other]),
                "IPv6": (client, ["-6"], "outbound", []),
                "role": (client, ["--role", "outbound"], "outbound", [api, other]),
                "other role": (client, ["--role", "inbound"], "outbound", []),
                "all of them": (client, ["-4", "-D", str(api), "-A", address, "--role", "outbound"], "outbound", [api]),
                "process": (client, ["-p", str(lab.ready["client"]["pid"])], "outbound", [api, other]),
                "accepted by port": (server, ["-L", str(other), "--role", "inbound"], "inbound", [other]),
                "accepted by process": (server, ["-p", str(lab.ready["server"]["pid"])], "inbound", [other]),
            }
            reports, done = self.traced(lab, {name: (case[0], case[1]) for name, case in cases.items()})
            self.assertEqual(lab.end(), 0)
        sockets = {api: done["counts"]["api"]["connects_failed"], other: done["counts"]["other"]["connects"]}
        for name, (netns, _, role, ports) in cases.items():
            there = sockets if netns == client else {other: sockets[other]}
            self.check(name, reports[name], role, ports, sum(n for port, n in there.items() if port not in ports))
            for endpoint in reports[name]["endpoints"]:
                self.assertEqual(endpoint["sockets_seen"], sockets[endpoint["port"]], f"filter {name}")
        self.assertEqual(reports["one port"]["filters"]["remote_port"], [other])

    def test_local_port_is_known_only_after_the_connect_began(self):
        network = self.network()
        netns = network.path(network.client)
        with Tracer("--netns", netns, "-L", "40001", "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            command = network.inside(network.client, "/usr/bin/python3", "-c", REFUSED_FROM, "127.0.0.1", "40001", "40002", "0", "0")
            subprocess.run(command, check=True, timeout=60)
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        report = self.read_report(self.file("r.json"))
        self.assertEqual([(e["address"], e["port"], e["connects"]) for e in report["endpoints"]], [("127.0.0.1", 9, 1)])
        self.assertEqual([s["local"]["port"] for s in report["sockets"]], [40001])
        self.assertEqual(report["totals"]["connect_outcomes"]["refused"], 1)
        self.assertEqual(report["sockets_filtered_out"], 3)

    def reports_of(self, network: Network, filters: dict[str, list[str]], act: Callable[[], None]) -> dict[str, dict]:
        """One tracer for each filter while `act` runs. name -> options; the namespace is the client's, unless -p finds it."""
        with contextlib.ExitStack() as stack:
            tracers = {}
            for name, options in filters.items():
                netns = [] if "-p" in options else ["--netns", network.path(network.client)]
                tracers[name] = stack.enter_context(Tracer(*netns, *options, "--format", "json", "-o", self.file(name)))
            for tracer in tracers.values():
                tracer.wait_attached()
            act()
            for tracer in tracers.values():
                tracer.signal()
            for name, tracer in tracers.items():
                self.assertEqual(tracer.wait_exit(), 0, f"{name}: {tracer.stderr.all()}")
        return {name: self.read_report(self.file(name)) for name in filters}

    def check_seen(self, name: str, report: dict, seen: dict[tuple[str, int], int], filtered_out: int) -> None:
        """That these endpoints, and no others, are in the report, with so many sockets each. (role, port) -> sockets."""
        found = {(e["role"], e["port"]): e["sockets_seen"] for e in report["endpoints"]}
        self.assertEqual(found, seen, f"filter {name}")
        self.assertEqual(report["sockets_filtered_out"], filtered_out, f"filter {name}")
        if not seen:
            self.assertEqual(report["verdict"], "nothing_matched", f"filter {name}")
        self.check_nothing_lost(report)

    def check_refused(self, reports: dict[str, dict], expected: dict[str, list[int]], connects: int) -> None:
        for name, ports in expected.items():
            self.check_seen(name, reports[name], {("outbound", port): 1 for port in ports}, connects - len(ports))

    def test_names_of_processes(self):
        network = self.network()
        expected = {  # --comm -> ports whose connects are let in
            "short": [11, 12],
            "exactly15bytes!": [13],
            "short,exactly15bytes!": [11, 12, 13],
            "shor": [],  # a name is whole
            "thread": [],  # the name of a thread is not its process's
        }
        with Steered(network, FAMILY, "short") as short, Steered(network, FAMILY, "exactly15bytes!") as long, \
                Steered(network, FAMILY, "other") as other:
            def act():
                short.ask("self 11")
                short.ask("thread 12")
                long.ask("self 13")
                other.ask("self 14")
            reports = self.reports_of(network, {name: ["--comm", name] for name in expected}, act)
        self.check_refused(reports, expected, connects=4)
        self.assertEqual(reports["short"]["filters"]["comm"], ["short"])

    def test_children(self):
        network = self.network()
        with Steered(network, FAMILY, "parent") as parent, Steered(network, FAMILY, "stranger") as stranger:
            def act():
                for order in ("self 11", "child 12", "grandchild 13", "fork 14"):
                    parent.ask(order)
                for order in ("self 15", "child 16", "fork 17"):
                    stranger.ask(order)
            reports = self.reports_of(network, {"alone": ["-p", str(parent.pid)],
                                                "children": ["-p", str(parent.pid), "--children"]}, act)
        self.check_refused(reports, {"alone": [11], "children": [11, 12, 13, 14]}, connects=7)
        self.assertTrue(reports["children"]["filters"]["children"])
        self.assertEqual(reports["children"]["filters"]["pid"], [parent.pid])

    def make_cgroup(self, *names: str) -> str:
        """A cgroup at this path below the root, gone with the test. Returns its directory."""
        directory = os.path.join(cgroup_root(), *names)
        try:
            os.mkdir(directory)
        except OSError as error:
            self.skipTest(f"no cgroup can be made here: {error}")

        def removed() -> bool:
            # A process that has just ended may still be in it.
            with contextlib.suppress(OSError):
                os.rmdir(directory)
            return not os.path.exists(directory)

        self.addCleanup(wait_until, f"cgroup {directory} to be removable", removed, 30)
        return directory

    @staticmethod
    def move(process: Steered, cgroup: str) -> None:
        with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(process.pid))

    def test_cgroups(self):
        if not cgroup_root():
            self.skipTest("no cgroups of version 2 are mounted here")
        network = self.network()
        top, sibling = (f"tcpdiag-test-{os.getpid()}-{name}" for name in ("top", "sibling"))
        directory = self.make_cgroup(top)
        below = self.make_cgroup(top, "below")
        beside = self.make_cgroup(sibling)
        identity = str(os.stat(directory).st_ino)
        expected = {  # --cgroup -> ports whose connects are let in
            f"/{top}": [11, 12, 14],
            directory: [11, 12, 14],
            identity: [11, 12, 14],
            f"{top}/below": [12],
            f"/{sibling}": [13],
            f"/{sibling},/{top}/below": [12, 13],
        }
        names = {cgroup: f"cgroup-{number}" for number, cgroup in enumerate(expected)}
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(Steered(network, FAMILY, f"process-{n}")) for n in range(5)]
            for process, cgroup in zip(processes, (directory, below, beside), strict=False):
                self.move(process, cgroup)

            def act():
                for number, process in enumerate(processes[:3]):
                    process.ask(f"self {11 + number}")
                self.move(processes[3], self.make_cgroup(top, "later"))  # which nobody knew at the start
                processes[3].ask("self 14")
                processes[4].ask("self 15")

            reports = self.reports_of(network, {names[cgroup]: ["--cgroup", cgroup] for cgroup in expected}, act)
        self.check_refused(reports, {names[cgroup]: ports for cgroup, ports in expected.items()}, connects=5)
        self.assertEqual(reports[names[directory]]["filters"]["cgroup"], [f"/{top}"])

    def test_expressions(self):
        network = self.network()
        all_new = {("outbound", 21): 1, ("outbound", 22): 2, ("outbound", 23): 1, ("outbound", 24): 1, ("inbound", 24): 1}
        old = {("outbound", 25): 1, ("inbound", 25): 1}
        remote, here = network.server_address, network.client_address

        def some(*keys: tuple[str, int]) -> dict[tuple[str, int], int]:
            return {key: all_new.get(key, 1) for key in keys}

        out21, out22, out23, out24 = (("outbound", port) for port in (21, 22, 23, 24))
        in24, out25, in25 = ("inbound", 24), ("outbound", 25), ("inbound", 25)
        cases = {
            "not port 22": some(out21, out23, out24, in24, out25, in25),
            f"dst port 22 and not src host {here}": some(out22),
            "not port 24 and not (port 25)": some(out21, out22, out23),
            # This side's port is known only after the socket is born.
            "src port 20001": some(out21),
            "dst port 22 and not src port 20002": {out22: 1},
            "port 20001 or 20002": {out21: 1, out22: 1},
            "src portrange 20001-20002 and not dst port 22": some(out21),
            "src port 24": some(in24),
            "dst port 24": some(out24),
            "src port 25 or dst port 21": some(in25, out21),
            f"host {remote} or port 21": some(out21, out23),
            "net 10.0.0.0/8": some(out23),
            f"!(net 127.0.0.0/8 || host {remote})": {},
            "net fd00::/8": {},
            "not port 1" + " and not 2" * 10: all_new | old,  # as long as there is room for
        }
        filters = {f"expression-{number}": [expression] for number, expression in enumerate(cases)}
        with Steered(network, SOCKETS, remote) as program:
            reports = self.reports_of(network, filters, lambda: program.ask("go"))
        total = sum((all_new | old).values())
        for (name, [expression]), seen in zip(filters.items(), cases.values(), strict=True):
            self.check_seen(expression, reports[name], seen, total - sum(seen.values()))
        self.assertEqual(reports["expression-0"]["filters"]["expression"], "not port 22")

    def test_words_of_an_expression_need_no_quotes(self):
        network = self.network()
        with Steered(network, SOCKETS, network.server_address) as program:
            reports = self.reports_of(network, {"words": ["dst", "port", "22", "-4", "and", "not", "src", "port", "20002"]},
                                      lambda: program.ask("go"))
        self.assertEqual([(e["role"], e["port"], e["sockets_seen"]) for e in reports["words"]["endpoints"]], [("outbound", 22, 1)])
        self.assertEqual(reports["words"]["filters"]["expression"], "dst port 22 and not src port 20002")

    def test_what_cannot_match_is_refused(self):
        for options, words in ((["--comm", "longer-than-15-bytes"], "the kernel keeps 15"),
                               (["--cgroup", "/no/such/cgroup"], "no cgroup" if cgroup_root() else "no cgroups of version 2"),
                               (["--children"], "name it with -p"),
                               (["-p", str(os.getpid()), "--comm", "not-my-name"], "is called"),
                               (["port", "http"], "invalid port")):
            result = run_tcpdiag("trace", *options)
            self.assertEqual(result.returncode, 2, f"{options}: {result.stderr}")
            self.check_one_line(result.stderr)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    main()
