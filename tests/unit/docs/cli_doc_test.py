#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md: its tables have every option that the program has, with the same names and value, and no other."""

import os
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
SOURCE_DIR = pathlib.Path(os.environ["TCPDIAG_SOURCE_DIR"])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "packaging" / "tools"))

from help_text import Help, ask_all  # noqa: E402 (the path comes first)

ROW = re.compile(r"^\| (`-[^|]*) \|")
WORD = re.compile(r"`(-[^` ]+)(?: ([A-Z:]+))?`")


def documented(text: str) -> dict[str, dict[str, str]]:
    """By section, the options of its tables with their values. In a row, a short name has the value of the long one."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if row := ROW.match(line):
            words = WORD.findall(row[1])
            value = words[-1][1]
            found.setdefault(section, {}).update({name: value for name, _ in words})
    return found


def told(help_: Help) -> dict[str, str]:
    return {name: option.value for option in help_.options() for name in option.names if name not in ("-h", "--help")}


class CommandLineDocument(unittest.TestCase):
    def setUp(self):
        self.sections = documented((SOURCE_DIR / "docs" / "cli.md").read_text(encoding="utf-8"))
        self.helps = {name: told(help_) for name, help_ in ask_all([os.environ["TCPDIAG"]]).items() if name}
        own = set(self.helps)
        self.shared = {name: value for section, options in self.sections.items() if section not in own
                       for name, value in options.items()}

    def test_options_of_trace_have_a_row_before_the_other_commands(self):
        self.assertEqual(self.helps["trace"], self.shared)

    def test_options_of_every_other_command_are_those_of_trace_or_of_its_own_section(self):
        for name, options in self.helps.items():
            if name == "trace":
                continue
            own = self.sections.get(name, {})
            with self.subTest(name):
                self.assertEqual({o: v for o, v in options.items() if o not in self.shared}, {
                    o: v for o, v in own.items() if o not in self.shared})
                self.assertEqual({o: v for o, v in options.items() if o in self.shared},
                                 {o: self.shared[o] for o in options if o in self.shared})

    def test_what_is_no_row_is_none(self):
        self.assertEqual(documented("## a\n| `-D`, `--remote-port PORT` | x |\n| `text` | y |\n- `--force`\n"),
                         {"a": {"-D": "PORT", "--remote-port": "PORT"}})


if __name__ == "__main__":
    unittest.main()
