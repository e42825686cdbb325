#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What packaging/debian repeats of other files is what these say."""

import re
import unittest

from package_case import DEBIAN, PROGRAM, SOURCE_DIR, main, run


class Debian(unittest.TestCase):
    def version(self) -> str:
        return re.match(r"tcpdiag \(([^)]+)\) ", (DEBIAN / "changelog").read_text())[1]

    def test_version_is_the_programs(self):
        upstream = self.version().rpartition("-")[0]
        (declared,) = re.findall(r"(?m)^project\(tcpdiag VERSION (\S+) ", (SOURCE_DIR / "CMakeLists.txt").read_text())
        said = run(PROGRAM, "--version").stdout.split()
        self.assertEqual((upstream, said[:2]), (declared, ["tcpdiag", declared]))

    def test_version_is_the_change_logs(self):
        """Once a version was released: before that its changes are unreleased."""
        headings = re.findall(r"(?m)^## \[?(\w[\w.]*)", (SOURCE_DIR / "CHANGELOG.md").read_text())
        self.assertIn(headings[0], ("Unreleased", self.version().rpartition("-")[0]))

    def test_setup_installs_what_the_package_is_built_with(self):
        """And no library beside: what CMake asks for is in both lists, or in none."""
        control = (DEBIAN / "control").read_text()
        needed = re.search(r"(?ms)^Build-Depends:(.*?)\n(?=\S|\n)", control)[1]
        names = {re.match(r"[a-z0-9.+-]+", word.strip())[0] for word in needed.split(",") if word.strip() and "<cross>" not in word}
        names = {"debhelper" if name == "debhelper-compat" else name for name in names}
        installed = set(run(SOURCE_DIR / "scripts" / "setup", "--test", "--list").stdout.split())
        self.assertEqual(names - installed, set())
        self.assertEqual({name for name in installed if re.fullmatch(r"z?lib.*-dev", name)} - names, set())

    def test_each_licence_of_the_tree_is_named(self):
        text = (DEBIAN / "copyright").read_text()
        for path in (SOURCE_DIR / "LICENSES").iterdir():
            # Debian's name of what Chart.js is under, and only code from its packages is.
            heading = "\n -- Expat (MIT) --\n" if path.stem == "MIT" else f"\nLicense: {path.stem}\n"
            self.assertIn(heading, text)
        self.assertIn("\nFiles: bpf/*\n", text)
        self.assertIn("\nFiles: bpf/engine/*\n bpf/wire.h\n", text)


if __name__ == "__main__":
    main()
