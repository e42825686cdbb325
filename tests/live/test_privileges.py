#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A trace has no more privileges than it needs: who it is while it runs, what it then cannot do any more, what still works,
and which capabilities it takes to start one. docs/privileges.md is what these hold it to."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import private  # noqa: E402
from live import PROGRAM, LiveCase, Tracer, main, wait_until  # noqa: E402

CONFINED_PROBE = os.path.join(os.path.dirname(PROGRAM), "confined_probe")
USER = 4711  # nobody's number; as good as that of somebody who has a name
NOBODY = 65534
CAP_BPF = 1 << 39

# An attempt that names a file, a process or a socket that is there works for whoever may. As root these need a device or
# a file that not every machine has.
MAY_BE_MISSING = {"read_passwords": {"0", "ENOENT"}, "type_into_a_terminal": {"0", "EIO"}}

# One refused connect for each line, from a process in the cgroup whose directory is the argument.
CONNECTS = """
import socket, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as procs:
    procs.write("0")
print("ready", flush=True)
for line in sys.stdin:
    with socket.socket() as s:
        try:
            s.connect(("127.0.0.1", int(line)))
        except ConnectionRefusedError:
            pass
    print("done", flush=True)
"""


def status_of(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def kernel_says_of(pid: int) -> list[str]:
    """The kernel log's lines about system calls that were refused to the process. None where auditd takes them."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, errors="replace", check=False).stdout
    return [line for line in log.splitlines() if "type=1326" in line and f" pid={pid} " in line]


def cgroup_root() -> str | None:
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return next((place for _, place, kind, *_ in map(str.split, mounts) if kind == "cgroup2"), None)


class PrivilegesCase(LiveCase):
    def check_confined(self, status: dict[str, str], user: int, group: int | None = None) -> None:
        """What the kernel says of the process."""
        self.assertEqual(status["Uid"].split(), [str(user)] * 4)
        self.assertEqual(status["Gid"].split(), [str(user if group is None else group)] * 4)
        kept = int(status["CapEff"], 16)
        # Before Linux 5.19 reading a map needs it (docs/privileges.md).
        self.assertIn(kept, (0, CAP_BPF))
        self.assertEqual(int(status["CapPrm"], 16), kept)
        for empty in ("CapInh", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[empty], 16), 0, empty)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def owned(self, name: str, user: int) -> str:
        directory = self.file(name)
        os.mkdir(directory)
        os.chown(directory, user, user)
        private.let_others_through(self.directory)
        return directory


class Attempts(PrivilegesCase):
    """A program that confines itself by the same function as a trace, and then tries to get out."""

    def probe(self, *options: str, sudo: int | None = None, own: int = 0) -> dict:
        os.mkdir(self.file("foreign"))
        os.chmod(self.file("foreign"), 0o777)
        directory = self.owned("own", own)
        with open(os.path.join(directory, "a"), "w", encoding="ascii"):
            pass
        env = {**os.environ, **({"SUDO_UID": str(sudo), "SUDO_GID": str(sudo)} if sudo else {})}
        result = subprocess.run([CONFINED_PROBE, self.file("foreign"), directory, *options], env=env, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        answer = json.loads(result.stdout)
        self.assertEqual(answer["described"], "0")
        return answer

    def check_nothing_worked(self, answer: dict) -> None:
        self.assertGreater(len(answer["attempts"]), 50)
        # SIGSYS: of a build that is not to miss a call that was forgotten.
        wrong = {name: end for name, end in answer["attempts"].items() if end not in ("EPERM", "EACCES", "SIGSYS", "ENOENT")}
        self.assertEqual(wrong, {})
        without_landlock = {"read_a_cgroup"} if "EACCES" not in answer["attempts"].values() else set()
        wrong = {name: end for name, end in answer["works"].items() if end != "0" and name not in without_landlock}
        self.assertEqual(wrong, {})
        self.assertEqual(os.listdir(self.file("own")), [])  # its file was renamed and removed
        with open(self.file("foreign/there"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_each_works_for_who_is_not_confined(self):
        answer = self.probe("--unconfined")
        wrong = {name: end for name, end in answer["attempts"].items() if end not in MAY_BE_MISSING.get(name, {"0"})}
        self.assertEqual(wrong, {})

    def test_none_works_after_sudo(self):
        answer = self.probe(sudo=USER, own=USER)
        self.check_confined(answer["status"], USER)
        self.check_nothing_worked(answer)

    def test_none_works_for_root(self):
        """A report in a directory of root's: the process stays user 0, which is then worth nothing."""
        answer = self.probe()
        self.check_confined(answer["status"], 0)
        self.check_nothing_worked(answer)


class Running(PrivilegesCase):
    """`tcpdiag trace` while it runs."""

    def trace(self, *options: str, user: int, sudo: bool) -> None:
        env = {"SUDO_UID": str(user), "SUDO_GID": str(user)} if sudo else {"SUDO_UID": "", "SUDO_GID": ""}
        network = self.network()
        with Tracer("--netns", network.path(network.client), "--format", "json", *options, env=env) as tracer:
            tracer.wait_attached()
            self.check_confined(status_of(tracer.pid), user)
            self.assertEqual(len(os.listdir(f"/proc/{tracer.pid}/task")), 1)
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
            self.assertEqual(kernel_says_of(tracer.pid), [])

    def test_becomes_who_called_sudo(self):
        report = os.path.join(self.owned("own", USER), "r.json")
        self.trace("-o", report, user=USER, sudo=True)
        self.assertEqual(os.stat(report).st_uid, USER)
        features = self.read_report(report)["abilities"]
        self.assertTrue(features["confined_user"]["available"])
        self.assertTrue(features["confined_calls"]["available"])

    def test_replaces_a_report_of_who_called_sudo(self):
        report = os.path.join(self.owned("own", USER), "r.json")
        with open(report, "w", encoding="ascii") as file:
            file.write("old")
        os.chown(report, USER, USER)
        self.trace("-o", report, "--force", user=USER, sudo=True)
        self.read_report(report)
        self.assertEqual(os.listdir(os.path.dirname(report)), ["r.json"])

    def test_becomes_nobody_when_root_calls(self):
        self.trace(user=NOBODY, sudo=False)

    def test_becomes_the_owner_of_the_directory_when_root_calls(self):
        report = os.path.join(self.owned("own", USER), "r.json")
        with open(report, "w", encoding="ascii") as file:
            file.write("old")
        self.trace("-o", report, "--force", user=USER, sudo=False)
        self.read_report(report)
        self.assertEqual(os.listdir(os.path.dirname(report)), ["r.json"])


class Seeing(PrivilegesCase):
    """What is looked at late is still seen."""

    def test_cgroup_that_is_made_during_the_trace(self):
        root = cgroup_root()
        if not root:
            self.skipTest("no cgroups of version 2 are mounted here")
        network = self.network()
        name = f"tcpdiag-test-{os.getpid()}-late"
        with Tracer("--netns", network.path(network.client), "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            os.mkdir(os.path.join(root, name))
            self.addCleanup(wait_until, f"cgroup {name} to be removable", lambda: self.removed(os.path.join(root, name)), 30)
            program = subprocess.Popen(network.inside(network.client, "/usr/bin/python3", "-c", CONNECTS, os.path.join(root, name)),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            with program:
                self.assertEqual(program.stdout.readline(), "ready\n")
                program.stdin.write("9\n")
                program.stdin.flush()
                self.assertEqual(program.stdout.readline(), "done\n")
                tracer.stderr.wait_for("the finding", lambda line: "connect-refused" in line, 30)  # it has met the process
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            self.assertEqual(kernel_says_of(tracer.pid), [])
        report = self.read_report(self.file("r.json"))
        if not report["abilities"]["confined_files"]["available"]:
            self.skipTest(report["abilities"]["confined_files"]["reason"])
        self.assertIn(f"/{name}", json.dumps(report["endpoints"]))

    @staticmethod
    def removed(directory: str) -> bool:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            return True
        except OSError:
            pass
        return not os.path.exists(directory)

    def test_namespace_that_its_last_process_leaves(self):
        """It has no name and its process is root's: the tracer may not look at /proc/PID/ns/net any more."""
        with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as process:
            own = os.stat("/proc/self/ns/net").st_ino
            wait_until("its namespace", lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino != own, 10)
            inode = os.stat(f"/proc/{process.pid}/ns/net").st_ino
            with Tracer("--netns", str(inode), "-d", "4s", "--format", "json", "-o", self.file("r.json")) as tracer:
                tracer.wait_attached()
                process.stdin.close()
                process.wait(timeout=10)
                self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        counters = self.read_report(self.file("r.json"))["kernel_counters"]
        self.assertEqual([(one["netns_inode"], one["gone"]) for one in counters], [(inode, True)])


class WithoutRoot(PrivilegesCase):
    """Which capabilities it takes, of somebody who is not root."""

    def setUp(self):
        super().setUp()
        private.let_others_through(self.directory)
        self.program = shutil.copy(PROGRAM, self.file("tcpdiag"))  # the build may lie where others cannot go
        os.chmod(self.program, 0o755)

    def run_with(self, capabilities: str, *options: str) -> tuple[int, str]:
        """The exit code and what it said. `capabilities`: as setpriv names them, comma separated."""
        sets = ["--ambient-caps", f"+{capabilities.replace(',', ',+')}", "--inh-caps", f"+{capabilities.replace(',', ',+')}"]

        def locked_memory() -> None:  # before Linux 5.11 that limits BPF
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        result = subprocess.run(["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups",
                                 *(sets if capabilities else []), self.program, "trace", "-d", "0", "--format", "json", *options],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                                preexec_fn=locked_memory, cwd="/")
        if result.returncode == 0:
            self.last = json.loads(result.stdout)
            self.check_schema(self.last)
        return result.returncode, result.stderr

    def allowed(self, capabilities: str, *options: str) -> None:
        code, said = self.run_with(capabilities, *options)
        self.assertEqual(code, 0, f"{capabilities} {options}: {said}")

    def refused(self, capabilities: str, *options: str) -> None:
        code, said = self.run_with(capabilities, *options)
        self.assertEqual(code, 3, f"{capabilities} {options}: {said}")
        self.check_one_line(said)
        self.assertRegex(said, "sudo|CAP_")

    def test_own_namespace(self):
        for too_little in ("", "bpf", "perfmon", "net_admin,sys_ptrace"):
            self.refused(too_little)
        self.allowed("bpf,perfmon")
        self.assertTrue(self.last["abilities"]["confined_user"]["available"])
        counters = self.last["kernel_counters"][0]["counters"]
        self.assertIsNotNone(counters["RetransSegs"])
        self.allowed("bpf,perfmon", "-p", str(os.getpid()))  # root's, in the same namespace

    def test_another_namespace(self):
        network = self.network()
        name = network.path(network.client)
        self.refused("bpf,perfmon,sys_ptrace", "--netns", name)
        self.allowed("bpf,perfmon,sys_admin", "--netns", name)
        with subprocess.Popen(network.inside(network.client, "cat"), stdin=subprocess.PIPE) as process:
            inode = os.stat(name).st_ino
            wait_until("its namespace", lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino == inode, 10)
            self.refused("bpf,perfmon,sys_admin", "-p", str(process.pid))
            self.refused("bpf,perfmon,sys_ptrace", "-p", str(process.pid))
            self.allowed("bpf,perfmon,sys_admin,sys_ptrace", "-p", str(process.pid))
            process.stdin.close()

    def test_documented_table_is_this_one(self):
        """The capabilities tried here are those that docs/privileges.md names."""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "privileges.md"), encoding="utf-8") as file:
            section = file.read().split("## What it takes to start", 1)[1].split("\n##", 1)[0]
        table = [line for line in section.splitlines() if line.startswith("|")]
        self.assertEqual(set(re.findall(r"CAP_[A-Z_]+", "".join(table))),
                         {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE"})


if __name__ == "__main__":
    main()
