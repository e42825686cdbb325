#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Look-ups of names by getaddrinfo: how many, how long and what became of them, as the resolver's own clock and the caller's say.

The resolver is a socket of this test, so that it answers exactly when a case wants it to; what it does with a name stands in
the name's first label. Dnsmasq asks it in turn where the resolver is a real one. Callers have a resolv.conf of their own, in a
mount namespace.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PYTHON, main, run_tcpdiag, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, Traced, family_of, inside, kill, receive  # noqa: E402

PORT, CLOSED_PORT = 8080, 8081
ANSWER, SERVFAIL, NXDOMAIN = 0x8180, 0x8182, 0x8183
SLOW_S = 0.3
# A timer of this process and its threads, on a machine that has other things to do.
LATE_S = 0.25
SECOND = {4: "10.87.0.9", 6: "fd00:87::9"}
SILENT = "10.87.0.8"

# A process of its own; its resolv.conf is seen by nobody else.
CALL = """
import json, socket, sys, time
took = {}
for name in sys.argv[1:]:
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        found = None
    took[name] = [found, time.monotonic() - began]
print(json.dumps(took))
"""
# Looks its name up, then connects; or accepts a request at this address, looks the name up and answers.
CONNECT = """
import socket, sys
name, port = sys.argv[1], int(sys.argv[2])
try:
    socket.create_connection((name, port))
except OSError:
    pass
"""
SERVE = """
import socket, sys
address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.create_server((address, port))
print("listens", flush=True)
near, _ = listener.accept()
near.recv(100)
try:
    socket.getaddrinfo(name, 80)
except OSError:
    pass
near.sendall(b"a" * 10)
"""
# As Net::HTTP opens a connection in every release of Ruby but 3.1 (tests/support/lab/api_client.rb).
OPEN = """
url, limit = URI(ARGV[0]), Float(ARGV[1])
begin
  Timeout.timeout(limit, Net::OpenTimeout) { Net::HTTP.start(url.hostname, url.port, nil) {} }
rescue StandardError => e
  print e.class, ': ', e.message
end
"""
# Labels that must not get into a report as they are, and a name as long as can be (255 octets).
HOSTILE = [b"\x1b[31mred", b"<b>\xff\x00", b"a.b|`c`"]
LONGEST = [b"x" * 63] * 3 + [b"y" * 61]


class Resolver:
    """A name server at one address of a host. Keeps of each message when it came and when it was answered."""

    def __init__(self, host: Host, address: str, answer: str):
        self.address, self._answer = address, answer
        self.arrived: list[tuple[float, str, int, int]] = []  # when, name, port of the client, id
        self.answered: dict[tuple[int, int], float] = {}  # by port and id
        with inside(host.path):
            self._socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._timers: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        for timer in self._timers:
            timer.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
            except OSError:
                return
            now = time.monotonic()
            name = query[13:13 + query[12]].decode("ascii", "replace")
            number = struct.unpack("!H", query[:2])[0]
            times = sum(1 for _, _, port, other in self.arrived if (port, other) == (client[1], number))
            self.arrived.append((now, name, client[1], number))
            what = name.split("-")[0]
            if what == "slow":
                self._timers.append(threading.Timer(SLOW_S, self._reply, (query, client, ANSWER)))
                self._timers[-1].start()
            elif what == "servfail":
                self._reply(query, client, SERVFAIL)
            elif what == "nxdomain":
                self._reply(query, client, NXDOMAIN)
            elif what == "quick" or (what == "again" and times > 0):
                self._reply(query, client, ANSWER)

    def _reply(self, query: bytes, client: tuple, flags: int) -> None:
        """The address for both types of query; of the wrong type it is left out."""
        end = 12 + query[12:].index(0) + 5
        kind = struct.unpack("!H", query[end - 4:end - 2])[0]
        data = socket.inet_pton(family_of(self._answer), self._answer)
        fits = flags == ANSWER and {1: 4, 28: 16}.get(kind) == len(data)
        message = query[:2] + struct.pack("!HHHHH", flags, 1, int(fits), 0, 0) + query[12:end]
        if fits:
            message += struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
        self._socket.sendto(message, client)
        self.answered[(client[1], struct.unpack("!H", query[:2])[0])] = time.monotonic()

    def queries(self) -> set[tuple[int, int]]:
        return {(port, number) for _, _, port, number in self.arrived}

    def delays(self) -> list[float]:
        """From each query's first arrival to its answer."""
        first: dict[tuple[int, int], float] = {}
        for at, _, port, number in self.arrived:
            first.setdefault((port, number), at)
        return sorted(at - first[key] for key, at in self.answered.items())


class Dnsmasq:
    """A real resolver at one address of a host; what it does not know it asks `upstream` for."""

    def __init__(self, host: Host, address: str, upstream: str, log: str):
        self.address, self._log = address, log
        with open(log, "wb") as file:
            self._process = subprocess.Popen(host.network.inside(
                host.namespace, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--no-hosts",
                "--no-resolv", "--bind-interfaces", f"--listen-address={address}", f"--server={upstream}", "--cache-size=0",
                f"--address=/quick-1.test/{host.address}", "--log-facility=-", "--log-queries"), stdout=file, stderr=file)
        def listens() -> bool:
            if self._process.poll() is not None:
                raise AssertionError(f"dnsmasq has ended: {self.log()}")
            return f"{address}:53 " in host.run("ss", "-Hlun")
        wait_until("dnsmasq to listen", listens, SOCKET_S)

    def close(self) -> None:
        kill(self._process)

    def log(self) -> str:
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def queries(self) -> int:
        """By its own log."""
        return self.log().count(": query[")


class DnsCase(SocketCase):
    def resolver(self, host: Host, address: str = "") -> Resolver:
        if address:
            prefix = "128" if ":" in address else "32"
            host.run("ip", "address", "add", f"{address}/{prefix}", "dev", "eth0", *(["nodad"] if ":" in address else []))
        made = Resolver(host, address or host.address, host.address)
        self.addCleanup(made.close)
        return made

    def command(self, host: Host, resolvers: list[str], options: str, *program: str) -> list[str]:
        path = self.file(f"resolv-{len(os.listdir(self.directory))}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(f"nameserver {one}\n" for one in resolvers) + f"options {options}\n")
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        return host.network.inside(host.namespace, "unshare", "--mount", "sh", "-c", script, "sh", path, *program)

    def call(self, host: Host, resolvers: list[str], *names: str, options: str = "timeout:1 attempts:2") -> dict[str, list]:
        """What getaddrinfo found for each name, and how long it took."""
        done = subprocess.run(self.command(host, resolvers, options, PYTHON, "-c", CALL, *[f"{name}.test." for name in names]),
                              capture_output=True, text=True, check=True, timeout=SOCKET_S)
        return {name.split(".")[0]: took for name, took in json.loads(done.stdout).items()}

    def connect(self, host: Host, resolver: str, name: str) -> None:
        """Looks the name up and connects to a port where nobody listens."""
        command = self.command(host, [resolver], "timeout:2 attempts:1", PYTHON, "-c", CONNECT, name, str(CLOSED_PORT))
        subprocess.run(command, check=True, timeout=SOCKET_S)

    def look_ups(self, report: dict, resolver: "Resolver | Dnsmasq") -> dict:
        found = [one for one in report.get("look_ups", []) if one["address"] == resolver.address]
        self.assertEqual(len(found), 1, report.get("look_ups"))
        return found[0]

    def finding(self, report: dict, code: str, resolver: "Resolver | Dnsmasq | None" = None) -> dict:
        found = [one for one in report["findings"] if one["code"] == code
                 and (resolver is None or resolver.address in one["evidence"]["resolver"])]
        self.assertEqual(len(found), 1, [(one["code"], one["evidence"]) for one in report["findings"]])
        return found[0]

    def codes(self, report: dict) -> set[str]:
        return {one["code"] for one in report["findings"]}

    def check_counts(self, look_ups: dict, resolver: Resolver, **wanted: int) -> None:
        """The resolver's own counts, and what else is wanted."""
        wanted = {"queries": len(resolver.queries()), "sent": len(resolver.arrived), "answered": len(resolver.answered), **wanted}
        self.assertEqual({key: look_ups[key] for key in wanted}, wanted)

    def check_between(self, value_us: int, low_s: float, high_s: float) -> None:
        """Within the histogram's error of 7 %."""
        self.assertGreaterEqual(value_us, low_s * 0.93 * 1e6)
        self.assertLessEqual(value_us, high_s * 1.07 * 1e6)


class Answers(DnsCase):
    CASES_AT_ONCE = 2

    def test_quick_and_slow(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        names = [f"quick-{i}" for i in range(4)] + [f"slow-{i}" for i in range(3)] + ["nxdomain-1"]
        recording = self.file("dns.tcpdiag")
        with self.traced(client, options=("-w", recording)) as traced:
            took = self.call(client, [resolver.address], *names)
        look_ups = self.look_ups(traced.report, resolver)
        self.check_counts(look_ups, resolver, repeated=0, unanswered=0, waiting=0)
        self.assertEqual(look_ups["rcodes"], {"NOERROR": look_ups["queries"] - 2, "NXDOMAIN": 2})
        self.assertEqual(look_ups["processes"], [{"comm": "python3", "queries": look_ups["queries"]}])
        # Not shorter than the resolver took, not longer than the caller waited.
        delays = resolver.delays()
        self.check_between(look_ups["dns"]["max"], delays[-1] - 0.002, max(seconds for _, seconds in took.values()))
        self.check_between(look_ups["dns"]["p50"], delays[(len(delays) - 1) // 2] - 0.002, delays[len(delays) // 2] + 0.02)
        self.assertAlmostEqual(look_ups["dns"]["sum"] / 1e6, sum(delays), delta=0.005 * len(delays))
        finding = self.finding(traced.report, "dns-slow", resolver)
        evidence = finding["evidence"]
        self.assertEqual(evidence["slow_count"], sum(1 for delay in delays if delay >= SLOW_S))
        self.assertEqual((finding["severity"], finding["confidence"]), ("warning", "high"))
        self.assertIn(f"dig @{resolver.address} +tries=1", finding["next_steps"][0]["command"])
        self.assertNotIn("dns-unanswered", self.codes(traced.report))
        self.assertNotIn("dns", traced.report["not_visible"])
        self.replays(recording, traced.output, resolver)

    def replays(self, recording: str, live: str, resolver: Resolver) -> None:
        """The recording gives the same report again; redacted, the resolver's address is nowhere in it."""
        again = run_tcpdiag("report", recording, "--format", "json")
        self.assertEqual(again.returncode, 0, again.stderr)
        with open(live, encoding="utf-8") as file:
            self.assertEqual(again.stdout, file.read())
        for form in ("text", "html", "md", "json"):
            told = run_tcpdiag("report", recording, "--redact", "--format", form)
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertIsNone(re.search(rf"\b{re.escape(resolver.address)}\b", told.stdout), form)
        text = run_tcpdiag("report", recording).stdout
        self.assertIn("LOOK-UPS OF NAMES", text)
        for filters, is_there in ((("--comm", "python3"), True), (("--comm", "nobody"), False)):
            part = run_tcpdiag("report", recording, *filters, "--format", "json")
            self.assertEqual("look_ups" in json.loads(part.stdout), is_there, filters)

    def test_ipv6_and_off(self):
        client, server = self.hosts(family=6)
        resolver = self.resolver(server)
        with self.traced(client) as traced, self.traced(client, options=("--no-dns",)) as without, \
                self.traced(client, options=("--comm", "nobody")) as others:
            self.call(client, [resolver.address], "quick-1", "slow-1")
        self.check_counts(self.look_ups(traced.report, resolver), resolver, repeated=0, unanswered=0)
        for report in (without.report, others.report):
            self.assertNotIn("look_ups", report)
        self.assertEqual(traced.report["abilities"]["dns"], {"available": True, "reason": None})
        self.assertFalse(without.report["abilities"]["dns"]["available"])
        self.assertIn("--no-dns", without.report["abilities"]["dns"]["reason"])


class Repeats(DnsCase):
    CASES_AT_ONCE = 2

    def test_answered_after_the_first_repeat(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            self.call(client, [resolver.address], "quick-1", "quick-2")
            took = self.call(client, [resolver.address], "again-1")
        self.assertIsNotNone(took["again-1"][0])
        look_ups = self.look_ups(traced.report, resolver)
        again = {(port, number) for _, name, port, number in resolver.arrived if name.startswith("again")}
        self.check_counts(look_ups, resolver, repeated=len(again), answered_after_repeat=len(again), unanswered=0)
        self.check_between(look_ups["repeat_after"]["p50"], 1.0, 1.0 + LATE_S)
        self.check_between(look_ups["dns"]["max"], 1.0, took["again-1"][1])
        finding = self.finding(traced.report, "dns-slow", resolver)
        self.assertEqual(finding["evidence"]["answered_after_repeat_count"], len(again))
        self.assertIn("timeout in resolv.conf", finding["explanation"])
        self.assertNotIn("dns-unanswered", self.codes(traced.report))

    def test_the_next_resolver_answers(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            # Nobody is at the second address, which is on the same wire: its host answers for it and drops what comes.
            server.run("ip", "address", "add", f"{SECOND[4]}/32", "dev", "eth0")
            silent = Resolver(server, SECOND[4], server.address)
            self.addCleanup(silent.close)
            silent._reply = lambda *_: None
            took = self.call(client, [silent.address, resolver.address], "quick-1")
        self.assertIsNotNone(took["quick-1"][0])
        self.assertGreaterEqual(took["quick-1"][1], 1.0)
        first = self.look_ups(traced.report, silent)
        self.check_counts(first, silent, answered=0, unanswered=len(silent.queries()), answered_by_another=len(silent.queries()),
                          answered_by_nobody=0)
        self.check_counts(self.look_ups(traced.report, resolver), resolver, unanswered=0)
        finding = self.finding(traced.report, "dns-unanswered", silent)
        self.assertEqual(finding["severity"], "warning")
        self.assertIn("answered by another resolver", finding["explanation"])
        self.assertAlmostEqual(finding["evidence"]["wait_max_s"], took["quick-1"][1], delta=LATE_S)


class Failures(DnsCase):
    CASES_AT_ONCE = 2

    def test_no_answer_at_all(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            self.call(client, [resolver.address], "quick-1")
            took = self.call(client, [resolver.address], "drop-1", "drop-2")
        dropped = {(port, number) for _, name, port, number in resolver.arrived if name.startswith("drop")}
        look_ups = self.look_ups(traced.report, resolver)
        self.check_counts(look_ups, resolver, unanswered=len(dropped), answered_by_nobody=len(dropped), waiting=0,
                          repeated=len(dropped))
        finding = self.finding(traced.report, "dns-unanswered", resolver)
        self.assertEqual((finding["count"], finding["severity"]), (len(dropped), "critical"))
        self.assertAlmostEqual(finding["evidence"]["wait_max_s"], max(took["drop-1"][1], took["drop-2"][1]), delta=LATE_S)
        self.assertAlmostEqual(finding["evidence"]["repeat_after_s"], 1.0, delta=LATE_S)
        self.assertEqual(traced.report["verdict"], "cause_found")
        self.assertEqual(traced.report["findings"][0]["code"], "dns-unanswered")

    def test_servfail(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            took = self.call(client, [resolver.address], "quick-1", "servfail-1", options="timeout:5 attempts:1")
        self.assertIsNone(took["servfail-1"][0])
        look_ups = self.look_ups(traced.report, resolver)
        failed = {(port, number) for _, name, port, number in resolver.arrived if name.startswith("servfail")}
        self.check_counts(look_ups, resolver, unanswered=0)
        self.assertEqual(look_ups["rcodes"]["SERVFAIL"], len(failed))
        finding = self.finding(traced.report, "dns-unanswered", resolver)
        self.assertIn("SERVFAIL", finding["title"])
        self.assertIn("by SERVFAIL: it is there, and could not", finding["explanation"])
        self.assertEqual(finding["evidence"]["error_by_all_count"], len(failed))


class Connections(DnsCase):
    CASES_AT_ONCE = 2

    def test_connect_behind_a_slow_look_up(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            self.connect(client, resolver.address, "slow-1.test.")
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, CLOSED_PORT)
        sock = self.sockets_of(traced.report, endpoint)[0]
        mark = [entry for entry in sock["timeline"] if entry["kind"] == "look_up"]
        self.assertEqual(len(mark), 1, sock["timeline"])
        delays = resolver.delays()
        self.assertEqual((mark[0]["detail"]["queries"], mark[0]["detail"]["repeats"], mark[0]["detail"]["outcome"]),
                         (len(resolver.queries()), len(resolver.arrived) - len(resolver.queries()), "answered"))
        self.check_between(mark[0]["detail"]["took_us"], delays[-1] - 0.002, delays[-1] + LATE_S)
        finding = next(one for one in traced.report["findings"] if one["code"] == "connect-refused")
        # 0.3 s, and more where this machine keeps the resolver waiting.
        self.assertRegex(finding["explanation"], r"A look-up of a name took (\d+ ms|\d+\.\d+ s) before the connect")

    def test_a_request_waits_for_a_name(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            command = self.command(client, [resolver.address], "timeout:3 attempts:2", PYTHON, "-c", SERVE, client.address, str(PORT),
                                   "drop-1.test.")
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
                self.assertEqual(app.stdout.readline(), "listens\n")
                asked = self.keep(server.connect(client.address, PORT))
                asked.sendall(b"q" * 100)
                asked.settimeout(5.6)
                with self.assertRaises(TimeoutError):
                    receive(asked, 10)
                asked.close()
                self.assertEqual(app.wait(SOCKET_S), 0)
        unanswered = self.finding(traced.report, "dns-unanswered", resolver)
        self.assertEqual(unanswered["evidence"]["by_nobody_count"], len(resolver.queries()))
        endpoint = self.endpoint_at(traced.report, "inbound", client.address, PORT)
        sock = self.sockets_of(traced.report, endpoint)[0]
        self.check_between(sock["no_call_wait_us"], 5.6, 6.0 + LATE_S)
        self.assertIn(sock["id"], unanswered["sockets"])
        waited = self.finding(traced.report, "no-outbound-attempt")
        self.assertIn(": a name did not resolve", waited["title"])
        self.assertEqual(waited["evidence"]["look_up_count"], 1)
        # Two times 3 s, of which the client waited for 5.6 s.
        self.assertAlmostEqual(waited["evidence"]["look_up_max_s"], 5.8, delta=0.2 + LATE_S)
        self.assertEqual(waited["caused_by"], [unanswered["id"]])


class RealResolvers(DnsCase):
    """Dnsmasq, in front of a slow upstream and of one that fails; an address that drops what comes; Ruby asks, too.

    One lab, traced twice at once: with --dns-names and without.
    """

    def test_names(self):
        client, server = self.hosts()
        server.run("ip", "address", "add", f"{SILENT}/32", "dev", "eth0")
        upstream = self.resolver(server, SECOND[4])
        dnsmasq = Dnsmasq(server, server.address, upstream.address, self.file("dnsmasq.log"))
        self.addCleanup(dnsmasq.close)
        server.network.firewall(f"table inet lab {{\nchain input {{\ntype filter hook input priority 0;\n"
                                f"ip daddr {SILENT} udp dport 53 counter drop\n}}\n}}\n")
        recording = self.file("names.tcpdiag")
        with self.traced(client, options=("--dns-names", "-w", recording)) as traced, \
                self.traced(client, options=("-w", self.file("no-names.tcpdiag"))) as without:
            took = self.call(client, [dnsmasq.address], "quick-1", "slow-1", "slow-1", "slow-2", "slow-2", "servfail-1",
                             options="timeout:5 attempts:1")
            self.connect(client, dnsmasq.address, "slow-3.test.")
            for labels in (HOSTILE, LONGEST):
                self.ask_in_vain(client, labels)
            with open(os.devnull, "rb") as nothing:
                done = subprocess.run(self.command(client, [SILENT], "timeout:1 attempts:2", "ruby", "-rnet/http", "-rtimeout", "-e", OPEN,
                                                   "http://api.test.:80/", "1"), stdin=nothing, capture_output=True, text=True,
                                      check=True, timeout=SOCKET_S)
        self.assertEqual(done.stdout, "Net::OpenTimeout: Failed to open TCP connection to api.test.:80 (execution expired)")
        self.assertIsNotNone(took["quick-1"][0])
        self.assertIsNone(took["servfail-1"][0])
        self.dnsmasq(traced.report, dnsmasq, upstream, took)
        self.silent(traced.report, server)
        self.story(traced.report, server)
        self.nowhere_else(recording, without)

    def ask_in_vain(self, host: Host, labels: list[bytes]) -> None:
        """One question, sent twice."""
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        with host.udp() as asks:
            for _ in range(2):
                asks.sendto(struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1), (SILENT, 53))
                time.sleep(0.02)  # Until it is no second look at the same packet.

    def dnsmasq(self, report: dict, dnsmasq: Dnsmasq, upstream: Resolver, took: dict[str, list]) -> None:
        look_ups = self.look_ups(report, dnsmasq)
        # A client that is starved repeats one, and the log knows no difference.
        self.assertEqual((look_ups["queries"] + look_ups["repeated"], look_ups["unanswered"]), (dnsmasq.queries(), 0))
        delays = upstream.delays()
        self.check_between(look_ups["dns"]["max"], delays[-1] - 0.002, max(delays[-1], *(seconds for _, seconds in took.values())) + LATE_S)
        slow = self.finding(report, "dns-slow", dnsmasq)
        names = slow["evidence"]["names"]
        count = slow["evidence"]["slow_count"]
        self.assertEqual(count, sum(1 for delay in delays if delay >= SLOW_S))
        asked = [name for _, name, _, _ in upstream.arrived]
        self.assertEqual(names, [f"{name}.test ({asked.count(name)} of {count})" for name in ("slow-1", "slow-2", "slow-3")])
        self.assertIn(" slow-1.test", slow["next_steps"][0]["command"])
        failed = self.finding(report, "dns-unanswered", dnsmasq)
        self.assertIn("by SERVFAIL", failed["title"])
        self.assertEqual(failed["evidence"]["names"], [f"servfail-1.test ({failed['count']} of {failed['count']})"])
        self.assertEqual({one["name"] for one in look_ups["names"]}, {"slow-1.test", "slow-2.test", "slow-3.test", "servfail-1.test"})

    def silent(self, report: dict, server: Host) -> None:
        """What Ruby calls `execution expired` was a name."""
        look_ups = next(one for one in report["look_ups"] if one["address"] == SILENT)
        self.assertEqual(look_ups["sent"], server.network.firewall_packets(server.namespace))
        finding = next(one for one in report["findings"] if one["code"] == "dns-unanswered" and SILENT in one["evidence"]["resolver"])
        of_ruby = next(one["queries"] for one in look_ups["processes"] if one["comm"] == "ruby")
        self.assertEqual(finding["count"], of_ruby + 2)
        self.assertTrue(any("execution expired" in message for message in finding["app_messages"]), finding["app_messages"])
        names = finding["evidence"]["names"]
        self.assertEqual(names[0], f"api.test ({of_ruby} of {finding['count']})")
        self.assertEqual(set(names[1:]), {
            f"\\027[31mred.<b>\\255\\000.a\\.b|`c` (1 of {finding['count']})",
            f"{'x' * 63}.{'x' * 62}... (1 of {finding['count']})"})

    def story(self, report: dict, server: Host) -> None:
        endpoint = self.endpoint_at(report, "outbound", server.address, CLOSED_PORT)
        sock = self.sockets_of(report, endpoint)[0]
        self.assertEqual([entry["detail"]["name"] for entry in sock["timeline"] if entry["kind"] == "look_up"], ["slow-3.test"])
        refused = next(one for one in report["findings"] if one["code"] == "connect-refused")
        self.assertIn("A look-up of slow-3.test took", refused["explanation"])

    def nowhere_else(self, recording: str, without: Traced) -> None:
        """Without the option no name is in any output; --redact takes them out; no format shows a byte as it was sent."""
        for form in ("text", "html", "md", "json"):
            told = run_tcpdiag("report", recording, "--format", form).stdout
            self.assertIn("slow-1.test", told, form)
            self.assertNotIn("\x1b[31m", told, form)
            self.assertIsNone(re.search("<b>[^a-z]", told) if form == "html" else None)
            redacted = run_tcpdiag("report", recording, "--redact", "--format", form).stdout
            self.assertNotIn("api.test", redacted, form)
            self.assertRegex(redacted, r"\bname-[0-9]", form)
        for path in (without.output, self.file("no-names.tcpdiag")):
            with open(path, "rb") as file:
                content = file.read()
            for name in (b"slow-1", b"api.test", b"31mred", b"xxxxxxxx"):
                self.assertNotIn(name, content, path)
        self.assertTrue(all(one["names"] is None for one in without.report["look_ups"]))


if __name__ == "__main__":
    main()
