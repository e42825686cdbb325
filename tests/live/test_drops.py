#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that this host drops itself: as many, and for the reason, as the counters of nftables and tc say."""

import errno
import os
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, accept, exchange, receive  # noqa: E402

PORT, OTHER_PORT = 8080, 8081
CODE = "dropped-by-this-host"
RULES = """table inet kept_back {{
  chain here {{
    type filter hook {hook} priority {priority};
    {match} counter drop
  }}
}}
"""


class Drops(SocketCase):
    CASES_AT_ONCE = 2

    def firewall(self, host: Host, hook: str, match: str, priority: int = 0) -> None:
        host.network.firewall(RULES.format(hook=hook, match=match, priority=priority), host.namespace)

    def let_pass(self, host: Host) -> None:
        """What was counted until now stays."""
        host.run("nft", "insert", "rule", "inet", "kept_back", "here", "accept")

    def packets(self, host: Host) -> int:
        return host.network.firewall_packets(host.namespace)

    def finding(self, report: dict, endpoint: dict, direction: str) -> dict:
        found = [f for f in report["findings"] if f["code"] == CODE and f["endpoint"] == endpoint["id"]
                 and f["evidence"]["direction"] == direction]
        told = [(f["code"], f["endpoint"], f["evidence"]) for f in report["findings"]]
        self.assertEqual(len(found), 1, told)
        return found[0]

    def check_dropped(self, endpoint: dict, out: dict | None = None, into: dict | None = None) -> None:
        self.assertEqual(endpoint["drops"], {"out": out or {}, "in": into or {}})

    def try_to_connect(self, client: Host, address: str, port: int, seconds: float) -> None:
        """A connect that gets no answer, given up after so long."""
        made = client.tcp()
        made.settimeout(seconds)
        with made, self.assertRaises(TimeoutError):
            made.connect((address, port))

    def test_syns_on_their_way_out(self):
        client, server = self.hosts()
        self.keep(server.listen(PORT))
        self.firewall(client, "output", f"tcp dport {PORT} tcp flags & (syn | ack) == syn")
        before = client.counters()
        with self.traced(client) as traced:
            threads = [threading.Thread(target=self.try_to_connect, args=(client, server.address, PORT, 3.4)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            counted, after = self.packets(client), client.counters()
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT)
        self.check_dropped(endpoint, out={"NETFILTER_DROP": counted})
        # Each SYN that TCP made, and each that it made again.
        again = after["TcpRetransSegs"] - before["TcpRetransSegs"]
        self.assertEqual(counted, after["TcpActiveOpens"] - before["TcpActiveOpens"] + again)
        finding = self.finding(traced.report, endpoint, "out")
        evidence = finding["evidence"]
        self.assertEqual((evidence["dropped_packets"], evidence["syn_count"], evidence["data_count"]), (counted, counted, 0))
        self.assertEqual((evidence["retransmits_explained"], evidence["timeouts_explained"]), (again, again))
        self.assertEqual((evidence["connection_count"], evidence["connects_failed"]), (4, 4))
        self.assertEqual((finding["severity"], finding["confidence"]), ("critical", "high"))
        self.assertEqual(finding["title"], f"this host dropped it: NETFILTER_DROP, {counted} SYNs to {server.address}:{PORT}")
        self.assertIn("nft list ruleset", finding["next_steps"][0]["command"])
        first = traced.report["findings"][0]
        self.assertEqual((first["code"], first["evidence"]["drop_reasons"]), ("connect-failed-locally", [f"NETFILTER_DROP {counted}"]))
        self.assertEqual(finding["caused_by"], [first["id"]])
        self.assertEqual(len(finding["sockets"]), 4)
        marks = [entry for sock in self.sockets_of(traced.report, endpoint) for entry in sock["timeline"] if entry["kind"] == "dropped"]
        self.assertEqual(len(marks), counted)
        self.assertEqual(marks[0]["detail"], {"direction": "out", "flag": "syn", "reason": "NETFILTER_DROP", "segments": 1})

    def responses(self, hook: str, priority: int) -> None:
        """Responses are dropped for 1.3 s: TCP sends again at both ends, and the request is answered in the end."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        with self.traced(client) as traced:
            near = self.keep(client.connect(server.address, PORT))
            far = self.keep(accept(listener))
            exchange(near, far)
            before = client.counters()["TcpRetransSegs"]
            self.firewall(client, hook, f"tcp sport {PORT}", priority)
            near.sendall(b"q" * 100)
            receive(far, 100)
            far.sendall(b"a" * 500)
            time.sleep(1.3)
            again = client.counters()["TcpRetransSegs"] - before
            self.let_pass(client)
            counted = self.packets(client)
            receive(near, 500)
            near.close()
            far.close()
            self.settle(client, server)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT)
        self.check_dropped(endpoint, into={"NETFILTER_DROP": counted})
        finding = self.finding(traced.report, endpoint, "in")
        evidence = finding["evidence"]
        self.assertGreaterEqual(evidence["data_count"], 2)
        self.assertEqual(evidence["connection_count"], 1)
        self.assertGreaterEqual(evidence["retransmits_explained"], again)
        self.assertGreaterEqual(again, 2)
        self.assertEqual((finding["severity"], finding["confidence"], evidence["exchanges_failed"]), ("warning", "high", 0))
        self.assertEqual(finding["caused_by"], [])

    def test_responses_behind_routing(self):
        self.responses("input", 0)

    def test_responses_before_their_socket_is_looked_for(self):
        self.responses("prerouting", -300)

    def test_clients_kept_away(self):
        """A listener that began during the trace, and has no connection; SYNs to no listener are nobody's."""
        client, server = self.hosts()
        with self.traced(server) as traced:
            self.keep(server.listen(PORT))
            self.firewall(server, "input", f"tcp dport {{ {PORT}, {OTHER_PORT} }}")
            self.try_to_connect(client, server.address, PORT, 2.4)
            counted = self.packets(server)
            self.try_to_connect(client, server.address, OTHER_PORT, 0.5)
            self.assertGreater(self.packets(server), counted)
        endpoint = self.endpoint_at(traced.report, "inbound", server.address, PORT)
        self.check_dropped(endpoint, into={"NETFILTER_DROP": counted})
        self.assertEqual(traced.report["totals"]["drops"], endpoint["drops"])
        finding = self.finding(traced.report, endpoint, "in")
        self.assertEqual((finding["severity"], finding["confidence"]), ("notice", "medium"))

    def test_what_somebody_else_drops(self):
        """The peer's host: no packet is this host's."""
        client, server = self.hosts()
        self.keep(server.listen(PORT))
        self.firewall(server, "prerouting", f"tcp dport {PORT}", -300)
        with self.traced(client) as traced:
            self.try_to_connect(client, server.address, PORT, 1.4)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT)
        self.check_dropped(endpoint)
        self.assertNotIn(CODE, [f["code"] for f in traced.report["findings"]])

    def test_own_queue(self):
        """A bulk transfer through a short queue: tc counts the segments that it cuts large packets into."""
        client, server = self.hosts()
        client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "20mbit", "burst", "16k", "limit", "30000")
        listener = self.keep(server.listen(PORT))
        size = 3_000_000
        with self.traced(client) as traced:
            near = self.keep(client.connect(server.address, PORT))
            far = self.keep(accept(listener))
            sender = threading.Thread(target=near.sendall, args=(b"q" * size,))
            sender.start()
            receive(far, size)
            sender.join()
            far.sendall(b"a")
            receive(near, 1)
            near.close()
            far.close()
            self.settle(client, server)
            counted = client.network.qdisc(client.namespace)["drops"]
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, PORT)
        self.assertGreater(counted, 10)
        self.check_dropped(endpoint, out={"QDISC_DROP": counted})
        finding = self.finding(traced.report, endpoint, "out")
        self.assertIn("tc -s qdisc", finding["next_steps"][0]["command"])
        self.assertGreater(finding["evidence"]["retransmits_explained"], 0)
        self.assertEqual(finding["evidence"]["exchanges_failed"], 0)

    def test_no_neighbour(self):
        client, server = self.hosts()
        nobody = server.address.rsplit(".", 1)[0] + ".77"
        with self.traced(client) as traced:
            made = client.tcp()
            with made:
                made.settimeout(SOCKET_S)
                with self.assertRaises(OSError) as raised:
                    made.connect((nobody, PORT))
                self.assertEqual(raised.exception.errno, errno.EHOSTUNREACH)
        endpoint = self.endpoint_at(traced.report, "outbound", nobody, PORT)
        self.check_dropped(endpoint, out={"NEIGH_FAILED": 1})
        self.assertEqual([f["code"] for f in traced.report["findings"]], ["connect-failed-locally"], "which says it all")

    def test_healthy_traffic_has_none(self):
        """Short connections closed by either side, also with a RST, and a bulk transfer without a limit."""
        client, server = self.hosts()
        listener = self.keep(server.listen(PORT))
        with self.traced(client, server) as traced:
            for number in range(200):
                near, far = client.connect(server.address, PORT), accept(listener)
                exchange(near, far)
                if number % 4 == 0:
                    far.sendall(b"unread")
                    wait_until("what is not read to come", lambda near=near: bool(near.recv(1, socket.MSG_PEEK)), SOCKET_S)
                for sock in (near, far) if number % 2 else (far, near):
                    sock.close()
            near, far = client.connect(server.address, PORT), accept(listener)
            sender = threading.Thread(target=far.sendall, args=(b"a" * 50_000_000,))
            sender.start()
            receive(near, 50_000_000)
            sender.join()
            near.close()
            far.close()
            self.settle(client, server)
        self.assertEqual(traced.report["totals"]["drops"], {"out": {}, "in": {}})
        self.assertNotIn(CODE, [f["code"] for f in traced.report["findings"]])


if __name__ == "__main__":
    main()
