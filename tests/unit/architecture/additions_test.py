#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md, "To add ...": how many files a new measure and a new kind of event touch."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.

SOURCE_DIR = os.environ["TCPDIAG_SOURCE_DIR"]
COMPILER = os.environ["TCPDIAG_CXX"]
LIST = "src/model/measures.def"
ROW = re.compile(r'^(?:KERNEL_MEASURE\(\w+, |EVENT_MEASURE\()k\w+, "(\w+)"', re.MULTILINE)
TOY = """KERNEL_MEASURE(TOY, kToy, "toy",
               .words = "from here to there",
               .rank = 55, .needs = Traffic::kExchanges, .has_p99_series = true)
"""
PROGRAM = """
#include <algorithm>
#include <iterator>
#include "model/measure.h"
#include "wire.h"
using namespace tcpdiag::model;
static_assert(TCPD_TOY == kernel_index(Measure::kToy) && TCPD_MEASURES == kKernelMeasures.size());
static_assert(std::find(kRankedMeasures.begin(), kRankedMeasures.end(), Measure::kToy) != kRankedMeasures.end());
static_assert(std::string_view(to_string(p99_series(Measure::kToy))) == "toy_p99_us");
static_assert(kSeriesInfos[static_cast<std::size_t>(SeriesId::kToyP99)].is_reported);
static_assert(!kSeriesInfos[static_cast<std::size_t>(SeriesId::kToyP50)].is_reported);
static_assert(std::string_view(info_of(Measure::kToy).recorded) == "toy");
"""


def read(path: str) -> str:
    with open(os.path.join(SOURCE_DIR, path), encoding="utf-8") as file:
        return file.read()


def sources(*folders: str) -> dict[str, str]:
    """By path, the code of all sources without its comments."""
    found = {}
    for folder in folders:
        for at, _, names in os.walk(os.path.join(SOURCE_DIR, folder)):
            for name in names:
                if name.endswith((".h", ".cpp", ".c", ".def")):
                    path = os.path.relpath(os.path.join(at, name), SOURCE_DIR)
                    found[path] = re.sub(r"//.*|/\*.*?\*/", "", read(path), flags=re.DOTALL if name.endswith(".c") else 0)
    return found


def listed(heading: str) -> set[str]:
    """The paths in backticks at the beginnings of the section's items."""
    section = read("docs/architecture.md").split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return {path for item in re.findall(r"^- (.*?):", section, re.MULTILINE) for path in re.findall(r"`([^`]+)`", item)}


class Measure(unittest.TestCase):
    def test_is_a_row_for_everything_that_is_made_of_the_list(self):
        with tempfile.TemporaryDirectory() as copy:
            os.mkdir(os.path.join(copy, "model"))
            row = read(LIST).index("KERNEL_MEASURE(READ_WAIT")
            with open(os.path.join(copy, "model", "measures.def"), "w", encoding="utf-8") as file:
                file.write(read(LIST)[:row] + TOY + read(LIST)[row:])
            wire = next(path for path in sources("bpf") if path.endswith("/wire.h"))
            include = [copy, os.path.join(SOURCE_DIR, "src"), os.path.join(SOURCE_DIR, os.path.dirname(wire))]
            done = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-x", "c++", "-include", "string_view",
                                   *(f"-I{path}" for path in include), "-"],
                                  input=PROGRAM, text=True, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_has_its_name_in_one_place(self):
        # Names that are words of other things too: an event, a feature, a key of JSON, a finding's cause.
        shared = {"connect", "app_gap", "read_wait"}
        names = set(ROW.findall(read(LIST))) - shared
        self.assertGreater(len(names), 15)
        for path, text in sources("src", "bpf").items():
            if path != LIST:
                self.assertEqual(names & set(re.findall(r'"(\w+)"', text)), set(), path)

    def test_touches_the_files_that_the_document_lists(self):
        self.assertEqual(listed("To add a measure"), {LIST, "docs/measures.md"})


class Event(unittest.TestCase):
    def test_touches_the_files_that_the_document_lists(self):
        # One that nothing but its own code knows of, as a new one will be.
        named = {path for path, text in sources("src").items() if re.search(r"(?<!mark::)\bSlowAnswer\b", text)}
        source = {path for path in named if path.endswith("/decoder.cpp")}
        self.assertEqual(len(source), 1)
        self.assertEqual(named - source, listed("To add an event") - {"docs/json.md"})
        self.assertLessEqual(len(named) + 1, 6)


if __name__ == "__main__":
    unittest.main()
