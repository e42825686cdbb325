#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names every run of more than 12 lines that stands twice in the files given: twice.py FILE...

Lines are compared without their indentation; empty lines and #include count for nothing, and no run begins with a brace.
"""

import collections
import pathlib
import re
import sys

MOST = 12


def main() -> int:
    text: list[str] = []
    place: list[tuple[str, int]] = []
    for name in sys.argv[1:]:
        for number, line in enumerate(pathlib.Path(name).read_text().split("\n"), 1):
            line = line.strip()
            if line and not line.startswith("#include"):
                text.append(line)
                place.append((name, number))
        text.append(f"end of {name}")  # no run goes on into another file
        place.append((name, 0))

    starts: dict[tuple[str, ...], list[int]] = collections.defaultdict(list)
    for at in range(len(text) - MOST):
        if not re.fullmatch(r"[{}();,]+", text[at]):
            starts[tuple(text[at : at + MOST + 1])].append(at)

    told: set[tuple[int, int]] = set()  # the line after a run that was told, in both places
    for places in starts.values():
        for first, second in zip(places, places[1:]):
            length = 0
            while second + length < len(text) and text[first + length] == text[second + length]:
                length += 1
            if (first + length, second + length) not in told:
                told.add((first + length, second + length))
                print(f"{place[second][0]}:{place[second][1]}: {length} lines as at {place[first][0]}:{place[first][1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
