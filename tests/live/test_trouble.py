#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a trace: signals, readers that go away, files that are there, wrong use, missing privileges."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

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
        self.assertEqual(self.read_report(self.file("r.json"))["verdict"], "nothing_found")

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


class NotRoot(LiveCase):
    """An ordinary user: 3 with the hint, but what is wrong otherwise is said first."""

    def setUp(self):
        super().setUp()
        # The build may lie where an ordinary user cannot go.
        os.chmod(self.directory, 0o755)
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


if __name__ == "__main__":
    main()
