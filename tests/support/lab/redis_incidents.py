# SPDX-License-Identifier: Apache-2.0
"""Incidents between Redis and its clients: a shaped link, a slow server, bursts, loss.

The shaped link is a token bucket on one end of the veth. It is in place from the start, but redis-benchmark makes all of its
connections before it asks for anything, so that no SYN waits behind data.
"""

import csv
import os
import signal
import socket
import time

from .children import Child
from .incidents import PYTHON, SUPPORT, Incident, comm_of
from .network import LabError, counters, run
from .resp import Connection, RespError

REDIS_PORT = 6379
KEYS, VALUE_BYTES = 10, 32768
LINK = "64mbit"
# 64 Mbit/s over a response of 32,778 bytes in 23 segments with 66 bytes of headers each, and its request's ACK.
PER_SECOND = 233
# How far into the incident `waiting` is stated, for tracers that start in the middle of it.
MIDDLE_S = 20
TCP_COUNTERS = (
    "TcpActiveOpens", "TcpPassiveOpens", "TcpOutSegs", "TcpInSegs", "TcpRetransSegs", "TcpOutRsts", "TcpEstabResets",
    "TcpExtTCPTimeouts", "TcpExtTCPLossProbes", "TcpExtTCPFastRetrans", "TcpExtTCPSlowStartRetrans", "TcpExtTCPSynRetrans",
    "TcpExtTCPOFOQueue", "TcpExtTCPDSACKRecv", "TcpExtTCPToZeroWindowAdv", "TcpExtTCPWantZeroWindowAdv", "TcpExtTCPTSReorder")


class RedisIncident(Incident):
    """A real redis-server without persistence, spoken to through its Unix socket: the lab itself never shows in the traffic."""

    default_failures = 0
    needs = ("redis-server", "redis-benchmark", "ip", "tc", "nft", "nsenter", "nstat", "sysctl")
    seconds_mean = "the length of the load"
    default_seconds = 20.0
    command = "get"

    def __init__(self, *args):
        super().__init__(*args)
        self.control: Connection
        self.snapshots: dict[str, dict] = {}

    def endpoints(self) -> dict[str, int]:
        return {"redis": REDIS_PORT}

    def start_server(self) -> Child:
        directory = self.network.directory
        path = f"{directory}/redis.sock"
        server = self.in_server(
            "Redis server", "redis-server", "--port", str(REDIS_PORT), "--bind", self.network.server_address, "--protected-mode", "no",
            "--save", "", "--appendonly", "no", "--dir", directory, "--unixsocket", path, "--logfile", f"{directory}/redis.log")

        def answers() -> bool:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(30)
            try:
                sock.connect(path)
                self.control = Connection(sock)
                return self.control.call("PING") == "PONG"
            except (OSError, RespError):
                sock.close()
                return False
        self.children.wait_for("the Redis server to answer", answers, 20, poll_s=0.02)
        for number in range(KEYS):
            self.control.call("SET", f"key:{number:012d}", b"v" * VALUE_BYTES)
        self.prepare()
        return server

    def prepare(self) -> None:
        """The link, before there is any traffic."""

    # The truth: what Redis and both kernels counted.
    def _served(self) -> dict:
        commands = self.control.info("commandstats")
        stats = self.control.info("stats")
        calls = commands.get(f"cmdstat_{self.command}", "calls=0").split(",")[0].partition("=")[2]
        return {"calls": int(calls), "connections": int(stats["total_connections_received"]),
                "bytes_out": int(stats["total_net_output_bytes"]), "bytes_in": int(stats["total_net_input_bytes"])}

    def calls(self) -> int:
        return self._served()["calls"]

    def snapshot(self, name: str) -> None:
        net = self.network
        self.snapshots[name] = {"at_s": time.monotonic(), **self._served(), "client": counters(net.client), "server": counters(net.server)}

    def count(self) -> None:
        """Into the tally: what was served since the snapshots were taken."""
        first, middle, last = (self.snapshots[name] for name in ("first", "middle", "last"))
        for since, until, held in ((first, middle, False), (middle, last, True)):
            self.tally.held = held
            self.tally.add("redis", ok=until["calls"] - since["calls"], connects=until["connections"] - since["connections"])

    def truth(self) -> dict:
        first, middle, last = (self.snapshots[name] for name in ("first", "middle", "last"))
        load_s = last["at_s"] - first["at_s"]
        requests = last["calls"] - first["calls"]
        net = self.network
        return {"requests": requests, "requests_after_gate2": last["calls"] - middle["calls"],
                "load_s": round(load_s, 6), "load_after_gate2_s": round(last["at_s"] - middle["at_s"], 6),
                "load_from_s": first["at_s"], "load_until_s": last["at_s"], "requests_per_s": round(requests / load_s, 3),
                "value_bytes": VALUE_BYTES, "bytes_out": last["bytes_out"] - first["bytes_out"],
                "bytes_in": last["bytes_in"] - first["bytes_in"],
                "tcp": {end: {name: last[end].get(name, 0) - first[end].get(name, 0) for name in TCP_COUNTERS}
                        for end in ("client", "server")},
                "qdisc": {"client": net.qdisc(net.client), "server": net.qdisc(net.server)}}

    def story(self) -> str:
        first, last = self.snapshots["first"], self.snapshots["last"]
        load_s, requests = last["at_s"] - first["at_s"], last["calls"] - first["calls"]
        retransmitted = last["server"]["TcpRetransSegs"] - first["server"]["TcpRetransSegs"]
        words = (f"{requests} requests done in {load_s:.1f} s, {requests / load_s:.1f} a second; "
                 f"the server retransmitted {retransmitted} segments")
        net = self.network
        for name, namespace in (("server", net.server), ("client", net.client)):
            queue = net.qdisc(namespace)
            if queue["kind"] == "tbf":
                words += f"; the shaper ({LINK.replace('mbit', ' Mbit/s')}) on the {name}'s device dropped {queue['drops']} packets"
        return words


class Benchmark(RedisIncident):
    """redis-benchmark as the client, which ends by itself after a number of requests.

    With a second gate the load goes on until the lab ends, and counts until --seconds after that gate.
    """

    default_clients = 50
    default_requests = 1
    per_second = PER_SECOND
    extra: tuple[str, ...] = ()

    def requests(self) -> int:
        if self.options.requests:
            return self.options.requests
        return 100_000_000 if self.options.gate2 else int(self.per_second * self.options.seconds)

    def start_client(self) -> Child:
        client = self.in_client_later(
            "redis-benchmark", "redis-benchmark", "-h", self.network.server_address, "-p", str(REDIS_PORT), "-t", self.command,
            "-r", str(KEYS), "-c", str(self.options.clients), "-n", str(self.requests()), *self.extra, "--csv")
        client.may_end = True
        return client

    def before(self) -> None:
        self.snapshot("first")
        calls = self.snapshots["first"]["calls"]
        self.client.send({})
        self.children.wait_for("the first requests", lambda: self.calls() > calls or self.client.ended, 20, poll_s=0.02)
        if self.client.ended and self.calls() == calls:
            raise LabError(f"redis-benchmark has ended: {self.client.last_words()}")
        if not self.client.ended:
            comm = comm_of(self.client.pid)
            self.require(self.client.ended or comm == self.client_comm, f"the client is called {comm!r}, not {self.client_comm!r}")
        if self.options.gate2:
            wanted = calls + int(self.per_second * MIDDLE_S)
            self.children.wait_for(f"{wanted} requests", lambda: self.calls() >= wanted, 4 * MIDDLE_S, poll_s=0.1)

    def decisive(self) -> None:
        self.snapshot("middle")
        seconds = self.options.seconds
        if self.options.gate2:
            until = time.monotonic() + seconds
            self.children.wait_for("the load's time", lambda: time.monotonic() >= until, seconds + 30, poll_s=0.05)
            self.require(not self.client.ended, "redis-benchmark ended too early")
        else:
            until = time.monotonic() + 2 * seconds + 10
            self.children.wait_for("the load", lambda: self.client.ended or time.monotonic() >= until, 3 * seconds + 60, poll_s=0.05)
            if not self.client.ended:
                self.client.signal(signal.SIGTERM)
                self.children.wait_for("redis-benchmark to end", lambda: self.client.ended, 10, poll_s=0.05)
        self.snapshot("last")
        self.count()

    def benchmark(self) -> dict | None:
        """What redis-benchmark itself measured; nothing if it did not come to its end."""
        lines = [line for line in self.client.text if line.startswith('"')]
        if len(lines) < 2:
            return None
        row = dict(zip(*csv.reader(lines[:2])))
        return {"requests_per_s": float(row["rps"]), **{key: float(value) for key, value in row.items() if key.endswith("_ms")}}

    def truth(self) -> dict:
        return {"clients": self.options.clients, "benchmark": self.benchmark(), **super().truth()}

    def story(self) -> str:
        own = self.benchmark()
        return super().story() + (f"; redis-benchmark saw {own['requests_per_s']:.1f} a second and a median of "
                                  f"{own['p50_latency_ms']:.0f} ms" if own else "")

    def check(self) -> None:
        truth = self.truth()
        if not self.options.gate2:
            self.require(truth["requests"] == self.requests(), f"{truth['requests']} of {self.requests()} requests were done")
            self.require(self.benchmark() is not None, f"redis-benchmark printed no result: {self.client.last_words()}")


class Throttled(Benchmark):
    name = "redis-throttled"
    summary = "50 clients read values of 32 KiB through a link of 64 Mbit/s: queue, drops, retransmissions"

    def prepare(self) -> None:
        self.network.shape(self.network.server, LINK)

    def check(self) -> None:
        super().check()
        rate = self.truth()["requests_per_s"]
        self.require(0.8 * PER_SECOND < rate < 1.05 * PER_SECOND, f"{rate} requests a second, not about {PER_SECOND}")


class TenClients(Throttled):
    name = "redis-10-clients"
    summary = "the same link and 10 clients: a queue of 40 ms, and nothing is dropped"
    default_clients = 10

    def check(self) -> None:
        super().check()
        self.require(self.truth()["qdisc"]["server"]["drops"] == 0, "packets were dropped")


class TwoHundredClients(Throttled):
    name = "redis-200-clients"
    summary = "the same link and 200 clients: it collapses, requests take seconds"
    default_clients = 200

    def check(self) -> None:
        super().check()
        truth = self.truth()
        self.require(truth["qdisc"]["server"]["drops"] >= 100, f"only {truth['qdisc']['server']['drops']} packets were dropped")


class Healthy(Benchmark):
    name = "redis-healthy"
    summary = "50 clients read values of 32 KiB, 20,000 of them; nothing is wrong"
    seconds_mean = "half of the time that it may take at most"
    default_requests = 20_000

    def requests(self) -> int:
        return 100_000_000 if self.options.gate2 else self.options.requests or self.default_requests


class LocalQueueing(Benchmark):
    name = "local-queueing"
    summary = "20 clients write values of 32 KiB, and this host's own device sends 64 Mbit/s: they wait in this host"
    default_clients = 20
    command = "set"
    extra = ("-d", str(VALUE_BYTES))

    def prepare(self) -> None:
        self.network.shape(self.network.client, LINK)

    def check(self) -> None:
        super().check()
        rate = self.truth()["requests_per_s"]
        self.require(0.8 * PER_SECOND < rate < 1.05 * PER_SECOND, f"{rate} requests a second, not about {PER_SECOND}")


LOSS = """table inet lab {{
  chain pre {{
    type filter hook prerouting priority -300;
    tcp {side} {port} tcp flags & syn == 0 numgen random mod 1000 < {permille} counter drop
  }}
}}
"""


class Lossy(Benchmark):
    name = "lossy"
    summary = "10 clients, and 3 % of the packets are lost in either direction (not SYNs)"
    default_clients = 10
    default_seconds = 10.0
    permille = 30
    per_second = 1000

    def prepare(self) -> None:
        net = self.network
        net.firewall(LOSS.format(side="dport", port=REDIS_PORT, permille=self.permille), net.server)
        net.firewall(LOSS.format(side="sport", port=REDIS_PORT, permille=self.permille), net.client)

    def truth(self) -> dict:
        net = self.network
        dropped = {"to_server": net.firewall_packets(net.server), "to_client": net.firewall_packets(net.client)}
        return {"dropped": dropped, **super().truth()}

    def check(self) -> None:
        super().check()
        dropped = self.truth()["dropped"]
        self.require(min(dropped.values()) >= 30, f"only {dropped} packets were lost")


class Policed(Benchmark):
    name = "policed"
    summary = "20 clients read values of 32 KiB, and the path drops what exceeds 67 Mbit/s instead of queueing it"
    default_clients = 20
    needs_path = True

    def prepare(self) -> None:
        self.network.rules(to_client=f"tcp sport {REDIS_PORT} limit rate over 8 mbytes/second burst 100 kbytes counter drop")

    def truth(self) -> dict:
        return {"dropped": self.network.firewall_packets(self.network.middle), **super().truth()}

    def check(self) -> None:
        super().check()
        dropped = self.truth()["dropped"]
        self.require(dropped >= 100, f"only {dropped} packets were dropped")


class WindowLimited(Benchmark):
    """Its window is what the kernel makes of a receive buffer of 8 KiB: a value of 32 KiB takes some round trips."""

    name = "window-limited"
    summary = "10 clients write values of 32 KiB to a Redis whose receive buffers are 8 KiB"
    default_clients = 10
    default_seconds = 8.0
    command = "set"
    extra = ("-d", str(VALUE_BYTES))
    round_trips = 8  # of an exchange, about

    def requests(self) -> int:
        if self.options.requests:
            return self.options.requests
        exchange_s = max(0.005, self.round_trips * self.options.rtt_ms / 1000)
        return int(self.options.clients * self.options.seconds / exchange_s)

    def start_server(self) -> Child:
        run(*self.network.inside(self.network.server, "sysctl", "-q", "-w", "net.ipv4.tcp_rmem=4096 8192 8192"))
        return super().start_server()


class Slow(Benchmark):
    name = "redis-slow"
    summary = "10 clients of a server whose every command takes 20 ms, one after the other; the network is idle"
    milliseconds_mean = "how long each command takes"
    default_milliseconds = 20.0
    default_clients = 10
    default_seconds = 12.0

    def start_server(self) -> Child:
        self.per_second = 1000 / (self.options.milliseconds + 0.2)
        server = self.in_server("slow Redis", PYTHON, "-B", f"{SUPPORT}/slow_redis.py", self.network.server_address, str(REDIS_PORT),
                                str(self.options.milliseconds), str(VALUE_BYTES))
        self.children.wait_for("the slow Redis to listen", lambda: bool(server.events), 20)
        self.server = server
        return server

    def _served(self) -> dict:
        known = len(self.server.events)
        self.server.send({})
        self.children.wait_for("the slow Redis's counts", lambda: len(self.server.events) > known, 30)
        stats = self.server.events[-1]
        self.busy = {key: value for key, value in stats.items() if key.startswith("busy")}
        return {key: stats[key] for key in ("calls", "connections", "bytes_out", "bytes_in")}

    def truth(self) -> dict:
        return {"milliseconds": self.options.milliseconds, **self.busy, **super().truth()}


class OwnClient(RedisIncident):
    """The lab's own client of Redis, one command at a time."""

    def start_client(self) -> Child:
        return self.in_client("Redis client", PYTHON, "-B", f"{SUPPORT}/redis_client.py", self.network.server_address, str(REDIS_PORT))

    def tell(self, op: str, **more) -> int:
        """Gives a command; what is returned is for `told`."""
        number = len(self.client.events)
        self.client.send({"op": op, **more})
        return number

    def told(self, number: int, seconds: float = 60) -> dict:
        self.children.wait_for("the client's answer", lambda: len(self.client.events) > number, seconds)
        result = self.client.events[number]
        if result["event"] == "error":
            raise LabError(f"the client's {result['op']}: {result['message']}")
        return result

    def do(self, op: str, **more) -> dict:
        return self.told(self.tell(op, **more))

    def pause_until(self, at_s: float) -> None:
        time.sleep(max(0.0, at_s - time.monotonic()))


class Microburst(OwnClient):
    name = "microburst"
    summary = "quiet traffic through a link of 64 Mbit/s, and now and then 30 requests at once for a second"
    default_seconds = 16.0
    connections, burst_requests, bursts = 30, 210, 3
    interval_s = 0.05

    def prepare(self) -> None:
        self.network.shape(self.network.server, LINK)

    def before(self) -> None:
        self.snapshot("first")
        self.do("open", connections=self.connections)
        self.do("steady", interval_s=self.interval_s)
        self.children.wait_for("the first requests", lambda: self.calls() > self.snapshots["first"]["calls"], 20, poll_s=0.02)

    def decisive(self) -> None:
        self.snapshot("middle")
        started, self.made = time.monotonic(), []
        for number in range(self.bursts):
            # Not all at the same place in the second: who counts by seconds must not see all of them cut in halves.
            self.pause_until(started + self.options.seconds * (number + 1) / (self.bursts + 1) + number * 0.33)
            result = self.do("burst", requests=self.burst_requests)
            self.made.append([result["started_s"], result["ended_s"]])
        self.pause_until(started + self.options.seconds)
        self.do("stop")
        self.snapshot("last")
        self.count()

    def truth(self) -> dict:
        return {"bursts": self.made, **super().truth()}

    def check(self) -> None:
        longest = max(ended - started for started, ended in self.made)
        self.require(longest < 1.5, f"a burst took {longest:.1f} s")
        self.require(self.truth()["qdisc"]["server"]["drops"] == 0, "packets were dropped")

    def story(self) -> str:
        return super().story() + f"; {len(self.made)} bursts, of {', '.join(f'{ended - started:.2f}' for started, ended in self.made)} s"


class RedisTimeout(OwnClient):
    name = "redis-timeout"
    summary = "Redis answers nobody for a while, and the client's read timeout of N s fires (1 s: redis-client for Ruby)"
    seconds_mean = "the client's read timeout"
    default_seconds = 1.0
    default_failures = 3

    def before(self) -> None:
        self.snapshot("first")
        self.do("open", connections=self.options.failures)
        self.do("burst", requests=20 * self.options.failures)

    def decisive(self) -> None:
        self.snapshot("middle")
        # It pauses this connection, too: there is no taking it back before its time.
        self.control.call("CLIENT", "PAUSE", int(self.options.seconds * 1000) + 2_000, "ALL")
        self.waits = self.do("give_up", timeout_s=self.options.seconds)["waits_s"]
        self.snapshot("last")
        self.count()
        self.tally.add("redis", failed=len(self.waits))

    def after(self) -> None:
        self.do("open", connections=2)
        self.do("burst", requests=20)

    def truth(self) -> dict:
        return {"waits_s": sorted(self.waits), **super().truth()}

    def check(self) -> None:
        self.require(len(self.waits) == self.options.failures, f"{len(self.waits)} calls timed out")

    def story(self) -> str:
        return f"{len(self.waits)} calls were given up after {self.options.seconds:.1f} s"


class SlowReader(OwnClient):
    name = "slow-reader"
    summary = "workers wait for jobs (BLPOP); their process is stopped for half a second now and then while jobs arrive"
    milliseconds_mean = "how long each stop takes"
    default_milliseconds = 500.0
    default_seconds = 12.0
    command = "blpop"
    connections = 4
    push_interval_s = 0.0125
    first_stop_s, between_s = 1.0, 1.0

    def before(self) -> None:
        self.snapshot("first")
        self.do("open", connections=self.connections)
        self.do("consume")
        self.pushed, self.stops = 0, []
        for _ in range(20):
            self._push()
        self.children.wait_for("the workers to be idle", lambda: self.control.call("LLEN", "jobs") == 0, 20, poll_s=0.02)

    def _push(self) -> None:
        self.control.call("RPUSH", "jobs", b"j" * 2048)
        self.pushed += 1

    def _push_until(self, until_s: float) -> None:
        while (now := time.monotonic()) < until_s:
            self._push()
            time.sleep(max(0.0, min(self.push_interval_s, until_s - now)))

    def _state(self) -> str:
        with open(f"/proc/{self.client.pid}/stat", encoding="latin-1") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def _stop_client(self, seconds: float) -> None:
        os.kill(self.client.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            while self._state() != "T":
                self.require(time.monotonic() < stopped + 5, "the client did not stop")
            self._push_until(stopped + seconds)
        finally:
            os.kill(self.client.pid, signal.SIGCONT)
        self.stops.append([stopped, time.monotonic()])

    def decisive(self) -> None:
        self.snapshot("middle")
        started = time.monotonic()
        self._push_until(started + self.first_stop_s)
        while time.monotonic() < started + self.options.seconds:
            self._stop_client(self.options.milliseconds / 1000)
            self._push_until(time.monotonic() + self.between_s)
        self.children.wait_for("the workers to be idle", lambda: self.control.call("LLEN", "jobs") == 0, 20, poll_s=0.02)
        number = self.tell("stop")
        for _ in range(self.connections):
            self.control.call("RPUSH", "jobs", b"end")
        self.jobs_done = self.told(number)["done"]
        self.snapshot("last")
        self.count()

    def truth(self) -> dict:
        return {"stops": self.stops, "stop_s": [round(ended - started, 6) for started, ended in self.stops],
                "jobs": self.pushed, **super().truth()}

    def check(self) -> None:
        self.require(self.jobs_done == self.pushed, f"{self.jobs_done} of {self.pushed} jobs were done")

    def story(self) -> str:
        return f"{self.pushed} jobs done; the process was stopped {len(self.stops)} times for {self.options.milliseconds / 1000:.2f} s each"


REDIS_INCIDENTS = (Throttled, TenClients, TwoHundredClients, Healthy, Slow, Microburst, LocalQueueing, SlowReader, Lossy, Policed,
                   WindowLimited, RedisTimeout)
