#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Look-ups of names by getaddrinfo: how many, how long and what became of them, as the resolver's own clock and the caller's say.

The resolver is a socket of this test, so that it answers exactly when a case wants it to; what it does with a name stands in
the name's first label. Callers have a resolv.conf of their own, in a mount namespace.
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

from live import PYTHON, main, run_tcpdiag  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, family_of, inside, receive  # noqa: E402

PORT, CLOSED_PORT = 8080, 8081
ANSWER, SERVFAIL, NXDOMAIN = 0x8180, 0x8182, 0x8183
SLOW_S = 0.3
# A timer of this process and its threads, on a machine that has other things to do.
LATE_S = 0.25
SECOND = {4: "10.87.0.9", 6: "fd00:87::9"}

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


class DnsCase(SocketCase):
    def resolver(self, host: Host, address: str = "") -> Resolver:
        if address:
            prefix = "128" if ":" in address else "32"
            host.run("ip", "address", "add", f"{address}/{prefix}", "dev", "eth0", *(["nodad"] if ":" in address else []))
        made = Resolver(host, address or host.address, host.address)
        self.addCleanup(made.close)
        return made

    def command(self, host: Host, resolvers: list[str], options: str, program: str, *arguments: str) -> list[str]:
        path = self.file(f"resolv-{len(os.listdir(self.directory))}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(f"nameserver {one}\n" for one in resolvers) + f"options {options}\n")
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        return host.network.inside(host.namespace, "unshare", "--mount", "sh", "-c", script, "sh", path, PYTHON, "-c", program,
                                   *arguments)

    def call(self, host: Host, resolvers: list[str], *names: str, options: str = "timeout:1 attempts:2") -> dict[str, list]:
        """What getaddrinfo found for each name, and how long it took."""
        done = subprocess.run(self.command(host, resolvers, options, CALL, *[f"{name}.test." for name in names]),
                              capture_output=True, text=True, check=True, timeout=SOCKET_S)
        return {name.split(".")[0]: took for name, took in json.loads(done.stdout).items()}

    def look_ups(self, report: dict, resolver: Resolver) -> dict:
        found = [one for one in report.get("look_ups", []) if one["address"] == resolver.address]
        self.assertEqual(len(found), 1, report.get("look_ups"))
        return found[0]

    def finding(self, report: dict, code: str, resolver: Resolver | None = None) -> dict:
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
            took = self.call(client, [resolver.address], "quick-1", "servfail-1", options="timeout:1 attempts:1")
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
            subprocess.run(self.command(client, [resolver.address], "timeout:2 attempts:1", CONNECT, "slow-1.test.", str(CLOSED_PORT)),
                           check=True, timeout=SOCKET_S)
        endpoint = self.endpoint_at(traced.report, "outbound", server.address, CLOSED_PORT)
        sock = self.sockets_of(traced.report, endpoint)[0]
        mark = [entry for entry in sock["timeline"] if entry["kind"] == "look_up"]
        self.assertEqual(len(mark), 1, sock["timeline"])
        delays = resolver.delays()
        self.assertEqual((mark[0]["detail"]["queries"], mark[0]["detail"]["repeats"], mark[0]["detail"]["outcome"]),
                         (len(resolver.queries()), 0, "answered"))
        self.check_between(mark[0]["detail"]["took_us"], delays[-1] - 0.002, delays[-1] + 0.1)
        finding = next(one for one in traced.report["findings"] if one["code"] == "connect-refused")
        self.assertRegex(finding["explanation"], r"A look-up of a name took 0\.3\d s before the connect|"
                                                 r"A look-up of a name took 3\d\d ms before the connect")

    def test_a_request_waits_for_a_name(self):
        client, server = self.hosts()
        resolver = self.resolver(server)
        with self.traced(client) as traced:
            command = self.command(client, [resolver.address], "timeout:3 attempts:2", SERVE, client.address, str(PORT), "drop-1.test.")
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


if __name__ == "__main__":
    main()
