#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The finding of each code as tcpdiag printed it in a run of scripts/lab, in docs/findings.md between markers.

findings_doc.py --write [CODE...]   runs the labs (all that are shown, without a code) and replaces these blocks; needs root
findings_doc.py --list              which lab run shows which code

What cannot be brought up on one machine names the unit test that has its picture. tests/unit/docs checks that every code has
one or the other, in the words that tcpdiag prints.
"""

import argparse
import os
import re
import sys
import tempfile
from dataclasses import dataclass

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from live import SOURCE_DIR, Lab, Tracer  # noqa: E402

DOCUMENT = os.path.join(SOURCE_DIR, "docs", "findings.md")
RULES = os.path.join(SOURCE_DIR, "src", "diagnose", "rules")
END = "<!-- end of the lab run -->"
HEAD = re.compile(r"^(CAUSE|SYMPTOM|NOTICE|LOSS) \d+  ([a-z-]+)\b")


@dataclass(frozen=True)
class LabRun:
    """A lab, and the end of it that is traced."""

    incident: str
    options: tuple[str, ...] = ()
    end: str = "client"
    trace: tuple[str, ...] = ()

    def words(self) -> str:
        """How to see it oneself."""
        where = "" if self.end == "client" else ", traced at the server's end"
        how = f", `tcpdiag trace {' '.join(self.trace)}`" if self.trace else ""
        return f"`scripts/lab {' '.join((self.incident, *self.options))}`{where}{how}"


@dataclass(frozen=True)
class UnitTest:
    """A picture that no lab can make."""

    why: str
    folder: str


SHOWN: dict[str, LabRun | UnitTest] = {
    "peer-reset-awaiting-response": LabRun("api-reset", ("--seconds", "30")),
    "peer-reset-after-idle": LabRun("idle-reset", ("--seconds", "5")),
    "peer-closed-before-reuse": LabRun("closed-before-reuse", ("--seconds", "5")),
    "peer-forgot-connection": LabRun("nat-forgets"),
    "peer-unreachable": LabRun("peer-vanishes"),
    "peer-closed-awaiting-response": LabRun("api-closed", ("--seconds", "3")),
    "response-stalled": LabRun("response-stalls"),
    "nagle-delayed-ack": LabRun("nagle-delays"),
    "path-reordering": LabRun("reorders"),
    "response-timeout": LabRun("api-timeout", ("--seconds", "3")),
    "first-bytes-unanswered": LabRun("first-bytes-unanswered", ("--seconds", "3")),
    "connect-refused": LabRun("connect-refused"),
    "connect-timeout": LabRun("connect-timeout", ("--seconds", "5")),
    "connect-failed-locally": LabRun("connect-unreachable"),
    "failures-unexplained": UnitTest("it is what no incident of the lab is", "tests/unit/diagnose"),
    "slow-connect": LabRun("syn-lost"),
    "local-close": LabRun("api-closed", ("--seconds", "3"), end="server"),
    "local-reset": LabRun("local-reset"),
    "peer-gave-up": LabRun("first-bytes-unanswered", ("--seconds", "3"), end="server"),
    "no-outbound-attempt": LabRun("no-call"),
    "app-gap": LabRun("app-gap"),
    "dns-slow": UnitTest("no incident of the lab asks a resolver", "tests/unit/diagnose"),
    "dns-unanswered": UnitTest("no incident of the lab asks a resolver", "tests/unit/diagnose"),
    "listen-overflow": LabRun("listen-overflow", end="server"),
    "syn-flood": LabRun("syn-flood", end="server"),
    "reconnect-storm": LabRun("reconnect-storm"),
    "throughput-ceiling": LabRun("redis-throttled", ("--seconds", "20")),
    "path-queueing": LabRun("microburst"),
    "local-queueing": LabRun("local-queueing", ("--seconds", "13")),
    "dropped-by-this-host": LabRun("redis-200-clients", end="server"),
    "retransmit-loss": LabRun("lossy"),
    "slow-reader": LabRun("slow-reader"),
    "zero-window": LabRun("zero-window"),
    "window-limited": LabRun("window-limited", ("--rtt", "40")),
    "delay-unattributed": LabRun("redis-slow", ("--milliseconds", "25", "--clients", "1", "--no-timestamps")),
    "allowance-exceeded": UnitTest("it takes a cloud's network card", "tests/unit/diagnose"),
    "events-lost": LabRun("redis-short", ("--clients", "500"), trace=("--ring-size", "64KiB")),
}


def rule_codes() -> list[str]:
    """The codes of all rules, from their source."""
    codes = []
    for name in sorted(os.listdir(RULES)):
        with open(os.path.join(RULES, name), encoding="utf-8") as file:
            codes += re.findall(r'^const Rule k\w+\{\s*\.code = "([a-z-]+)"', file.read(), re.MULTILINE)
    return codes


def sections(document: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", document, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def begin(code: str) -> str:
    return f"<!-- lab run: {code} -->"


def block_of(text: str, code: str) -> list[str]:
    """The lines of the first finding with this code in a text report or a document; none: it is not there."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = HEAD.match(line)
        if found and found[2] == code:
            end = next((n for n in range(number, len(lines)) if lines[n] in ("", "```")), len(lines))
            return lines[number:end]
    return []


def shown(code: str, block: list[str]) -> str:
    """What stands between the markers, with them."""
    run = SHOWN[code]
    if isinstance(run, UnitTest):
        return "\n".join([begin(code), f"*No lab run:* {run.why}. The unit tests in `{run.folder}` have its picture.", END])
    return "\n".join([begin(code), f"*Lab run:* {run.words()}", "", "```text", *block, "```", END])


def put(document: str, code: str, block: list[str]) -> str:
    """The document with this block at the end of the code's section, in place of what was there."""
    text = sections(document)[code]
    kept = re.sub(rf"\n*{re.escape(begin(code))}\n.*?{re.escape(END)}\n*", "\n", text, flags=re.DOTALL).rstrip("\n")
    return document.replace(f"## {code}{text}", f"## {code}{kept}\n\n{shown(code, block)}\n\n")


NUMBER = r"\d[\d.,:]*(?: ?(?:us|ms|s|min|%|B|KiB|MiB|Mbit/s|/s)(?![\w/]))?"


def masked(line: str) -> str:
    """Without what differs from run to run: numbers with their units, ranges of them (one number where all are alike),
    ports, addresses."""
    return re.sub(rf"{NUMBER}(?: to {NUMBER})?", "N", " ".join(line.split()))


def labels(block: list[str]) -> list[str]:
    """The block's parts and rows of evidence, in order: what it says whatever the numbers are."""
    found, part = [], ""
    for line in block[1:]:
        top = re.match(r"  (Impact|Who|Log line|Evidence|Doubts|Do next|Ruled out if|Explains|Caused by)\b:? *(.*)", line)
        if top:
            part = top[1]
            found.append(part)
        row = top[2] if top else line.strip() if re.match(r" {12}\S", line) else ""
        if part == "Evidence" and (name := re.match(r"(\S+(?: \S+)*)  ", row)):
            found.append(f"Evidence: {name[1]}")
    return found


def run_lab(run: LabRun, path: str) -> str:
    """The text report of this lab."""
    with open(path, "wb") as output, Lab(run.incident, *run.options) as lab, \
            Tracer("--netns", lab.ready[f"{run.end}_netns_path"], *run.trace, stdout=output) as tracer:
        tracer.wait_attached()
        lab.open_gate()
        lab.wait("done")
        tracer.signal()
        code = tracer.wait_exit()
        if code != 0:
            raise AssertionError(f"tcpdiag ended with {code}: {tracer.stderr.all()}")
        lab.end()
    with open(path, encoding="utf-8") as output:
        return output.read()


def write(codes: list[str]) -> int:
    missing = 0
    reports: dict[LabRun, str] = {}
    for code in codes:
        run, block = SHOWN[code], []
        if isinstance(run, LabRun):
            if run not in reports:
                with tempfile.TemporaryDirectory(prefix="tcpdiag-doc-") as directory:
                    reports[run] = run_lab(run, os.path.join(directory, "report.txt"))
            block = block_of(reports[run], code)
            if not block:
                print(f"{code}: {run.words()} did not show it", file=sys.stderr)
                missing += 1
                continue
        with open(DOCUMENT, encoding="utf-8") as file:
            document = file.read()
        if code not in sections(document):
            print(f"{code}: the document has no such section", file=sys.stderr)
            missing += 1
            continue
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(put(document, code, block))
        print(f"{code}: {len(block)} lines", flush=True)
    return 1 if missing else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", nargs="*", metavar="CODE", help="make these codes' blocks anew")
    what.add_argument("--list", action="store_true", help="list what shows which code")
    args = parser.parse_args()
    if args.list:
        for code, by in SHOWN.items():
            print(f"{code:<31} {by.words() if isinstance(by, LabRun) else f'{by.why}: {by.folder}'}")
        return 0
    unknown = [code for code in args.write if code not in SHOWN]
    if unknown:
        print(f"no such code: {', '.join(unknown)}", file=sys.stderr)
        return 2
    return write(args.write or list(SHOWN))


if __name__ == "__main__":
    sys.exit(main())
