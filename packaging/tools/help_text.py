# SPDX-License-Identifier: Apache-2.0
"""Reads what `tcpdiag [COMMAND] --help` says: options by group, examples, and the paragraphs between.

The manual pages and the completion are made from it, so that they know what the program knows.
"""

import dataclasses
import os
import re
import subprocess


class Unreadable(Exception):
    """The program does not run, or its help has not the form that is read here."""


@dataclasses.dataclass
class Option:
    names: list[str]  # "-p", "--pid"
    value: str  # "PID", "" for a flag
    text: str


@dataclasses.dataclass
class Group:
    title: str
    options: list[Option]


@dataclasses.dataclass
class Help:
    name: str  # of the command, "" for the program
    summary: str
    operands: list[str]  # what may follow the options, one entry for each form: ["FILE [EXPRESSION]"]
    groups: list[Group]
    commands: dict[str, str]  # name: summary; of the program only
    paragraphs: list[str]  # between the options and the examples
    examples: list[tuple[str, str]]  # command line, remark or ""

    def options(self) -> list[Option]:
        return [option for group in self.groups for option in group.options]

    def option_names(self) -> set[str]:
        return {name for option in self.options() for name in option.names}


_OPTION = re.compile(r"^  (?:    )?(-[^\s,]+(?:, -[^\s,]+)*)(?: ([A-Z][A-Z:|]*))?(?:\s{2,}(\S.*)|)$")
_TITLE = re.compile(r"^([A-Z][^.:]*):$")
_COLUMN = " " * 10  # where nothing but the text of the line above goes on


def ask(program: list[str], command: str = "") -> Help:
    """`program`: how it is run, with an emulator where it needs one."""
    words = [*program, *([command] if command else []), "--help"]
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
                                env={**os.environ, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"})
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreadable(f"{' '.join(words)}: {error}") from error
    if result.returncode != 0:
        raise Unreadable(f"{' '.join(words)}: exit code {result.returncode}: {result.stderr.strip()}")
    return parse(result.stdout, command)


def ask_all(program: list[str]) -> dict[str, Help]:
    """The program's own help as "", and that of each of its commands."""
    main = ask(program)
    return {"": main, **{name: ask(program, name) for name in main.commands}}


def parse(text: str, command: str = "") -> Help:
    blocks = [block.split("\n") for block in re.split(r"\n{2,}", text.strip("\n"))]
    if len(blocks) < 3 or not blocks[1][0].startswith("Usage: "):
        raise Unreadable(f"the help of '{command}' does not begin with a sentence and its usage")
    help_ = Help(command, " ".join(blocks[0]), _operands(blocks[1][0]), [], {}, [], [])
    for first, *lines in blocks[2:]:
        title = _TITLE.match(first)
        if not title:
            help_.paragraphs.append(" ".join([first, *lines]))
        elif title[1] == "Examples":
            help_.examples = _two_columns(lines)
        elif title[1] == "Commands":
            help_.commands = dict(_two_columns(lines))
        elif any(line.lstrip().startswith("-") for line in lines):
            help_.groups.append(Group(title[1], _options(lines, command)))
        # else a table for readers, such as that of exit codes, which the manual has in its own words
    help_.paragraphs = [text for text in help_.paragraphs if not text.startswith("Exit codes:")]
    if "--help" not in help_.option_names():
        raise Unreadable(f"the help of '{command}' does not name --help")
    return help_


def _operands(usage: str) -> list[str]:
    """ "Usage: tcpdiag diff [OPTIONS] GOOD BAD | FILE" -> ["GOOD BAD", "FILE"] """
    rest = usage.partition("[OPTIONS]")[2]
    return [form.strip() for form in rest.split(" | ")]


def _two_columns(lines: list[str]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith(_COLUMN) and rows:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {line.strip()}".strip())
            continue
        left, *right = re.split(r"\s{2,}", line.strip(), maxsplit=1)
        rows.append((left, right[0] if right else ""))
    return rows


def _options(lines: list[str], command: str) -> list[Option]:
    options: list[Option] = []
    for line in lines:
        if match := _OPTION.match(line):
            options.append(Option(match[1].split(", "), match[2] or "", match[3] or ""))
        elif line.startswith(_COLUMN) and options:
            options[-1].text = f"{options[-1].text} {line.strip()}".strip()
        else:
            raise Unreadable(f"the help of '{command}': no option in {line!r}")
    return options
