# SPDX-License-Identifier: Apache-2.0
"""Test cases that put a report of tcpdiag next to what its witnesses say about the same traffic.

Counts are equal. Delays are paired, event by event: half of them differ by no more than 5 % or 200 us, whichever is more, and
95 of 100 by no more than 1 ms.
"""

import contextlib
import math
import shutil
import statistics
import unittest
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from live import wait_until
from socket_case import SOCKET_S, Host, SocketCase
from withheld import Withheld
from witness import Capture, Frame, offloads_off

TOOLS = ("tshark", "dumpcap", "ethtool", "nft", "ss", "nstat", "tc", "sysctl", "nsenter")
MEDIAN_SHARE, MEDIAN_US, NEARLY_ALL_US = 0.05, 200.0, 1000.0
BUCKET = 0.07  # a histogram's percentile may be that much off


def drop(host: Host, *rules: str) -> None:
    """What of the arriving segments is lost. Earlier rules of the host are gone."""
    text = "table inet loss\ndelete table inet loss\n"
    if rules:
        lines = "\n".join(f"{rule} counter drop" for rule in rules)
        text += f"table inet loss {{ chain arriving {{ type filter hook prerouting priority -300;\n{lines}\n}}\n}}\n"
    host.network.firewall(text, host.namespace)


def dropped(host: Host) -> int:
    return host.network.firewall_packets(host.namespace)


class Watch:
    """One host under tcpdiag and its witnesses; all of it is there when the watching has ended."""

    def __init__(self, host: Host, capture: Capture | None):
        self.host, self.capture = host, capture
        self.report: dict = {}
        self.counted: dict[str, int] = {}  # by nstat's names, since the start

    @property
    def totals(self) -> dict:
        return self.report["totals"]

    @property
    def frames(self) -> list[Frame]:
        return self.capture.frames

    def sent(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.source == self.host.address]

    def received(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.source != self.host.address]

    def socket(self, local_port: int | None = None, remote_port: int | None = None) -> dict:
        """The report's socket with these ports."""
        found = [sock for sock in self.report["sockets"] if local_port in (None, sock["local"]["port"])
                 and remote_port in (None, sock["remote"]["port"])]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} sockets in the report with local port {local_port}, remote port {remote_port}")
        return found[0]

    def entries(self, sock: dict, kind: str) -> list[dict]:
        return [entry for entry in sock["timeline"] if entry["kind"] == kind]

    def kernel_counters(self) -> dict[str, int]:
        """What the report itself says of the namespace's counters."""
        (netns,) = self.report["kernel_counters"]
        return netns["counters"]


class WitnessCase(SocketCase):
    """Two hosts whose devices show segments, watched from outside."""

    def setUp(self):
        super().setUp()
        self.withheld = 0
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            raise unittest.SkipTest(f"{', '.join(missing)} not installed: scripts/setup --test")

    def pair_of_hosts(self, family: int = 4) -> tuple[Host, Host]:
        """The client's end and the server's: no offloads, and the congestion control that every kernel has."""
        client, server = self.hosts(family)
        offloads_off(client, server)
        for host in (client, server):
            host.sysctl(net__ipv4__tcp_congestion_control="reno")
        return client, server

    @contextlib.contextmanager
    def watched(self, client: Host, server: Host, only: Host | None = None, capture: str | None = "tcp") -> Iterator[list[Watch]]:
        """A trace of its own and a capture for each of the two, or for `only` one. The block ends when nothing is on its way any more."""
        hosts = [only] if only else [client, server]
        watches, traces, before = [], [], []
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: setattr(self, "withheld", self.withheld + away.count))
            away = stack.enter_context(Withheld())
            for number, host in enumerate(hosts):
                other = server if host is client else client
                tap = None
                if capture:
                    tap = stack.enter_context(Capture(host, other.address, self.file(f"packets-{number}.pcapng"), capture))
                watches.append(Watch(host, tap))
            for host in hosts:
                traces.append(stack.enter_context(self.traced(host, options=("--sockets", "100000"))))
            before = [host.counters() for host in hosts]
            yield watches
            for watch, start in zip(watches, before):
                watch.counted = {name: value - start.get(name, 0) for name, value in watch.host.counters().items()}
        for watch, trace in zip(watches, traces):
            watch.report = trace.report

    def compare(self, what: str, **pairs: tuple[object, object]) -> None:
        """Equal, all of them: tcpdiag's figure and the witness's, by name. A failure shows all that differ."""
        differ = {name: f"tcpdiag {ours}, witness {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs}
        self.assertEqual(differ, {}, what)

    def check_delays(self, what: str, pairs: Iterable[tuple[float, float]], at_least: int = 1) -> None:
        """(tcpdiag's, witness's) in microseconds."""
        pairs = list(pairs)
        self.assertGreaterEqual(len(pairs), at_least, f"{what}: pairs")
        errors = sorted(abs(ours - theirs) for ours, theirs in pairs)
        bound = max(MEDIAN_US, MEDIAN_SHARE * statistics.median(theirs for _, theirs in pairs))
        worst = sorted(pairs, key=lambda pair: -abs(pair[0] - pair[1]))[:5]
        told = f"{what}: {len(pairs)} pairs, worst (tcpdiag, witness) {worst}"
        self.assertLessEqual(statistics.median(errors), bound, f"median error; {told}")
        far = sum(error > NEARLY_ALL_US for error in errors)
        self.assertLessEqual(far, math.ceil(len(errors) / 20), f"errors over 1 ms; {told}")

    def check_histogram(self, what: str, histogram: dict, seen: list[float]) -> None:
        """Count equal; mean, median and maximum within the bounds of a single delay, the median's bucket besides."""
        self.assertEqual(histogram["count"], len(seen), f"{what}: count")
        median = statistics.median(seen)
        for name, theirs, bound in (("mean", statistics.fmean(seen), max(MEDIAN_US, MEDIAN_SHARE * statistics.fmean(seen))),
                                    ("p50", median, max(MEDIAN_US, MEDIAN_SHARE * median) + BUCKET * median),
                                    ("max", max(seen), max(NEARLY_ALL_US, MEDIAN_SHARE * max(seen)))):
            self.assertLessEqual(abs(histogram[name] - theirs), bound, f"{what}: {name} {histogram[name]}, witness {theirs:.0f} us")

    def at_once(self, jobs: Iterable[Callable[[], object]], workers: int = 64) -> list[object]:
        """Runs these in threads, all to the end; the first failure is raised."""
        with ThreadPoolExecutor(workers) as pool:
            return [future.result() for future in [pool.submit(job) for job in jobs]]

    def wait_counter(self, host: Host, name: str, at_least: int, seconds: float = SOCKET_S) -> None:
        """Until nstat's counter has risen to this value (since the namespace exists)."""
        wait_until(f"{name} >= {at_least}", lambda: host.counters().get(name, 0) >= at_least, seconds)
