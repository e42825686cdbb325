#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names every path of this repository that a file mentions and that does not exist: dead_paths.py FILE..."""

import pathlib
import re
import sys

# "src/util", "docs/cli.md", "tests/live/test_storms.py"; not "tools/testing/selftests/bpf/" or "<bpf/libbpf.h>", and nothing that
# goes on with a pattern, a placeholder (NAME) or a variable.
PATH = re.compile(r"(?<![\w/.<~$}{*-])(?:docs|src|bpf|tests|scripts|packaging|data)/[\w./-]*(?![\w./*<{$\[%-])")


def exists(path: str) -> bool:
    """With its ending, or without one, as a header and its source are called together."""
    return pathlib.Path(path).exists() or any(pathlib.Path(path).parent.glob(pathlib.Path(path).name + ".*"))


def main() -> int:
    for name in sys.argv[1:]:
        for number, line in enumerate(pathlib.Path(name).read_text(errors="replace").split("\n"), 1):
            for found in PATH.findall(line):
                path = found.rstrip("./-")
                if "NAME" not in path and not exists(path):
                    print(f"{name}:{number}: there is no {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
