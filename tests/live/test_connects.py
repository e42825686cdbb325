#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How connects end: every outcome, made on purpose and counted by the test itself; SYNs by a witness at the other end."""

import contextlib
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, accept, exchange, inside, kill, receive  # noqa: E402

PORT, CLOSED_PORT, DARK_PORT = 8080, 8081, 8082
REQUEST, ANSWER = 100, 1000
ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800
SYN, ACK = 0x02, 0x10
TCP_FASTOPEN_CONNECT = 30
DROP_SYNS = """table inet dark {{
  chain pre {{
    type filter hook prerouting priority -300;
    {of}tcp dport {port} tcp flags & (syn | ack) == syn counter drop
  }}
}}
"""

# Blocks in connect(), for the one that is killed meanwhile.
BLOCKED_IN_CONNECT = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.connect((sys.argv[1], int(sys.argv[2])))
"""


class SynWitness:
    """Sees SYNs arrive at a host's device, also those that its firewall then drops. Times are CLOCK_MONOTONIC."""

    def __init__(self, host: Host, port: int):
        self._port = port
        with inside(host.path):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self._socket.bind(("eth0", ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: when it came, not when it is read here
        self._offset = time.time() - time.monotonic()

    def __enter__(self) -> "SynWitness":
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def seen(self) -> dict[int, list[float]]:
        """The client's port -> when its SYNs came. All that has come since the last call."""
        found: dict[int, list[float]] = {}
        while select.select([self._socket], [], [], 0)[0]:
            data, ancillary, _, sender = self._socket.recvmsg(256, 256)
            if sender[1] != ETH_P_IP or sender[2] == socket.PACKET_OUTGOING or data[9] != socket.IPPROTO_TCP:
                continue
            tcp = data[(data[0] & 15) * 4:]
            source, target, flags = *struct.unpack_from("!HH", tcp), tcp[13]
            if target == self._port and flags & (SYN | ACK) == SYN:
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                found.setdefault(source, []).append(seconds + nanoseconds / 1e9 - self._offset)
        return found


class ConnectCase(SocketCase):
    def begin(self, client: Host, address: str, port: int) -> socket.socket:
        """A connect that does not wait."""
        made = client.tcp(socket.AF_INET6 if ":" in address else socket.AF_INET)
        made.setblocking(False)
        self.assertIn(made.connect_ex((address, port)), (0, errno.EINPROGRESS))
        return self.keep(made)

    def outcome_of(self, made: socket.socket) -> int:
        """Waits until the connect has ended. Its errno, 0 when it is established."""
        self.assertTrue(select.select([], [made], [], SOCKET_S)[1], "the connect ended in time")
        return made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def darken(self, server: Host, of: str = "") -> None:
        """SYNs to DARK_PORT arrive and are dropped; `of`: only those that this nft expression matches."""
        server.network.firewall(DROP_SYNS.format(port=DARK_PORT, of=of), server.namespace)

    def dark_syns(self, server: Host) -> int:
        return server.network.firewall_packets(server.namespace)

    def codes(self, report: dict) -> set[str]:
        return {finding["code"] for finding in report["findings"] if finding["severity"] != "notice"}


class Outcomes(ConnectCase):
    CASES_AT_ONCE = 4

    def test_non_blocking(self):
        """Four outcomes at once, several of each."""
        client, server = self.hosts()
        self.darken(server)
        listener = self.keep(server.listen(PORT))
        with self.traced(client, server) as traced:
            good = [self.begin(client, server.address, PORT) for _ in range(5)]
            refused = [self.begin(client, server.address, CLOSED_PORT) for _ in range(4)]
            abandoned = [self.begin(client, server.address, DARK_PORT) for _ in range(3)]
            timed_out = [self.begin(client, server.address, DARK_PORT) for _ in range(2)]
            for made in timed_out:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
            self.assertEqual({self.outcome_of(made) for made in good}, {0})
            self.assertEqual({self.outcome_of(made) for made in refused}, {errno.ECONNREFUSED})
            wait_until("the SYNs to arrive", lambda: self.dark_syns(server) >= 5, SOCKET_S)
            for made in abandoned:
                made.close()
            self.assertEqual({self.outcome_of(made) for made in timed_out}, {errno.ETIMEDOUT})
            for made in good + refused + timed_out:
                made.close()
            for _ in good:
                accept(listener).close()
            self.settle(client, server)
        report = traced.report
        self.check_counts(self.endpoint_at(report, "outbound", server.address, PORT), connects=5, established=5)
        self.check_counts(self.endpoint_at(report, "outbound", server.address, CLOSED_PORT), connects=4, refused=4)
        dark = self.endpoint_at(report, "outbound", server.address, DARK_PORT)
        self.check_counts(dark, connects=5, abandoned=3, timed_out=2)
        self.assertEqual(dark["histograms"]["connect"]["count"], 0)
        self.check_counts(self.endpoint_at(report, "inbound", server.address, PORT), sockets_seen=5)
        self.assertEqual(report["totals"]["connects"], 14)
        self.assertEqual(self.codes(report), {"connect-refused", "connect-timeout"})
        # Whatever came there was a first SYN or a repeated one.
        self.assertEqual(5 + dark["retransmits"]["syn"], self.dark_syns(server))

    def test_pending_at_the_end(self):
        client, server = self.hosts()
        self.darken(server)
        with self.traced(client) as traced:
            for _ in range(3):
                self.begin(client, server.address, DARK_PORT)
            wait_until("the SYNs to arrive", lambda: self.dark_syns(server) >= 3, SOCKET_S)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, DARK_PORT)
        self.check_counts(endpoint, connects=3, pending=3)
        self.assertEqual({(sock["outcome"], sock["closed_at"]) for sock in traced.report["sockets"]}, {("pending", None)})

    def test_killed_while_connecting(self):
        client, server = self.hosts()
        self.darken(server)
        with self.traced(client) as traced:
            command = client.network.inside(client.namespace, sys.executable, "-c", BLOCKED_IN_CONNECT, server.address, str(DARK_PORT))
            process = subprocess.Popen(command)
            self.addCleanup(kill, process)
            wait_until("its SYN to arrive", lambda: self.dark_syns(server) >= 1, SOCKET_S)
            kill(process)
            self.settle(client)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, DARK_PORT)
        self.check_counts(endpoint, connects=1, abandoned=1)
        (sock,) = traced.report["sockets"]
        self.assertEqual((sock["process"]["pid"], sock["outcome"]), (process.pid, "abandoned"))

    def test_no_local_port_left(self):
        """EADDRNOTAVAIL: no SYN was sent, the cause is here."""
        client, server = self.hosts()
        client.sysctl(net__ipv4__ip_local_port_range="40000 40003")
        listener = self.keep(server.listen(PORT))
        with self.traced(client) as traced:
            made, refused = [], 0
            for _ in range(7):
                try:
                    made.append(self.keep(client.connect(server.address, PORT)))
                except OSError as error:
                    self.assertEqual(error.errno, errno.EADDRNOTAVAIL)
                    refused += 1
            for each in made:
                with each, accept(listener):
                    pass
            self.settle(client, server)
        self.assertGreaterEqual(refused, 3)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT)
        self.check_counts(endpoint, connects=7, established=7 - refused, local_error=refused)
        self.assertEqual(client.counters()["TcpActiveOpens"], 7 - refused)
        self.assertIn("connect-failed-locally", self.codes(traced.report))

    def test_no_route(self):
        """connect() fails before there is anything to trace: not seen, and nothing is made up."""
        client, _ = self.hosts()
        with self.traced(client) as traced:
            for _ in range(3):
                made = self.keep(client.tcp())
                self.assertEqual(made.connect_ex(("203.0.113.1", PORT)), errno.ENETUNREACH)
        report = traced.report
        self.assertEqual((report["endpoints"], report["totals"]["connects"], report["findings"]), ([], 0, []))

    def test_absent_neighbour(self):
        client, server = self.hosts()
        client.sysctl(net__ipv4__neigh__eth0__mcast_solicit=1, net__ipv4__neigh__eth0__retrans_time_ms=300)
        absent = "10.87.0.77"
        with self.traced(client) as traced:
            made = [self.begin(client, absent, PORT) for _ in range(3)]
            self.assertEqual({self.outcome_of(each) for each in made}, {errno.EHOSTUNREACH})
            for each in made:
                each.close()
            self.settle(client)
        endpoint = self.endpoint_at(traced.report, "outbound", absent, PORT)
        self.check_counts(endpoint, connects=3, unreachable=3)
        self.assertEqual(endpoint["histograms"]["connect"]["count"], 0)
        self.assertEqual(self.codes(traced.report), {"connect-failed-locally"})
        self.assertEqual(endpoint["drops"], {"out": {"NEIGH_FAILED": 3}, "in": {}})

    def two_families(self) -> tuple[Host, Host]:
        """Hosts with an address of either family."""
        client, server = self.hosts()
        for host, address in ((client, "fd00:87::2"), (server, "fd00:87::1")):
            host.run("ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        return client, server

    def test_happy_eyeballs_after_a_refusal(self):
        """IPv6 is refused, IPv4 established at once: no failure for anybody."""
        client, server = self.two_families()
        listener = self.keep(server.listen(PORT))
        with self.traced(client) as traced:
            for _ in range(5):
                first = self.begin(client, "fd00:87::1", PORT)
                self.assertEqual(self.outcome_of(first), errno.ECONNREFUSED)
                first.close()
                with client.connect(server.address, PORT) as ours, accept(listener) as theirs:
                    exchange(ours, theirs)
            self.settle(client, server)
        self.check_counts(self.endpoint_at(traced.report, "outbound", "fd00:87::1", PORT), connects=5, refused=5)
        self.check_counts(self.endpoint_at(traced.report, "outbound", server.address, PORT), connects=5, established=5, exchanges=5)
        self.check_quiet(traced.report)

    def test_happy_eyeballs_past_a_black_hole(self):
        """IPv6 is not answered, IPv4 is tried beside it and wins; the other attempt is dropped."""
        client, server = self.two_families()
        self.darken(server, "meta nfproto ipv6 ")
        listener = self.keep(server.listen(DARK_PORT))
        with self.traced(client) as traced:
            for _ in range(5):
                first = self.begin(client, "fd00:87::1", DARK_PORT)
                with client.connect(server.address, DARK_PORT) as ours, accept(listener) as theirs:
                    first.close()
                    exchange(ours, theirs)
            self.settle(client, server)
        self.check_counts(self.endpoint_at(traced.report, "outbound", "fd00:87::1", DARK_PORT), connects=5, abandoned=5)
        self.check_counts(self.endpoint_at(traced.report, "outbound", server.address, DARK_PORT), connects=5, established=5, exchanges=5)
        self.check_quiet(traced.report)


class SynSchedule(ConnectCase):
    """Every SYN that left is in the connection's story, at the time that a witness at the other end saw it."""

    CASES_AT_ONCE = 2

    CLOSE_S = 0.05

    def schedule(self, prepare: Callable[[socket.socket], None], connects: int = 3) -> None:
        client, server = self.hosts()
        self.darken(server)
        with SynWitness(server, DARK_PORT) as witness, self.traced(client) as traced:
            made = []
            for _ in range(connects):
                each = self.keep(client.tcp())
                prepare(each)
                each.setblocking(False)
                self.assertEqual(each.connect_ex((server.address, DARK_PORT)), errno.EINPROGRESS)
                made.append(each)
            self.assertEqual({self.outcome_of(each) for each in made}, {errno.ETIMEDOUT})
            for each in made:
                each.close()
            self.settle(client)
            seen = witness.seen()
        report = traced.report
        self.assertEqual(len(seen), connects)
        endpoint = self.endpoint_at(report, "outbound", server.address, DARK_PORT)
        sent = sum(len(times) for times in seen.values())
        self.assertGreater(sent, connects, "SYNs were repeated")
        self.check_counts(endpoint, connects=connects, timed_out=connects, retransmitted_segments=sent - connects)
        self.assertEqual(endpoint["retransmits"]["syn"], sent - connects)
        self.assertEqual(self.dark_syns(server), sent)
        histogram = endpoint["histograms"]["retransmit_syn"]
        self.assertEqual(histogram["count"], sent - connects)
        self.assertAlmostEqual(histogram["max"] / 1e6, max(times[-1] - times[0] for times in seen.values()), delta=self.CLOSE_S)
        for sock in self.sockets_of(report, endpoint):
            times = seen.pop(sock["local"]["port"])
            told = [entry["offset_us"] / 1e6 for entry in sock["timeline"] if entry["kind"] in ("connect", "syn_retransmit")]
            self.assertEqual(len(told), len(times), sock["timeline"])
            for one, other in zip(told, times):
                self.assertAlmostEqual(one - told[0], other - times[0], delta=self.CLOSE_S)
            self.assertEqual((sock["outcome"], sock["ended_with"]), ("timed_out", "timeout"))
        self.assertEqual(seen, {}, "every connection is in the report")
        self.assertEqual(self.codes(report), {"connect-timeout"})

    def test_limited_number_of_syns(self):
        self.schedule(lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 2))

    def test_limited_time(self):
        self.schedule(lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2500))


class FastOpen(ConnectCase):
    """TCP Fast Open (RFC 7413): the request is in the SYN, and the answer may come before the handshake has ended."""

    CASES_AT_ONCE = 3

    def fast_hosts(self) -> tuple[Host, Host, socket.socket]:
        client, server = self.hosts()
        for host in (client, server):
            host.sysctl(net__ipv4__tcp_fastopen=3)
        listener = self.keep(server.bound(PORT, server.address))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
        listener.listen(16)
        return client, server, listener

    def talk(self, client: Host, server: Host, listener: socket.socket, pause: Callable[[], None], exchanges: int = 1) -> None:
        ours = self.keep(client.tcp())
        ours.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        ours.connect((server.address, PORT))
        pause()
        ours.sendall(b"q" * REQUEST)
        with accept(listener) as theirs:
            receive(theirs, REQUEST)
            theirs.sendall(b"a" * ANSWER)
            receive(ours, ANSWER)
            for _ in range(exchanges - 1):
                exchange(ours, theirs, REQUEST, ANSWER)
            ours.close()
            self.assertEqual(theirs.recv(1), b"")

    def check_fast(self, client: Host, server: Host, fast: int) -> None:
        ours, theirs = client.counters(), server.counters()
        self.assertEqual((ours["TcpExtTCPFastOpenActive"], theirs["TcpExtTCPFastOpenPassive"]), (fast, fast), "data went in the SYN")

    def check_both(self, report: dict, client: Host, server: Host, connections: int, exchanges: int) -> dict:
        outbound = self.endpoint_at(report, "outbound", server.address, PORT, client)
        inbound = self.endpoint_at(report, "inbound", server.address, PORT, server)
        self.check_counts(outbound, sockets_seen=connections, connects=connections, established=connections, exchanges=exchanges,
                          exchanges_failed=0, exchanges_pending=0, bytes_sent=exchanges * REQUEST, bytes_received=exchanges * ANSWER)
        self.check_counts(inbound, sockets_seen=connections, connects=0, exchanges=exchanges, exchanges_failed=0,
                          exchanges_pending=0, bytes_sent=exchanges * ANSWER, bytes_received=exchanges * REQUEST)
        for endpoint in (outbound, inbound):
            self.check_pids(endpoint, os.getpid())
        self.assertEqual(outbound["histograms"]["connect"]["count"], connections)
        self.check_quiet(report)
        return outbound

    def test_cookie_then_data_in_the_syn(self):
        client, server, listener = self.fast_hosts()
        with self.traced(client, server) as traced:
            for _ in range(10):
                self.talk(client, server, listener, lambda: None)
            self.settle(client, server)
        self.check_fast(client, server, 9)
        self.check_both(traced.report, client, server, 10, 10)

    def test_several_exchanges_on_each(self):
        client, server, listener = self.fast_hosts()
        with self.traced(client, server) as traced:
            for _ in range(4):
                self.talk(client, server, listener, lambda: None, exchanges=5)
            self.settle(client, server)
        self.check_fast(client, server, 3)
        self.check_both(traced.report, client, server, 4, 20)

    def test_connect_is_measured_from_the_syn(self):
        """connect() only remembers the address, and the SYN leaves with the first data."""
        client, server, listener = self.fast_hosts()
        self.talk(client, server, listener, lambda: None)  # The cookie.
        self.settle(client, server)
        pause_s = 1.0
        with self.traced(client, server) as traced:
            for _ in range(3):
                self.talk(client, server, listener, lambda: time.sleep(pause_s))
            self.settle(client, server)
        self.check_fast(client, server, 3)
        outbound = self.check_both(traced.report, client, server, 3, 3)
        self.assertLess(outbound["histograms"]["connect"]["max"], pause_s * 1e6 / 2)


class Witnesses(ConnectCase):
    """The witness itself, so that its silence means something."""

    def test_syns(self):
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        with SynWitness(server, PORT) as witness, contextlib.ExitStack() as stack:
            ports = []
            for _ in range(3):
                ours = stack.enter_context(client.connect(server.address, PORT))
                stack.enter_context(accept(listener))
                ports.append(ours.getsockname()[1])
            seen = witness.seen()
        self.assertEqual({port: len(times) for port, times in seen.items()}, dict.fromkeys(ports, 1))
        for times in seen.values():
            self.assertAlmostEqual(times[0], time.monotonic(), delta=SOCKET_S)


if __name__ == "__main__":
    main()
