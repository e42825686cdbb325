#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What lintian, Debian's checker of packages, says of the Debian package."""

import os
import shutil
import unittest

from package_case import BUILD_S, SOURCE_DIR, build_packages, main, run


class Lintian(unittest.TestCase):
    def test_no_error_and_no_warning(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        build_packages()
        (changes,) = (SOURCE_DIR / "build" / "packages").glob("*.changes")
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        result = run("lintian", *as_root, "--fail-on", "error,warning", "--tag-display-limit", "0", changes, timeout=BUILD_S)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)


if __name__ == "__main__":
    main()
