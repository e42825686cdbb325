#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a trace: signals, readers that go away, files that are there, wrong use, missing privileges."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import private  # noqa: E402
from live import PROGRAM, Lab, LiveCase, Tracer, main, pipe_without_reader, run_tcpdiag  # noqa: E402


class Ending(LiveCase):
    """However a trace is ended, there is a report and nothing stays in the kernel."""

    def end_by(self, *signals: int) -> None:
        network = self.network()
        with Tracer("--netns", network.path(network.client), "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            for number in signals:
                tracer.signal(number)
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
        report = self.read_report(self.file("r.json"))
        self.assertEqual(report["window"]["ended_by"], "signal")
        self.check_nothing_lost(report)

    def test_sigint(self):
        self.end_by(signal.SIGINT)

    def test_sigint_twice(self):
        self.end_by(signal.SIGINT, signal.SIGINT)

    def test_sigterm(self):
        self.end_by(signal.SIGTERM)

    def test_sighup(self):
        self.end_by(signal.SIGHUP)

    def test_sigkill_leaves_nothing_in_the_kernel(self):
        network = self.network()
        with Tracer("--netns", network.path(network.client)) as tracer:
            tracer.wait_attached()
            tracer.signal(signal.SIGKILL)
            self.assertEqual(tracer.wait_exit(), -signal.SIGKILL)
            tracer.check_nothing_left()

    def test_duration(self):
        network = self.network()
        started = time.monotonic()
        with Tracer("--netns", network.path(network.client), "-d", "1s", "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
        self.assertGreaterEqual(time.monotonic() - started, 1)
        window = self.read_report(self.file("r.json"))["window"]
        self.assertEqual(window["ended_by"], "duration")
        self.assertAlmostEqual(window["duration_s"], 1, delta=0.5)

    def test_duration_zero(self):
        network = self.network()
        result = run_tcpdiag("trace", "--netns", network.path(network.client), "-d", "0", "--format", "json", "-o", self.file("r.json"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.read_report(self.file("r.json"))["verdict"], "nothing_seen")

    def closed(self, **streams) -> None:
        """Nobody reads what it prints any more: it may fail, but not crash, and nothing stays."""
        network = self.network()
        with Tracer("--netns", network.path(network.client), **streams) as tracer:
            tracer.wait_attached()
            tracer.signal()
            self.assertIn(tracer.wait_exit(), (0, 1), tracer.stderr.all())
            tracer.check_nothing_left()

    def test_reader_of_standard_output_gone(self):
        descriptor = pipe_without_reader()
        self.addCleanup(os.close, descriptor)
        self.closed(stdout=descriptor)

    def test_standard_output_full(self):
        with open("/dev/full", "wb") as full:
            self.closed(stdout=full)


class WrongUse(LiveCase):
    """Exit code 2, one line, and nothing was attached."""

    def refused(self, *arguments: str, code: int = 2, **popen) -> str:
        result = run_tcpdiag("trace", *arguments, **popen)
        self.assertEqual(result.returncode, code, result.stderr)
        self.check_one_line(result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertFalse(result.stderr.startswith("tracing "))
        return result.stderr

    def test_output_exists(self):
        with open(self.file("there"), "w", encoding="ascii") as file:
            file.write("precious")
        said = self.refused("-d", "0", "--format", "json", "-o", self.file("there"))
        self.assertIn("--force", said)
        with open(self.file("there"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_output_exists_with_force(self):
        with open(self.file("there"), "w", encoding="ascii") as file:
            file.write("worthless")
        result = run_tcpdiag("trace", "-d", "0", "--force", "--format", "json", "-o", self.file("there"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.read_report(self.file("there"))

    def test_output_cannot_be_written(self):
        self.refused("-d", "0", "-o", self.file("no/such/directory/report"))

    def test_no_such_pid(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.assertIn(str(gone.pid), self.refused("-d", "0", "-p", str(gone.pid)))

    def test_no_such_netns(self):
        self.refused("-d", "0", "--netns", "/run/netns/no-such-namespace")

    def test_netns_is_a_plain_file(self):
        with open(self.file("plain"), "w", encoding="ascii"):
            pass
        self.refused("-d", "0", "--netns", self.file("plain"))

    def test_port_out_of_range(self):
        self.assertIn("65536", self.refused("-d", "0", "-D", "65536"))

    def test_family_contradicts_address(self):
        self.refused("-d", "0", "-4", "-A", "::1")

    def test_unknown_option(self):
        self.refused("--no-such-option")

    def test_bad_duration(self):
        self.refused("-d", "yesterday")

    def test_any_of_is_no_contradiction(self):
        for options in (("-4", "-6"), ("--role", "inbound", "--role", "outbound")):
            result = run_tcpdiag("trace", "-d", "0", "--format", "json", *options)
            self.assertEqual(result.returncode, 0, f"{options}: {result.stderr}")
            self.check_schema(json.loads(result.stdout))


class Limits(LiveCase):
    """What the process may not have: one line with the cure, the exit code, and no crash."""

    def refused(self, kind: int, limit: int, code: int, *arguments: str) -> str:
        result = run_tcpdiag("trace", *arguments, preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)))
        self.assertEqual(result.returncode, code, result.stderr)
        self.check_one_line(result.stderr)
        return result.stderr

    def test_open_files(self):
        for limit in (5, 16, 40):
            self.assertIn("ulimit -n", self.refused(resource.RLIMIT_NOFILE, limit, 3, "-d", "0"))

    def test_fewer_files_than_may_be_had_are_no_trouble(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        result = run_tcpdiag("trace", "-d", "0", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, hard)))
        self.assertEqual(result.returncode, 0, result.stderr)

    @unittest.skipIf(os.environ.get("TCPDIAG_SLOW_BUILD"), "a sanitizer's own memory is beyond any limit")
    def test_memory(self):
        said = []
        for limit in range(10 << 20, 40 << 20, 2 << 20):  # from what the loader needs to what the trace needs
            result = run_tcpdiag("trace", "-d", "0", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
            if result.returncode in (0, 127):
                continue
            self.assertIn(result.returncode, (1, 3), f"{limit}: {result.stderr}")
            self.check_one_line(result.stderr)
            said.append("ulimit" in result.stderr and "-v" in result.stderr)
        self.assertTrue(said and all(said), said)

    def test_size_of_a_file(self):
        path = self.file("r.tcpdiag")
        self.assertIn("ulimit -f", self.refused(resource.RLIMIT_FSIZE, 20 << 10, 2, "-d", "0", "-w", path))
        self.assertFalse(os.path.exists(path))

    def test_threads(self):
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            pids = [line.split()[1] for line in mounts if line.split()[2] == "cgroup" and "pids" in line.split()[3].split(",")]
        if not pids:
            self.skipTest("no hierarchy of the pids controller is mounted by itself")
        network, cgroup = self.network(), tempfile.mkdtemp(prefix="tcpdiag-live-", dir=pids[0])
        self.addCleanup(os.rmdir, cgroup)
        with open(f"{cgroup}/pids.max", "w", encoding="ascii") as limit:
            limit.write("1")

        def enter() -> None:
            with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write("0")
        result = run_tcpdiag("trace", "-d", "0", "--netns", network.path(network.client), preexec_fn=enter)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.check_one_line(result.stderr)
        self.assertIn("pids.max", result.stderr)

    def test_types_that_are_damaged(self):
        with open(self.file("types"), "wb") as types:
            types.write(os.urandom(4096))
        script = 'mount --bind "$0" /sys/kernel/btf/vmlinux && exec "$@"'
        result = subprocess.run(["unshare", "--mount", "sh", "-c", script, self.file("types"), PROGRAM, "trace", "-d", "0"],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.check_one_line(result.stderr)
        self.assertIn("damaged", result.stderr)

    def test_pipes_are_no_files(self):
        os.mkfifo(self.file("pipe"))
        for command in ("size", "report", "diff"):
            result = run_tcpdiag(command, self.file("pipe"), seconds=20)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.check_one_line(result.stderr)
            self.assertIn("not a regular file", result.stderr)

    def test_nobody_called_sudo(self):
        """Whoever SUDO_UID was to name: what he may not read is not read for him."""
        recording = self.file("r.tcpdiag")
        self.assertEqual(run_tcpdiag("trace", "-d", "0", "-w", recording).returncode, 0)
        for user, group in (("4294967295", "1"), ("1", "4294967295"), ("x", "1"), ("1", ""), ("", "1"), ("-1", "-1")):
            env = {**os.environ, "SUDO_UID": user, "SUDO_GID": group}
            for arguments in (("report", recording), ("size", recording), ("diff", recording), ("trace", "-d", "0")):
                result = run_tcpdiag(*arguments, env=env)
                self.assertEqual((result.returncode, result.stdout), (2, ""), f"{user}:{group} {arguments}: {result.stderr}")
                self.check_one_line(result.stderr)

    def test_redacted_line(self):
        network = self.network()
        result = run_tcpdiag("trace", "-d", "0", "--redact", "--netns", network.client, "-A", "10.9.8.7")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stderr.startswith("tracing "), result.stderr)
        self.assertNotIn(network.client, result.stderr)
        self.assertNotIn("10.9.8.7", result.stderr)


class NotRoot(LiveCase):
    """An ordinary user: 3 with the hint, but what is wrong otherwise is said first."""

    def setUp(self):
        super().setUp()
        # The build may lie where an ordinary user cannot go.
        private.let_others_through(self.directory)
        self.program = shutil.copy(PROGRAM, self.file("tcpdiag"))
        os.chmod(self.program, 0o755)

    def run_as_nobody(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *arguments], user=65534, group=65534, extra_groups=[], cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_not_permitted(self):
        result = self.run_as_nobody("trace", "-d", "0")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertRegex(result.stderr, r"(?i)root|sudo|CAP_", "the hint")
        self.assertNotIn("tracing ", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_options_are_checked_first(self):
        result = self.run_as_nobody("trace", "-d", "0", "-D", "65536")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.check_one_line(result.stderr)


class Together(LiveCase):
    def test_two_traces_at_once(self):
        with Lab("api-reset", "--seconds", "1") as lab, \
                Tracer("--netns", lab.netns, "--format", "json", "-o", self.file("a.json")) as one, \
                Tracer("--netns", lab.netns, "--format", "json", "-o", self.file("b.json")) as two:
            one.wait_attached()
            two.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            for tracer in (one, two):
                tracer.signal()
            for tracer in (one, two):
                self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
                tracer.check_nothing_left()
        for name in ("a.json", "b.json"):
            report = self.read_report(self.file(name))
            finding = self.first_finding(report, "peer-reset-awaiting-response")
            self.assertEqual(finding["count"], done["failed"])
            endpoint = self.endpoint(report, lab.ready)
            self.assertEqual((endpoint["exchanges"], endpoint["exchanges_failed"]), (done["ok"], done["failed"]))
            self.check_nothing_lost(report)

    def test_other_namespaces_are_not_seen(self):
        """Two labs with the same addresses: each trace sees its own."""
        with Lab("api-ok", "--seconds", "1") as good, Lab("connect-refused") as bad, \
                Tracer("--netns", good.netns, "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            good.open_gate()
            bad.open_gate()
            done = good.wait("done")
            bad.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        report = self.read_report(self.file("r.json"))
        self.assertEqual(report["verdict"], "nothing_found")
        self.assertEqual(self.endpoint(report, good.ready)["exchanges"], done["ok"])
        self.assertEqual(len(report["endpoints"]), 1)


# Both ends of so many connections in one process that no lab beside it is among the busiest instead of it.
BUSY = """
import socket, sys
open("/proc/self/comm", "w").write("busy-elsewhere")
listener = socket.create_server(("127.0.0.1", 0))
ends = [end for _ in range(400) for end in (socket.create_connection(listener.getsockname()), listener.accept())]
print("connected", flush=True)
sys.stdin.read()
"""


class NothingSeen(LiveCase):
    """No traffic is not \"nothing wrong\": the report says where there are connections."""

    def busy_process(self, network) -> int:
        process = subprocess.Popen(network.inside(network.server, sys.executable, "-c", BUSY),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), "connected\n")
        return process.pid

    def test_names_the_namespace_that_has_connections(self):
        network = self.network()
        pid = self.busy_process(network)
        result = run_tcpdiag("trace", "--netns", network.path(network.client), "-d", "100ms", "-w", self.file("r.rec"),
                             "--format", "json", "-o", self.file("r.json"))
        self.assertEqual(result.returncode, 0, result.stderr)
        report = self.read_report(self.file("r.json"))
        self.assertEqual(report["verdict"], "nothing_seen")
        there = next((one for one in report["other_netns"] if one["pid"] == pid), None)
        self.assertIsNotNone(there, f"{pid} is among {report['other_netns']}")
        self.assertEqual(there["netns_inode"], os.stat(network.path(network.server)).st_ino)
        self.assertEqual((there["comm"], there["established"], there["sockets"]), ("busy-elsewhere", 800, 801))
        self.assertIn(f"busy-elsewhere (pid {pid}, 800 established connections): --netns {pid}", report["summary"])
        again = run_tcpdiag("report", self.file("r.rec"), "--redact", "--format", "json")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("busy-elsewhere", again.stdout)
        self.assertIn(f"(pid {pid}, 800 established connections): --netns {pid}", json.loads(again.stdout)["summary"])


if __name__ == "__main__":
    main()
