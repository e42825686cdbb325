# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces whose path takes time: a third one between them, with a delay box (tests/support/delay_box.cpp) in it.

    client  eth0 -- to_client  [delay box]  to_server -- eth0  server        all on one subnet, as without the box

The box sees whole frames, so the offloads of all four devices are off. What the network does to packets beside delaying them
(losing some, forgetting connections) is a rule of nft at the egress of one of the box's devices: neither host's own firewall.
"""

import os
import selectors
import signal
import subprocess
import time

from .children import Child
from .network import LabError, Network, run

BOX = "delay_box"
SOURCE_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TO_CLIENT, TO_SERVER = "to_client", "to_server"


def box_program() -> str:
    """Where the delay box is: beside the program under test, or in a build directory of this tree."""
    beside = os.path.dirname(os.environ.get("TCPDIAG", ""))
    places = [os.environ.get("TCPDIAG_DELAY_BOX", "")] + [os.path.join(directory, BOX) for directory in (
        beside, *(os.path.join(SOURCE_DIR, "build", preset) for preset in ("release", "dev", "demo")))]
    for place in places:
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    raise LabError("there is no delay box: cmake --build --preset release --target delay_box")


class DelayedNetwork(Network):
    """The two hosts of a lab, `rtt_ms` apart: half of it each way. 0: as fast as the box is, some 50 us."""

    def __init__(self, family: int = 4, pair: int = 0, rtt_ms: float = 0, options: tuple[str, ...] = ()):
        super().__init__(family, pair)
        self.middle = f"tcpdiag-lab-{os.getpid()}-b{pair or ''}"
        self._options = ("--delay-us", str(round(rtt_ms * 500)), *options)
        self._box: Child | None = None

    def namespaces(self) -> tuple[str, ...]:
        return self.client, self.server, self.middle

    def _link(self) -> None:
        for namespace, device in ((self.client, TO_CLIENT), (self.server, TO_SERVER)):
            run("ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", device, "netns", self.middle)
            for where, name in ((namespace, "eth0"), (self.middle, device)):
                run(*self.inside(where, "ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off", "tx", "off"))
            run(*self.inside(self.middle, "sysctl", "-q", "-w", f"net.ipv6.conf.{device}.disable_ipv6=1"))
            run("ip", "-n", self.middle, "link", "set", device, "up")

    def _wait_for_link(self) -> None:
        super()._wait_for_link()
        self._box = Child("delay box", self.inside(self.middle, box_program(), TO_CLIENT, TO_SERVER, *self._options),
                          f"{self.directory}/delay_box.log")
        self._next_event()
        # Who asks for the other's hardware address first waits for a round trip: no SYN of the lab's shall.
        run(*self.inside(self.client, "bash", "-c", f"echo >/dev/udp/{self.server_address}/9"))
        deadline = time.monotonic() + 10
        while "REACHABLE" not in run("ip", "-n", self.client, "neighbour", "show", self.server_address):
            if time.monotonic() > deadline:
                raise LabError("the path does not carry the client's packets")
            time.sleep(0.01)

    def _next_event(self, seconds: float = 10) -> dict:
        """The box's next line. A box that is gone says why."""
        known, deadline = len(self._box.events), time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._box, selectors.EVENT_READ)
            while len(self._box.events) == known:
                if time.monotonic() > deadline:
                    raise LabError(f"the delay box said nothing for {seconds:.0f} s")
                if selector.select(0.5) and not self._box.read():
                    raise LabError(f"the delay box has ended: {self._box.last_words()}")
        return self._box.events[-1]

    def path_counts(self) -> dict:
        """What the box did so far, by direction."""
        self._box.signal(signal.SIGUSR1)
        counts = self._next_event()
        return {"to_server": counts["a_to_b"], "to_client": counts["b_to_a"]}

    def _egress(self, namespace: str) -> tuple[str, str]:
        """The limit of a server is its cloud's, behind its driver: on the path. That of the client is its own device's."""
        return (self.middle, TO_CLIENT) if namespace == self.server else super()._egress(namespace)

    def rules(self, to_server: str = "", to_client: str = "", sets: str = "") -> None:
        """What the network does to packets on their last step to either end, instead of what it did until now. nft's words."""
        chains = "".join(f'chain {device} {{\ntype filter hook egress device "{device}" priority 0;\n{rule}\n}}\n'
                         for device, rule in ((TO_SERVER, to_server), (TO_CLIENT, to_client)) if rule)
        self.firewall(f"table netdev lab\ndelete table netdev lab\ntable netdev lab {{\n{sets}{chains}}}\n", self.middle)

    def down(self) -> None:
        if self._box:
            self._box.stop()
            self._box = None
        super().down()
