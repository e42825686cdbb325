# SPDX-License-Identifier: Apache-2.0
"""What the tests of an installation share: where things are, how they are run, and how a test is skipped."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.

SOURCE_DIR = pathlib.Path(os.environ.get("TCPDIAG_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("TCPDIAG", str(SOURCE_DIR / "build" / "release" / "tcpdiag"))
MADE = pathlib.Path(os.environ.get("TCPDIAG_MADE", SOURCE_DIR / "build" / "release" / "packaging"))  # by the build
TOOLS = SOURCE_DIR / "packaging" / "tools"
# In a source package debian/ has left packaging/.
DEBIAN = next((path for path in (SOURCE_DIR / "packaging" / "debian", SOURCE_DIR / "debian") if path.is_dir()), None)
BUILD_S = 3000
EXIT_SKIPPED = 77

os.environ["PATH"] += ":/usr/sbin:/sbin"
sys.path.insert(0, str(TOOLS))


def run(*command: object, timeout: float = 60, **options) -> subprocess.CompletedProcess:
    """Standard output and error are text, in the result; the caller looks at its exit code."""
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, check=False, **options)


def build_packages(*arguments: object) -> None:
    """scripts/package: does nothing when the packages are of the sources as they are."""
    result = run(SOURCE_DIR / "scripts" / "package", "--no-setup", *arguments, timeout=BUILD_S)
    if result.returncode == 3:
        raise unittest.SkipTest(result.stderr.strip())
    if result.returncode != 0:
        raise AssertionError(f"scripts/package: exit code {result.returncode}\n{result.stdout}{result.stderr}")


def built_package(folder: pathlib.Path = SOURCE_DIR / "build" / "packages") -> pathlib.Path:
    """The package of the program; not that of its debug symbols."""
    (package,) = folder.glob("tcpdiag_*.deb")
    return package


def main() -> None:
    result = unittest.main(exit=False, verbosity=2).result
    all_skipped = result.testsRun > 0 and len(result.skipped) == result.testsRun
    if not result.wasSuccessful():
        sys.exit(1)
    if all_skipped:
        print(f"skipped: {result.skipped[0][1]}", flush=True)
        sys.exit(1 if os.environ.get("TCPDIAG_REQUIRE_LIVE") == "1" else EXIT_SKIPPED)
