#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Adds one section to docs/reliability.md: how often each test passed in several runs of ctest (JUnit files)."""

import argparse
import collections
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ET

HEADER = """<!-- SPDX-License-Identifier: Apache-2.0 -->
# Reliability of the tests

Written by `scripts/test --repeat N`, newest last. A test that is not at N of N passes here needs a cause, not a retry.
"""
LONG = 40  # tests; above it the cases of one GoogleTest suite (names with one dot: Suite.Case) share a line


class Row:
    def __init__(self) -> None:
        self.counts: collections.Counter = collections.Counter()
        self.seconds: list[float] = []


def state_of(case: ET.Element) -> str:
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "failed" if case.find("failure") is not None or case.get("status") == "fail" else "passed"


def read(files: list[pathlib.Path]) -> dict[str, Row]:
    cases = [case for file in files for case in ET.parse(file).getroot().iter("testcase")]
    by_suite = len({case.get("name") for case in cases}) > LONG
    rows: dict[str, Row] = collections.defaultdict(Row)
    for case in cases:
        name = case.get("name", "?")
        row = rows[name.split(".")[0] if by_suite and name.count(".") == 1 else name]
        row.counts[state_of(case)] += 1
        row.seconds.append(float(case.get("time", "0")))
    return rows


def output_of(*command: str) -> str:
    return subprocess.run(command, text=True, capture_output=True).stdout.strip()


def section(label: str, files: list[pathlib.Path], rows: dict[str, Row]) -> str:
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    commit = output_of("git", "describe", "--always", "--dirty") or "unknown"
    total = sum((row.counts for row in rows.values()), collections.Counter())
    lines = [
        f"\n## {when}: {label}, {len(files)} runs\n",
        f"Kernel {os.uname().release}, {os.cpu_count()} processors, commit {commit}: {total['passed']} passed, "
        f"{total['failed']} failed, {total['skipped']} skipped.\n",
        "| test | passed | failed | skipped | median s | slowest s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in sorted(rows, key=lambda n: (-rows[n].counts["failed"], n)):
        row = rows[name]
        lines.append(f"| {name} | {row.counts['passed']} of {sum(row.counts.values())} | {row.counts['failed']} | "
                     f"{row.counts['skipped']} | {statistics.median(row.seconds):.2f} | {max(row.seconds):.2f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--label", required=True)
    parser.add_argument("--to", type=pathlib.Path, required=True)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    chosen = parser.parse_args()
    text = section(chosen.label, chosen.files, read(chosen.files))
    chosen.to.parent.mkdir(exist_ok=True)
    new = not chosen.to.exists()
    with chosen.to.open("a") as out:
        out.write((HEADER if new else "") + text)
    print(text.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
