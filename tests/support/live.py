# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: when they can run at all, a lab, a running tcpdiag, and what it must not leave behind.

Every wait here is for a condition and has a deadline; what it waited for is in the message of its failure.
"""

import contextlib
import ctypes
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import types
import unittest
from collections.abc import Callable

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import laws  # noqa: E402
import private  # noqa: E402
from lab.network import LabError, Network, clean_leftovers  # noqa: E402
from withheld import Withheld  # noqa: E402

SOURCE_DIR = os.environ.get("TCPDIAG_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.environ.get("TCPDIAG", os.path.join(SOURCE_DIR, "build", "release", "tcpdiag"))
LAB = os.path.join(SOURCE_DIR, "scripts", "lab")
SCHEMA = os.path.join(SOURCE_DIR, "docs", "report.schema.json")
PYTHON = "/usr/bin/python3"

# Deadlines, not expectations: generous, because the machine may be loaded and the build instrumented.
ATTACH_S = 60.0
REPORT_S = 60.0
LAB_S = 90.0

ATTEMPTS = 4
EXIT_SKIPPED = 77
_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}


# --- Whether live tests are possible here ---------------------------------------------------------------------------

def _bpf_refused() -> str | None:
    """Tries to create the smallest BPF map. Returns why that did not work."""
    number = _BPF_SYSCALL.get(os.uname().machine)
    if number is None:
        return f"no live tests on {os.uname().machine}"
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = (ctypes.c_uint32 * 32)(2, 4, 8, 1)  # BPF_MAP_TYPE_ARRAY, key and value size, entries
    descriptor = libc.syscall(number, 0, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if descriptor < 0:
        return f"the kernel does not allow BPF here ({os.strerror(ctypes.get_errno())})"
    os.close(descriptor)
    return None


def obstacle() -> str | None:
    """The reason why live tests cannot run here, None when they can."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "the kernel has no BTF (/sys/kernel/btf/vmlinux)"
    reason = _bpf_refused()
    if reason:
        return reason
    network = Network()
    try:
        clean_leftovers()
        network.up()
    except (LabError, OSError) as error:
        return f"network namespaces do not work here ({error})"
    finally:
        network.down()
    try:
        import jsonschema  # noqa: F401 (only whether it is there)
    except ImportError:
        return "python3-jsonschema is not installed: scripts/setup --test"
    return None


def main() -> None:
    """Runs the calling script's test cases, or the classes and cases named. `--list-classes` prints their names, for CMake.

    `--repeat N [NAME...]` runs its classes, or what is named, N times, each in a process of its own, and prints a table of passes.
    """
    module = sys.modules["__main__"]
    classes = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, unittest.TestCase)
               and kind.__module__ == module.__name__ and unittest.defaultTestLoader.getTestCaseNames(kind)]
    if sys.argv[1:] == ["--list-classes"]:
        print("\n".join(kind.__name__ for kind in classes))
        sys.exit(0)
    reason = obstacle()
    if reason:
        print(f"skipped: {reason}", flush=True)
        sys.exit(1 if os.environ.get("TCPDIAG_REQUIRE_LIVE") == "1" else EXIT_SKIPPED)
    if sys.argv[1:2] == ["--repeat"]:
        sys.exit(repeat(int(sys.argv[2]), sys.argv[3:] or [kind.__name__ for kind in classes]))
    for kind in classes:
        if sys.argv[1:] == [kind.__name__] and getattr(kind, "CASES_AT_ONCE", 1) > 1:
            sys.exit(run_at_once(kind))
    result = run_cases(module, sys.argv[1:])
    if result.wasSuccessful() and result.testsRun and len(result.skipped) == result.testsRun:
        print(f"skipped: {result.skipped[0][1]}", flush=True)
        sys.exit(1 if os.environ.get("TCPDIAG_REQUIRE_LIVE") == "1" else EXIT_SKIPPED)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)


def repeat(times: int, names: list[str]) -> int:
    """Runs each of the names so often. Prints rows as they stand in docs/reliability.md. 0: all passed."""
    import statistics
    module = os.path.splitext(os.path.basename(sys.argv[0]))[0].removeprefix("test_")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    passed = dict.fromkeys(names, 0)
    for _ in range(times):
        for name in names:
            started = time.monotonic()
            done = subprocess.run([PYTHON, sys.argv[0], name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
            seconds[name].append(time.monotonic() - started)
            passed[name] += done.returncode == 0
            if done.returncode != 0:
                print(done.stdout, flush=True)
    print("| test | passed | median s | slowest s |\n| --- | ---: | ---: | ---: |")
    for name in names:
        print(f"| live.{module}.{name} | {passed[name]} of {times} | {statistics.median(seconds[name]):.2f} | {max(seconds[name]):.2f} |")
    return 0 if all(count == times for count in passed.values()) else 1


def run_at_once(kind: type[unittest.TestCase]) -> int:
    """Each case of the class in a process of its own, CASES_AT_ONCE at a time. The exit code: what is worst of theirs."""
    import concurrent.futures

    def one(case: str) -> int:
        done = subprocess.run([PYTHON, sys.argv[0], f"{kind.__name__}.{case}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        print(done.stdout, end="", flush=True)
        return done.returncode

    with concurrent.futures.ThreadPoolExecutor(kind.CASES_AT_ONCE) as pool:
        codes = set(pool.map(one, unittest.defaultTestLoader.getTestCaseNames(kind)))
    failed = codes - {0, EXIT_SKIPPED}
    return max(failed, key=abs) if failed else EXIT_SKIPPED if codes == {EXIT_SKIPPED} else 0


def run_cases(module: types.ModuleType, names: list[str]) -> unittest.TestResult:
    """All of the module's cases, or those named. Again, in new networks, where they failed and the kernel withheld events meanwhile."""
    loader = unittest.defaultTestLoader
    for left in reversed(range(ATTEMPTS)):
        suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
        with Withheld() as away:
            result = unittest.TextTestRunner(verbosity=2).run(suite)
        if result.wasSuccessful() or not away.count or not left:
            break
        print(f"again: the kernel ran no BPF program at {away.count} tracepoints, as process 1 was current", flush=True)
    return result


# --- Waiting --------------------------------------------------------------------------------------------------------

def wait_until(what: str, condition: Callable[[], bool], seconds: float, poll_s: float = 0.02) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}, in vain")
        time.sleep(poll_s)


class Lines:
    """The lines of a stream, read by a thread, so that nobody ever blocks on a full pipe."""

    def __init__(self, descriptor: int):
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        self._thread.start()

    def _read(self, descriptor: int) -> None:
        rest = b""
        while True:
            try:
                data = os.read(descriptor, 65536)
            except OSError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            if not data and rest:
                lines.append(rest)
            with self._changed:
                self._lines += [line.decode("utf-8", "replace") for line in lines]
                self._ended = not data
                self._changed.notify_all()
            if not data:
                os.close(descriptor)
                return

    def all(self) -> list[str]:
        with self._changed:
            return list(self._lines)

    def wait_end(self, seconds: float) -> list[str]:
        self._thread.join(seconds)
        return self.all()

    def wait_for(self, what: str, wanted: Callable[[str], bool], seconds: float) -> str:
        """The first line that is wanted. Fails when the stream ends without one, or at the deadline."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self._lines:
                    if wanted(line):
                        return line
                left = deadline - time.monotonic()
                tail = "\n  ".join(self._lines[-8:])
                if self._ended:
                    raise AssertionError(f"the stream ended before {what}; its last lines:\n  {tail}")
                if left <= 0:
                    raise AssertionError(f"waited {seconds:.0f} s for {what}, in vain; the last lines:\n  {tail}")
                self._changed.wait(left)


# --- The lab --------------------------------------------------------------------------------------------------------

class Lab:
    """One run of scripts/lab, steered by its gates. A context manager: leaving it ends the lab."""

    def __init__(self, name: str, *options: str, gate2: bool = False):
        reading, writing = os.pipe()
        gates = ["--gate", "--gate2"] if gate2 else ["--gate"]
        self._process = subprocess.Popen([LAB, name, "--quiet", "--facts", f"/dev/fd/{writing}", "--hold", *gates, *options],
                                         stdin=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[writing])
        os.close(writing)
        self._facts = Lines(reading)
        self._errors = Lines(os.dup(self._process.stderr.fileno()))
        self._process.stderr.close()
        self.ready: dict = {}

    def __enter__(self) -> "Lab":
        try:
            self.ready = self.wait("ready")
            self.ready["client_netns_inode"] = os.stat(self.ready["client_netns_path"]).st_ino
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.stdin.close()
        self._process.wait(timeout=30)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, fact: str, seconds: float = LAB_S) -> dict:
        try:
            line = self._facts.wait_for(f"the lab's fact {fact!r}", lambda text: json.loads(text)["fact"] == fact, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe lab said: {self._errors.wait_end(5)}") from None
        return json.loads(line)

    def open_gate(self) -> None:
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, seconds: float = 30) -> int:
        """Lets the lab go on to its end. Returns its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        return self._process.wait(timeout=seconds)

    @property
    def netns(self) -> str:
        return self.ready["client_netns_path"]


# --- tcpdiag --------------------------------------------------------------------------------------------------------

def bpf_ids_held_by(pid: int) -> dict[str, set[int]]:
    """Programs, maps and links that a process holds, from its descriptors, and the maps of these programs."""
    ids: dict[str, set[int]] = {"prog": set(), "map": set(), "link": set()}
    for entry in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{entry}", encoding="ascii", errors="replace") as info:
            for kind, number in re.findall(r"^(prog|map|link)_id:\s*(\d+)$", info.read(), re.MULTILINE):
                ids[kind].add(int(number))
    for program in _bpftool("prog"):
        if program["id"] in ids["prog"]:
            ids["map"] |= set(program.get("map_ids", []))
    return ids


def _run_bpftool(*arguments: str) -> bytes:
    """What bpftool says. It gives up when an object of some other program vanishes while it looks: then it looks again."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    results: list[subprocess.CompletedProcess] = []

    def done() -> bool:
        results.append(subprocess.run(["bpftool", "-j", *arguments], capture_output=True, check=False, timeout=30,
                                      env={**os.environ, "PATH": path}))
        return results[-1].returncode == 0

    wait_until(f"bpftool {' '.join(arguments)}", done, 10)
    return results[-1].stdout


def _bpftool(kind: str) -> list[dict]:
    return json.loads(_run_bpftool(kind, "show") or b"[]")


def bpf_map(number: int) -> list[dict]:
    """The entries of the map with this id."""
    return json.loads(_run_bpftool("map", "dump", "id", str(number)) or b"[]")


class Tracer:
    """A running `tcpdiag trace`. A context manager: leaving it kills what still runs."""

    def __init__(self, *options: str, env: dict | None = None, inside: str | None = None, **popen):
        command = [PROGRAM, "trace", *options]
        if inside:
            command = ["nsenter", f"--net={inside}", "--", *command]
        self.bpf_ids: dict[str, set[int]] = {}
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                         stdout=popen.pop("stdout", subprocess.DEVNULL), env={**os.environ, **(env or {})}, **popen)
        self.stderr = Lines(os.dup(self._process.stderr.fileno()))
        self._process.stderr.close()

    def __enter__(self) -> "Tracer":
        return self

    def __exit__(self, *_) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self):
        return self._process.stdout

    def wait_attached(self, objects: bool = True) -> str:
        """Until it says that it traces. Notes the BPF objects that it holds from then on, for `check_nothing_left`."""
        line = self.stderr.wait_for("tcpdiag's line 'tracing ...'", lambda text: text.startswith("tracing "), ATTACH_S)
        if not objects:
            return line
        self.bpf_ids = bpf_ids_held_by(self.pid)
        if not self.bpf_ids["prog"]:
            raise AssertionError("tcpdiag says that it traces but holds no BPF program")
        return line

    def map_id(self, name: str) -> int:
        """Of one of its BPF maps."""
        return next(entry["id"] for entry in _bpftool("map") if entry["id"] in self.bpf_ids["map"] and entry.get("name") == name)

    def signal(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)

    def wait_exit(self, seconds: float = REPORT_S) -> int:
        """The exit code (negative: killed by a signal)."""
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            tail = "\n  ".join(self.stderr.all()[-8:])
            raise AssertionError(f"tcpdiag did not end within {seconds:.0f} s; its last lines:\n  {tail}") from None
        self.stderr.wait_end(10)
        return code

    def check_nothing_left(self) -> None:
        """None of the BPF objects that it held is there any more. The kernel frees them a moment after the exit."""
        for kind in ("prog", "map", "link"):
            held = self.bpf_ids.get(kind, set())
            left: set[int] = set()

            def gone() -> bool:
                left.clear()
                left.update(held & {entry["id"] for entry in _bpftool(kind)})
                return not left

            try:
                wait_until("", gone, 10)
            except AssertionError:
                raise AssertionError(f"tcpdiag left BPF {kind}s behind: {sorted(left)}") from None


def run_tcpdiag(*arguments: str, seconds: float = 60, **popen) -> subprocess.CompletedProcess:
    """A run of tcpdiag that ends by itself."""
    decoded = {} if popen.get("text") is False else {"text": True, "errors": "replace"}
    return subprocess.run([PROGRAM, *arguments], **{"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": seconds,
                                                    "check": False, **decoded, **popen})


# --- Test cases -----------------------------------------------------------------------------------------------------

def unix_time(text: str) -> float:
    """A report's time (RFC 3339, UTC, three decimals) in seconds since 1970."""
    import datetime
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


class LiveCase(unittest.TestCase):
    """A test case with a directory of its own and the checks that hold for every report."""

    maxDiff = None

    def setUp(self):
        self.directory = private.directory()
        self.addCleanup(subprocess.run, ["rm", "-rf", "--", self.directory], check=False)
        self.assertTrue(os.access(PROGRAM, os.X_OK), f"there is no program {PROGRAM}: build it, or set TCPDIAG")

    def file(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def network(self) -> Network:
        """Two namespaces without traffic, gone with the test."""
        network = Network()
        network.up()
        self.addCleanup(network.down)
        return network

    def check_one_line(self, text: str) -> None:
        self.assertEqual(len(text.strip().splitlines()), 1, f"one line of explanation is wanted, not:\n{text}")
        self.assertGreater(len(text.strip()), 10)

    def read_report(self, path: str) -> dict:
        """Reads a JSON report and checks what every report must fulfil."""
        with open(path, "rb") as file:
            raw = file.read()
        self.assertFalse(re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw), "the JSON has raw control characters")
        report = json.loads(raw.decode("utf-8"))
        self.check_schema(report)
        self.assertEqual(report["schema"], "tcpdiag.report/1")
        self.assertEqual(laws.broken(report), [], "the laws of every report")
        return report

    def check_schema(self, report: dict) -> None:
        import jsonschema
        self.assertTrue(os.path.exists(SCHEMA), f"{SCHEMA} is missing")
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator(schema).iter_errors(report)]
        self.assertEqual(errors[:10], [])

    def check_nothing_lost(self, report: dict) -> None:
        """What the kernel withheld from every program was not lost by this one, and it says how much it did not see."""
        lost = {cause: count for cause, count in report["loss"].items() if count != 0}
        if lost and all(cause.startswith("unseen_") for cause in lost) and sum(lost.values()) <= Withheld.so_far():
            print(f"unseen, of {Withheld.so_far()} events that were withheld: {lost}", flush=True)
            return
        self.assertEqual(lost, {})

    def endpoint(self, report: dict, ready: dict, name: str = "api") -> dict:
        """The report's outbound endpoint that the lab calls `name`."""
        wanted = ready["endpoints"][name]
        found = [e for e in report["endpoints"]
                 if (e["role"], e["address"], e["port"]) == ("outbound", wanted["address"], wanted["port"])]
        seen = [(e["role"], e["address"], e["port"]) for e in report["endpoints"]]
        self.assertEqual(len(found), 1, f"endpoint {wanted} once among {seen}")
        return found[0]

    def first_finding(self, report: dict, code: str) -> dict:
        codes = [finding["code"] for finding in report["findings"]]
        self.assertTrue(codes, "the report has no finding")
        self.assertEqual(codes[0], code, f"first finding, of {codes}")
        return report["findings"][0]


def pipe_without_reader() -> int:
    """A descriptor to write to that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
