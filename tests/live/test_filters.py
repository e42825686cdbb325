#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The filters, decided in the kernel: each lets in what it should and keeps out the rest, and says how much that was."""

import contextlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import Lab, LiveCase, Tracer, main  # noqa: E402

# Connects from a chosen port to one where nobody listens: the simplest socket whose local port is known beforehand. SO_LINGER
# is not needed: a refused connect leaves nothing behind.
REFUSED_FROM = """
import socket, sys
for port in map(int, sys.argv[2:]):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port:
        s.bind(("", port))
    try:
        s.connect((sys.argv[1], 9))
    except ConnectionRefusedError:
        pass
    s.close()
"""


class Filters(LiveCase):
    def traced(self, lab: Lab, filters: dict[str, tuple[str, list[str]]]) -> tuple[dict, dict]:
        """One run of the lab under a tracer for each filter. name -> (namespace, options)."""
        with contextlib.ExitStack() as stack:
            tracers = {}
            for name, (netns, options) in filters.items():
                tracers[name] = stack.enter_context(Tracer("--netns", netns, *options, "--format", "json", "-o", self.file(name)))
            for tracer in tracers.values():
                tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            for tracer in tracers.values():
                tracer.signal()
            for name, tracer in tracers.items():
                self.assertEqual(tracer.wait_exit(), 0, f"{name}: {tracer.stderr.all()}")
        reports = {name: self.read_report(self.file(name)) for name in filters}
        return reports, done

    def check(self, name: str, report: dict, role: str, ports: list[int], filtered_out: int) -> None:
        seen = sorted((e["role"], e["port"]) for e in report["endpoints"])
        self.assertEqual(seen, sorted((role, port) for port in ports), f"filter {name}")
        self.assertEqual(report["sockets_filtered_out"], filtered_out, f"filter {name}")
        if not ports:
            self.assertEqual(report["verdict"], "nothing_matched", f"filter {name}")
        self.check_nothing_lost(report)

    def test_addresses_ports_families_roles(self):
        with Lab("connect-refused") as lab:
            client, server = lab.netns, lab.ready["server_netns_path"]
            api, other = (lab.ready["endpoints"][name]["port"] for name in ("api", "other"))
            address, own = lab.ready["endpoints"]["api"]["address"], lab.ready["client_address"]
            cases = {  # namespace, options, role, ports that are let in
                "all": (client, [], "outbound", [api, other]),
                "one port": (client, ["-D", str(other)], "outbound", [other]),
                "two ports": (client, ["-D", f"{api},{other}"], "outbound", [api, other]),
                "no such port": (client, ["-D", "9"], "outbound", []),
                "remote": (client, ["-A", address], "outbound", [api, other]),
                "remote block": (client, ["-A", "10.0.0.0/8"], "outbound", [api, other]),
                "other block": (client, ["-A", "192.0.2.0/24"], "outbound", []),
                "local": (client, ["-a", own], "outbound", [api, other]),
                "other local": (client, ["-a", "192.0.2.1"], "outbound", []),
                "IPv4": (client, ["-4"], "outbound", [api, other]),
                "IPv6": (client, ["-6"], "outbound", []),
                "role": (client, ["--role", "outbound"], "outbound", [api, other]),
                "other role": (client, ["--role", "inbound"], "outbound", []),
                "all of them": (client, ["-4", "-D", str(api), "-A", address, "--role", "outbound"], "outbound", [api]),
                "process": (client, ["-p", str(lab.ready["client"]["pid"])], "outbound", [api, other]),
                "accepted by port": (server, ["-L", str(other), "--role", "inbound"], "inbound", [other]),
                "accepted by process": (server, ["-p", str(lab.ready["server"]["pid"])], "inbound", [other]),
            }
            reports, done = self.traced(lab, {name: (case[0], case[1]) for name, case in cases.items()})
            self.assertEqual(lab.end(), 0)
        sockets = {api: done["counts"]["api"]["connects_failed"], other: done["counts"]["other"]["connects"]}
        for name, (netns, _, role, ports) in cases.items():
            there = sockets if netns == client else {other: sockets[other]}
            self.check(name, reports[name], role, ports, sum(n for port, n in there.items() if port not in ports))
            for endpoint in reports[name]["endpoints"]:
                self.assertEqual(endpoint["sockets_seen"], sockets[endpoint["port"]], f"filter {name}")
        self.assertEqual(reports["one port"]["filters"]["remote_port"], [other])

    def test_local_port_is_known_only_after_the_connect_began(self):
        network = self.network()
        netns = network.path(network.client)
        with Tracer("--netns", netns, "-L", "40001", "--format", "json", "-o", self.file("r.json")) as tracer:
            tracer.wait_attached()
            command = network.inside(network.client, "/usr/bin/python3", "-c", REFUSED_FROM, "127.0.0.1", "40001", "40002", "0", "0")
            subprocess.run(command, check=True, timeout=60)
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
        report = self.read_report(self.file("r.json"))
        self.assertEqual([(e["address"], e["port"], e["connects"]) for e in report["endpoints"]], [("127.0.0.1", 9, 1)])
        self.assertEqual([s["local"]["port"] for s in report["sockets"]], [40001])
        self.assertEqual(report["totals"]["connect_outcomes"]["refused"], 1)
        self.assertEqual(report["sockets_filtered_out"], 3)


if __name__ == "__main__":
    main()
