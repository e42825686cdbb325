#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of socket and every reuse of a name: each connection is counted once, at the right endpoint, of the right namespace."""

import contextlib
import errno
import fcntl
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import termios

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Tracer, bpf_map, main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, accept, exchange, kill, receive  # noqa: E402
from witness import unread  # noqa: E402

PORT, OTHER_PORT, LOCAL_PORT = 8080, 8081, 40001
IPPROTO_MPTCP = 262
TCP_REPAIR = 19
LINGER_0 = struct.pack("ii", 1, 0)
REQUEST, ANSWER = 100, 1000


def queued(sock: socket.socket) -> int:
    """Not acknowledged, or not sent."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


class Ends(SocketCase):
    """Ends that TCP tells in its own way."""

    def finding(self, report: dict, code: str) -> dict:
        said = [f"{f['code']}: {f['title']}" for f in report["findings"]]
        self.assertEqual([f["code"] for f in report["findings"][:1]], [code], said)
        return report["findings"][0]

    def test_upload_that_is_refused_while_it_goes_on(self):
        """The server answers, reads a little more, and closes with the rest unread."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        refusal = b"HTTP/1.1 413 Content Too Large\r\n\r\n"
        with self.traced(client) as traced:
            for _ in range(3):
                with client.connect(server.address, PORT) as ours, accept(listener) as theirs:
                    exchange(ours, theirs)
                    ours.setblocking(False)
                    self.fill(ours, theirs)
                    theirs.sendall(refusal)
                    wait_until("the answer to come", lambda: unread(ours) == len(refusal), SOCKET_S)
                    receive(theirs, unread(theirs))
                    wait_until("the upload to go on", lambda: unread(theirs) > 0, SOCKET_S)
                    theirs.close()
                    wait_until("the reset", lambda: ours.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET, SOCKET_S)
            self.settle(client, server)
        found = self.finding(traced.report, "peer-reset-awaiting-response")
        self.assertEqual((found["evidence"]["pattern"], found["evidence"]["reset_count"]), ("answered_early", 3))
        self.assertEqual(found["evidence"]["response_bytes_before_reset_max"], len(refusal))
        self.assertIn(f"it had already answered up to {len(refusal)} B", found["explanation"])

    def fill(self, ours: socket.socket, theirs: socket.socket) -> None:
        """Writes until the window is closed and bytes wait behind it."""
        seen = [-1]

        def full() -> bool:
            with contextlib.suppress(BlockingIOError):
                ours.send(b"q" * 65536)
                return False
            before, seen[0] = seen[0], unread(theirs)
            return before == seen[0] and queued(ours) > 0
        wait_until("the upload to fill both buffers", full, SOCKET_S)

    def test_keepalive_probe_to_a_host_that_forgot(self):
        """TCP_REPAIR closes without FIN and RST: so does a host that is replaced by another."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        with self.traced(client) as traced:
            for _ in range(3):
                ours, theirs = self.keep(client.connect(server.address, PORT)), accept(listener)
                exchange(ours, theirs)
                theirs.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
                theirs.close()
                for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
                    ours.setsockopt(socket.IPPROTO_TCP, option, value)
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self.settle(client, server)
        found = self.finding(traced.report, "peer-forgot-connection")
        self.assertEqual((found["evidence"]["pattern"], found["evidence"]["count"]), ("keepalive", 3))
        self.assertEqual((found["severity"], found["evidence"]["keepalive_on_count"]), ("notice", 3))


class Families(SocketCase):
    """The same traffic over IPv6, over IPv4 by an IPv6 socket, within one host, and over MPTCP."""

    def talk(self, client: Host, listener: socket.socket, address: str, connections: int = 3, exchanges: int = 4) -> None:
        """Connections one after the other, the client closes first."""
        port = listener.getsockname()[1]
        for _ in range(connections):
            with client.connect(address, port) as ours, accept(listener) as theirs:
                for _ in range(exchanges):
                    exchange(ours, theirs, REQUEST, ANSWER)

    def check_ends(self, report: dict, client: Host, server: Host, address: str, port: int, connections: int, exchanges: int) -> None:
        """Both ends of `connections` with `exchanges` in all."""
        outbound = self.endpoint_at(report, "outbound", address, port, client)
        inbound = self.endpoint_at(report, "inbound", address, port, server)
        sent, received = exchanges * REQUEST, exchanges * ANSWER
        self.check_counts(outbound, sockets_seen=connections, connects=connections, established=connections, exchanges=exchanges,
                          exchanges_failed=0, exchanges_pending=0, bytes_sent=sent, bytes_received=received)
        self.check_counts(inbound, sockets_seen=connections, connects=0, exchanges=exchanges, exchanges_failed=0,
                          exchanges_pending=0, bytes_sent=received, bytes_received=sent)
        family = 6 if ":" in address else 4
        self.assertEqual((outbound["family"], inbound["family"]), (family, family))
        self.assertEqual((outbound["role_source"], inbound["role_source"]), ("connect", "accept"))
        self.check_pids(outbound, os.getpid())
        self.check_pids(inbound, os.getpid())
        self.check_quiet(report)

    def test_ipv6(self):
        client, server = self.hosts(6)
        listener = self.keep(server.listen(PORT))
        with self.traced(client, server) as traced:
            self.talk(client, listener, server.address)
            self.settle(client, server)
        self.assertEqual(len(traced.report["endpoints"]), 2)
        self.check_ends(traced.report, client, server, server.address, PORT, 3, 12)

    def test_ipv4_by_ipv6_sockets(self):
        """::ffff:a.b.c.d is a.b.c.d, whichever end says it so."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT, "::"))
        with self.traced(client, server) as traced:
            self.talk(client, listener, f"::ffff:{server.address}")
            self.talk(client, listener, server.address)
            self.settle(client, server)
        self.assertEqual(len(traced.report["endpoints"]), 2)
        self.check_ends(traced.report, client, server, server.address, PORT, 6, 24)
        for sock in traced.report["sockets"]:
            self.assertEqual({sock["local"]["address"], sock["remote"]["address"]}, {client.address, server.address})

    def loopback(self, address: str) -> None:
        """Both ends are sockets of this host: one outbound, one inbound endpoint, neither counted in the other."""
        host, _ = self.hosts()
        listener = self.keep(host.listen(PORT, address))
        with self.traced(host) as traced:
            self.talk(host, listener, address)
            self.settle(host)
        self.assertEqual(len(traced.report["endpoints"]), 2)
        self.check_ends(traced.report, host, host, address, PORT, 3, 12)

    def test_loopback(self):
        self.loopback("127.0.0.1")

    def test_loopback_ipv6(self):
        self.loopback("::1")

    def test_older_connection_within_one_host(self):
        """Both ends are older than the trace: which one listens tells which one accepted."""
        host, _ = self.hosts()
        listener = self.keep(host.listen(PORT, "127.0.0.1"))
        ours = self.keep(host.connect("127.0.0.1", PORT))
        theirs = self.keep(accept(listener))
        exchange(ours, theirs)
        with self.traced(host) as traced:
            for _ in range(5):
                exchange(ours, theirs, REQUEST, ANSWER)
            # What is sent counts once it is acknowledged, and the last answer may have to wait for that.
            wait_until("the last answer to be acknowledged", lambda: not host.network.server_ports_unacknowledged(PORT, host.namespace),
                       SOCKET_S)
        outbound = self.endpoint_at(traced.report, "outbound", "127.0.0.1", PORT)
        inbound = self.endpoint_at(traced.report, "inbound", "127.0.0.1", PORT)
        for endpoint, sent, received in ((outbound, REQUEST, ANSWER), (inbound, ANSWER, REQUEST)):
            self.check_counts(endpoint, sockets_seen=1, connects=0, exchanges=5, exchanges_failed=0, bytes_sent=5 * sent,
                              bytes_received=5 * received, role_source="derived")
            self.check_pids(endpoint, os.getpid())
        self.assertEqual([sock["opened_at"] for sock in traced.report["sockets"]], [None, None])

    def mptcp_hosts(self) -> tuple[Host, Host]:
        client, server = self.hosts()
        if client.run("sysctl", "-n", "-e", "net.mptcp.enabled").strip() != "1":
            self.skipTest("this kernel has no MPTCP, or it is switched off")
        return client, server

    def test_mptcp_with_one_subflow(self):
        client, server = self.mptcp_hosts()
        listener = self.keep(server.listen(PORT, protocol=IPPROTO_MPTCP))
        with self.traced(client, server) as traced:
            for _ in range(3):
                with client.connect(server.address, PORT, protocol=IPPROTO_MPTCP) as ours, accept(listener) as theirs:
                    for _ in range(4):
                        exchange(ours, theirs, REQUEST, ANSWER)
            self.settle(client, server)
        count = client.counters()
        self.assertEqual((count["MPTcpExtMPCapableSYNTX"], count["TcpActiveOpens"]), (3, 3), "it was MPTCP")
        self.check_ends(traced.report, client, server, server.address, PORT, 3, 12)

    def test_mptcp_with_two_subflows(self):
        """Each subflow is a TCP connection of its own, and no more than that."""
        client, server = self.mptcp_hosts()
        second = "10.87.0.3"
        for host in (client, server):
            host.run("ip", "mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2")
        client.run("ip", "address", "add", f"{second}/24", "dev", "eth0")
        client.run("ip", "mptcp", "endpoint", "add", second, "dev", "eth0", "subflow")
        listener = self.keep(server.listen(PORT, protocol=IPPROTO_MPTCP))
        connections = 3
        with self.traced(client, server) as traced:
            for number in range(connections):
                with client.connect(server.address, PORT, protocol=IPPROTO_MPTCP) as ours, accept(listener) as theirs:
                    exchange(ours, theirs, REQUEST, ANSWER)
                    wait_until("the second subflow", lambda n=number: server.counters()["MPTcpExtMPJoinAckRx"] == n + 1, SOCKET_S)
                    for _ in range(20):
                        exchange(ours, theirs, REQUEST, ANSWER)
            self.settle(client, server)
        report, count = traced.report, client.counters()
        self.assertEqual(count["TcpActiveOpens"], 2 * connections)
        outbound = self.endpoint_at(report, "outbound", server.address, PORT, client)
        inbound = self.endpoint_at(report, "inbound", server.address, PORT, server)
        self.check_counts(outbound, sockets_seen=2 * connections, connects=2 * connections, established=2 * connections,
                          exchanges_failed=0, bytes_sent=21 * connections * REQUEST, bytes_received=21 * connections * ANSWER)
        self.check_counts(inbound, sockets_seen=2 * connections, connects=0, exchanges_failed=0,
                          bytes_sent=21 * connections * ANSWER, bytes_received=21 * connections * REQUEST)
        # The kernel itself connects the second one: it is this process's, or nobody's that is known.
        for sock in report["sockets"]:
            self.assertIn(sock["process"]["pid"], (os.getpid(), None))
        self.check_pids(outbound, os.getpid())
        self.check_quiet(report)


class Reuse(SocketCase):
    """One 4-tuple again and again: a connection is a socket, never a tuple."""

    CONNECTIONS = 3000

    def test_storm_on_one_tuple(self):
        """Ends of four kinds in turn. Every connection has sizes of its own, so that a swapped one would show."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        ended = {"closed": 0, "reset after its answer": 0, "reset by the server": 0, "never used": 0}
        sizes = set()
        with self.traced(client, server, options=("--sockets", "1000")) as traced:
            for number in range(self.CONNECTIONS):
                kind = list(ended)[number % 4]
                ended[kind] += 1
                ours = client.connect(server.address, PORT, LOCAL_PORT)
                theirs = accept(listener)
                request, answer = (100 + number % 1000, 5000 - number % 1000) if kind != "never used" else (0, 0)
                if kind == "reset by the server":
                    answer = 0
                sizes.add((request, answer))
                if request:
                    ours.sendall(b"q" * request)
                    receive(theirs, request)
                if answer:
                    theirs.sendall(b"a" * answer)
                    receive(ours, answer)
                if kind in ("closed", "never used"):
                    # The server closes first, and has the TIME_WAIT: the client's name is free at once.
                    theirs.close()
                    self.assertEqual(ours.recv(1), b"")
                elif kind == "reset by the server":
                    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
                    theirs.close()
                    with self.assertRaises(ConnectionResetError):
                        ours.recv(1)
                else:
                    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
                ours.close()
                theirs.close()
            self.settle(client, server)
        report = traced.report
        answered, waiting = ended["closed"] + ended["reset after its answer"], ended["reset by the server"]
        resets = ended["reset after its answer"]
        outbound = self.endpoint_at(report, "outbound", server.address, PORT, client)
        inbound = self.endpoint_at(report, "inbound", server.address, PORT, server)
        self.assertEqual(len(report["endpoints"]), 2)
        ours, theirs = client.counters(), server.counters()
        # A SYN that meets the server's TIME_WAIT within its timestamp's tick is answered by an ACK, which the client resets before
        # it sends the SYN again (RFC 9293, 3.10.7.3): on a loaded machine some of these come on top.
        sent = ours["TcpOutRsts"]
        self.assertGreaterEqual(sent, resets)
        with self.subTest("the client's end"):
            self.check_counts(outbound, sockets_seen=self.CONNECTIONS, connects=self.CONNECTIONS, established=self.CONNECTIONS,
                              exchanges=answered, exchanges_failed=waiting, exchanges_pending=0,
                              resets={"sent": sent, "received": waiting})
        with self.subTest("the server's end"):
            self.check_counts(inbound, sockets_seen=self.CONNECTIONS, connects=0, exchanges=answered, exchanges_failed=waiting,
                              exchanges_pending=0, resets={"sent": waiting, "received": resets})
        with self.subTest("the kernels' own counts"):
            self.assertEqual((ours["TcpActiveOpens"], theirs["TcpPassiveOpens"], theirs["TcpOutRsts"]),
                             (self.CONNECTIONS, self.CONNECTIONS, waiting))
        with self.subTest("single connections"):
            shown = self.sockets_of(report, outbound)
            self.assertGreater(len(shown), 100)
            for sock in shown:
                self.assertEqual(sock["local"]["port"], LOCAL_PORT)
                self.assertIn((sock["bytes_sent"], sock["bytes_received"]), sizes)
                done = bool(sock["bytes_received"])
                self.assertEqual((sock["exchanges"], sock["exchanges_failed"]), (done, bool(sock["bytes_sent"]) and not done), sock)
                self.assertEqual(sock["process"]["pid"], os.getpid())
            for sock in self.sockets_of(report, inbound):
                self.assertEqual(sock["remote"]["port"], LOCAL_PORT)
                self.assertIn((sock["bytes_received"], sock["bytes_sent"]), sizes)

    def test_tuple_again_after_time_wait(self):
        """The client's own TIME_WAIT is taken over by its next connection (tcp_tw_reuse), after a second."""
        client, server = self.hosts()
        client.sysctl(net__ipv4__tcp_tw_reuse=1)
        listener = self.keep(server.listen(PORT))
        refused = 0
        with self.traced(client, server) as traced:
            for _ in range(3):
                made: list[socket.socket] = []

                def connected() -> bool:
                    nonlocal refused
                    ours = client.bound(LOCAL_PORT)
                    try:
                        ours.connect((server.address, PORT))
                    except OSError as error:
                        ours.close()
                        self.assertEqual(error.errno, errno.EADDRNOTAVAIL)
                        refused += 1
                        return False
                    made.append(ours)
                    return True
                wait_until("the tuple to be free again", connected, SOCKET_S, poll_s=0.1)
                with made[0] as ours, accept(listener) as theirs:
                    exchange(ours, theirs, REQUEST, ANSWER)
                    ours.close()
                    self.assertEqual(theirs.recv(1), b"")
                self.settle(client, server)
        report = traced.report
        self.assertGreaterEqual(client.counters()["TcpExtTWRecycled"], 2, "the TIME_WAIT was taken over")
        outbound = self.endpoint_at(report, "outbound", server.address, PORT, client)
        self.check_counts(outbound, connects=3 + refused, established=3, local_error=refused, exchanges=3, exchanges_failed=0,
                          bytes_sent=3 * REQUEST, bytes_received=3 * ANSWER)
        inbound = self.endpoint_at(report, "inbound", server.address, PORT, server)
        self.check_counts(inbound, sockets_seen=3, exchanges=3, exchanges_failed=0, bytes_sent=3 * ANSWER, bytes_received=3 * REQUEST)
        good = [sock for sock in self.sockets_of(report, outbound) if sock["outcome"] == "established"]
        self.assertEqual([(sock["local"]["port"], sock["exchanges"], sock["bytes_sent"]) for sock in good],
                         [(LOCAL_PORT, 1, REQUEST)] * 3)


class Namespaces(SocketCase):
    def test_equal_addresses_in_two_namespaces(self):
        """Two networks alike to the last port, in one trace: what happened in one is not told of the other."""
        one, other = self.hosts(), self.hosts(pair=1)
        self.assertEqual([host.address for host in one], [host.address for host in other])
        listeners = [self.keep(server.listen(PORT)) for _, server in (one, other)]
        exchanges = (30, 7)
        with self.traced(*one, *other) as traced:
            pairs = []
            for (client, server), listener in zip((one, other), listeners):
                ours = self.keep(client.connect(server.address, PORT, LOCAL_PORT))
                pairs.append((ours, self.keep(accept(listener))))
            for number in range(max(exchanges)):
                for (ours, theirs), count, extra in zip(pairs, exchanges, (0, 1)):
                    if number < count:
                        exchange(ours, theirs, REQUEST + extra, ANSWER + extra)
            for ours, theirs in pairs:
                ours.close()
                theirs.close()
            self.settle(*one, *other)
        report = traced.report
        self.assertEqual(len(report["endpoints"]), 4)
        for (client, server), count, extra in zip((one, other), exchanges, (0, 1)):
            outbound = self.endpoint_at(report, "outbound", server.address, PORT, client)
            inbound = self.endpoint_at(report, "inbound", server.address, PORT, server)
            sent, received = count * (REQUEST + extra), count * (ANSWER + extra)
            self.check_counts(outbound, sockets_seen=1, connects=1, established=1, exchanges=count, exchanges_failed=0,
                              bytes_sent=sent, bytes_received=received)
            self.check_counts(inbound, sockets_seen=1, connects=0, exchanges=count, exchanges_failed=0, bytes_sent=received,
                              bytes_received=sent)
            self.assertEqual((outbound["netns"]["name"], inbound["netns"]["name"]), (client.namespace, server.namespace))
            (sock,) = self.sockets_of(report, outbound)
            self.assertEqual((sock["local"]["port"], sock["netns_inode"]), (LOCAL_PORT, client.inode))
        self.check_quiet(report)

    def has_link(self, host: Host) -> bool:
        return "eth0" in host.run("ip", "-o", "link", "show")

    def test_namespace_deleted_while_traced(self):
        """The tracer does not keep it alive: its end of the link goes, and the other namespace is traced on."""
        client, server = self.hosts()
        with self.traced(server) as alone, self.traced(client, server) as both:
            with server.listen(PORT) as listener, client.connect(server.address, PORT) as ours, accept(listener) as theirs:
                for _ in range(5):
                    exchange(ours, theirs, REQUEST, ANSWER)
            self.settle(client, server)
            inode = server.inode
            client.run("true")
            subprocess.run(["ip", "netns", "delete", server.namespace], check=True, timeout=30)
            wait_until("the deleted namespace's link to go", lambda: not self.has_link(client), 15)
            listener = self.keep(client.listen(OTHER_PORT, "127.0.0.1"))
            with client.connect("127.0.0.1", OTHER_PORT) as ours, accept(listener) as theirs:
                for _ in range(3):
                    exchange(ours, theirs, REQUEST, ANSWER)
            self.settle(client)
        for traced in (alone, both):
            inbound = self.endpoint_at(traced.report, "inbound", server.address, PORT)
            self.check_counts(inbound, sockets_seen=1, exchanges=5, exchanges_failed=0, bytes_received=5 * REQUEST)
            self.assertEqual(inbound["netns"]["inode"], inode)
            self.check_quiet(traced.report)
            gone = {entry["netns_inode"]: entry["gone"] for entry in traced.report["kernel_counters"]}
            self.assertTrue(gone[inode], "the report says that the namespace died")
        outbound = self.endpoint_at(both.report, "outbound", "127.0.0.1", OTHER_PORT, client)
        self.check_counts(outbound, sockets_seen=1, exchanges=3, exchanges_failed=0)
        self.assertEqual(alone.report["totals"]["sockets_seen"], 1)

    def test_last_process_of_a_namespace_ends_while_traced(self):
        """A namespace without a name, known by one process: -p; it goes with the process."""
        client, _ = self.hosts()
        process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(kill, process)
        self.assertEqual(process.stdout.readline(), b"up\n")
        pid = process.pid
        enter = ("nsenter", f"--net=/proc/{pid}/ns/net", "--")
        for command in (("ip", "-n", client.namespace, "link", "add", "peer0", "type", "veth", "peer", "name", "eth0", "netns", str(pid)),
                        ("ip", "-n", client.namespace, "address", "add", "10.88.0.2/24", "dev", "peer0"),
                        ("ip", "-n", client.namespace, "link", "set", "peer0", "up"),
                        (*enter, "ip", "address", "add", "10.88.0.1/24", "dev", "eth0"),
                        (*enter, "ip", "link", "set", "eth0", "up")):
            subprocess.run(command, check=True, timeout=30)
        with Tracer("-p", str(pid), "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            self.assertIn("peer0", client.run("ip", "-o", "link", "show"))
            kill(process)
            wait_until("the ended process's namespace to go", lambda: "peer0" not in client.run("ip", "-o", "link", "show"), 15)
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
        report = self.read_report(self.file("r.json"))
        self.check_nothing_lost(report)
        self.assertEqual([entry["gone"] for entry in report["kernel_counters"]], [True])


class Endpoints(SocketCase):
    """More endpoints than the kernel's table has room for, and what a connection is known by at both ends."""

    CASES_AT_ONCE = 3

    def test_idle_endpoints_give_their_places_to_new_ones(self):
        """Twelve in turn where four have room: each is measured, the last ones too. One comes again."""
        client, server = self.hosts()
        ports = range(PORT, PORT + 12)
        listeners = {port: self.keep(server.listen(port)) for port in ports}
        with self.traced(client, options=("--max-endpoints", "4")) as traced:
            table = traced.tracer.map_id("tcpd_endpoints")
            for number, port in enumerate((*ports, PORT)):
                if number % 4 == 0:
                    wait_until("the table to be empty", lambda: not bpf_map(table), SOCKET_S)
                with client.connect(server.address, port) as ours, accept(listeners[port]) as theirs:
                    exchange(ours, theirs, REQUEST, ANSWER)
                self.settle(client, server)
        self.assertEqual(len(traced.report["endpoints"]), len(ports))
        for port in ports:
            times = 2 if port == PORT else 1
            endpoint = self.endpoint_at(traced.report, "outbound", server.address, port)
            self.check_counts(endpoint, connects=times, exchanges=times, bytes_sent=times * REQUEST, bytes_received=times * ANSWER)
            self.assertEqual(endpoint["histograms"]["first_byte"]["count"], times, port)

    def test_open_sockets_keep_the_places_of_their_endpoints(self):
        client, server = self.hosts()
        listeners = [self.keep(server.listen(PORT + i)) for i in range(5)]
        with self.traced(client, options=("--max-endpoints", "4"), lossless=False) as traced:
            table = traced.tracer.map_id("tcpd_endpoints")
            pairs = [(self.keep(client.connect(server.address, PORT + i)), self.keep(accept(listeners[i]))) for i in range(4)]
            with client.connect(server.address, PORT + 4) as ours, accept(listeners[4]) as theirs:
                exchange(ours, theirs, REQUEST, ANSWER)
            pairs[0][0].close()
            pairs[0][1].close()
            wait_until("one place to be free", lambda: len(bpf_map(table)) == 3, SOCKET_S)
            for ours, theirs in pairs[1:]:
                exchange(ours, theirs, REQUEST, ANSWER)
        self.assertEqual(traced.report["loss"]["endpoints_full"], 1)
        for i in range(1, 4):
            endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT + i)
            self.assertEqual(endpoint["histograms"]["first_byte"]["count"], 1)

    def test_both_ends_know_the_same_initial_sequence_numbers(self):
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        recording = self.file("both.tcpdiag")
        with self.traced(client, server, options=("-w", recording)):
            with client.connect(server.address, PORT) as ours, accept(listener) as theirs:
                exchange(ours, theirs, REQUEST, ANSWER)
            self.settle(client, server)
        with contextlib.closing(sqlite3.connect(recording)) as database:
            told = dict(database.execute("SELECT DISTINCT socket_role, socket_initial_seq_local||'/'||socket_initial_seq_remote"
                                         " FROM events WHERE kind IN ('established', 'state_changed')"))
        self.assertEqual(set(told), {"outbound", "inbound"})
        local, remote = told["outbound"].split("/")
        self.assertEqual(told["inbound"], f"{remote}/{local}")


class Listeners(SocketCase):
    """A listener answers segments of no connection with a RST; the kernel has taken the device off them by then."""

    COUNT = 30

    def test_stray_segments(self):
        for family, pair in ((4, 0), (6, 1)):
            with self.subTest(family=family):
                client, server = self.hosts(family, pair)
                listener = self.keep(server.listen(PORT))
                with client.connect(server.address, PORT), accept(listener):
                    pass  # the neighbours know each other
                self.settle(client, server)
                before = server.counters()["TcpOutRsts"]
                with self.traced(server) as traced:
                    for i in range(self.COUNT):
                        client.send_segment(server.address, LOCAL_PORT + i, PORT)
                    wait_until("the listener's resets", lambda: server.counters()["TcpOutRsts"] >= before + self.COUNT, SOCKET_S)
                self.assertEqual(traced.report["totals"]["resets"]["sent"], self.COUNT)
                self.assertEqual(traced.report["totals"]["reset_phases"]["no_socket"], self.COUNT)


if __name__ == "__main__":
    main()
