#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a trace costs before it has seen anything: processor time to attach, report and end, and memory."""

import os
import re
import statistics
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PROGRAM, LiveCase, main  # noqa: E402

# Twice what an idle machine needs (0.4 to 0.7 s, most of it the kernel's verifier; 20 MB). Not the time on the wall: that is the other
# programs' on a machine that does something else as well.
CPU_S = 1.2
RSS_KB = 40_000
RUNS = 11
# What the verifier walks in all programs together, by kernel: the same every time. A change needs an entry in docs/decisions.
WALKED = {"6.18": 152_659}
GROWTH = 1.1


class Overhead(LiveCase):
    @unittest.skipIf(os.environ.get("TCPDIAG_SLOW_BUILD") == "1", "an instrumented build: its cost is not the program's")
    def test_attach_and_end(self):
        network = self.network()
        walls, processor, sizes = [], [], []
        for _ in range(RUNS):
            subprocess.run(["nsenter", f"--net={network.path(network.client)}", "--",
                            "/usr/bin/time", "-f", "%e %U %S %M", "-o", self.file("time"),
                            PROGRAM, "trace", "-d", "0"], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
            with open(self.file("time"), encoding="ascii") as file:
                wall, user, system, size = file.read().split()[-4:]
            walls.append(float(wall))
            processor.append(float(user) + float(system))
            sizes.append(int(size))
        print(f"processor time median {statistics.median(processor):.2f} s, wall median {statistics.median(walls):.2f} s "
              f"(max {max(walls):.2f}), peak RSS {max(sizes) / 1000:.1f} MB")
        self.assertLess(statistics.median(processor), CPU_S)
        self.assertLess(max(sizes), RSS_KB)

    def test_walked_instructions(self):
        network = self.network()
        tracer = subprocess.run([PROGRAM, "trace", "--netns", network.path(network.client), "-d", "0"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "TCPDIAG_DEBUG_BPF": "1"})
        walked = [int(number) for number in re.findall(r"^processed (\d+) insns", tracer.stderr, re.MULTILINE)]
        kernel = ".".join(os.uname().release.split(".")[:2])
        print(f"{sum(walked)} instructions in {len(walked)} programs, kernel {kernel}")
        self.assertGreater(len(walked), 20)
        if kernel in WALKED:
            self.assertLessEqual(sum(walked), GROWTH * WALKED[kernel], "see docs/decisions/0009-what-the-verifier-walks.md")


if __name__ == "__main__":
    main()
