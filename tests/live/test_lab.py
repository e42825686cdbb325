#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lab itself: its truth agrees with the kernel's counters, and it leaves nothing behind however it ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import withheld  # noqa: E402
from lab.cli import INCIDENTS  # noqa: E402
from lab.delayed import DelayedNetwork, box_program  # noqa: E402
from lab.network import BOOK, NETNS_DIRECTORY, clean_leftovers, run  # noqa: E402
from live import LAB, Lab, LiveCase, main, wait_until  # noqa: E402
from side_by_side import Run, SideBySide  # noqa: E402
from socket_case import Host, inside  # noqa: E402

SO_RCVBUFFORCE = 33  # not in Python's module


def leftovers(pid: int) -> list[str]:
    """Whatever there is of the lab with this process id."""
    found = [name for name in os.listdir(NETNS_DIRECTORY) if re.fullmatch(rf"tcpdiag-lab-{pid}-[cbs]", name)]
    found += [name for name in os.listdir(BOOK) if name.startswith(f"{pid}-")]
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/environ", "rb") as environment, open(f"/proc/{process}/cmdline", "rb") as command:
                if f"TCPDIAG_LAB={pid}".encode() in environment.read().split(b"\0") or f"{BOOK}/{pid}-".encode() in command.read():
                    found.append(f"process {process}")
        except OSError:
            pass
    return found


def counted(name: str, *options: str) -> Run:
    """An incident without a tracer, and the kernels' counters at both ends before its namespaces go."""
    return Run(name, options, watch=(), count=True)


class LabTruth(SideBySide):
    """The kernel counts resets itself, at both ends. Of queues Redis's own counts, redis-benchmark's and the kernels' agree."""

    RUNS = {
        "throttled": counted("redis-throttled", "--seconds", "5"),
        "open_timeout": counted("connect-timeout", "--seconds", "2"),
        "late_answers": counted("api-timeout", "--seconds", "1"),
        "server_resets": counted("api-reset", "--seconds", "1"),
        "after_idle": counted("idle-reset", "--seconds", "1"),
        "closed": counted("closed-before-reuse", "--seconds", "1"),
        "client_resets": counted("local-reset"),
        "healthy": counted("api-ok", "--seconds", "1"),
    }
    AT_ONCE = len(RUNS)

    def played(self, name: str) -> tuple[dict, dict, dict]:
        run = self.run_of(name)
        return run.done, run.kernel["client"], run.kernel["server"]

    def test_resets_made_by_the_server(self):
        done, client, server = self.played("server_resets")
        self.assertEqual((server["TcpOutRsts"], client["TcpEstabResets"], client["TcpOutRsts"]),
                         (done["resets_made"], done["resets_received"], 0))
        self.assertEqual({(f["error_class"], f["error_message"], f["cause_class"]) for f in done["failures"]},
                         {("Faraday::ConnectionFailed", "Connection reset by peer", "Errno::ECONNRESET")})
        for failure in done["failures"]:
            self.assertAlmostEqual(failure["after_s"], 1, delta=0.25)

    def test_resets_met_after_idle(self):
        """One RST for each call, none before it and none after (netfilter's own are not in the server's counters)."""
        done, client, _ = self.played("after_idle")
        self.assertEqual((client["TcpEstabResets"], client["TcpOutRsts"]), (done["resets_received"], 0))
        for failure in done["failures"]:
            self.assertLess(failure["after_s"], 0.5)

    def test_resets_made_by_the_client(self):
        done, client, server = self.played("client_resets")
        self.assertEqual((client["TcpOutRsts"], client["TcpExtTCPAbortOnClose"], server["TcpOutRsts"]),
                         (done["resets_sent"], done["closed_unread"], 0))

    def test_late_answers_are_reset(self):
        done, client, server = self.played("late_answers")
        self.assertEqual((client["TcpOutRsts"], server["TcpOutRsts"]), (done["resets_sent"], 0))
        self.assertEqual(done["resets_sent"], done["failed"])

    def test_nginx_resets_what_comes_too_late(self):
        done, client, server = self.played("closed")
        self.assertEqual((server["TcpOutRsts"], client["TcpOutRsts"]), (done["resets_made"], 0))

    def test_open_timeout(self):
        done, client, _ = self.played("open_timeout")
        self.assertGreaterEqual(client["TcpExtTCPSynRetrans"], done["failed"])
        self.assertEqual({f["cause_class"] for f in done["failures"]}, {"Net::OpenTimeout"})
        self.assertTrue(all("execution expired" in f["error_message"] for f in done["failures"]))

    def test_healthy(self):
        done, client, server = self.played("healthy")
        self.assertEqual((client["TcpOutRsts"], server["TcpOutRsts"], client["TcpRetransSegs"], done["failed"]), (0, 0, 0, 0))
        self.assertEqual(client["TcpActiveOpens"], done["counts"]["api"]["connects"])

    def test_throttled(self):
        done, _, server = self.played("throttled")
        self.assertAlmostEqual(done["benchmark"]["requests_per_s"], done["requests_per_s"], delta=8)
        self.assertGreater(done["benchmark"]["p50_latency_ms"], 150)
        self.assertEqual(done["tcp"]["server"]["TcpRetransSegs"], server["TcpRetransSegs"])
        self.assertGreater(done["qdisc"]["server"]["drops"], 0)
        self.assertEqual((done["counts"]["redis"]["ok"], done["counts"]["redis"]["connects"]), (done["requests"], 51))


class LabQueues(LiveCase):
    """The queueing incidents, while they go on."""

    def test_without_timestamps(self):
        with Lab("redis-slow", "--seconds", "2", "--milliseconds", "5", "--no-timestamps") as lab:
            lab.open_gate()
            lab.wait("waiting")
            sockets = run("ip", "netns", "exec", lab.ready["client_netns"], "ss", "-Htin", "dport", "=", ":6379")
            self.assertNotRegex(sockets, r"\bts\b")
            done = lab.wait("done")
            self.assertEqual(lab.end(), 0)
        self.assertGreaterEqual(done["busy_p50_s"], 0.005)
        self.assertEqual(done["tcp"]["server"]["TcpRetransSegs"], 0)

    def test_sigterm_while_the_client_is_stopped(self):
        with Lab("slow-reader", "--seconds", "60", "--milliseconds", "10000") as lab:
            lab.open_gate()
            lab.wait("waiting")

            def stopped() -> bool:
                with open(f"/proc/{lab.ready['client']['pid']}/stat", encoding="latin-1") as stat:
                    return stat.read().rpartition(")")[2].split()[0] == "T"
            wait_until("the client to be stopped", stopped, 20)
            lab.signal(signal.SIGTERM)
            self.assertEqual(lab.end(), 128 + signal.SIGTERM)
            self.assertEqual(leftovers(lab.pid), [])


class LabWithheld(LiveCase):
    """What counts withheld events trusts nothing that another user has put where tests write."""

    def test_another_users_leftovers(self):
        victim, shared = self.file("victim"), self.file("shared")
        with open(victim, "w", encoding="ascii") as file:
            file.write("precious")
        name = "tcpdiag-tracefs-4999999-x"  # of no process
        events = os.path.join(shared, name, "instances", name, "events")
        os.makedirs(events)
        os.symlink(victim, os.path.join(events, "enable"))
        os.chmod(shared, 0o1777)
        program = "import withheld\nwith withheld.Withheld() as away: pass"
        subprocess.run([sys.executable, "-B", "-c", program], cwd=os.path.dirname(withheld.__file__), check=True, timeout=60,
                       env={**os.environ, "TMPDIR": shared})
        with open(victim, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        self.assertEqual(os.listdir(shared), [name])


class LabPath(LiveCase):
    """The delay box: what it promises, and what it says about itself."""

    def path(self, *options: str, rtt_ms: float = 0) -> tuple[DelayedNetwork, Host, Host]:
        network = DelayedNetwork(rtt_ms=rtt_ms, options=options)
        self.addCleanup(network.down)
        network.up()
        return network, *(Host(network, namespace, address) for namespace, address in (
            (network.client, network.client_address), (network.server, network.server_address)))

    def datagrams(self, client: Host, server: Host, count: int, pause_s: float = 0.0) -> list[int]:
        """The numbers of those that arrived, in that order, until none came for a while."""
        with inside(server.path):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with inside(client.path):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        arrived = []
        with receiver, sender:
            receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            receiver.bind((server.address, 4000))
            receiver.settimeout(2)
            for number in range(count):
                sender.sendto(number.to_bytes(4, "big") + bytes(200), (server.address, 4000))
                time.sleep(pause_s)
            with contextlib.suppress(TimeoutError):
                while True:
                    arrived.append(int.from_bytes(receiver.recv(2048)[:4], "big"))
        return arrived

    def test_round_trip(self):
        for rtt_ms in (4, 40):
            network, client, server = self.path(rtt_ms=rtt_ms)
            with server.listen(4001):
                waits = []
                for _ in range(5):
                    started = time.monotonic()
                    client.connect(server.address, 4001).close()
                    waits.append(1000 * (time.monotonic() - started))
            self.assertGreaterEqual(min(waits), rtt_ms)
            self.assertLess(min(waits), rtt_ms + 2)
            for counts in network.path_counts().values():
                self.assertEqual({name: counts[name] for name in counts if name.startswith("dropped") and counts[name]}, {})
            network.down()

    def test_order(self):
        network, client, server = self.path(rtt_ms=10)
        self.assertEqual(self.datagrams(client, server, 500), list(range(500)))
        self.assertEqual((network.path_counts()["to_server"]["reordered"], network.path_counts()["to_server"]["refused"]), (0, 0))

    def test_late_and_twice(self):
        network, client, server = self.path("--reorder-permille", "100", "--reorder-extra-us", "20000", "--reorder-min-bytes", "200",
                                            "--duplicate-permille", "50")
        arrived, counts = self.datagrams(client, server, 1000, 0.0005), network.path_counts()["to_server"]
        self.assertEqual(sorted(set(arrived)), list(range(1000)), "nothing is lost")
        self.assertEqual(len(arrived), 1000 + counts["duplicated"])
        self.assertTrue(20 <= counts["duplicated"] <= 100, counts)
        self.assertTrue(60 <= counts["reordered"] <= 150, counts)
        first = [number for at, number in enumerate(arrived) if number not in arrived[:at]]
        overtaken = sum(number < max(first[:at], default=-1) for at, number in enumerate(first))
        self.assertTrue(0.8 * counts["reordered"] <= overtaken <= counts["reordered"], (overtaken, counts))

    def test_full_queue(self):
        network, client, server = self.path("--queue-frames", "10", rtt_ms=600)
        arrived = self.datagrams(client, server, 50)
        self.assertTrue(5 <= len(arrived) <= 10, "the kernel's own frames (IPv6) may have had a place or two")
        self.assertEqual(arrived, list(range(len(arrived))))
        self.assertGreaterEqual(network.path_counts()["to_server"]["dropped_queue"], 50 - len(arrived))

    def test_wrong_use(self):
        for code, arguments in ((2, ()), (2, ("lo",)), (2, ("lo", "lo", "--delay-us", "x")), (2, ("lo", "lo", "--no-such")),
                                (2, ("lo", "lo", "lo")), (2, ("lo", "lo", "--delay-us")), (1, ("no-such", "lo"))):
            result = subprocess.run([box_program(), *arguments], capture_output=True, text=True, timeout=10, check=False)
            self.assertEqual((result.returncode, result.stdout), (code, ""), arguments)
            self.check_one_line(result.stderr)


class LabEnds(LiveCase):
    """Nothing of a lab stays, however it ended."""

    def ended_by(self, number: int, *options: str) -> None:
        with Lab("api-reset", "--seconds", "60", *options) as lab:
            lab.open_gate()
            lab.wait("outstanding")
            self.assertTrue(leftovers(lab.pid), "this test would see nothing")
            lab.signal(number)
            self.assertEqual(lab.end(), 128 + number)
            self.assertEqual(leftovers(lab.pid), [])

    def test_sigint(self):
        self.ended_by(signal.SIGINT)

    def test_sigterm(self):
        self.ended_by(signal.SIGTERM)

    def test_sighup(self):
        self.ended_by(signal.SIGHUP)

    def test_with_a_path(self):
        self.ended_by(signal.SIGTERM, "--rtt", "4")

    def test_input_ends_at_the_gate(self):
        with Lab("api-ok") as lab:
            self.assertEqual(lab.end(), 1)
            self.assertEqual(leftovers(lab.pid), [])

    def test_killed_labs_are_cleaned_at_the_next_start(self):
        with Lab("closed-before-reuse", "--rtt", "4", gate2=True) as killed, Lab("api-ok") as living:
            killed.open_gate()
            killed.wait("waiting")
            killed.signal(signal.SIGKILL)
            self.assertEqual(killed.end(), -signal.SIGKILL)
            self.assertTrue(leftovers(killed.pid), "this test would see nothing")
            clean_leftovers()
            wait_until("the killed lab's processes to end", lambda: leftovers(killed.pid) == [], 10)
            living.open_gate()
            living.wait("done")
            self.assertEqual(living.end(), 0)


class LabUse(LiveCase):
    """Wrong use is one line and a code."""

    def refused(self, *arguments: str, code: int = 2, **popen) -> str:
        result = subprocess.run([LAB, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                                check=False, **popen)
        self.assertEqual(result.returncode, code, result.stderr)
        self.check_one_line(result.stderr)
        return result.stderr

    def test_unknown_incident(self):
        self.assertIn("connect-refused", self.refused("no-such-incident"))

    def test_out_of_range(self):
        self.refused("api-reset", "--seconds", "0")
        self.refused("api-reset", "--failures", "0")
        self.refused("api-reset", "--client-name", "a/b")
        self.refused("redis-throttled", "--clients", "0")
        self.refused("api-ok", "--rtt", "1001")
        self.refused("keep-alive-race", "--rtt", "0")

    def test_option_without_a_meaning(self):
        self.assertIn("api-reset", self.refused("api-reset", "--milliseconds", "5"))
        self.assertIn("microburst", self.refused("microburst", "--clients", "5"))

    def test_list(self):
        result = subprocess.run([LAB, "--list"], capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual([line.split()[0] for line in result.stdout.splitlines()], list(INCIDENTS))


if __name__ == "__main__":
    main()
