#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same connections as other tools tell them: ss of open sockets, redis-benchmark and Redis of their requests."""

import csv
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, accept, exchange, kill  # noqa: E402
from witness import socket_infos, unacknowledged  # noqa: E402
from witness_case import BUCKET, MEDIAN_SHARE, MEDIAN_US, Watch, WitnessCase, drop  # noqa: E402

PORT = 7000


class OpenSockets(WitnessCase):
    """Connections that are still open when the trace ends, after exchanges with loss, next to `ss -ti`."""

    CONNECTIONS, ROUNDS = 16, 10

    def test_next_to_ss(self):
        client, server = self.pair_of_hosts()
        listener = self.keep(server.listen(PORT))
        with self.watched(client, server, capture=None) as watches:
            pairs = []
            for _ in range(self.CONNECTIONS):
                mine = self.keep(client.connect(server.address, PORT))
                pairs.append((mine, self.keep(accept(listener))))
            for host in (client, server):
                drop(host, "meta l4proto tcp numgen random mod 100 < 4")

            def talk(number: int, mine, theirs) -> None:
                for _ in range(self.ROUNDS):
                    exchange(mine, theirs, 2000 + number, 9000 + number)

            self.at_once([lambda n=number, m=mine, t=theirs: talk(n, m, t) for number, (mine, theirs) in enumerate(pairs)])
            for host in (client, server):
                drop(host)
            exchange(*pairs[0], 1, 1)
            wait_until("everything to be acknowledged", lambda: not any(map(unacknowledged, (client, server))), SOCKET_S)
            infos = [socket_infos(watch.host) for watch in watches]
        for watch, info in zip(watches, infos):
            self.check(watch, info)

    def check(self, watch: Watch, info: dict[tuple[int, int], dict[str, str]]) -> None:
        role = "inbound" if watch.report["sockets"][0]["role"] == "inbound" else "outbound"
        self.assertEqual(len(info), self.CONNECTIONS)
        for ports, theirs in info.items():
            sock = watch.socket(*ports)
            # The SYN's acknowledgement counts as a byte with the kernel where the connection was opened.
            handshake = 1 if role == "outbound" else 0
            self.compare(f"{role} socket {ports}",
                         bytes_sent=(sock["bytes_sent"], int(theirs["bytes_acked"]) - handshake),
                         bytes_received=(sock["bytes_received"], int(theirs["bytes_received"])),
                         retransmitted=(sock["retransmitted_segments"], int(theirs.get("retrans", "0/0").split("/")[1])))
        (endpoint,) = [each for each in watch.report["endpoints"] if each["role"] == role]
        total = {name: sum(int(each.get(name, 0)) for each in info.values())
                 for name in ("rcv_ooopack", "dsack_dups", "bytes_received")}
        self.compare(f"{role} sockets",
                     open_at_end=(watch.totals["sockets_open_at_end"], self.CONNECTIONS),
                     out_of_order=(endpoint["out_of_order_segments"], total["rcv_ooopack"]),
                     spurious=(endpoint["spurious_retransmits"], total["dsack_dups"]),
                     bytes_received=(endpoint["bytes_received"], total["bytes_received"]))
        # ss has three digits of a millisecond: the kernel's microseconds.
        floor = min(round(float(each["minrtt"]) * 1000) for each in info.values())
        self.assertLessEqual(abs(endpoint["rtt_floor_us"] - floor), MEDIAN_US, f"rtt_floor_us {endpoint['rtt_floor_us']}, minrtt {floor}")


class Redis(WitnessCase):
    """redis-benchmark's own figures of a fast and of a narrow link; Redis counts the commands."""

    FAST, NARROW = 6379, 6380
    FAST_REQUESTS, NARROW_REQUESTS, VALUE_BYTES = 20_000, 1_500, 4000

    def setUp(self):
        super().setUp()
        if not (shutil.which("redis-server") and shutil.which("redis-benchmark")):
            raise unittest.SkipTest("redis-server or redis-benchmark not installed: scripts/setup --test")

    def unix_path(self, port: int) -> str:
        return self.file(f"redis-{port}.sock")

    def ask(self, port: int, *words: str) -> str:
        """Over a unix socket, which is no TCP."""
        return subprocess.run(["redis-cli", "-s", self.unix_path(port), *words], capture_output=True, text=True, timeout=30,
                              check=False).stdout

    def serve(self, server: Host, port: int) -> None:
        command = ["redis-server", "--bind", server.address, "--port", str(port), "--unixsocket", self.unix_path(port), "--save", "",
                   "--appendonly", "no", "--dir", self.directory, "--daemonize", "no", "--protected-mode", "no"]
        process = subprocess.Popen(server.network.inside(server.namespace, *command), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(kill, process)
        wait_until("Redis to answer", lambda: self.ask(port, "PING").strip() == "PONG", SOCKET_S)

    def benchmark(self, client: Host, server: Host, port: int, requests: int, clients: int) -> dict[str, str]:
        printed = client.run("redis-benchmark", "-h", server.address, "-p", str(port), "-t", "get", "-n", str(requests),
                             "-c", str(clients), "--csv")
        (row,) = csv.DictReader(printed[printed.index('"test"'):].splitlines())
        return row

    def commands(self, port: int) -> dict[str, int]:
        told = self.ask(port, "INFO", "commandstats")
        return {name: int(calls) for name, calls in re.findall(r"^cmdstat_([^:]+):calls=(\d+)", told, re.MULTILINE)}

    def test_next_to_redis_benchmark(self):
        client, server = self.pair_of_hosts()
        for port in (self.FAST, self.NARROW):
            self.serve(server, port)
        self.ask(self.NARROW, "SET", "key:__rand_int__", "v" * self.VALUE_BYTES)
        with self.watched(client, server, capture=None) as (at_client, at_server):
            self.benchmark(client, server, self.FAST, self.FAST_REQUESTS, 10)
            server.network.shape(server.namespace, "20mbit", burst="16kb", latency="400ms")
            told = self.benchmark(client, server, self.NARROW, self.NARROW_REQUESTS, 10)
            self.settle(client, server)
        for port, requests in ((self.FAST, self.FAST_REQUESTS), (self.NARROW, self.NARROW_REQUESTS)):
            self.assertEqual(self.commands(port)["get"], requests, "redis-benchmark sent what it was asked to")
            for watch, role in ((at_client, "outbound"), (at_server, "inbound")):
                endpoint = self.endpoint_at(watch.report, role, server.address, port)
                # Before its clients it asks for CONFIG GET, twice in one go. What the kernel withheld cannot be counted.
                for what, ours in (("exchanges", endpoint["exchanges"]), ("first_byte", endpoint["histograms"]["first_byte"]["count"])):
                    missing = requests + 1 - ours
                    self.assertTrue(0 <= missing <= self.withheld, f"{role}, port {port}: {what} {ours}, {missing} missing")
                self.compare(f"{role}, port {port}", failed=(endpoint["exchanges_failed"], 0), pending=(endpoint["exchanges_pending"], 0))
        median = float(told["p50_latency_ms"]) * 1000
        ours = self.endpoint_at(at_client.report, "outbound", server.address, self.NARROW)["histograms"]["first_byte"]["p50"]
        self.assertGreater(median, 5000, "the link was narrow")
        bound = max(MEDIAN_US, MEDIAN_SHARE * median) + BUCKET * median
        self.assertLessEqual(abs(ours - median), bound, f"p50: {ours}, redis-benchmark {told}")


if __name__ == "__main__":
    main()
