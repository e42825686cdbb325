#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a trace costs before it has seen anything: time to attach, report and end, and memory."""

import os
import statistics
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PROGRAM, LiveCase, main  # noqa: E402

# Three times the targets (0.15 s, 20 MB): this runs on machines that do other things as well.
WALL_S = 0.45
RSS_KB = 60_000
RUNS = 11


class Overhead(LiveCase):
    @unittest.skipIf(os.environ.get("TCPDIAG_SLOW_BUILD") == "1", "an instrumented build: its cost is not the program's")
    def test_attach_and_end(self):
        network = self.network()
        walls, sizes = [], []
        for _ in range(RUNS):
            subprocess.run(["nsenter", f"--net={network.path(network.client)}", "--",
                            "/usr/bin/time", "-f", "%e %M", "-o", self.file("time"),
                            PROGRAM, "trace", "-d", "0"], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
            with open(self.file("time"), encoding="ascii") as file:
                wall, size = file.read().split()[-2:]
            walls.append(float(wall))
            sizes.append(int(size))
        print(f"wall median {statistics.median(walls):.2f} s (max {max(walls):.2f}), peak RSS {max(sizes) / 1000:.1f} MB")
        self.assertLess(statistics.median(walls), WALL_S)
        self.assertLess(max(sizes), RSS_KB)


if __name__ == "__main__":
    main()
