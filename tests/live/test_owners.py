#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whose a socket is: the process and thread that connected or first read, whatever else has it, and whatever it is called."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PYTHON, SOURCE_DIR, main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, accept, kill, receive  # noqa: E402

ACTOR = os.path.join(SOURCE_DIR, "tests", "support", "apps", "actor.py")
PORT = 8080
REQUEST, ANSWER = 100, 1000
# 15 bytes, the most that a name has: an escape sequence, quotes, a backslash, a line feed, a space, and what is no UTF-8.
HOSTILE_NAME = b"\x1b[2J\"' \\\n$(a;\xff"


class Actor:
    """A process of tests/support/apps/actor.py in a host's namespace. `child` is for `fork`."""

    def __init__(self, case: SocketCase, host: Host | None, wrapper: tuple[str, ...] = (), children: int = 0):
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(SOCKET_S)
        case.addCleanup(self._control.close)
        self.children = []
        passed = [theirs]
        for _ in range(children):
            ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.settimeout(SOCKET_S)
            case.addCleanup(ours.close)
            self.children.append(ours)
            passed.append(other)
        numbers = [end.fileno() for end in passed]
        enter = ["nsenter", f"--net={host.path}", "--"] if host else []
        self.process = subprocess.Popen([*enter, *wrapper, PYTHON, "-B", ACTOR, *map(str, numbers)], pass_fds=numbers)
        case.addCleanup(kill, self.process)
        for end in passed:
            end.close()
        self.pid = self.process.pid
        self.own_pid = self.do("hello")["pid"]

    @classmethod
    def forked(cls, parent: "Actor") -> "Actor":
        """The parent's child, with all of its sockets."""
        child = cls.__new__(cls)
        child._control = parent.children.pop(0)
        child.process, child.children = parent.process, []
        child.pid = child.own_pid = parent.do("fork")["child"]
        return child

    def do(self, op: str, **more) -> dict:
        self._control.send(json.dumps({"op": op, **more}).encode())
        answer = json.loads(self._control.recv(65536))
        if "error" in answer:
            raise AssertionError(f"actor's {op} {more}: {answer['error']}")
        return answer

    def pass_to(self, other: "Actor", name: str) -> None:
        """The socket is in both processes from now on (SCM_RIGHTS); this test has it only meanwhile."""
        self._control.send(json.dumps({"op": "give", "name": name}).encode())
        _, descriptors, _, _ = socket.recv_fds(self._control, 16, 1)
        other._control.send(json.dumps({"op": "take", "name": name}).encode())
        socket.send_fds(other._control, [b"{}"], descriptors)
        os.close(descriptors[0])
        answer = json.loads(other._control.recv(65536))
        if "error" in answer:
            raise AssertionError(f"take: {answer['error']}")


class OwnerCase(SocketCase):
    def start(self, host: Host | None, **how) -> Actor:
        return Actor(self, host, **how)

    def served(self, server: Host) -> socket.socket:
        """A listening socket of this test, at the other end."""
        return self.keep(server.listen(PORT))

    def answer(self, theirs: socket.socket) -> None:
        receive(theirs, REQUEST)
        theirs.sendall(b"a" * ANSWER)

    def only_socket(self, report: dict) -> dict:
        self.assertEqual(len(report["sockets"]), 1, report["sockets"])
        return report["sockets"][0]

    def check_process(self, sock: dict, **wanted: object) -> None:
        self.assertEqual({key: sock["process"][key] for key in wanted}, wanted)

    def comm(self, pid: int) -> str:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            return comm.read()[:-1]


class Connecting(OwnerCase):
    """Sockets that connected."""

    def one_call(self, client: Host, server: Host, actor: Actor, **how) -> dict:
        """A traced connect and exchange. The report; `how` is for the connect."""
        listener = self.served(server)
        with self.traced(client) as traced:
            self.connected = actor.do("connect", name="c", address=server.address, port=PORT, **how)
            actor.do("send", name="c", size=REQUEST)
            with accept(listener) as theirs:
                self.answer(theirs)
                actor.do("receive", name="c", size=ANSWER)
                actor.do("close", name="c")
            self.settle(client, server)
        return traced.report

    def check_one(self, report: dict, server: Host, actor: Actor, **wanted: object) -> None:
        endpoint = self.endpoint_at(report, "outbound", server.address, PORT)
        self.check_counts(endpoint, sockets_seen=1, connects=1, established=1, exchanges=1)
        self.check_pids(endpoint, actor.pid)
        sock = self.only_socket(report)
        self.assertEqual(sock["local"]["port"], self.connected["local_port"])
        self.check_process(sock, pid=actor.pid, owner_source="owner", shared=False, **wanted)

    def test_process_and_thread(self):
        """The thread is the one that connected; the name is the process's."""
        client, server = self.hosts()
        actor = self.start(client)
        report = self.one_call(client, server, actor, thread=True)
        self.assertNotEqual(self.connected["tid"], actor.pid)
        self.check_one(report, server, actor, tid=self.connected["tid"], ns_pid=actor.pid, comm=self.comm(actor.pid))

    def test_pid_namespace(self):
        """The host's number, and the one that the process has inside its own namespace."""
        client, server = self.hosts()
        actor = self.start(client, wrapper=("unshare", "--pid", "--fork", "--kill-child"))
        self.assertEqual(actor.own_pid, 1, "it is in a namespace of its own")
        with open(f"/proc/{actor.pid}/task/{actor.pid}/children", encoding="ascii") as children:
            actor.pid = int(children.read().split()[0])
        report = self.one_call(client, server, actor)
        self.check_one(report, server, actor, tid=actor.pid, ns_pid=1, comm=self.comm(actor.pid))

    def test_cgroup(self):
        root = self.cgroup_root()
        directory = tempfile.mkdtemp(prefix="tcpdiag-live-", dir=root)
        self.addCleanup(self.remove_cgroup, directory)
        client, server = self.hosts()
        actor = self.start(client)
        self.addCleanup(kill, actor.process)
        with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(actor.pid))
        report = self.one_call(client, server, actor)
        path = f"/{os.path.basename(directory)}"
        self.check_one(report, server, actor, cgroup=path)
        (process,) = self.endpoint_at(report, "outbound", server.address, PORT)["processes"]
        self.assertEqual(process["cgroup"], path)

    def cgroup_root(self) -> str:
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            found = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
        if not found:
            self.skipTest("no cgroup2 is mounted here")
        return found[0]

    def remove_cgroup(self, directory: str) -> None:
        def removed() -> bool:
            with contextlib.suppress(OSError):
                os.rmdir(directory)
            return not os.path.exists(directory)
        wait_until("the cgroup to be empty", removed, 10)

    def test_hostile_name(self):
        client, server = self.hosts()
        actor = self.start(client)
        actor.do("rename", name=HOSTILE_NAME.hex())
        with open(f"/proc/{actor.pid}/comm", "rb") as comm:
            self.assertEqual(comm.read(), HOSTILE_NAME + b"\n")
        report = self.one_call(client, server, actor)
        self.check_one(report, server, actor)
        (process,) = self.endpoint_at(report, "outbound", server.address, PORT)["processes"]
        # JSON can say all of it (without raw control characters: see read_report), except for what is no UTF-8.
        wanted = HOSTILE_NAME.decode("utf-8", "replace")
        self.assertEqual((process["comm"], self.only_socket(report)["process"]["comm"]), (wanted, wanted))

    def test_older_than_the_trace(self):
        """The table of open files tells whose it is."""
        client, server = self.hosts()
        actor = self.start(client)
        listener = self.served(server)
        connected = actor.do("connect", name="c", address=server.address, port=PORT)
        theirs = self.keep(accept(listener))
        with self.traced(client) as traced:
            pass  # Not even used.
        unused = self.only_socket(traced.report)
        self.check_process(unused, pid=actor.pid, ns_pid=actor.pid, comm=self.comm(actor.pid), owner_source="table", shared=False)
        with self.traced(client) as traced:
            actor.do("send", name="c", size=REQUEST, thread=True)
            self.answer(theirs)
            actor.do("receive", name="c", size=ANSWER, thread=True)
        sock = self.only_socket(traced.report)
        self.assertEqual((sock["opened_at"], sock["local"]["port"], sock["exchanges"]), (None, connected["local_port"], 1))
        self.check_process(sock, pid=actor.pid, shared=False)
        self.check_pids(self.endpoint_at(traced.report, "outbound", server.address, PORT), actor.pid)


class Accepting(OwnerCase):
    """Sockets that were accepted: whoever reads first has them, never the process that ran when the SYN came."""

    def check_accepted(self, report: dict, server: Host, owner: Actor, tid: int) -> None:
        endpoint = self.endpoint_at(report, "inbound", server.address, PORT)
        self.check_counts(endpoint, sockets_seen=1, exchanges=1)
        self.check_pids(endpoint, owner.pid)
        self.check_process(self.only_socket(report), pid=owner.pid, tid=tid, owner_source="reader", shared=False)

    def call(self, client: Host, server: Host) -> socket.socket:
        ours = self.keep(client.connect(server.address, PORT))
        ours.sendall(b"q" * REQUEST)
        return ours

    def test_worker_accepts(self):
        """Pre-fork: the workers have the listening socket from their parent, and one of them accepts."""
        client, server = self.hosts()
        parent = self.start(server, children=2)
        parent.do("listen", name="l", address=server.address, port=PORT)
        workers = [Actor.forked(parent), Actor.forked(parent)]
        with self.traced(server) as traced:
            ours = self.call(client, server)
            worker = workers[1]
            worker.do("accept", name="s", listener="l")
            tid = worker.do("receive", name="s", size=REQUEST, thread=True)["tid"]
            worker.do("send", name="s", size=ANSWER)
            receive(ours, ANSWER)
            worker.do("close", name="s")
            self.assertEqual(ours.recv(1), b"")
            ours.close()
            self.settle(client, server)
        self.check_accepted(traced.report, server, worker, tid)

    def test_parent_accepts_and_child_reads(self):
        client, server = self.hosts()
        parent = self.start(server, children=1)
        parent.do("listen", name="l", address=server.address, port=PORT)
        with self.traced(server) as traced:
            ours = self.call(client, server)
            parent.do("accept", name="s", listener="l")
            child = Actor.forked(parent)
            parent.do("close", name="s")
            tid = child.do("receive", name="s", size=REQUEST)["tid"]
            child.do("send", name="s", size=ANSWER)
            receive(ours, ANSWER)
            child.do("close", name="s")
            self.assertEqual(ours.recv(1), b"")
            ours.close()
            self.settle(client, server)
        self.check_accepted(traced.report, server, child, tid)


class Shared(OwnerCase):
    """A socket that several processes use: the first keeps it, and the report says that it is shared."""

    def finish(self, report: dict, server: Host, owner: Actor, exchanges: int) -> None:
        endpoint = self.endpoint_at(report, "outbound", server.address, PORT)
        self.check_counts(endpoint, sockets_seen=1, connects=1, established=1, exchanges=exchanges)
        self.check_pids(endpoint, owner.pid)
        self.check_process(self.only_socket(report), pid=owner.pid, owner_source="owner", shared=True)

    def use(self, actor: Actor, theirs: socket.socket) -> None:
        actor.do("send", name="c", size=REQUEST)
        self.answer(theirs)
        actor.do("receive", name="c", size=ANSWER)

    def test_inherited_by_fork(self):
        client, server = self.hosts()
        parent = self.start(client, children=1)
        listener = self.served(server)
        with self.traced(client) as traced:
            parent.do("connect", name="c", address=server.address, port=PORT)
            theirs = self.keep(accept(listener))
            self.use(parent, theirs)
            child = Actor.forked(parent)
            self.use(child, theirs)
            self.use(parent, theirs)
        self.finish(traced.report, server, parent, 3)

    def test_inherited_but_used_by_one(self):
        """What a child merely has, it does not share in."""
        client, server = self.hosts()
        parent = self.start(client, children=1)
        listener = self.served(server)
        with self.traced(client) as traced:
            parent.do("connect", name="c", address=server.address, port=PORT)
            theirs = self.keep(accept(listener))
            child = Actor.forked(parent)
            child.do("close", name="c")
            self.use(parent, theirs)
        self.check_process(self.only_socket(traced.report), pid=parent.pid, shared=False)

    def test_passed_to_another_process(self):
        """SCM_RIGHTS, as in a server that hands connections on."""
        client, server = self.hosts()
        first, second = self.start(client), self.start(client)
        listener = self.served(server)
        with self.traced(client) as traced:
            first.do("connect", name="c", address=server.address, port=PORT)
            theirs = self.keep(accept(listener))
            first.pass_to(second, "c")
            first.do("close", name="c")
            self.use(second, theirs)
        self.finish(traced.report, server, first, 1)

    def test_owner_ended(self):
        """The process that connected is gone; what another does with the socket is still its connection."""
        client, server = self.hosts()
        first, second = self.start(client), self.start(client)
        listener = self.served(server)
        with self.traced(client) as traced:
            first.do("connect", name="c", address=server.address, port=PORT)
            theirs = self.keep(accept(listener))
            self.use(first, theirs)
            first.pass_to(second, "c")
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            self.use(second, theirs)
        self.finish(traced.report, server, first, 2)


if __name__ == "__main__":
    main()
