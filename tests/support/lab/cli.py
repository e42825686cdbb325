# SPDX-License-Identifier: Apache-2.0
"""The lab's command line. Exit codes: 0 it happened as intended, 1 it did not, 2 wrong use, 3 not root, 128+N ended by signal N."""

import argparse
import os
import signal
import subprocess
import sys

from .children import Children
from .delayed import DelayedNetwork
from .facts import Facts
from .exchange_incidents import EXCHANGE_INCIDENTS
from .healthy_incidents import HEALTHY_INCIDENTS
from .host_incidents import HOST_INCIDENTS
from .http_incidents import HTTP_INCIDENTS
from .incidents import Incident, Options, missing_tools
from .measure_incidents import MEASURE_INCIDENTS
from .network import LabError, Network, clean_leftovers
from .path_incidents import PATH_INCIDENTS
from .redis_incidents import REDIS_INCIDENTS
from .socket_incidents import SOCKET_INCIDENTS
from .storm_incidents import STORM_INCIDENTS
from .stream_incidents import STREAM_INCIDENTS

INCIDENTS: dict[str, type[Incident]] = {
    incident.name: incident
    for incident in HTTP_INCIDENTS + SOCKET_INCIDENTS + REDIS_INCIDENTS + STREAM_INCIDENTS + MEASURE_INCIDENTS + STORM_INCIDENTS
    + HEALTHY_INCIDENTS + PATH_INCIDENTS + HOST_INCIDENTS + EXCHANGE_INCIDENTS}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

EXAMPLES = """examples:
  sudo scripts/lab --list
  sudo scripts/lab api-reset --gate        wait for Enter, so that a tracer can be started first
  sudo scripts/lab api-reset --seconds 30 --failures 12
  sudo scripts/lab idle-reset --ipv6
  sudo scripts/lab redis-throttled --seconds 20
  sudo scripts/lab redis-slow --milliseconds 35 --no-timestamps
  sudo scripts/lab closed-before-reuse --rtt 40

Each lab lives in two network namespaces of its own (three with --rtt), which go when it ends; the host's network is not touched.
Watch one from another terminal with: sudo tcpdiag trace --netns /run/netns/tcpdiag-lab-PID-c
"""


class Ended(Exception):
    """A signal asked the lab to end."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def _on_signal(number: int, _frame) -> None:
    for each in SIGNALS:  # Cleaning up is not interrupted: the first signal is enough.
        signal.signal(each, signal.SIG_IGN)
    raise Ended(number)


def _listing() -> str:
    return "\n".join(f"  {name:<23} {incident.summary}" for name, incident in INCIDENTS.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab", formatter_class=argparse.RawDescriptionHelpFormatter, usage="lab NAME [options] | --list",
        description="Brings a TCP incident up on this machine, with real servers and clients.\n\nincidents:\n" + _listing(),
        epilog=EXAMPLES)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the incident")
    parser.add_argument("--list", action="store_true", help="list the incidents and end")
    parser.add_argument("--seconds", type=float, metavar="N", help="the incident's time: its timeout, wait, idle time or load (1 to 600)")
    parser.add_argument("--failures", type=int, metavar="N", help="how many calls fail (1 to 100, default 3)")
    parser.add_argument("--milliseconds", type=float, metavar="N", help="how long each stop, stall, command or gap takes (1 to 10000)")
    parser.add_argument("--clients", type=int, metavar="N", help="how many connections the client has (1 to 1000)")
    parser.add_argument("--requests", type=int, metavar="N", help="how many requests it makes (1 to 100000000); it ends after them")
    parser.add_argument("--no-timestamps", action="store_true", help="no TCP timestamps on the lab's connections")
    parser.add_argument("--rtt", type=float, metavar="MS", help="the path's round trip in milliseconds (0 to 1000, default: only a wire)")
    parser.add_argument("--ipv6", action="store_true", help="IPv6 instead of IPv4")
    parser.add_argument("--facts", metavar="FILE", help="write what happens, and at the end what is true, as lines of JSON")
    parser.add_argument("--gate", action="store_true", help="before the traffic starts, wait for a line on standard input")
    parser.add_argument("--gate2", action="store_true", help="with connections established, wait for a line before the failures")
    parser.add_argument("--hold", action="store_true", help="when done, keep everything up until a line comes on standard input")
    parser.add_argument("--client-name", metavar="TEXT", help="the client's process name (up to 15 bytes, without /)")
    parser.add_argument("--quiet", action="store_true", help="no summary on standard output")
    return parser


def _fail(text: str, code: int) -> int:
    print(f"lab: {text}", file=sys.stderr)
    return code


def _options(args: argparse.Namespace, incident: type[Incident]) -> Options | str:
    """The options of this run, or what is wrong with them."""
    seconds = incident.default_seconds if args.seconds is None else args.seconds
    failures = incident.default_failures if args.failures is None else args.failures
    if not 1 <= seconds <= 600:
        return "--seconds must be from 1 to 600"
    if args.failures is not None and not 1 <= failures <= 100:
        return "--failures must be from 1 to 100"
    if args.failures is not None and incident.default_failures == 0:
        return f"nothing fails in {incident.name}: --failures has no meaning there"
    if args.client_name is not None:
        name = os.fsencode(args.client_name)
        if not 1 <= len(name) <= 15 or b"/" in name or name in (b".", b".."):
            return "--client-name must have 1 to 15 bytes, none of them /"
    rtt_ms = incident.default_rtt_ms if args.rtt is None else args.rtt
    if not incident.least_rtt_ms <= rtt_ms <= 1000:
        return f"--rtt must be from {incident.least_rtt_ms:g} to 1000"
    numbers = {}
    for name, most in (("milliseconds", 10_000), ("clients", 1000), ("requests", 100_000_000)):
        given, default = getattr(args, name), getattr(incident, f"default_{name}")
        if given is not None and not default:
            return f"--{name} has no meaning for {incident.name}"
        if given is not None and not 1 <= given <= most:
            return f"--{name} must be from 1 to {most}"
        # Without --requests an incident counts on from its seconds.
        numbers[name] = given if given is not None else (0 if name == "requests" else default)
    return Options(seconds, failures, 6 if args.ipv6 else 4, args.gate, args.gate2, args.hold, args.client_name,
                   timestamps=not args.no_timestamps, rtt_ms=rtt_ms, **numbers)


def _play(incident: type[Incident], options: Options, facts: Facts) -> None:
    """Builds up, plays, and takes down whatever happens."""
    delayed = options.rtt_ms > 0 or incident.needs_path
    network = DelayedNetwork(options.family, rtt_ms=options.rtt_ms, options=incident.box_options) if delayed else Network(options.family)
    children = Children()
    try:
        clean_leftovers()
        network.up()
        if not options.timestamps:
            network.without_timestamps()
        incident(options, network, children, facts).play()
    finally:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        children.stop()
        network.down()


def main(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    if args.list:
        print(_listing())
        return 0
    if args.name not in INCIDENTS:
        what = f"there is no incident {args.name!r}" if args.name else "which incident?"
        return _fail(f"{what} Known: {', '.join(INCIDENTS)}".replace("' Known", "'; known"), 2)
    incident = INCIDENTS[args.name]
    options = _options(args, incident)
    if isinstance(options, str):
        return _fail(options, 2)
    if os.geteuid() != 0:
        return _fail("network namespaces need root: run it with sudo", 3)
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    path_needs = ("ethtool", "nft", "sysctl") if args.rtt or incident.needs_path else ()
    missing = missing_tools((*incident.needs, *path_needs))
    if not missing and "ruby" in incident.needs and subprocess.run(
            ["/usr/bin/ruby", "-e", "require 'faraday'"], capture_output=True, check=False).returncode != 0:
        missing = ["ruby-faraday"]
    if missing:
        return _fail(f"not installed: {', '.join(missing)}; scripts/setup --test installs what the lab needs", 2)

    try:
        facts = Facts(args.facts, args.quiet)
    except OSError as error:
        return _fail(f"--facts {args.facts}: {error.strerror}", 2)
    try:
        for each in SIGNALS:
            signal.signal(each, _on_signal)
        _play(incident, options, facts)
        return 0
    except Ended as ended:
        return 128 + ended.number
    except (LabError, OSError, subprocess.TimeoutExpired) as error:
        return _fail(str(error), 1)
    finally:
        facts.close()
