#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is read out of --help, which the manual pages and the completion are made from."""

import unittest

from package_case import PROGRAM, main, run

from help_text import Unreadable, ask_all, parse

HELP = """Says what differs.

Usage: tcpdiag diff [OPTIONS] GOOD BAD | FILE

Options:
  -h, --help                show this help and end
  -4                        IPv4 only

The answer:
      --format FORMAT       text (default)
                            or json
      --a-name-that-is-longer-than-its-column FILE
                            is told below
  -o, --output ADDR:PORT    where to

First paragraph, in
two lines.

Examples:
  tcpdiag diff a 'b c'      both of them, as
                            said
  tcpdiag diff --format json only

Exit codes: 0 done, 1 failed,
2 wrong use
"""


class Parse(unittest.TestCase):
    def setUp(self):
        self.help = parse(HELP, "diff")

    def test_options_are_found_by_group(self):
        self.assertEqual([(group.title, [option.names for option in group.options]) for group in self.help.groups], [
            ("Options", [["-h", "--help"], ["-4"]]),
            ("The answer", [["--format"], ["--a-name-that-is-longer-than-its-column"], ["-o", "--output"]])])

    def test_values_and_texts_are_whole(self):
        self.assertEqual([(option.value, option.text) for option in self.help.groups[1].options],
                         [("FORMAT", "text (default) or json"), ("FILE", "is told below"), ("ADDR:PORT", "where to")])

    def test_each_form_of_the_operands_is_apart(self):
        self.assertEqual(self.help.operands, ["GOOD BAD", "FILE"])

    def test_examples_have_their_remarks(self):
        self.assertEqual(self.help.examples, [("tcpdiag diff a 'b c'", "both of them, as said"),
                                              ("tcpdiag diff --format json only", "")])

    def test_exit_codes_are_no_paragraph(self):
        self.assertEqual(self.help.paragraphs, ["First paragraph, in two lines."])

    def test_what_is_no_help_is_refused(self):
        for text in ("", "tcpdiag: unknown command 'diff'\n", HELP.replace("Usage: ", ""),
                     HELP.replace("-h, --help  ", "-h"), HELP.replace("      --format", "--format")):
            with self.assertRaises(Unreadable, msg=text):
                parse(text)


class Program(unittest.TestCase):
    def test_every_option_of_the_program_is_read(self):
        """By other means: what begins with a dash in the columns where names stand."""
        for name, help_ in ask_all([PROGRAM]).items():
            text = run(PROGRAM, *([name] if name else []), "--help").stdout
            # A name that is longer than its column has the line for itself.
            names = {word.rstrip(",") for line in text.splitlines() if line.startswith("  ") and line.lstrip().startswith("-")
                     for word in line[:line.find("  ", 8) if "  " in line[8:] else None].split() if word.startswith("-")}
            self.assertEqual(help_.option_names(), names, name)


if __name__ == "__main__":
    main()
