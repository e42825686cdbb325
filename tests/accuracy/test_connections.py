#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How connections begin and end: outcomes of connects, resets both ways, a full accept queue; against the application's own
errors, the kernel's counters (nstat) and the wire (tshark)."""

import errno
import os
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PYTHON, main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, accept, kill  # noqa: E402
from witness import ACK, RST, SYN, unread  # noqa: E402
from witness_case import MEDIAN_US, Watch, WitnessCase, drop  # noqa: E402

PORT, CLOSED_PORT, LATE_PORT, LOST_PORT, FORBIDDEN_PORT = 7000, 7001, 7002, 7003, 7004

# Connects, says its local port, and reads nothing of what comes.
VICTIM = "import socket, sys, time\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n" \
         "print(s.getsockname()[1], flush=True)\ntime.sleep(600)"


class Resets(WitnessCase):
    """23 resets of five sorts."""

    EACH, KILLED = 5, 3

    def pairs(self, client: Host, server: Host, listener: socket.socket, count: int) -> list[tuple[socket.socket, socket.socket]]:
        return [(self.keep(client.connect(server.address, PORT)), self.keep(accept(listener))) for _ in range(count)]

    def killed(self, client: Host, server: Host, listener: socket.socket) -> None:
        """A process that is killed with unread data."""
        victim = subprocess.Popen(client.network.inside(client.namespace, PYTHON, "-c", VICTIM, server.address, str(PORT)),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(kill, victim)
        theirs = self.keep(accept(listener))
        theirs.sendall(b"u" * 100)
        wait_until("the data to arrive", lambda: not client.network.server_ports_unacknowledged(PORT), SOCKET_S)
        kill(victim)

    def test_resets(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        with self.watched(client, server) as (at_client, at_server):
            for mine, _ in self.pairs(client, server, listener, self.EACH):
                mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                mine.close()
            for mine, theirs in self.pairs(client, server, listener, self.EACH):
                theirs.sendall(b"u" * 100)
                wait_until("the data to arrive", lambda s=mine: unread(s) == 100, SOCKET_S)
                mine.close()
            for _ in range(self.KILLED):
                self.killed(client, server, listener)
            for mine, theirs in self.pairs(client, server, listener, self.EACH):
                mine.close()
                self.assertEqual(theirs.recv(1), b"")
                theirs.sendall(b"u")  # to a socket that nobody has any more
            for _ in range(self.EACH):
                with self.assertRaises(ConnectionRefusedError):
                    self.keep(client.tcp()).connect((server.address, CLOSED_PORT))
            self.settle(client, server)
        aborted = 2 * self.EACH + self.KILLED
        self.check(at_client, sent=aborted + self.EACH, received=self.EACH)
        self.check(at_server, sent=self.EACH, received=aborted + self.EACH)
        self.compare("connections that ended established",
                     server=(at_server.totals["resets"]["received"], at_server.counted["TcpEstabResets"]),
                     client=(at_client.totals["resets"]["sent"] - self.EACH, at_client.counted["TcpEstabResets"]),
                     refused=(at_client.totals["connect_outcomes"]["refused"], at_client.counted["TcpAttemptFails"]))

    def check(self, watch: Watch, sent: int, received: int) -> None:
        totals = watch.totals
        self.compare(
            f"resets of {watch.host.namespace}",
            sent=(totals["resets"]["sent"], sent),
            received=(totals["resets"]["received"], received),
            sent_by_the_kernel=(totals["resets"]["sent"], watch.counted["TcpOutRsts"]),
            kernel_counters=(watch.kernel_counters()["OutRsts"], watch.counted["TcpOutRsts"]),
            sent_on_the_wire=(totals["resets"]["sent"], sum(frame.has(RST) for frame in watch.sent())),
            received_on_the_wire=(totals["resets"]["received"], sum(frame.has(RST) for frame in watch.received())),
            phases=(sum(count or 0 for count in totals["reset_phases"].values()), sent + received))
        if totals["reset_reasons"] is not None:
            self.assertEqual(sum(totals["reset_reasons"].values()), sent, totals["reset_reasons"])


class Connects(WitnessCase):
    """101 connects with every outcome that a client sees."""

    ESTABLISHED, LATE, REFUSED, TIMED_OUT, ABANDONED, UNREACHABLE, LOCAL_ERROR, PENDING = 46, 4, 35, 4, 4, 3, 2, 3

    def start(self, client: Host, server: Host, port: int, count: int) -> list[socket.socket]:
        """Connects that nobody waits for."""
        started = [self.keep(client.tcp()) for _ in range(count)]
        for sock in started:
            sock.setblocking(False)
            self.assertEqual(sock.connect_ex((server.address, port)), errno.EINPROGRESS)
        return started

    def failing(self, client: Host, server: Host, port: int, wanted: int, options: tuple = ()) -> None:
        """A connect that ends with this error."""
        sock = self.keep(client.tcp())
        sock.settimeout(None)  # the kernel's error, not Python's
        for option in options:
            sock.setsockopt(*option)
        self.assertEqual(sock.connect_ex((server.address, port)), wanted, os.strerror(wanted))

    def without_a_port(self, client: Host, server: Host) -> None:
        """The only port of the range is taken."""
        before = client.run("sysctl", "-n", "net.ipv4.ip_local_port_range").split()
        taken = self.keep(client.connect(server.address, PORT)).getsockname()[1]
        client.sysctl(net__ipv4__ip_local_port_range=f"{taken} {taken}")
        for _ in range(self.LOCAL_ERROR):
            self.failing(client, server, PORT, errno.EADDRNOTAVAIL)
        client.sysctl(net__ipv4__ip_local_port_range=" ".join(before))

    def test_outcomes(self):
        client, server = self.pair_of_hosts()
        self.keep(server.listen(PORT))
        self.keep(server.listen(LATE_PORT))
        drop(server, f"tcp dport {{ {LATE_PORT}, {LOST_PORT} }}")
        server.network.firewall("table inet forbid { chain in { type filter hook input priority 0;\n"
                                f"tcp dport {FORBIDDEN_PORT} reject with icmp type admin-prohibited\n}}\n}}\n", server.namespace)
        with self.watched(client, server, only=client) as (watch,):
            late = self.start(client, server, LATE_PORT, self.LATE)
            pending = self.start(client, server, LOST_PORT, self.PENDING)
            drop(server, f"tcp dport {LOST_PORT}")
            abandoned = self.start(client, server, LOST_PORT, self.ABANDONED)
            jobs = [lambda: self.failing(client, server, LOST_PORT, errno.ETIMEDOUT, ((socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1),))
                    for _ in range(self.TIMED_OUT)]
            jobs += [lambda: self.failing(client, server, FORBIDDEN_PORT, errno.EHOSTUNREACH) for _ in range(self.UNREACHABLE)]
            self.at_once(jobs)
            for _ in range(self.REFUSED):
                self.failing(client, server, CLOSED_PORT, errno.ECONNREFUSED)
            for _ in range(self.ESTABLISHED - 1):
                self.keep(client.connect(server.address, PORT))
            self.without_a_port(client, server)
            for sock in abandoned:
                sock.close()
            wait_until("the late ones", lambda: all(self.is_connected(sock) for sock in late), SOCKET_S)
            self.assertEqual(len(client.network.client_ports_in_syn_sent(LOST_PORT)), len(pending))
        totals, counted = watch.totals, watch.counted
        outcomes = totals["connect_outcomes"]
        failed = outcomes["refused"] + outcomes["timed_out"] + outcomes["unreachable"]
        self.assertEqual(outcomes, {
            "established": self.ESTABLISHED + self.LATE, "refused": self.REFUSED, "reset": 0, "timed_out": self.TIMED_OUT,
            "unreachable": self.UNREACHABLE, "abandoned": self.ABANDONED, "local_error": self.LOCAL_ERROR, "pending": self.PENDING})
        self.compare("connects",
                     all_of_them=(totals["connects"], 101),
                     active_opens=(totals["connects"] - self.LOCAL_ERROR, counted["TcpActiveOpens"]),
                     attempt_fails=(failed, counted["TcpAttemptFails"]),
                     syns_again=(totals["retransmits"]["syn"], counted["TcpExtTCPSynRetrans"]))
        self.check_handshakes(watch)

    def is_connected(self, sock: socket.socket) -> bool:
        try:
            sock.getpeername()
        except OSError:
            return False
        return True

    def check_handshakes(self, watch: Watch) -> None:
        """First SYN -> SYN-ACK, connection by connection."""
        syns: dict[tuple[int, int], float] = {}
        answers: dict[tuple[int, int], float] = {}
        for frame in watch.frames:
            if frame.has(SYN | ACK):
                answers.setdefault((frame.target_port, frame.source_port), frame.at_us)
            elif frame.has(SYN):
                syns.setdefault((frame.source_port, frame.target_port), frame.at_us)
        pairs = []
        for ports, answered in answers.items():
            sock = watch.socket(*ports)
            (began,), (established,) = watch.entries(sock, "connect"), watch.entries(sock, "established")
            pairs.append((established["detail"]["took_us"] - began["detail"]["syn_after_us"], answered - syns[ports]))
        self.check_delays("connect", pairs, at_least=self.ESTABLISHED + self.LATE)
        histograms = [endpoint["histograms"]["connect"] for endpoint in watch.report["endpoints"] if endpoint["role"] == "outbound"]
        self.compare("histogram connect", count=(sum(h["count"] for h in histograms), len(pairs)))
        total, theirs = sum(h["sum"] for h in histograms), sum(theirs for _, theirs in pairs)
        self.assertLessEqual(abs(total - theirs), len(pairs) * MEDIAN_US, f"sum of connect: {total}, wire {theirs:.0f}")


class AcceptQueue(WitnessCase):
    """A listener with a backlog of 1 that never accepts."""

    def test_overflow(self):
        client, server = self.pair_of_hosts()
        self.keep(server.listen(PORT, backlog=1))
        with self.watched(client, server, only=server, capture=None) as (watch,):
            socks = [self.keep(client.tcp()) for _ in range(8)]
            for sock in socks:
                sock.setblocking(False)
                sock.connect_ex((server.address, PORT))
            self.wait_counter(server, "TcpExtListenOverflows", 12)  # 6 of them are turned away, and once more after a second
            queued, limit = server.run("ss", "-Hltn", "sport", "=", f":{PORT}").split()[1:3]
            for sock in socks:
                sock.close()
        totals, counted = watch.totals, watch.counted
        (netns,) = watch.report["kernel_counters"]
        self.compare("accept queue",
                     overflows=(totals["listen_overflows"], counted["TcpExtListenOverflows"]),
                     drops=(totals["listen_drops"], counted["TcpExtListenDrops"]),
                     kernel_counters=(netns["counters"]["ListenOverflows"], counted["TcpExtListenOverflows"]),
                     queue=([(each["address"], each["port"], each["backlog_max"], each["limit"]) for each in netns["full_listeners"]],
                            [(server.address, PORT, int(queued), int(limit))]))


if __name__ == "__main__":
    main()
