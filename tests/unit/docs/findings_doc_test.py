#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/findings.md: every code has its section, and there a finding as the lab showed it, in the words that tcpdiag prints."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import findings_doc  # noqa: E402 (the path comes first)
from findings_doc import DOCUMENT, END, HEAD, SHOWN, LabRun, UnitTest  # noqa: E402
from lab.cli import INCIDENTS  # noqa: E402
from live import SOURCE_DIR  # noqa: E402

GOLDEN = os.path.join(SOURCE_DIR, "tests", "golden", "report")
SAMPLE = """NOTICE 1  peer-gave-up  10.87.0.1:8080 (inbound)  confidence high
  Clients ended 3 connections.
  Impact: 3 of 3 exchanges failed (100 %), 01:53:33.394 .. 01:53:33.500
  Evidence  waited      3.0 s (p50), at most 3.0 s
            clients     10.87.0.2
                        and others
  Do next   1 look at  the log [us]
  Ruled out if it had sent its answer

FAILURES
"""


def document() -> str:
    with open(DOCUMENT, encoding="utf-8") as file:
        return file.read()


def golden_rows() -> dict[str, set[str]]:
    """By code, the rows of evidence that the golden files of the report have."""
    rows: dict[str, set[str]] = {}
    with open(os.path.join(GOLDEN, "evidence.txt"), encoding="utf-8") as file:
        for code, picture in re.findall(r"^([a-z-]+)\n((?:  .*\n)+)", file.read(), re.MULTILINE):
            rows.setdefault(code, set()).update(re.split(r"  +", line.strip())[0] for line in picture.splitlines())
    for name in sorted(os.listdir(GOLDEN)):
        if not name.endswith(".txt"):
            continue
        with open(os.path.join(GOLDEN, name), encoding="utf-8") as file:
            text = file.read()
        for code in set(found[2] for line in text.splitlines() if (found := HEAD.match(line))):
            rows.setdefault(code, set()).update(evidence_of(findings_doc.block_of(text, code)))
    return rows


def evidence_of(block: list[str]) -> set[str]:
    return {label.removeprefix("Evidence: ") for label in findings_doc.labels(block) if label.startswith("Evidence: ")}


class Tool(unittest.TestCase):
    """How a block is found, put into the document and compared."""

    def test_block_ends_with_its_finding(self):
        block = findings_doc.block_of(SAMPLE, "peer-gave-up")
        self.assertEqual((block[0], block[-1]), (SAMPLE.splitlines()[0], "  Ruled out if it had sent its answer"))
        self.assertEqual(findings_doc.block_of(SAMPLE, "app-gap"), [])

    def test_labels(self):
        self.assertEqual(findings_doc.labels(findings_doc.block_of(SAMPLE, "peer-gave-up")),
                         ["Impact", "Evidence", "Evidence: waited", "Evidence: clients", "Do next", "Ruled out if"])

    def test_putting_twice_is_putting_once(self):
        before = "# D\n\n## peer-gave-up\n\nWords.\n\n## app-gap\n\nMore.\n"
        once = findings_doc.put(before, "peer-gave-up", ["NOTICE 1  peer-gave-up  x"])
        self.assertEqual(findings_doc.put(once, "peer-gave-up", ["NOTICE 1  peer-gave-up  x"]), once)
        other = findings_doc.put(once, "peer-gave-up", ["CAUSE 1  peer-gave-up  y"])
        self.assertEqual((other.count(END), other.count("NOTICE"), other.count("## app-gap\n\nMore.\n")), (1, 0, 1))

    def test_numbers_are_masked(self):
        self.assertEqual(findings_doc.masked("  3 of 58 waits (5.2 %)  lie within 0.42 ms, at 01:02:03.5"),
                         "N of N waits (N) lie within N, at N")
        self.assertEqual(findings_doc.masked("a request 0.2 ms to 4 ms later"), findings_doc.masked("a request 3 ms later"))


class Document(unittest.TestCase):
    def test_every_code_has_a_section_and_is_shown(self):
        codes = findings_doc.rule_codes()
        self.assertGreater(len(codes), 20, "the codes of src/diagnose/rules")
        self.assertEqual(sorted(SHOWN), codes)
        self.assertEqual(sorted(set(findings_doc.sections(document())) & set(codes)), codes)

    def test_blocks(self):
        known = golden_rows()
        for code, text in findings_doc.sections(document()).items():
            if code not in SHOWN:
                self.assertNotIn(END, text, code)
                continue
            with self.subTest(code):
                run = SHOWN[code]
                if isinstance(run, UnitTest):
                    self.check_unit_test(code, run, text)
                    continue
                block = findings_doc.block_of(text, code)
                self.assertTrue(block, f"no lab run in the document: tests/support/findings_doc.py --write {code}")
                self.assertIn(findings_doc.shown(code, block), text, "made by tests/support/findings_doc.py, and by nothing else")
                self.assertEqual([HEAD.match(line)[2] for line in block if HEAD.match(line)], [code])
                self.assertEqual([line for line in block if len(line) > 80], [])
                self.check_words(code, block, known)

    def check_words(self, code: str, block: list[str], known: dict[str, set[str]]) -> None:
        """Its rows of evidence are those that the golden files of the report have for this code."""
        rows = evidence_of(block)
        self.assertTrue(rows)
        self.assertLessEqual(rows, known.get(code, set()), f"rows of {code} that no golden file of the report has")

    def check_unit_test(self, code: str, run: UnitTest, text: str) -> None:
        self.assertIn(findings_doc.shown(code, []), text, f"tests/support/findings_doc.py --write {code}")
        tests = os.path.join(SOURCE_DIR, run.folder)
        named = []
        for name in os.listdir(tests):
            with open(os.path.join(tests, name), encoding="utf-8") as file:
                named.append(f'"{code}"' in file.read())
        self.assertTrue(any(named), f"no test in {run.folder} names {code}")

    def test_every_lab_run_exists(self):
        for code, run in SHOWN.items():
            if isinstance(run, LabRun):
                self.assertIn(run.incident, INCIDENTS, code)
                self.assertIn(run.end, ("client", "server"), code)


if __name__ == "__main__":
    unittest.main()
