#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The time between a user's request and the application's call to its API, compared with what the application measured itself."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PYTHON, SOURCE_DIR, Lines, main, wait_until  # noqa: E402
from socket_case import SOCKET_S, Host, SocketCase, kill  # noqa: E402

SUPPORT = os.path.join(SOURCE_DIR, "tests", "support")
API_PORT, WEB_PORT = 8080, 9292
BUCKET = 0.07  # The histograms' relative error.
LATE_S = 0.1  # Scheduling on a loaded machine, between the application's own clock readings and its system calls.
START_S = 60.0


class Users:
    """Requests to the application, from the other host."""

    def __init__(self, host: Host, address: str, on_piece: Callable[[socket.socket], None]):
        self._host, self._address, self._on_piece = host, address, on_piece

    def connect(self) -> socket.socket:
        made = self._host.connect(self._address, WEB_PORT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def ask(self, path: str, on: socket.socket | None = None, pause_s: float | None = None) -> dict:
        """The answer's JSON. `pause_s`: the request comes in pieces, with a pause in the middle of its header."""
        sock = on or self.connect()
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: app\r\nConnection: {'keep-alive' if on else 'close'}\r\n\r\n".encode()
            if pause_s is None:
                sock.sendall(request)
            else:
                for number, piece in enumerate((request[:20], request[20:40], request[40:-1], request[-1:])):
                    sock.sendall(piece)
                    if number < 3:
                        self._on_piece(sock)
                    if number == 1:
                        time.sleep(pause_s)
            return self._answer(sock)
        finally:
            if not on:
                sock.close()

    def _answer(self, sock: socket.socket) -> dict:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self._more(sock)
        if b" 200 " not in head.split(b"\r\n")[0] + b" ":
            raise AssertionError(f"the application answered {head!r} {body!r}")
        return json.loads(body)

    @staticmethod
    def _more(sock: socket.socket) -> bytes:
        data = sock.recv(65536)
        if not data:
            raise ConnectionError("the application closed the connection before its answer")
        return data

    def at_once(self, *asks: Callable[[], dict | list[dict]]) -> list[dict]:
        """Several at the same time, each by a thread. All answers."""
        answers: list[dict] = []
        failures: list[BaseException] = []

        def one(ask: Callable[[], dict | list[dict]]) -> None:
            try:
                got = ask()
                answers.extend(got if isinstance(got, list) else [got])
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one, args=(ask,)) for ask in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return answers


class AppCase(SocketCase):
    """The application runs on the client's host (of the API), its users and the API on the other."""

    def setUp(self):
        super().setUp()
        self.app, self.outside = self.hosts()
        api = self.child(self.outside, PYTHON, "-B", f"{SUPPORT}/lab/api_server.py", "--address", self.outside.address, f"api={API_PORT}")
        api.wait_for("the API to listen", lambda line: "listening" in line, START_S)
        self.users = Users(self.outside, self.app.address, self.wait_read)

    def child(self, host: Host, *command: str, env: dict | None = None) -> Lines:
        """A process in this host's namespace; what it prints, errors too."""
        process = subprocess.Popen(host.network.inside(host.namespace, *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=self.directory)
        self.addCleanup(kill, process)
        self.web = process
        lines = Lines(os.dup(process.stdout.fileno()))
        process.stdout.close()
        return lines

    def start_puma(self) -> None:
        for need in ("ruby", "puma"):
            if not shutil.which(need):
                self.skipTest(f"{need} is not installed: scripts/setup --test")
        said = self.child(self.app, "puma", "-C", "-", "-e", "production", "-t", "2:2", "-b", f"tcp://{self.app.address}:{WEB_PORT}",
                          f"{SUPPORT}/apps/calls_api.ru", env={"API": f"http://{self.outside.address}:{API_PORT}"})
        said.wait_for("Puma to listen", lambda line: "Listening on" in line, START_S)
        # Every thread of the pool has run, and every library is loaded, before anything is measured.
        self.users.at_once(*(lambda via=via: self.users.ask(f"/call?gap_ms=300&via={via}") for via in ("net_http", "faraday")))
        self.settle(self.app, self.outside)

    def start_python(self, kind: str) -> None:
        said = self.child(self.app, PYTHON, "-B", f"{SUPPORT}/lab/calls_api.py", kind, self.app.address, str(WEB_PORT),
                          self.outside.address, str(API_PORT))
        said.wait_for("the application to listen", lambda line: '"up"' in line, START_S)

    def wait_read(self, sock: socket.socket) -> None:
        """Until the application has read all that this user has sent."""
        port = sock.getsockname()[1]

        def read() -> bool:
            lines = self.app.run("ss", "-Htn", "state", "established", "sport", "=", f":{WEB_PORT}", "dport", "=", f":{port}").splitlines()
            return bool(lines) and all(line.split()[0] == "0" for line in lines)
        wait_until("the application to read what was sent", read, SOCKET_S)

    def lane(self, path: str, times: int, keep: bool = False, **how) -> Callable[[], list[dict]]:
        """Requests one after the other, on one connection or on one each."""
        def ask() -> list[dict]:
            if not keep:
                return [self.users.ask(path, **how) for _ in range(times)]
            with self.users.connect() as sock:
                return [self.users.ask(path, on=sock, **how) for _ in range(times)]
        return ask

    # What the report says.
    def api_endpoint(self, report: dict, calls: int) -> dict:
        endpoint = self.endpoint_at(report, "outbound", self.outside.address, API_PORT)
        self.assertEqual((endpoint["app_gap"]["calls"], endpoint["exchanges"], endpoint["exchanges_failed"]), (calls, calls, 0))
        gaps = endpoint["app_gap"]
        self.assertEqual(endpoint["histograms"]["app_gap"]["count"], gaps["with_gap"])
        self.assertAlmostEqual(endpoint["app_gap_coverage_pct"], 100 * gaps["with_gap"] / calls, delta=0.1)
        return endpoint

    def web_endpoint(self, report: dict) -> dict:
        return self.endpoint_at(report, "inbound", self.app.address, WEB_PORT)

    def check_gaps(self, endpoint: dict, answers: list[dict]) -> None:
        """What is known is right: no gap is shorter than the shortest or longer than the longest that the application saw."""
        true = sorted(answer["gap_s"] for answer in answers)
        seen = endpoint["histograms"]["app_gap"]
        if not seen["count"]:
            return
        self.assertGreater(seen["min"] / 1e6, true[0] - LATE_S, "the shortest app_gap")
        self.assertLess(seen["max"] / 1e6, true[-1] + LATE_S, "the longest app_gap")
        if seen["count"] == len(true):
            middle = statistics.median(true)
            self.assertAlmostEqual(seen["p50"] / 1e6, middle, delta=BUCKET * middle + LATE_S, msg="app_gap p50")

    def found(self, report: dict, code: str) -> list[dict]:
        return [finding for finding in report["findings"] if finding["code"] == code]

    def check_app_gap(self, report: dict, endpoint: dict, answers: list[dict]) -> None:
        """The finding, sure of itself but for the length of the trace."""
        findings = self.found(report, "app-gap")
        self.assertEqual(len(findings), 1, [(f["code"], f["severity"]) for f in report["findings"]])
        finding, evidence = findings[0], findings[0]["evidence"]
        confidence = "high" if report["window"]["duration_s"] >= 10 else "medium"
        self.assertEqual((finding["endpoint"], finding["confidence"], finding["severity"]), (endpoint["id"], confidence, "warning"),
                         finding["confidence_reasons"])
        self.assertEqual(evidence["samples"], endpoint["app_gap"]["with_gap"])
        self.assertAlmostEqual(evidence["coverage_pct"], endpoint["app_gap_coverage_pct"], delta=0.1)
        middle = statistics.median(answer["gap_s"] for answer in answers)
        self.assertAlmostEqual(evidence["app_gap_p50_s"], middle, delta=BUCKET * middle + LATE_S)


class Puma(AppCase):
    """A real Puma with two threads.

    A request that has come when one of them looks is read by the thread that works on it; all others by Puma's reactor. The
    application tells which it was: a gap is known exactly where it was the first.
    """

    CASES_AT_ONCE = 4  # They wait most of the time.

    def setUp(self):
        super().setUp()
        self.start_puma()

    def read_by_worker(self, answers: list[dict]) -> int:
        return sum(set(answer["readers"]) == {answer["worker"]} for answer in answers)

    def check_known(self, endpoint: dict, answers: list[dict]) -> None:
        self.assertEqual((endpoint["app_gap"]["with_gap"], endpoint["app_gap"]["ambiguous"]), (self.read_by_worker(answers), 0))
        self.check_gaps(endpoint, answers)

    def test_gap_before_the_call(self):
        """Small requests one after the other on kept connections: only the first of each may be the reactor's."""
        with self.traced(self.app) as traced:
            answers = self.users.at_once(self.lane("/call?gap_ms=1500", 6, keep=True),
                                         self.lane("/call?gap_ms=1500&via=faraday", 6, keep=True))
            self.settle(self.app, self.outside)
        endpoint = self.api_endpoint(traced.report, 12)
        self.assertGreaterEqual(endpoint["app_gap_coverage_pct"], 80)
        self.assertEqual(endpoint["app_gap"]["threads"], len({answer["worker"] for answer in answers}))
        self.check_known(endpoint, answers)
        self.check_app_gap(traced.report, endpoint, answers)
        self.check_pids(endpoint, self.web.pid)
        self.check_pids(self.web_endpoint(traced.report), self.web.pid)

    def test_no_gap_worth_a_word(self):
        """New connections: whose thread is quicker, the reactor's or the worker's, is chance."""
        with self.traced(self.app) as traced:
            answers = self.users.at_once(self.lane("/call?gap_ms=20", 20), self.lane("/call?gap_ms=20&via=faraday", 20))
            self.settle(self.app, self.outside)
        endpoint = self.api_endpoint(traced.report, 40)
        self.check_known(endpoint, answers)
        self.check_quiet(traced.report)
        self.assertEqual(self.found(traced.report, "app-gap"), [])

    def test_slow_senders(self):
        """A worker may read the beginning and call in the end, but the rest is the reactor's: that gap is not known."""
        with self.traced(self.app) as traced:
            slow = self.lane("/call?gap_ms=300", 3, pause_s=1.5)
            answers = self.users.at_once(slow, slow, self.lane("/call?gap_ms=300", 6))
            self.settle(self.app, self.outside)
        endpoint = self.api_endpoint(traced.report, 12)
        self.assertLessEqual(self.read_by_worker(answers), 6)
        self.check_known(endpoint, answers)
        self.assertEqual(self.found(traced.report, "app-gap"), [])

    def test_reactor_reads_what_another_thread_calls_for(self):
        """The reader itself never calls; that is no sign that nobody does."""
        with self.traced(self.app) as traced:
            answers = self.users.at_once(*[self.lane("/call?gap_ms=20&think_ms=5500", 2, pause_s=0.2)] * 2)
            self.settle(self.app, self.outside)
        self.assertEqual(self.read_by_worker(answers), 0)
        slow = self.web_endpoint(traced.report)["slow_answers"]
        self.assertEqual((slow["no_call"], slow["with_call"] + slow["unknown"]), (0, 4))
        self.assertEqual(self.found(traced.report, "no-outbound-attempt"), [])


class Threads(AppCase):
    """A thread for each connection: it reads, calls, and answers."""

    CASES_AT_ONCE = 2

    def setUp(self):
        super().setUp()
        self.start_python("threads")

    def test_all_gaps_are_known(self):
        """On new connections to the API and on kept ones, of users that keep theirs and of those that do not."""
        paths = ("/call?gap_ms=400", "/call?gap_ms=400&keep=1")
        with self.traced(self.app) as traced:
            answers = self.users.at_once(*(self.lane(path, 5, keep=keep) for path in paths for keep in (False, True)))
        endpoint = self.api_endpoint(traced.report, 20)
        self.assertEqual((endpoint["app_gap"]["with_gap"], endpoint["app_gap"]["ambiguous"]), (20, 0))
        self.assertEqual(endpoint["app_gap_coverage_pct"], 100)
        self.check_gaps(endpoint, answers)
        self.assertEqual(self.found(traced.report, "app-gap"), [])

    def test_slow_application(self):
        with self.traced(self.app) as traced:
            answers = self.users.at_once(*[self.lane("/call?gap_ms=1500", 2)] * 4)
        endpoint = self.api_endpoint(traced.report, 8)
        self.check_gaps(endpoint, answers)
        self.check_app_gap(traced.report, endpoint, answers)


class EventLoop(AppCase):
    def test_ambiguous(self):
        """One thread has all users' requests at once: whose call it makes cannot be told."""
        self.start_python("loop")
        with self.traced(self.app) as traced:
            self.users.at_once(*[self.lane("/call?gap_ms=1500", 2)] * 6)
            self.settle(self.app, self.outside)
        endpoint = self.api_endpoint(traced.report, 12)
        gaps = endpoint["app_gap"]
        self.assertGreaterEqual(gaps["ambiguous"], 0.2 * gaps["with_gap"], gaps)
        for finding in self.found(traced.report, "app-gap"):
            self.assertEqual(finding["confidence"], "low")
        for sock in self.sockets_of(traced.report, endpoint):
            self.assertEqual(sock["process"]["pid"], self.web.pid)


class NoOutboundAttempt(AppCase):
    """A user's request waits, and the thread that read it makes no call."""

    CASES_AT_ONCE = 4

    WAIT = "/wait?wait_ms=6000"

    def setUp(self):
        super().setUp()
        self.start_python("threads")

    def check_found(self, report: dict, count: int, severity: str, confidence: str) -> dict:
        findings = self.found(report, "no-outbound-attempt")
        self.assertEqual(len(findings), 1, [(f["code"], f["severity"]) for f in report["findings"]])
        finding = findings[0]
        self.assertEqual((finding["endpoint"], finding["count"], finding["severity"], finding["confidence"]),
                         (self.web_endpoint(report)["id"], count, severity, confidence))
        self.assertEqual(finding["evidence"]["count"], count)
        return finding

    def test_others_call(self):
        with self.traced(self.app) as traced:
            self.users.at_once(*[self.lane(self.WAIT, 1)] * 4, *[self.lane("/call?gap_ms=20", 5)] * 2)
            self.settle(self.app, self.outside)
        report = traced.report
        finding = self.check_found(report, 4, "warning", "medium")
        self.assertAlmostEqual(finding["evidence"]["wait_p50_s"], 6, delta=BUCKET * 6 + LATE_S)
        self.assertEqual(self.web_endpoint(report)["slow_answers"], {"no_call": 4, "with_call": 0, "unknown": 0, "ongoing": 0})
        waits = [sock["no_call_wait_us"] / 1e6 for sock in self.sockets_of(report, self.web_endpoint(report)) if sock["no_call_wait_us"]]
        self.assertEqual(len(waits), 4)
        for wait in waits:
            self.assertAlmostEqual(wait, 6, delta=LATE_S)
        self.assertFalse(finding["ongoing"])

    def test_nobody_calls(self):
        """Slow work, long polling and websockets look the same: not more than a notice."""
        with self.traced(self.app) as traced:
            self.users.at_once(*[self.lane(self.WAIT, 1)] * 4)
            self.settle(self.app, self.outside)
        self.check_found(traced.report, 4, "notice", "low")
        # That its clients wait is said, and that nobody here is to blame for it is not.
        loud = [f["code"] for f in traced.report["findings"] if f["severity"] != "notice"]
        self.assertEqual([code for code in loud if code != "delay-unattributed"], [])

    def test_still_waiting_at_the_end(self):
        """What is not answered yet counts, too."""
        waiting = [self.users.connect() for _ in range(3)]
        for sock in waiting:
            self.keep(sock)
        with self.traced(self.app) as traced:
            self.users.ask("/call?gap_ms=20")
            for sock in waiting:
                sock.sendall(b"GET /wait?wait_ms=60000 HTTP/1.1\r\nHost: app\r\n\r\n")
            sent = time.monotonic()
            for sock in waiting:
                self.wait_read(sock)
            time.sleep(max(0.0, sent + 6 - time.monotonic()))
        finding = self.check_found(traced.report, 3, "warning", "medium")
        self.assertTrue(finding["ongoing"])
        self.assertEqual(finding["evidence"]["ongoing_count"], 3)
        self.assertEqual(self.web_endpoint(traced.report)["slow_answers"], {"no_call": 3, "with_call": 0, "unknown": 0, "ongoing": 3})
        self.assertEqual(self.web_endpoint(traced.report)["exchanges_pending"], 3)
        self.web.send_signal(signal.SIGKILL)

    def test_slow_because_of_its_call(self):
        """As slow for the user, but there was a call: something else is to blame."""
        with self.traced(self.app) as traced:
            self.users.at_once(*[self.lane("/call?gap_ms=100&think_ms=5900", 1)] * 4)
            self.settle(self.app, self.outside)
        self.assertEqual(self.found(traced.report, "no-outbound-attempt"), [])
        self.assertEqual(self.web_endpoint(traced.report)["slow_answers"], {"no_call": 0, "with_call": 4, "unknown": 0, "ongoing": 0})


if __name__ == "__main__":
    main()
