# SPDX-License-Identifier: Apache-2.0
"""Labs that are traced side by side, once for all the cases of a class: most of a lab's time is waiting for a timer.

TCPDIAG_KEEP=DIRECTORY keeps the recordings and the JSON reports of all of them there. TCPDIAG_RUNS=REGEX plays only the runs whose
name it is found in, and skips the cases of others: TCPDIAG_RUNS=nat-forgets tests/live/test_round_trips.py Quick
"""

import contextlib
import copy
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import private
from lab.network import counters
from live import Lab, LiveCase, Tracer
from withheld import Withheld


@dataclass(frozen=True)
class Watch:
    """One tracer of a lab."""

    name: str = "client"  # what its report is called in Run.reports, or its text in Run.texts
    end: str = "client"  # whose namespace
    form: str = "json"
    options: tuple[str, ...] = ()
    by_pid: bool = False  # -p with the lab's client, instead of --netns
    record: bool = False  # its recording is Run.recordings[name]
    exit_code: int = 0
    light: bool = False  # whether its BPF objects have gone is left to other tests: a tracer costs half as much


KEEP = os.environ.get("TCPDIAG_KEEP")
ONLY = re.compile(os.environ.get("TCPDIAG_RUNS", ""))
AGAIN = 3
CLIENT = Watch()
SERVER = Watch(name="server", end="server")
TEXT = Watch(name="text", form="text")


@dataclass
class Run:
    """One lab: what is asked for, and what came of it."""

    name: str
    options: tuple[str, ...] = ()
    watch: tuple[Watch, ...] = (CLIENT,)
    middle: bool = False  # the tracers start when its connections are established and were used
    count: bool = False  # read the kernels' counters at both ends before they go
    ready: dict = field(default_factory=dict)
    done: dict = field(default_factory=dict)
    kernel: dict[str, dict[str, int]] = field(default_factory=dict)  # by end
    reports: dict[str, dict] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)  # what went to standard output
    files: dict[str, str] = field(default_factory=dict)  # the JSON reports
    recordings: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)  # the lines of standard error
    failure: BaseException | None = None

    @property
    def report(self) -> dict:
        return self.reports["client"]

    @property
    def counts(self) -> dict:
        return self.done["counts_after_gate2" if self.middle else "counts"]


class _Player:
    """One lab with its tracers. The caller goes through the methods in their order, for all labs together."""

    def __init__(self, stack: contextlib.ExitStack, run: Run, directory: str):
        self._stack, self._run, self._directory = stack, run, directory
        self._lab = Lab(run.name, *run.options, gate2=run.middle)
        self._tracers: list[tuple[Watch, Tracer]] = []

    def enter(self) -> None:
        self._stack.enter_context(self._lab)
        self._run.ready = self._lab.ready
        if self._run.middle:
            self._lab.open_gate()

    def start_tracers(self) -> None:
        if self._run.middle:
            self._lab.wait("waiting")
        for watch in self._run.watch:
            self._tracers.append((watch, self._stack.enter_context(self._tracer(watch))))

    def wait_attached(self) -> None:
        for watch, tracer in self._tracers:
            tracer.wait_attached(objects=not watch.light)

    def open_gate(self) -> None:
        self._lab.open_gate()

    def wait_done(self) -> None:
        self._run.done = self._lab.wait("done")

    def finish(self) -> None:
        run = self._run
        for _, tracer in self._tracers:
            tracer.signal()
        for watch, tracer in self._tracers:
            code = tracer.wait_exit()
            run.errors[watch.name] = tracer.stderr.all()
            if code != watch.exit_code:
                raise AssertionError(f"{run.name}: tcpdiag ended with {code}, not {watch.exit_code}: {tracer.stderr.all()}")
            if not watch.light:
                tracer.check_nothing_left()
        if run.count:
            run.kernel = {end: counters(run.ready[f"{end}_netns"]) for end in ("client", "server")}
        code = self._lab.end()
        if code != 0:
            raise AssertionError(f"the lab {run.name} ended with {code}")

    def _tracer(self, watch: Watch) -> Tracer:
        run = self._run
        path = os.path.join(self._directory, f"{run.ready['client_netns']}-{watch.name}")
        where = ("-p", str(run.ready["client"]["pid"])) if watch.by_pid else ("--netns", run.ready[f"{watch.end}_netns_path"])
        options = [*where, *watch.options]
        if watch.record:
            run.recordings[watch.name] = f"{path}.tcpdiag"
            options += ["-w", run.recordings[watch.name]]
        run.files[watch.name] = path
        if watch.form == "json":
            return Tracer(*options, "--format", "json", "-o", path)
        return Tracer(*options, "--format", watch.form, stdout=self._stack.enter_context(open(path, "wb")))


def play(case: LiveCase, runs: list[Run], directory: str, end_together: bool = False) -> None:
    """All runs at the same time: every tracer is attached before the first lab goes on. What fails is in Run.failure.

    `end_together`: no tracer ends before the last lab is done. While one detaches, others may miss events.
    """
    with contextlib.ExitStack() as stack:
        players = [(run, _Player(stack, run, directory)) for run in runs]

        def each(step: str) -> None:
            for run, player in players:
                if run.failure is None:
                    try:
                        getattr(player, step)()
                    except Exception as error:
                        run.failure = error

        for step in ("enter", "start_tracers", "wait_attached", "open_gate"):
            each(step)

        def do(run: Run, player: _Player, *steps: str) -> None:
            try:
                for step in steps:
                    getattr(player, step)()
            except Exception as error:
                run.failure = error

        for steps in (("wait_done",), ("finish",)) if end_together else (("wait_done", "finish"),):
            threads = [threading.Thread(target=do, args=(*pair, *steps)) for pair in players if pair[0].failure is None]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    for run in runs:
        for watch in run.watch if run.failure is None else ():
            try:
                _read(case, run, watch)
            except Exception as error:
                run.failure = error


def _read(case: LiveCase, run: Run, watch: Watch) -> None:
    if watch.form != "json":
        with open(run.files[watch.name], "rb") as file:
            run.texts[watch.name] = file.read()
        return
    report = run.reports[watch.name] = case.read_report(run.files[watch.name])
    case.check_nothing_lost(report)


class SideBySide(LiveCase):
    """RUNS are played before the first case, AT_ONCE of them at a time in the order they are named; cases ask for them by name."""

    RUNS: dict[str, Run] = {}
    AT_ONCE = 4
    END_TOGETHER = False
    runs: dict[str, Run]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        directory = private.directory()
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", "--", directory], check=False)
        cls.runs = copy.deepcopy(cls.RUNS)
        waiting = [name for name in cls.runs if ONLY.search(name)]
        while waiting:
            cls._play(waiting[: cls.AT_ONCE], directory)
            del waiting[: cls.AT_ONCE]
        if KEEP:
            cls._keep()

    @classmethod
    def _play(cls, names: list[str], directory: str) -> None:
        """These at once; again, by themselves, those that failed while the kernel withheld events."""
        for left in reversed(range(AGAIN)):
            with Withheld() as away:
                play(cls(), [cls.runs[name] for name in names], directory, cls.END_TOGETHER)
            names = [name for name in names if cls.runs[name].failure is not None]
            if not names or not away.count or not left:
                return
            print(f"again, as {away.count} events were withheld: {', '.join(names)}", flush=True)
            cls.runs.update({name: copy.deepcopy(cls.RUNS[name]) for name in names})

    @classmethod
    def _keep(cls) -> None:
        os.makedirs(KEEP, exist_ok=True)
        for name, run in cls.runs.items():
            for kind, files in (("tcpdiag", run.recordings), ("json", run.files)):
                for watch, path in files.items():
                    if os.path.exists(path):
                        shutil.copyfile(path, os.path.join(KEEP, f"{re.sub(r'[^a-z0-9]+', '-', name)}-{watch}.{kind}"))

    @contextlib.contextmanager
    def known_wrong(self, wrong: str | None) -> Iterator[None]:
        """What is asserted within fails, and that is known: `wrong` says what. It must fail, unless that begins with "now and then"."""
        try:
            yield
        except AssertionError as error:
            if wrong is None:
                raise
            print(f"known to be wrong: {self.id().rpartition('.')[2]}: {wrong} ({str(error).splitlines()[0][:160]})", flush=True)
            return
        if wrong is not None and not wrong.startswith("now and then"):
            self.fail(f"it is not wrong any more, so its line in the table is to be taken out: {wrong}")

    def play(self, *runs: Run) -> None:
        """Those that one case wants for itself."""
        play(self, list(runs), self.directory)
        for run in runs:
            if run.failure is not None:
                raise run.failure

    def run_of(self, name: str) -> Run:
        run = self.runs[name]
        if not ONLY.search(name):
            self.skipTest("not among TCPDIAG_RUNS")
        if run.failure is not None:
            raise run.failure
        return run
