#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same sources give the same packages: built again in another folder, at another time, with another umask, time zone,
language and home."""

import hashlib
import os
import pathlib
import tempfile
import unittest

from package_case import SOURCE_DIR, build_packages, main


def sums(folder: pathlib.Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.deb")}


class Reproducible(unittest.TestCase):
    def test_second_build_has_the_same_bytes(self):
        build_packages()
        first = sums(SOURCE_DIR / "build" / "packages")
        self.assertGreater(len(first), 0)
        os.environ.update(TZ="Pacific/Chatham", LC_ALL="POSIX")
        with tempfile.TemporaryDirectory(prefix="another place, ") as place:
            os.environ["HOME"] = place
            before = os.umask(0o077)
            try:
                # A blank in the folder's name is too much for make.
                with tempfile.TemporaryDirectory(prefix="a-longer-name-than-that-of-the-first.") as work:
                    build_packages("--again", "--output", place, "--work", work)
            finally:
                os.umask(before)
            self.assertEqual(sums(pathlib.Path(place)), first)


if __name__ == "__main__":
    main()
