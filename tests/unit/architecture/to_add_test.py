#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md, "To add a ...": a toy of each kind is added to a copy of the sources, in as many files as the
document says, and shows up where it has to. Of the copy only the files that were changed are compiled; they stand in the
linker's command before the libraries, which then lack nothing.
"""

import dataclasses
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
SOURCE_DIR = pathlib.Path(os.environ["TCPDIAG_SOURCE_DIR"])
BUILD_DIR = pathlib.Path(os.environ["TCPDIAG_BUILD_DIR"])
PACKAGING = SOURCE_DIR / "packaging"
sys.path.insert(0, str(PACKAGING / "tools"))
sys.path.insert(0, str(SOURCE_DIR / "tests" / "unit" / "docs"))

OPTION_ROW = """{"--toy", "N", kPlain, kTrace, kBounds, "a toy",
       one(number_from_to<std::uint32_t>(1, 9), "toy", "a number from 1 to 9", &O::max_endpoints)},
      """
OPTION_DOC = "| `--toy N` | a toy |\n"


@dataclasses.dataclass
class Toy:
    kind: str  # "option": the row of the document's table
    edits: dict[str, Callable[[str], str]]  # by file, from the root of the sources
    check: Callable[["ToAdd", pathlib.Path, pathlib.Path], None]  # (test, copy of the sources, program)


def before(mark: str, text: str) -> Callable[[str], str]:
    def edit(source: str) -> str:
        assert source.count(mark) == 1, mark
        return source.replace(mark, text + mark)
    return edit


def unchanged(source: str) -> str:
    """What a real one needs and a toy does not: a field, and the place that uses it."""
    return source


def check_option(test: "ToAdd", copy: pathlib.Path, program: pathlib.Path) -> None:
    help_text = test.run_program(program, "trace", "--help")
    test.assertIn("\n      --toy N", help_text)
    test.assertIn("toy: invalid toy '0'; a number from 1 to 9", test.run_program(program, "trace", "--toy", "0", code=2))
    made = copy / "made"
    pages = sorted((PACKAGING / "man").glob("*.1.in"))
    test.run_program(PACKAGING / "tools" / "manual.py", "--date", "2026-01-01", "--to", made, *pages, "--", program)
    test.assertIn("toy", (made / "tcpdiag-trace.1").read_text(encoding="utf-8"))
    templates = sorted((PACKAGING / "completion").glob("*.in"))
    test.run_program(PACKAGING / "tools" / "completion.py", "--instances", SOURCE_DIR / "data" / "instance_baselines.tsv",
                     "--to", made, *templates, "--", program)
    for name in ("tcpdiag.bash", "_tcpdiag"):
        test.assertIn("--toy", (made / name).read_text(encoding="utf-8"), name)
    test.run_program(SOURCE_DIR / "tests" / "unit" / "docs" / "cli_doc_test.py",
                     env={"TCPDIAG": str(program), "TCPDIAG_SOURCE_DIR": str(copy)})


TOYS = [
    Toy("option",
        {"src/cli/option_table.cpp": before('{"--max-endpoints"', OPTION_ROW),
         "src/cli/options.h": unchanged,
         "docs/cli.md": before("| `--max-endpoints N`", OPTION_DOC)},
        check_option),
]


class ToAdd(unittest.TestCase):
    def run_program(self, *words: object, code: int = 0, env: dict[str, str] | None = None) -> str:
        command = [str(word) for word in words]
        if command[0].endswith(".py"):
            command = ["/usr/bin/python3", "-B", *command]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
                                env={**os.environ, **(env or {})})
        self.assertEqual(result.returncode, code, f"{command}\n{result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    @staticmethod
    def unit_with(source: pathlib.Path, commands: dict[str, dict[str, str]]) -> dict[str, str]:
        """The command that compiles the source together with others (CMake's UNITY_BUILD)."""
        for name, entry in commands.items():
            if "/Unity/" in name and f'"{source}"' in pathlib.Path(name).read_text(encoding="utf-8"):
                return entry
        raise AssertionError(f"{source} is compiled nowhere")

    def build(self, copy: pathlib.Path, changed: list[str]) -> pathlib.Path:
        """The program with the changed files of the copy."""
        commands = {entry["file"]: entry for entry in
                    json.loads((BUILD_DIR / "compile_commands.json").read_text(encoding="utf-8"))}
        objects = []
        for name in changed:
            entry = commands.get(str(SOURCE_DIR / name)) or self.unit_with(SOURCE_DIR / name, commands)
            # Without the precompiled header, which was made of the headers in the original place.
            command = re.sub(r"(-Xclang )?-include(-pch)? (-Xclang )?\S*cmake_pch\S*", "", entry["command"])
            words = [word.replace(str(SOURCE_DIR / "src"), str(copy / "src")) for word in shlex.split(command)]
            unit = pathlib.Path(entry["file"])
            if unit != SOURCE_DIR / name:  # compiled together with others
                text = unit.read_text(encoding="utf-8").replace(str(SOURCE_DIR / "src"), str(copy / "src"))
                (copy / unit.name).write_text(text, encoding="utf-8")
                words[words.index(str(unit))] = str(copy / unit.name)
            words.append("-O0")  # it is asked for its help only
            objects.append(copy / (pathlib.Path(name).name + ".o"))
            words[words.index("-o") + 1] = str(objects[-1])
            subprocess.run(words, cwd=entry["directory"], check=True, timeout=300)
        link = subprocess.run(["ninja", "-C", str(BUILD_DIR), "-t", "commands", "tcpdiag"], capture_output=True, text=True,
                              check=True, timeout=60).stdout.splitlines()[-1]
        link = re.sub(r"^: && | && :$", "", link)
        words = shlex.split(link)
        at = words.index("-o")
        program = copy / "tcpdiag"
        words[at:at + 2] = ["-o", str(program), *map(str, objects)]
        subprocess.run(words, cwd=BUILD_DIR, check=True, timeout=300)
        return program

    def documented(self, kind: str) -> list[str]:
        """The files that the document's table names for it."""
        text = (SOURCE_DIR / "docs" / "architecture.md").read_text(encoding="utf-8")
        row = re.search(rf"^\| {kind} \|(.*)\|$", text, re.MULTILINE)
        self.assertIsNotNone(row, kind)
        return re.findall(r"`([a-z]+/[^`]+\.[a-z]+)`", row[1])

    def test_toys_need_the_files_that_the_document_names(self):
        for toy in TOYS:
            with self.subTest(toy.kind), tempfile.TemporaryDirectory() as folder:
                self.assertEqual(self.documented(toy.kind), list(toy.edits))
                copy = pathlib.Path(folder)
                shutil.copytree(SOURCE_DIR / "src", copy / "src")
                shutil.copytree(SOURCE_DIR / "docs", copy / "docs")
                changed = []
                for name, edit in toy.edits.items():
                    source = (copy / name).read_text(encoding="utf-8")
                    (copy / name).write_text(edit(source), encoding="utf-8")
                    if name.endswith(".cpp") and edit is not unchanged:
                        changed.append(name)
                toy.check(self, copy, self.build(copy, changed))


if __name__ == "__main__":
    unittest.main()
