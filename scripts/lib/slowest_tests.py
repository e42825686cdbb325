#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the slowest tests of one run of ctest (a JUnit file): slowest_tests.py FILE [COUNT]"""

import sys
import xml.etree.ElementTree as ET


def main() -> int:
    cases = [(float(case.get("time", "0")), case.get("name", "?")) for case in ET.parse(sys.argv[1]).getroot().iter("testcase")]
    for seconds, name in sorted(cases, reverse=True)[: int(sys.argv[2]) if len(sys.argv) > 2 else 15]:
        print(f"{seconds:7.1f} s  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
