#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Retransmissions, counted by the kernel (nstat) and seen on the wire (tshark): how many, of which kind, after how long.

Segments are lost where they arrive, before the receiver's TCP: a drop on the sender's side would be an error there.
"""

import itertools
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, accept, receive  # noqa: E402
from witness import ACK, SYN, Repeat, recoveries, repeats, unacknowledged  # noqa: E402
from witness_case import Watch, WitnessCase, drop, dropped  # noqa: E402

PORT = 7000
BULK = 100_000
ASKED, ANSWERED, ROUNDS = 200, 3000, 10


class RetransmitCase(WitnessCase):
    """What is common to the comparisons of one host's retransmissions."""

    def events(self, watch: Watch) -> list[dict]:
        """The timelines' retransmissions, but those of SYN-ACKs, which belong to no connection."""
        return [entry for sock in watch.report["sockets"] for kind in ("retransmit", "syn_retransmit")
                for entry in watch.entries(sock, kind)]

    def segments(self, watch: Watch, kind: str) -> int:
        return sum(entry["detail"]["segments"] for entry in self.events(watch)
                   if entry["kind"] == "retransmit" and entry["detail"]["kind"] == kind)

    def check_counts_of(self, watch: Watch) -> list[Repeat]:
        """The identities between the report, the kernel's counters and the wire. Returns the wire's retransmissions."""
        totals, kinds, counted = watch.totals, watch.totals["retransmits"], watch.counted
        wire = repeats(watch.sent())
        syn_acks = sum(again.frame.has(SYN | ACK) for again in wire)
        self.compare(
            f"retransmissions of {watch.host.namespace}",
            segments=(totals["retransmitted_segments"], counted["TcpRetransSegs"]),
            segments_on_the_wire=(totals["retransmitted_segments"], len(wire)),
            flagged_by_tshark=(totals["retransmitted_segments"], sum(frame.again for frame in watch.sent())),
            segments_of_sockets=(sum(sock["retransmitted_segments"] for sock in watch.report["sockets"]), len(wire) - syn_acks),
            syn_and_syn_ack=(kinds["syn"] + kinds["synack"], counted["TcpExtTCPSynRetrans"]),
            syn_on_the_wire=(kinds["syn"], sum(again.frame.has(SYN) for again in wire) - syn_acks),
            syn_ack_on_the_wire=(kinds["synack"], syn_acks),
            fast=(self.segments(watch, "fast"), counted["TcpExtTCPFastRetrans"]),
            other=(self.segments(watch, "other"), counted["TcpExtTCPSlowStartRetrans"]),
            segments_of_events=(sum(entry["detail"].get("segments", 1) for entry in self.events(watch)), len(wire) - syn_acks),
            kinds=(sum(kinds.values()) - kinds["synack"], len(wire) - syn_acks),
            kernel_counters=({name: watch.kernel_counters()[name] for name in ("RetransSegs", "OutRsts")},
                             {name: counted[f"Tcp{name}"] for name in ("RetransSegs", "OutRsts")}),
            failures=((totals["retransmit_failures"]["busy"], totals["retransmit_failures"]["other"]),
                      (counted["TcpExtTCPSpuriousRtxHostQueues"], 0)))
        # A SYN-ACK is sent again by its timer, or because the SYN came again.
        timeouts = kinds["rto"] + kinds["syn"]
        self.assertTrue(timeouts <= counted["TcpExtTCPTimeouts"] <= timeouts + kinds["synack"],
                        f"TCPTimeouts {counted['TcpExtTCPTimeouts']}, {kinds}")
        # A probe may also send something new.
        self.assertLessEqual(kinds["tlp"], counted["TcpExtTCPLossProbes"])
        return wire

    def check_holes_of(self, watch: Watch, peer: Watch) -> None:
        """What came as a second copy is what the peer sent again; losses at the end of what was sent open no hole."""
        again, late = watch.totals["recovered_in"], watch.totals["reordered_in"]
        fast = self.segments(peer, "fast") - peer.totals["spurious_retransmits"]
        self.assertLessEqual(again, peer.totals["retransmitted_segments"], "no more than the peer sent again")
        self.assertGreaterEqual(again + late, 0.9 * fast, "a fast retransmission fills a hole")
        self.assertLessEqual(late, 0.05 * (again + late), "nothing changed the order")

    def check_delays_of(self, watch: Watch, wire: list[Repeat]) -> None:
        """Each retransmission's delay, and what the histograms make of them."""
        pairs: dict[str, list[tuple[float, float]]] = {}
        for sock in watch.report["sockets"]:
            ports = (sock["local"]["port"], sock["remote"]["port"])
            mine = iter([again for again in wire
                         if (again.frame.source_port, again.frame.target_port) == ports and not again.frame.has(SYN)])
            for entry in watch.entries(sock, "retransmit"):
                seen = list(itertools.islice(mine, entry["detail"]["segments"]))
                pairs.setdefault(entry["detail"]["kind"], []).append((entry["detail"].get("delay_us"), seen[0].delay_us))
        for kind, both in pairs.items():
            self.assertNotIn(None, [ours for ours, _ in both], f"{kind}: a delay is not known")
        if pairs:
            self.check_delays("retransmissions", itertools.chain.from_iterable(pairs.values()))
        for kind, both in pairs.items():
            histograms = [endpoint["histograms"][f"retransmit_{kind}"] for endpoint in watch.report["endpoints"]]
            self.compare(f"histogram retransmit_{kind}", count=(sum(h["count"] for h in histograms), len(both)))
            total, seen = sum(h["sum"] for h in histograms), sum(theirs for _, theirs in both)
            self.assertLessEqual(abs(total - seen), len(both) * 1000, f"sum of retransmit_{kind}: {total}, wire {seen:.0f}")


class TalkCase(RetransmitCase):
    """Many connections at once, each with the same talk."""

    CONNECTIONS = 0

    def serve(self, theirs: socket.socket) -> None:
        """The server's end of one connection, to its close."""
        raise NotImplementedError

    def ask(self, client: Host, address: str) -> None:
        """The client's end of one connection."""
        raise NotImplementedError

    def talk(self, client: Host, server: Host) -> None:
        """All connections at once, to their ends."""
        listener = self.keep(server.listen(PORT))
        serving = threading.Thread(target=self.at_once, args=(
            [lambda: self.serve(accept(listener)) for _ in range(self.CONNECTIONS)],))
        serving.start()
        self.at_once([lambda: self.ask(client, server.address) for _ in range(self.CONNECTIONS)])
        serving.join(SOCKET_S)
        self.settle(client, server)


class Loss(TalkCase):
    """3 % of all segments are lost, both ways: bulk in both directions, then requests."""

    CONNECTIONS = 24

    def serve(self, server: socket.socket) -> None:
        with server:
            receive(server, BULK)
            server.sendall(b"b" * BULK)
            for _ in range(ROUNDS):
                receive(server, ASKED)
                server.sendall(b"a" * ANSWERED)
            self.assertEqual(server.recv(1), b"")

    def ask(self, host: Host, address: str) -> None:
        with host.connect(address, PORT) as client:
            client.sendall(b"b" * BULK)
            receive(client, BULK)
            for _ in range(ROUNDS):
                client.sendall(b"q" * ASKED)
                receive(client, ANSWERED)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(1), b"")

    def lossy(self, family: int) -> None:
        client, server = self.pair_of_hosts(family)
        for host in (client, server):
            drop(host, "meta l4proto tcp numgen random mod 100 < 3")
        with self.watched(client, server) as watches:
            self.talk(client, server)
        for watch in watches:
            self.assertGreater(sum(watch.totals["retransmits"].values()), 0)
            wire = self.check_counts_of(watch)
            self.check_delays_of(watch, wire)
            self.check_holes_of(watch, watches[1] if watch is watches[0] else watches[0])
            for sock in watch.report["sockets"]:
                self.assertEqual(sock["bytes_sent"] + sock["bytes_received"], 2 * BULK + ROUNDS * (ASKED + ANSWERED), sock["local"])

    def test_both_ways(self):
        self.lossy(4)

    def test_both_ways_ipv6(self):
        self.lossy(6)


class Holes(TalkCase):
    """What arrives: it is lost by the number in its header, so the witness knows which copy came through."""

    CONNECTIONS, LOST = 16, "7"
    DROP = f"ip protocol tcp ip id & 0x1f == {LOST}"

    def serve(self, theirs: socket.socket) -> None:
        with theirs:
            for _ in range(ROUNDS):
                receive(theirs, ASKED)
                theirs.sendall(b"a" * BULK)
            self.assertEqual(theirs.recv(1), b"")

    def ask(self, client: Host, address: str) -> None:
        with client.connect(address, PORT) as mine:
            for _ in range(ROUNDS):
                mine.sendall(b"q" * ASKED)
                receive(mine, BULK)

    def test_filled(self):
        client, server = self.pair_of_hosts()
        drop(client, self.DROP)
        with self.watched(client, server) as (at_client, at_server):
            self.talk(client, server)
        came = at_client.capture.without(f"{{ip.id & 0x1f}} == {self.LOST}")
        again = sum(frame.again and frame.length > 0 for frame in came if frame.source == server.address)
        self.assertGreater(again, 100)
        # What the peer sent twice without need fills no hole.
        totals, needless = at_client.totals, at_server.totals["spurious_retransmits"]
        self.compare("holes filled", segments=(totals["recovered_in"] + totals["reordered_in"], again - needless))
        self.check_holes_of(at_client, at_server)


class Kinds(RetransmitCase):
    """Each kind made on purpose, on a connection of its own: the report has this kind and no other."""

    ONCE = "numgen inc mod 1000000 == 0"

    def connection(self, client: Host, server: Host, port: int) -> tuple[socket.socket, socket.socket]:
        with server.listen(port) as listener:
            mine = self.keep(client.connect(server.address, port))
            theirs = self.keep(accept(listener))
            return mine, theirs

    def answer(self, client: socket.socket, server: socket.socket, size: int) -> None:
        """The server sends so much at once; all of it arrives."""
        sending = threading.Thread(target=server.sendall, args=(b"a" * size,))
        sending.start()
        receive(client, size)
        sending.join(SOCKET_S)

    def only(self, kinds: dict[str, int]) -> dict[str, int]:
        return {kind: count for kind, count in kinds.items() if count}

    def test_each_kind(self):
        client, server = self.pair_of_hosts()
        tlp, rto, fast, syn, synack = range(PORT, PORT + 5)
        drop(client,
             f"tcp sport {tlp} ip length 152 {self.ONCE}",  # the tail: 100 bytes
             f"tcp sport {fast} ip length > 1000 numgen inc mod 1000000 == 25",  # one in the middle
             f"tcp sport {synack} tcp flags & (syn | ack) == syn | ack {self.ONCE}")
        drop(server, f"tcp dport {syn} tcp flags & (syn | ack) == syn {self.ONCE}")
        with self.watched(client, server) as (at_client, at_server):
            probed = self.connection(client, server, tlp)
            self.answer(*probed, 9 * 1448 + 100)
            # A probe comes after two RTTs, here a few milliseconds: the other kinds are made without probes.
            server.sysctl(net__ipv4__tcp_early_retrans=0)
            pairs = [self.connection(client, server, port) for port in (rto, fast, syn, synack)]
            self.answer(*pairs[1], 100 * 1448)
            drop(client, f"tcp sport {rto} ip length 152")
            pairs[0][1].sendall(b"a" * 100)
            wait_until("three copies to be lost", lambda: dropped(client) >= 3, SOCKET_S)
            drop(client)
            receive(pairs[0][0], 100)
            for mine, theirs in (probed, *pairs):
                mine.close()
                theirs.close()
            self.settle(client, server)
        for watch in (at_client, at_server):
            self.check_delays_of(watch, self.check_counts_of(watch))
        sent_again: dict[int, list[Repeat]] = {port: [] for port in range(PORT, PORT + 5)}
        for again in repeats(at_server.sent()):
            sent_again[again.frame.source_port].append(again)
        for kind, port in (("tlp", tlp), ("rto", rto), ("fast", fast)):
            found = at_server.socket(local_port=port)["retransmits"]
            self.assertEqual(self.only(found), {kind: len(sent_again[port])}, f"kind {kind}: {found}")
        self.assertEqual((len(sent_again[fast]), len(sent_again[tlp])), (1, 1))
        self.assertGreaterEqual(len(sent_again[rto]), 3)
        self.assertEqual(self.only(at_client.socket(remote_port=syn)["retransmits"]), {"syn": 1})
        self.check_recovery(at_server, (tlp, rto, fast))
        listening = self.endpoint_at(at_server.report, "inbound", server.address, synack)
        self.assertEqual(self.only(listening["retransmits"]), {"synack": len(sent_again[synack])})
        self.assertGreaterEqual(len(sent_again[synack]), 1)

    def check_recovery(self, watch: Watch, ports: tuple[int, ...]) -> None:
        """One episode on each port."""
        seen = recoveries(watch.frames, watch.host.address)
        pairs = []
        for port in ports:
            endpoint = self.endpoint_at(watch.report, "inbound", watch.host.address, port)
            histogram = endpoint["histograms"]["recovery"]
            self.compare(f"recovery on port {port}", episodes=(histogram["count"], len(seen[port])),
                         unfinished=(endpoint["recovery_unfinished"], 0))
            pairs.append((histogram["sum"], sum(seen[port])))
        self.check_delays("recovery", pairs)


class Spurious(RetransmitCase):
    """Only ACKs are lost, so what is sent again had arrived: the receiver says so with a DSACK (RFC 2883), which is not lost."""

    def test_duplicates(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        with self.watched(client, server) as (at_client, _):
            for probes in (3, 0):  # by tail loss probes, by timeouts
                client.sysctl(net__ipv4__tcp_early_retrans=probes)
                pairs = []
                for _ in range(8):
                    mine = self.keep(client.connect(server.address, PORT))
                    pairs.append((mine, self.keep(accept(listener))))
                drop(client, f"tcp sport {PORT} tcp flags & (syn | fin | ack) == ack tcp option sack missing")
                for number, (mine, theirs) in enumerate(pairs):
                    mine.sendall(b"q" * 1448 * (1 + number % 4))
                    receive(theirs, 1448 * (1 + number % 4))
                wait_until("everything to be acknowledged", lambda: not unacknowledged(client), SOCKET_S)
                drop(client)
                for mine, theirs in pairs:
                    mine.close()
                    theirs.close()
                self.settle(client, server)
        wire = self.check_counts_of(at_client)
        self.check_delays_of(at_client, wire)
        totals, counted = at_client.totals, at_client.counted
        seen = [frame for frame in at_client.received() if frame.dsack]
        self.compare("spurious retransmissions",
                     segments=(totals["spurious_retransmits"], counted["TcpExtTCPDSACKRecvSegs"]),
                     acks=(totals["spurious_retransmits"], counted["TcpExtTCPDSACKRecv"] + counted["TcpExtTCPDSACKOfoRecv"]),
                     on_the_wire=(totals["spurious_retransmits"], len(seen)),
                     all_of_them=(totals["spurious_retransmits"], totals["retransmitted_segments"]))
        self.assertGreaterEqual(len(seen), 16)


class Failures(RetransmitCase):
    """Retransmissions that sent nothing: the first copy is still in this host."""

    def test_own_queue_and_neighbour(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        server.sysctl(net__ipv4__tcp_early_retrans=0)  # a probe that finds its segment in the queue gives no event
        shape = ("tc", "-n", server.namespace, "qdisc", "replace", "dev", "eth0", "root", "handle", "1:", "tbf",
                 "burst", "32kb", "limit", "500kb")
        size, flows = 60_000, 6
        with self.watched(client, server) as (at_client, at_server):
            absent = client.tcp()
            absent.setblocking(False)
            self.assertNotEqual(absent.connect_ex((f"{client.address.rpartition('.')[0]}.99", PORT)), 0)
            pairs = []
            for _ in range(flows):
                mine = self.keep(client.connect(server.address, PORT))
                pairs.append((mine, self.keep(accept(listener))))
            server.run(*shape, "rate", "1mbit")
            busy = "TcpExtTCPSpuriousRtxHostQueues"
            sending = threading.Thread(target=self.at_once, args=([lambda s=theirs: s.sendall(b"a" * size) for _, theirs in pairs],))
            sending.start()
            self.wait_counter(server, busy, 6)
            server.run(*shape, "rate", "1gbit")
            self.at_once([lambda s=mine: receive(s, size) for mine, _ in pairs])
            sending.join(SOCKET_S)
            wait_until("the neighbour to be given up", lambda: not client.network.client_ports_in_syn_sent(PORT), SOCKET_S)
            for mine, theirs in (*pairs, (absent, absent)):
                mine.close()
                theirs.close()
            self.settle(client, server)
        for watch in (at_client, at_server):
            totals, counted = watch.totals, watch.counted
            failures, kinds = totals["retransmit_failures"], totals["retransmits"]
            self.assertGreaterEqual(counted[busy], 1)
            self.compare(
                f"failed retransmissions of {watch.host.namespace}",
                busy=(failures["busy"], counted[busy]),
                other=(failures["other"], 0),
                busy_of_endpoints=(sum(endpoint["retransmit_failures"]["busy"] for endpoint in watch.report["endpoints"]), counted[busy]),
                events=(sum(len(watch.entries(sock, "retransmit_failed")) for sock in watch.report["sockets"]), counted[busy]),
                timeouts=(kinds["rto"] + kinds["syn"] + sum(
                    entry["detail"]["kind"] in ("rto", "syn") for sock in watch.report["sockets"]
                    for entry in watch.entries(sock, "retransmit_failed")), counted["TcpExtTCPTimeouts"]),
                sent_again=(totals["retransmitted_segments"], counted["TcpRetransSegs"]),
                on_the_wire=(totals["retransmitted_segments"], len(repeats(watch.sent()))))
        unreachable = self.endpoint_at(at_client.report, "outbound", f"{client.address.rpartition('.')[0]}.99", PORT)
        self.check_counts(unreachable, unreachable=1, retransmitted_segments=0)


if __name__ == "__main__":
    main()
