#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Delays against packets: what a server thinks, how long data waits for its reader, how long a window stays closed."""

import os
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main  # noqa: E402
from socket_case import SOCKET_S, Host, accept, receive  # noqa: E402
from witness import RST, Frame  # noqa: E402
from witness_case import NEARLY_ALL_US, Watch, WitnessCase  # noqa: E402

PORT = 7000


class FirstByte(WitnessCase):
    """101 connections with one request each; the server thinks 0 to 40 ms, and pauses within every other answer."""

    CONNECTIONS, THINK_S, PAUSE_S = 101, 0.0004, 0.005

    def request_bytes(self, number: int) -> int:
        return 300 if number % 3 else 5000  # one segment, or several

    def serve(self, listener: socket.socket) -> None:
        with accept(listener) as theirs:
            number = int(receive(theirs, 3))
            receive(theirs, self.request_bytes(number) - 3)
            time.sleep(number * self.THINK_S)
            theirs.sendall(b"a" * 1000)
            if number % 2:
                time.sleep(self.PAUSE_S + number * self.THINK_S)
            theirs.sendall(b"a" * 1000)
            self.assertEqual(theirs.recv(1), b"")

    def ask(self, client: Host, address: str, number: int) -> None:
        with client.connect(address, PORT) as mine:
            mine.sendall(b"%03d" % number + b"q" * (self.request_bytes(number) - 3))
            receive(mine, 2000)

    def seen(self, frames: list[Frame]) -> dict[int, float]:
        """Last byte of the request -> first byte of the answer, by the client's port."""
        asked: dict[int, float] = {}
        took: dict[int, float] = {}
        for frame in frames:
            if not frame.length:
                continue
            if frame.target_port == PORT:
                asked[frame.source_port] = frame.at_us
            else:
                took.setdefault(frame.target_port, frame.at_us - asked[frame.target_port])
        return took

    def gaps(self, frames: list[Frame]) -> list[float]:
        """Within each answer, from 1 ms on."""
        newest: dict[int, float] = {}
        longest: dict[int, float] = {}
        for frame in frames:
            if frame.length and frame.source_port == PORT:
                port = frame.target_port
                longest[port] = max(longest.get(port, 0), frame.at_us - newest.get(port, frame.at_us))
                newest[port] = frame.at_us
        return [gap for gap in longest.values() if gap >= 1000]

    def test_thinking_server(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        with self.watched(client, server) as watches:
            serving = threading.Thread(target=self.at_once, args=([lambda: self.serve(listener)] * self.CONNECTIONS, 8))
            serving.start()
            self.at_once([lambda n=number: self.ask(client, server.address, n) for number in range(self.CONNECTIONS)], 8)
            serving.join(SOCKET_S)
            self.settle(client, server)
        for watch in watches:
            took = self.seen(watch.frames)
            outbound = watch.host is client
            port_of = "local" if outbound else "remote"
            ours = {sock[port_of]["port"]: sock["first_byte_max_us"] for sock in watch.report["sockets"]}
            self.assertEqual(sorted(ours), sorted(took))
            self.assertNotIn(None, ours.values())
            self.check_delays(f"first_byte of {watch.host.namespace}", [(ours[port], took[port]) for port in took], self.CONNECTIONS)
            self.compare("exchanges", all_of_them=(watch.totals["exchanges"], len(took)), failed=(watch.totals["exchanges_failed"], 0))
            endpoint = self.endpoint_at(watch.report, "outbound" if outbound else "inbound", server.address, PORT)
            self.check_histogram("first_byte", endpoint["histograms"]["first_byte"], list(took.values()))
            self.check_histogram("response_gap", endpoint["histograms"]["response_gap"], self.gaps(watch.frames))


class ReadWait(WitnessCase):
    """A reader that takes its time, and notes when it has read; the arrival is in the packets."""

    MESSAGES, STEP_S = 60, 0.0005

    def test_slow_reader(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        read_at: list[float] = []
        with self.watched(client, server, only=server) as (watch,):
            mine = self.keep(client.connect(server.address, PORT))
            theirs = self.keep(accept(listener))
            for number in range(self.MESSAGES):
                mine.sendall(b"q" * 1000)
                time.sleep(number * self.STEP_S)
                receive(theirs, 1000)
                read_at.append(time.time_ns() / 1000)
            mine.close()
            theirs.close()
            self.settle(client, server)
        arrived = [frame.at_us for frame in watch.received() if frame.length]
        self.assertEqual(len(arrived), self.MESSAGES, "messages on the wire")
        endpoint = self.endpoint_at(watch.report, "inbound", server.address, PORT)
        self.check_histogram("read_wait", endpoint["histograms"]["read_wait"], [read - came for read, came in zip(read_at, arrived)])


class LookUps(WitnessCase):
    """8 resolvers' clients at once; the resolver takes 0 to 40 ms for an answer."""

    CLIENTS, EACH, THINK_S = 8, 12, 0.0004
    NAME = b"\4name\4test\0" + struct.pack("!HH", 1, 1)

    def serve(self, resolver: socket.socket) -> None:
        """Answers each query in its own time: what came later may be answered first."""
        with ThreadPoolExecutor(self.CLIENTS) as pool:
            for _ in range(self.CLIENTS * self.EACH):
                query, asker = resolver.recvfrom(512)
                pool.submit(self.answer, resolver, query, asker)

    def answer(self, resolver: socket.socket, query: bytes, asker: tuple) -> None:
        (number,) = struct.unpack("!H", query[:2])
        time.sleep(number * self.THINK_S)
        resolver.sendto(query[:2] + struct.pack("!H", 0x8180) + query[4:], asker)

    def ask(self, client: Host, address: str, first: int) -> None:
        with client.udp() as mine:
            for number in range(first, self.CLIENTS * self.EACH, self.CLIENTS):
                mine.sendto(struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + self.NAME, (address, 53))
                mine.recv(512)

    def test_next_to_tshark(self):
        client, server = self.pair_of_hosts()
        resolver = self.keep(server.udp())
        resolver.bind((server.address, 53))
        with self.watched(client, server, only=client, capture="udp port 53") as (watch,):
            serving = threading.Thread(target=self.serve, args=(resolver,))
            serving.start()
            self.at_once([lambda n=number: self.ask(client, server.address, n) for number in range(self.CLIENTS)])
            serving.join(SOCKET_S)
        (seen,) = watch.report["look_ups"]
        self.compare("look-ups", address=(seen["address"], server.address), queries=(seen["queries"], self.CLIENTS * self.EACH),
                     answered=(seen["answered"], self.CLIENTS * self.EACH))
        self.check_histogram("dns", seen["dns"], watch.capture.look_ups())


class ZeroWindow(WitnessCase):
    """Readers that stop until their windows are closed, and for a while."""

    PAUSES_S = (0.3, 0.6, 0.9)
    SIZE = 1_000_000

    def closed_us(self, frames: list[Frame], reader: str, port: int) -> tuple[float, int]:
        """How long the window that the reader offered was 0, in all, and how often."""
        total, times, since = 0.0, 0, None
        for frame in frames:
            if frame.source != reader or frame.source_port != port or frame.has(RST):
                continue
            if frame.window == 0 and since is None:
                since, times = frame.at_us, times + 1
            elif frame.window and since is not None:
                total, since = total + frame.at_us - since, None
        return total, times

    def check(self, watch: Watch, role: str, key: str, server: Host) -> None:
        pairs = []
        for number in range(len(self.PAUSES_S)):
            seen, times = self.closed_us(watch.frames, server.address, PORT + number)
            ours = self.endpoint_at(watch.report, role, server.address, PORT + number)[key]
            self.assertGreaterEqual(times, 1)
            self.assertLessEqual(abs(ours - seen), times * NEARLY_ALL_US,
                                 f"{key} of port {PORT + number}: {ours}, witness {seen:.0f}, {times} times")
            pairs.append(ours)
        self.assertEqual(watch.totals[key], sum(pairs))

    def test_stopped_readers(self):
        client, server = self.pair_of_hosts()
        pairs = []
        with self.watched(client, server) as (at_client, at_server):
            for number in range(len(self.PAUSES_S)):
                listener = self.keep(server.bound(PORT + number, server.address))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                listener.listen()
                mine = self.keep(client.connect(server.address, PORT + number))
                mine.settimeout(SOCKET_S)
                pairs.append((mine, self.keep(accept(listener))))
            sending = [threading.Thread(target=mine.sendall, args=(b"s" * self.SIZE,)) for mine, _ in pairs]
            for thread in sending:
                thread.start()
            self.wait_counter(server, "TcpExtTCPToZeroWindowAdv", len(pairs))

            def read_after(pause: float, theirs: socket.socket) -> None:
                time.sleep(pause)
                receive(theirs, self.SIZE)

            self.at_once([lambda p=pause, s=theirs: read_after(p, s) for pause, (_, theirs) in zip(self.PAUSES_S, pairs)])
            for thread in sending:
                thread.join(SOCKET_S)
            for mine, theirs in pairs:
                mine.close()
                theirs.close()
            self.settle(client, server)
        self.check(at_client, "outbound", "zero_window_received_us", server)
        self.check(at_server, "inbound", "zero_window_sent_us", server)


if __name__ == "__main__":
    main()
