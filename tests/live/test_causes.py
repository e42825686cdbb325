#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each of the lab's incidents has its cause first, and names the timers and baselines that it really met, with no others.

With a round trip: test_round_trips.py.
"""

import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import findings_doc  # noqa: E402
from lab.cli import INCIDENTS  # noqa: E402
from live import SOURCE_DIR, main, run_tcpdiag  # noqa: E402
from side_by_side import Run, SideBySide, Watch  # noqa: E402

SERVER_5_S = ("Apache KeepAliveTimeout", "Node.js server.keepAliveTimeout")


@dataclass(frozen=True)
class Cause:
    """What must come first in an incident's report."""

    incident: str
    options: tuple[str, ...]
    code: str
    timers: tuple[str, ...] | None = ()  # candidates by name, all of them; None: the code has no such evidence
    end: str = "client"
    effects: tuple[str, ...] = ()  # further findings above a notice


# Those of about the same length are neighbours: they run side by side.
CAUSES = {
    "api_reset_30_s": Cause("api-reset", ("--seconds", "30"), "peer-reset-awaiting-response",
                            ('HAProxy "timeout server"', "Puma first_data_timeout", "gunicorn --timeout")),
    "reconnect_storm": Cause("reconnect-storm", (), "response-timeout", effects=("reconnect-storm",)),
    "redis_throttled": Cause("redis-throttled", ("--seconds", "15"), "throughput-ceiling", None),
    "app_gap": Cause("app-gap", (), "app-gap", None, effects=("delay-unattributed",)),
    "no_call": Cause("no-call", (), "no-outbound-attempt", None),
    "connect_timeout": Cause("connect-timeout", ("--seconds", "5", "--failures", "8"), "connect-timeout",
                             ('HAProxy "timeout connect"',)),
    "idle_reset_5_s": Cause("idle-reset", ("--seconds", "5"), "peer-reset-after-idle", SERVER_5_S),
    "closed_before_reuse": Cause("closed-before-reuse", ("--seconds", "5"), "peer-closed-before-reuse", SERVER_5_S),
    "first_bytes_unanswered": Cause("first-bytes-unanswered", ("--seconds", "3"), "first-bytes-unanswered", None),
    "peer_gave_up": Cause("first-bytes-unanswered", ("--seconds", "3"), "peer-gave-up", end="server"),
    "listen_overflow": Cause("listen-overflow", (), "listen-overflow", None, end="server"),
    "api_timeout": Cause("api-timeout", ("--seconds", "2"), "response-timeout"),
    "api_reset_3_s": Cause("api-reset", ("--seconds", "3"), "peer-reset-awaiting-response"),
    "idle_reset_3_s": Cause("idle-reset", ("--seconds", "3"), "peer-reset-after-idle"),
    "redis_timeout": Cause("redis-timeout", ("--seconds", "1"), "response-timeout", ("redis-client (Ruby) read_timeout",)),
    "api_closed": Cause("api-closed", ("--seconds", "2"), "peer-closed-awaiting-response"),
    "connect_unreachable": Cause("connect-unreachable", (), "connect-failed-locally", None),
    "connect_refused": Cause("connect-refused", (), "connect-refused", None),
    "local_reset": Cause("local-reset", (), "local-reset", None),
}
# Their causes are checked there, with the delays and counts of the same run.
ELSEWHERE = {
    "test_queueing.py": ("redis-10-clients", "redis-200-clients", "redis-slow", "microburst", "local-queueing", "slow-reader", "lossy",
                         "zero-window"),
    "test_measures.py": ("retransmit-kinds", "retransmit-busy"),
    "test_healthy.py": ("redis-healthy", "redis-short", "web-healthy", "idle-pool", "bulk"),
    "test_incidents.py": ("api-ok",),
    "test_storms.py": ("syn-flood", "retransmit-storm"),
    "test_round_trips.py": ("keep-alive-race", "peer-vanishes", "nat-forgets", "failover", "syn-lost", "own-firewall", "redis-killed",
                            "accept-queue-resets", "listener-closes", "policed", "window-limited", "response-stalls", "mtu-hole",
                            "reorders", "nagle-delays"),
}


def _run(cause: Cause) -> Run:
    return Run(cause.incident, cause.options, watch=(Watch(end=cause.end, record=True),))


class Causes(SideBySide):
    """Those that wait longest are played together."""

    RUNS = {name: _run(cause) for name, cause in CAUSES.items()}

    def watched(self, name: str) -> dict:
        run = self.run_of(name)
        self.check_recording(run.recordings["client"], run.files["client"])
        return run.report

    def check_recording(self, recording: str, live: str) -> None:
        """What was recorded gives the same report byte for byte, every other format, and nothing of it once redacted."""
        with open(live, "rb") as file:
            printed = file.read()
        again = run_tcpdiag("report", recording, "--format", "json", text=False)
        self.assertEqual((again.returncode, again.stderr), (0, b""))
        self.assertEqual(again.stdout, printed)
        report = json.loads(printed)
        shared = self.file("shared.tcpdiag")
        for arguments in (("report", recording), ("report", shared)):
            for form in ("text", "md", "html", "ndjson", "json"):
                rendered = run_tcpdiag(*arguments, "--format", form)
                self.assertEqual(rendered.returncode, 0, rendered.stderr)
                self.assertIn(report["recording_id"], rendered.stdout, form)
                for code in {finding["code"] for finding in report["findings"]}:
                    self.assertIn(code, rendered.stdout, form)
                if arguments[1] == shared:
                    for original in self.originals(report):
                        self.assertNotIn(original, rendered.stdout, form)
            if arguments[1] == recording:
                made = run_tcpdiag("report", recording, "--redact", "-w", shared, "-o", self.file("shared.txt"))
                self.assertEqual(made.returncode, 0, made.stderr)

    @staticmethod
    def originals(report: dict) -> set[str]:
        """Addresses and names of the lab's processes that are long enough to be nobody else's words."""
        found = {endpoint["address"] for endpoint in report["endpoints"]}
        found |= {socket[side]["address"] for socket in report["sockets"] for side in ("local", "remote")}
        found |= {netns["name"] for endpoint in report["endpoints"] if (netns := endpoint["netns"])["name"]}
        return {each for each in found if len(each) > 5}

    def check_cause(self, name: str) -> None:
        cause, report = CAUSES[name], self.watched(name)
        finding = self.first_finding(report, cause.code)
        self.assertEqual(report["verdict"], "cause_found")
        others = {f["code"] for f in report["findings"] if f["severity"] != "notice"} - {cause.code}
        self.assertEqual(others, set(cause.effects), "nothing else was wrong")
        candidates = finding["evidence"].get("timer_candidates")
        if cause.timers is None:
            return
        self.assertIsNotNone(candidates, sorted(finding["evidence"]))
        self.assertEqual(sorted({each["name"] for each in candidates}), sorted(cause.timers))
        for each in candidates:
            self.assertIn(each["origin"], ("doc_default", "example_only", "this_host_sysctl"))
            self.assertLess(abs(each["deviation_pct"]), 100 * max(0.25 / each["timer_s"], 0.02))

    def test_redis_throttled(self):
        """A link of 64 Mbit/s: the types whose baseline that is, t4g.micro among them, and none is picked."""
        report = self.watched("redis_throttled")
        finding = self.first_finding(report, "throughput-ceiling")
        candidates = finding["evidence"]["baseline_candidates"]
        types = [each["type"] for each in candidates]
        self.assertTrue({"t4g.micro", "t3.micro"} & set(types), types)
        self.assertIn("t4g.micro", types)
        self.assertEqual({each["baseline_bit_per_s"] for each in candidates}, {64_000_000})
        for each in candidates:
            self.assertLessEqual(abs(each["deviation_pct"]), 3)
            self.assertRegex(each["table_date"], r"^20\d\d-\d\d-\d\d$")
        self.assertIsNone(finding["evidence"]["peer_type_given"])

    def test_every_incident_is_checked(self):
        checked = {cause.incident for cause in CAUSES.values()}
        for script, incidents in ELSEWHERE.items():
            with open(os.path.join(SOURCE_DIR, "tests", "live", script), encoding="utf-8") as file:
                text = file.read()
            for incident in incidents:
                self.assertIn(f'"{incident}"', text, script)
            checked |= set(incidents)
        self.assertEqual(checked, set(INCIDENTS))

    def test_document_shows_what_is_printed(self):
        """The same lab again: its block in docs/findings.md differs in numbers alone."""
        code = "peer-closed-before-reuse"
        with open(findings_doc.DOCUMENT, encoding="utf-8") as file:
            written = findings_doc.block_of(findings_doc.sections(file.read())[code], code)
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            printed = findings_doc.block_of(findings_doc.run_lab(findings_doc.SHOWN[code], os.path.join(directory, "report")), code)
        self.assertTrue(printed, f"{code} was not found")

        def words(block: list[str]) -> str:
            text = findings_doc.masked(" ".join(block))
            return re.sub(r"\bcgroup \S+", "cgroup", re.sub(r"\bconf(\.|idence)", "confidence", text))
        self.assertEqual(words(printed), words(written), "hint: tests/support/findings_doc.py --write")
        self.assertEqual(findings_doc.labels(printed), findings_doc.labels(written))


def _case(name: str):
    return lambda self: self.check_cause(name)


for _name in CAUSES:
    if _name != "redis_throttled":
        setattr(Causes, f"test_{_name}", _case(_name))


if __name__ == "__main__":
    main()
