#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages: one for each command, with the options that the program has, and no complaint of man or mandoc."""

import os
import re
import shutil
import tempfile
import unittest

from package_case import MADE, PROGRAM, SOURCE_DIR, TOOLS, main, run

from help_text import ask_all

SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "OVERHEAD", "SEE ALSO"]
OPTIONAL = {"ENVIRONMENT", "FILES"}


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.helps = ask_all([PROGRAM])
        cls.pages = {name: MADE / "man" / (f"tcpdiag-{name}.1" if name else "tcpdiag.1") for name in cls.helps}

    def rendered(self, name: str) -> str:
        """Without overstrikes, in lines that are not broken."""
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "500", "MAN_KEEP_FORMATTING": "", "GROFF_NO_SGR": "1"}
        result = run("man", "--no-hyphenation", "--local-file", self.pages[name], env=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        return re.sub(".\b", "", result.stdout)

    def test_every_command_has_a_page_and_no_other_has(self):
        self.assertEqual(sorted(path.name for path in (MADE / "man").iterdir()),
                         sorted(page.name for page in self.pages.values()))

    def test_hand_written_parts_name_only_what_the_help_has(self):
        templates = sorted((SOURCE_DIR / "packaging" / "man").glob("*.1.in"))
        with tempfile.TemporaryDirectory() as folder:
            result = run("/usr/bin/python3", "-B", TOOLS / "manual.py", "--strict", "--date", "2000-01-01", "--to", folder,
                         *templates, "--", PROGRAM)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_sections_stand_in_their_order(self):
        for name, page in self.pages.items():
            sections = re.findall(r"(?m)^\.Sh (.*)$", page.read_text())
            self.assertEqual(sections, [section for section in SECTIONS if section in sections], name)
            self.assertEqual(set(SECTIONS) - set(sections) - OPTIONAL, set(), name)

    def test_options_are_those_of_the_help(self):
        for name, help_ in self.helps.items():
            text = self.rendered(name).partition("\nOPTIONS\n")[2]
            text = re.split(r"(?m)^[A-Z]", text)[0]
            heads = [line.strip() for line in text.splitlines() if line.startswith("     -")]
            names = [word.rstrip(",") for head in heads for word in re.split(r"\s{2,}", head)[0].split() if word[0] == "-"]
            self.assertEqual(sorted(names), sorted(name for option in help_.options() for name in option.names), name)

    def test_texts_of_the_help_are_not_bent(self):
        """Quotes, dashes and tildes come out as a shell takes them."""
        for name, help_ in self.helps.items():
            text = " ".join(self.rendered(name).split())
            for option in help_.options():
                self.assertIn(" ".join(option.text.split()), text)
            for command, _ in help_.examples:
                self.assertIn(" ".join(command.split()), text)

    def test_man_has_no_complaint(self):
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        for page in self.pages.values():
            result = run("man", "--warnings", "--local-file", page, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
            self.assertEqual((result.returncode, result.stderr), (0, ""), page.name)

    def test_mandoc_has_no_complaint(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        for page in self.pages.values():
            lines = run("mandoc", "-T", "lint", page).stdout.splitlines()
            # Which other manuals are there, and how new mandoc's list of them is, is this machine's affair.
            wrong = [line for line in lines if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
            self.assertEqual(wrong, [])


if __name__ == "__main__":
    main()
