#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Network cards: a veth has no allowance counters, and the report says so instead of showing zeros."""

import os
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Tracer, main  # noqa: E402
from socket_case import SocketCase, accept, exchange  # noqa: E402

PORT = 7000


class Nics(SocketCase):
    def setUp(self):
        super().setUp()
        self.client, self.server = self.hosts()

    def one_exchange(self) -> None:
        listener = self.keep(self.server.listen(PORT))
        mine = self.client.connect(self.server.address, PORT)
        theirs = accept(listener)
        exchange(mine, theirs)
        mine.close()
        theirs.close()
        self.settle(self.client, self.server)

    def test_veth_has_no_counters(self):
        with self.traced(self.client) as traced:
            self.one_exchange()
        (nic,) = traced.report["nic"]
        self.assertEqual((nic["device"], nic["netns_inode"], nic["driver"]), ("eth0", self.client.inode, "veth"))
        self.assertFalse(nic["counters_supported"])
        for key in ("allowance_exceeded", "conntrack_available_min", "per_second"):
            self.assertIsNone(nic[key], f"{key}: unknown is not 0")
        self.assertEqual(traced.report["findings"], [])

    def test_text_says_so(self):
        with open(self.file("out"), "wb") as output, Tracer("--netns", self.client.path, stdout=output) as tracer:
            tracer.wait_attached()
            self.one_exchange()
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        with open(self.file("out"), encoding="utf-8") as output:
            text = " ".join(output.read().split())
        self.assertRegex(text, r"no allowance counters \(driver veth\)")
        self.assertNotIn("allowance-exceeded", text)


if __name__ == "__main__":
    main()
