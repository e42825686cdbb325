# SPDX-License-Identifier: Apache-2.0
"""Compares the reports of tcpdiag with what the traffic program says it did and with the kernel's own counters.

Counts must be equal, not near, and things in their order; no time is compared. lab.sh says which file is what.
"""

import json
import pathlib

SERVER = "10.9.0.2"
# What must be found in the known traffic, the worst first: a port without a listener, a server that resets while it owes an
# answer, closes with unread data, and a port that never answers.
FINDINGS = ["connect-refused", "peer-reset-awaiting-response", "local-reset", "connect-timeout"]
CROWD = ("gamma", "alpha", "beta", "delta")
OUTCOMES = ("established", "refused", "reset", "timed_out", "unreachable", "abandoned", "local_error", "pending")


class Checks:
    def __init__(self) -> None:
        self.done = 0
        self.wrong: list[str] = []
        self.part = ""

    def equal(self, what: str, got: object, want: object) -> None:
        self.done += 1
        if got != want:
            self.wrong.append(f"{self.part}: {what}: {got!r}, expected {want!r}")

    def true(self, what: str, good: bool) -> None:
        self.equal(what, bool(good), True)


def load(path: pathlib.Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return {"unreadable": str(error)}


def get(tree: object, path: str) -> object:
    """tree["a"]["b"] for "a.b"; a missing key is told apart from null."""
    for name in path.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return "(no such key)"
        tree = tree[name]
    return tree


def read_counters(path: pathlib.Path) -> dict[str, int]:
    """/proc/net/netstat and /proc/net/snmp: pairs of lines."""
    lines = path.read_text().splitlines() if path.exists() else []
    counters = {}
    for names, values in zip(lines[::2], lines[1::2]):
        counters.update(zip(names.split()[1:], map(int, values.split()[1:])))
    return counters


class Guest:
    """The files that one run of lab.sh left."""

    def __init__(self, out: pathlib.Path):
        self.out = out

    def report(self, name: str) -> dict:
        return load(self.out / f"{name}.json")

    def truth(self, name: str) -> dict:
        return load(self.out / f"{name}.truth.json")

    def counted(self, part: str, namespace: str) -> dict[str, int]:
        """How far the kernel's counters of a namespace moved in one part."""
        before, after = (read_counters(self.out / f"{part}.{when}.{namespace}.counters") for when in ("before", "after"))
        return {name: value - before.get(name, 0) for name, value in after.items()}


def has_feature(report: dict, feature: str) -> bool:
    return get(report, f"abilities.{feature}.available") is True


def check_common(checks: Checks, report: dict, kernel: dict[str, int]) -> None:
    """What holds for every trace without filters."""
    totals = report.get("totals", {})
    checks.equal("schema", get(report, "schema"), "tcpdiag.report/1")
    loss = report.get("loss", {})
    checks.true("loss has its causes", len(loss) >= 8)
    checks.equal("loss", {cause: n for cause, n in loss.items() if n}, {})
    for name in ("RetransSegs", "OutRsts", "TCPSynRetrans", "TCPTimeouts", "TCPLossProbes", "TCPFastRetrans",
                 "TCPSlowStartRetrans", "EstabResets", "AttemptFails"):
        reported = [get(one, f"counters.{name}") for one in report.get("kernel_counters", [])]
        checks.equal(f"kernel_counters {name}", reported, [kernel.get(name)])
    checks.equal("retransmitted_segments", get(totals, "retransmitted_segments"), kernel.get("RetransSegs"))
    kinds = get(totals, "retransmits")
    kinds = kinds if isinstance(kinds, dict) else {}
    checks.equal("SYNs and SYN-ACKs sent again", kinds.get("syn", 0) + kinds.get("synack", 0), kernel.get("TCPSynRetrans"))
    # A SYN-ACK is sent again by its timer, or because the SYN came again.
    timeouts = kinds.get("rto", 0) + kinds.get("syn", 0)
    counted = kernel.get("TCPTimeouts", -1)
    checks.true(f"TCPTimeouts {counted} is timeouts of {kinds}", timeouts <= counted <= timeouts + kinds.get("synack", 0))
    # A probe may also send something new.
    checks.true(f"TCPLossProbes {kernel.get('TCPLossProbes')} holds the probes of {kinds}",
                kinds.get("tlp", 0) <= kernel.get("TCPLossProbes", -1))
    events = [entry["detail"] for sock in report.get("sockets", []) for entry in sock["timeline"] if entry["kind"] == "retransmit"]
    for kind, name in (("fast", "TCPFastRetrans"), ("other", "TCPSlowStartRetrans")):
        segments = sum(detail["segments"] for detail in events if detail["kind"] == kind)
        checks.equal(f"segments sent again, {kind}", segments, kernel.get(name))


def check_known_client(checks: Checks, report: dict, truth: dict, kernel: dict[str, int]) -> None:
    totals = report.get("totals", {})
    checks.equal("connects", get(totals, "connects"), truth["established"] + truth["refused"] + truth["abandoned"])
    for outcome in OUTCOMES:
        checks.equal(f"connect_outcomes.{outcome}", get(totals, f"connect_outcomes.{outcome}"), truth.get(outcome, 0))
    # A refused connect is a received RST, too.
    checks.equal("resets received", get(totals, "resets.received"), truth["resets_received"] + truth["refused"])
    checks.equal("resets sent", get(totals, "resets.sent"), truth["resets_sent"])
    checks.equal("resets sent, as the kernel has it", get(totals, "resets.sent"), kernel.get("OutRsts"))
    phases = {"syn_sent": truth["refused"], "established": truth["resets_received"] + truth["resets_sent"]}
    checks.equal("reset_phases", {phase: n for phase, n in (get(totals, "reset_phases") or {}).items() if n}, phases)
    # Closed with unread data.
    checks.equal("reset_reasons", get(totals, "reset_reasons"),
                 {"TCP_ABORT_ON_CLOSE": truth["resets_sent"]} if has_feature(report, "reset_reasons") else None)
    for name in ("exchanges", "exchanges_failed", "bytes_sent", "bytes_received"):
        checks.equal(name, get(totals, name), truth[name])
    checks.equal("exchanges_pending", get(totals, "exchanges_pending"), 0)
    # A slow emulation may make another connect repeat its SYN.
    checks.true(f"the kernel counted its {truth['syn_retransmits']} SYNs", kernel.get("TCPSynRetrans", 0) >= truth["syn_retransmits"])
    checks.equal("retransmits.syn", get(totals, "retransmits.syn"), kernel.get("TCPSynRetrans"))
    checks.equal("findings in their order", [finding.get("code") for finding in report.get("findings", [])], FINDINGS)
    by_port = {endpoint.get("port"): endpoint for endpoint in report.get("endpoints", [])}
    checks.equal("endpoints", sorted((e.get("role"), e.get("address"), port) for port, e in by_port.items()),
                 [("outbound", SERVER, port) for port in (7001, 7002, 7003)])
    for port, outcome in ((7001, "established"), (7002, "refused"), (7003, "abandoned")):
        outcomes = get(by_port.get(port), "connect_outcomes")
        checks.equal(f"connects of port {port}", {name: n for name, n in outcomes.items() if n} if isinstance(outcomes, dict) else outcomes,
                     {outcome: truth[outcome]})
        comms = sorted({process.get("comm") for process in by_port.get(port, {}).get("processes", [])}, key=str)
        checks.equal(f"processes of port {port}", comms, ["traffic"])
    check_order(checks, report, truth)


def check_order(checks: Checks, report: dict, truth: dict) -> None:
    """The stories of the reset connections: what happened, in its order."""
    stories = [[entry["kind"] for entry in sock["timeline"]] for sock in report.get("sockets", [])
               if get(sock, "remote.port") == 7001]
    for kind, number in (("reset_received", truth["resets_received"]), ("reset_sent", truth["resets_sent"])):
        reset = [story for story in stories if kind in story]
        checks.equal(f"sockets with {kind}", len(reset), number)
        want = ["connect", "established", "request", kind]
        order = [[entry for entry in story if entry in want] for story in reset]
        checks.equal(f"order of events up to {kind}", order, [want] * number)


def check_known_server(checks: Checks, report: dict, truth: dict, kernel: dict[str, int]) -> None:
    """The same traffic, seen from the other end."""
    totals = report.get("totals", {})
    checks.equal("connects", get(totals, "connects"), 0)
    checks.equal("sockets_seen", get(totals, "sockets_seen"), truth["established"])
    # Where the kernel tells of them, also those that refused a connect: they belong to no socket.
    unseen = 0 if has_feature(report, "reset_without_socket") else truth["refused"]
    checks.equal("resets sent", get(totals, "resets.sent"), truth["resets_received"] + truth["refused"] - unseen)
    checks.equal("resets sent, as the kernel has it", get(totals, "resets.sent"), kernel.get("OutRsts", 0) - unseen)
    checks.equal("resets without a socket", get(totals, "reset_phases.no_socket"), None if unseen else truth["refused"])
    checks.equal("resets received", get(totals, "resets.received"), truth["resets_sent"])
    checks.equal("resets while established", get(totals, "reset_phases.established"), truth["resets_received"] + truth["resets_sent"])
    reasons = get(totals, "reset_reasons")
    checks.equal("reset_reasons", sum(reasons.values()) if isinstance(reasons, dict) else reasons,
                 truth["resets_received"] + truth["refused"] if has_feature(report, "reset_reasons") else None)
    checks.equal("bytes_sent", get(totals, "bytes_sent"), truth["bytes_received"])
    checks.equal("bytes_received", get(totals, "bytes_received"), truth["bytes_sent"])
    checks.equal("exchanges", get(totals, "exchanges"), truth["exchanges"])
    inbound = [e for e in report.get("endpoints", []) if e.get("role") == "inbound"]
    checks.equal("inbound endpoints", [(e.get("address"), e.get("port"), e.get("sockets_seen")) for e in inbound],
                 [(SERVER, 7001, truth["established"])])
    comms = sorted({process.get("comm") for endpoint in inbound for process in endpoint.get("processes", [])}, key=str)
    checks.equal("processes", comms, ["trafficd"])


def kinds_by_port(report: dict, side: str) -> dict[int, dict[str, int]]:
    """For each port of `side`, local or remote, the retransmissions of its sockets, without those that did not occur."""
    return {get(sock, f"{side}.port"): {kind: n for kind, n in sock["retransmits"].items() if n} for sock in report.get("sockets", [])}


def check_losses(checks: Checks, guest: Guest) -> None:
    truth = guest.truth("losses")
    client, server = guest.report("loss.client"), guest.report("loss.server")
    for name, report, namespace in (("client", client, "c"), ("server", server, "s")):
        checks.part = f"losses, {name}"
        check_common(checks, report, guest.counted("losses", namespace))
        checks.equal("sockets_seen", get(report, "totals.sockets_seen"), truth["established"])
        checks.equal("resets", get(report, "totals.resets"), {"sent": 0, "received": 0})
    checks.part = "losses"
    checks.equal("established", get(client, "totals.connect_outcomes.established"), truth["established"])
    for mine, theirs in (("bytes_sent", "bytes_received"), ("bytes_received", "bytes_sent")):
        checks.equal(f"client's {mine}", get(client, f"totals.{mine}"), truth[mine])
        checks.equal(f"server's {theirs}", get(server, f"totals.{theirs}"), truth[mine])
    # Each kind where it was made. A slow emulation may add timeouts of its own: the sums above hold them.
    made = kinds_by_port(client, "local")
    checks.true(f"a fast retransmission: {made.get(truth['fast_port'])}", made.get(truth["fast_port"], {}).get("fast", 0) >= 1)
    checks.true(f"three timeouts: {made.get(truth['rto_port'])}", made.get(truth["rto_port"], {}).get("rto", 0) >= 3)
    checks.true(f"a SYN sent again: {made.get(truth['syn_port'])}", made.get(truth["syn_port"], {}).get("syn", 0) >= 1)
    checks.equal("probes of the client, which are off", get(client, "totals.retransmits.tlp"), 0)
    made = kinds_by_port(server, "remote")
    checks.true(f"a tail probe: {made.get(truth['tlp_port'])}", made.get(truth["tlp_port"], {}).get("tlp", 0) >= 1)
    checks.true("a SYN-ACK sent again", (get(server, "totals.retransmits.synack") or 0) >= 1)


def check_owners(checks: Checks, guest: Guest) -> None:
    """Each trace has the sockets of the processes that it asked for, and no other."""
    crowd = {name: guest.truth(name)["established"] for name in CROWD}
    cgroups = {"alpha": "/tcpdiag-lab", "beta": "/tcpdiag-lab/later", "gamma": "/tcpdiag-lab-other"}
    for trace, names in (("by-comm", ["gamma"]), ("by-pid", ["beta"]), ("by-cgroup", ["alpha", "beta"])):
        checks.part = trace
        report = guest.report(trace)
        if not has_feature(report, "confined_files"):  # docs/privileges.md: without Landlock those of younger cgroups are not looked up
            cgroups["beta"] = None
        connects = sum(crowd[name] for name in names)
        checks.equal("established", get(report, "totals.connect_outcomes.established"), connects)
        checks.equal("sockets_seen", get(report, "totals.sockets_seen"), connects)
        checks.equal("exchanges", get(report, "totals.exchanges"), connects)
        checks.equal("sockets_filtered_out", get(report, "sockets_filtered_out"), sum(crowd.values()) - connects)
        seen = {process["comm"]: (process["sockets_seen"], process["cgroup"])
                for endpoint in report.get("endpoints", []) for process in endpoint.get("processes", [])}
        checks.equal("processes", seen, {name: (crowd[name], cgroups[name]) for name in names})


def check_names(checks: Checks, guest: Guest) -> None:
    checks.part = "names"
    asked = [(one["address"], one["queries"], one["sent"], [process["comm"] for process in one["processes"]], one["names"])
             for one in guest.report("names").get("look_ups", [])]
    name = {"name": "api.example.com", "slow": 0, "unanswered": 1, "errors": 0}
    checks.equal("look-ups", asked, [(SERVER, 1, 2, ["bash"], [name])])


def check_doctor(checks: Checks, answer: dict, report: dict) -> None:
    """It says of each feature what a trace says."""
    checks.equal("can_trace", get(answer, "can_trace"), True)
    expected, found = (get(one, "abilities") for one in (answer, report))
    expected, found = (one if isinstance(one, dict) else {} for one in (expected, found))
    checks.true("the same features", expected.keys() & found.keys() >= {"socket_storage", "reset_reasons", "retransmit_failures"})
    for name in sorted(expected.keys() & found.keys()):
        checks.equal(f"feature {name}", get(expected[name], "available"), get(found[name], "available"))


def check(out: pathlib.Path, release: str, with_tcpdiag: bool) -> Checks:
    """Everything that one guest left in the folder `out`."""
    checks, guest = Checks(), Guest(out)
    checks.part = "guest"
    ran = (out / "release").read_text().strip() if (out / "release").exists() else "(none)"
    checks.equal("kernel", ran, release)
    parts = ("known", "losses", *CROWD) if with_tcpdiag else ("known", "losses")
    for part in parts:
        truth = guest.truth(part)
        checks.true(f"{part}.truth.json ({truth.get('unreadable', 'readable')})", "established" in truth)
    if not with_tcpdiag or checks.wrong:
        return checks
    checks.part = "trace -d 0"
    empty = guest.report("empty")
    checks.equal("schema", get(empty, "schema"), "tcpdiag.report/1")
    checks.equal("connects", get(empty, "totals.connects"), 0)
    checks.part = "doctor"
    check_doctor(checks, guest.report("doctor"), empty)
    truth = guest.truth("known")
    for name, namespace, check_known in (("client", "c", check_known_client), ("server", "s", check_known_server)):
        checks.part = f"known, {name}"
        report, kernel = guest.report(name), guest.counted("known", namespace)
        check_common(checks, report, kernel)
        check_known(checks, report, truth, kernel)
    checks.part = "recording"
    live, again = ((out / f"{name}.json").read_bytes() for name in ("client", "client.again"))
    checks.true("the report of the recording is the live one", live == again)
    check_losses(checks, guest)
    check_owners(checks, guest)
    check_names(checks, guest)
    return checks


def missing_features(out: pathlib.Path) -> list[str]:
    """What this kernel cannot tell, as the report has it."""
    features = load(out / "empty.json").get("abilities", {})
    return [name for name, feature in features.items() if feature.get("available") is not True]
