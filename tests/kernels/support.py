# SPDX-License-Identifier: Apache-2.0
"""The table of docs/kernel-support.md: a row for each kernel, written by the run that tested it."""

import dataclasses
import datetime
import pathlib
import subprocess

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/kernel-support.md"
BEGIN = "<!-- The table is written by scripts/test --kernels and scripts/arm64, with --write-support. -->"
HEAD = ("| Line | From | Architecture | Kernel | Checks passed | Not available there | Seconds | Run |",
        "| --- | --- | --- | --- | ---: | --- | ---: | --- |")


@dataclasses.dataclass
class Row:
    line: str  # its name in KERNELS
    source: str  # Debian's suite
    arch: str
    kernel: str
    passed: str
    missing: str
    seconds: str
    run: str = ""

    def text(self) -> str:
        return "| " + " | ".join(dataclasses.astuple(self)) + " |"


def read_rows(lines: list[str]) -> list[Row]:
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines if line.startswith("|")][len(HEAD):]


def this_run(root: pathlib.Path) -> str:
    """When, and of which commit; the table itself is no change."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-c", "safe.directory=*", "-C", str(root), *arguments], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL).stdout.strip()
    commit = git("rev-parse", "--short=12", "HEAD") or "no commit"
    changed = git("status", "--porcelain", "--", ".", f":!{DOCUMENT.relative_to(root)}")
    return f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, {commit}{' with changes' if changed else ''}"


def write(rows: list[Row]) -> None:
    """Puts these rows in place of those of the same lines and architectures; the others stay."""
    text = DOCUMENT.read_text()
    before, begin, rest = text.partition(BEGIN + "\n")
    if not begin:
        raise ValueError(f"{DOCUMENT} has no line {BEGIN}")
    lines = rest.splitlines()
    length = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    table = {(row.line, row.arch): row for row in read_rows(lines[:length])}
    run = this_run(DOCUMENT.parents[1])
    for row in rows:
        row.run = run
        table[row.line, row.arch] = row
    made = [*HEAD, *(row.text() for row in table.values())]
    DOCUMENT.write_text(before + begin + "\n".join(made + lines[length:]) + "\n")
