#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A kind of finding is one file and one line of src/diagnose/rules/rules.h: tried with a rule that nobody needs."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["TCPDIAG_SOURCE_DIR"]
RULES = os.path.join(SOURCE, "src", "diagnose", "rules")
# It reads a JSON report, in which the code is all that there is.
MAY_NAME_CODES = {os.path.join("src", "report", "size_input.cpp")}

TOY = """
#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"

namespace tcpdiag::diagnose::rules {
namespace toy {
namespace {

constexpr EvidenceKey kToys{"toys_count"};
constexpr std::array kEvidence = {kToys};
constexpr std::array kEffects = {Effect{&kResponseTimeout, Shared::kEndpoint}};

std::vector<Judged> judge_picture(const Facts& facts) {
  Judged judged;
  judged.finding.code = kToy.code;
  add(judged.finding, kToys, facts.picture.totals.exchanges);
  return {judged};
}

void word_evidence(EvidenceReader& e, Rows& out) { out.push_back({"toys", e.text(kToys)}); }

}  // namespace
}  // namespace toy

const Rule kToy{
    .code = "toy",
    .family = model::Family::kExchanges,
    .judge_picture = toy::judge_picture,
    .evidence = toy::kEvidence,
    .word_evidence = toy::word_evidence,
    .effects = toy::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
"""


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def sources() -> list[str]:
    return [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(SOURCE, "src"))
            for name in names if name.endswith((".cpp", ".h"))]


def compiler(build: str, include_first: str) -> list[str]:
    """How registry.cpp is compiled, less its file and output, with another folder before src/."""
    for entry in json.loads(read(os.path.join(build, "compile_commands.json"))):
        if entry["file"].endswith("/src/diagnose/registry.cpp") or "/tcpdiag_diagnose.dir/Unity/" in entry["file"]:
            words = shlex.split(entry["command"])
            words = words[1:] if os.path.basename(words[0]) == "ccache" else words
            words = words[: words.index("-o")]
            return [words[0], "-I", include_first, *words[1:], "-fsyntax-only"]
    raise AssertionError("registry.cpp is not in compile_commands.json")


class AddARule(unittest.TestCase):
    def test_one_file_and_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            rules = os.path.join(folder, "diagnose", "rules")
            os.makedirs(rules)
            text = read(os.path.join(RULES, "rules.h"))
            last = "  RULE(kEventsLost)"
            self.assertIn(last, text)
            with open(os.path.join(rules, "rules.h"), "w", encoding="utf-8") as file:
                file.write(text.replace(last, "  RULE(kToy) \\\n" + last))
            toy = os.path.join(rules, "toy.cpp")
            with open(toy, "w", encoding="utf-8") as file:
                file.write(TOY)
            for path in (toy, os.path.join(SOURCE, "src", "diagnose", "registry.cpp")):
                done = subprocess.run([*compiler(sys.argv[1], folder), path], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_slip_in_a_key_does_not_compile(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "slip.cpp")
            with open(path, "w", encoding="utf-8") as file:
                file.write('#include "diagnose/evidence.h"\n'
                           "void f(tcpdiag::model::Finding& finding) {\n"
                           '  tcpdiag::diagnose::add(finding, "toys_cuont", std::uint64_t{1});\n}\n')
            done = subprocess.run([*compiler(sys.argv[1], folder), path], capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)

    def test_a_code_is_named_in_its_own_file_only(self):
        texts = {os.path.relpath(path, SOURCE): read(path) for path in sources()}
        codes = [code for text in texts.values() for code in re.findall(r'^    \.code = "([a-z-]+)",$', text, re.MULTILINE)]
        self.assertGreater(len(codes), 20)
        for code in codes:
            naming = [path for path, text in texts.items() if f'"{code}"' in text and path not in MAY_NAME_CODES]
            self.assertEqual(len(naming), 1, f"{code}: {naming}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
