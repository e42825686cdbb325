# SPDX-License-Identifier: Apache-2.0
"""Compares a report of tcpdiag with what the traffic program says it did. Counts must be equal, not near."""

import json
import pathlib

# What must be found in this traffic: a server that resets while it owes an answer, a port without a listener, and a port
# that never answers. (Three closes with unread data add `local-reset`.)
FINDINGS = {"peer-reset-awaiting-response", "connect-refused", "connect-timeout", "local-reset"}


class Checks:
    def __init__(self) -> None:
        self.done = 0
        self.wrong: list[str] = []

    def equal(self, what: str, got: object, want: object) -> None:
        self.done += 1
        if got != want:
            self.wrong.append(f"{what}: {got!r}, expected {want!r}")

    def true(self, what: str, good: bool) -> None:
        self.equal(what, bool(good), True)


def load(path: pathlib.Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return {"unreadable": str(error)}


def kernel_counters(path: pathlib.Path) -> dict[str, int]:
    """/proc/net/netstat and /proc/net/snmp of the client's namespace, which was made for this traffic: pairs of lines."""
    lines = path.read_text().splitlines() if path.exists() else []
    counters = {}
    for names, values in zip(lines[::2], lines[1::2]):
        counters.update(zip(names.split()[1:], map(int, values.split()[1:])))
    return counters


def get(tree: object, path: str) -> object:
    """tree["a"]["b"] for "a.b"; a missing key is told apart from null."""
    for name in path.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return "(no such key)"
        tree = tree[name]
    return tree


def established_resets_received(totals: dict) -> object:
    """Resets of connections that existed; a refused connect is a received RST too, and is counted as an outcome."""
    received = get(totals, "resets.received")
    refused = get(totals, "reset_phases.syn_sent")
    return received - refused if isinstance(received, int) and isinstance(refused, int) else received


def check_report(report: dict, truth: dict, kernel: dict[str, int]) -> Checks:
    checks = Checks()
    checks.equal("schema", get(report, "schema"), "tcpdiag.report/1")
    totals = report.get("totals", {})
    connects = truth["established"] + truth["refused"] + truth["abandoned"]
    checks.equal("totals.connects", get(totals, "connects"), connects)
    for outcome in ("established", "refused", "reset", "timed_out", "unreachable", "abandoned", "local_error", "pending"):
        checks.equal(f"connect_outcomes.{outcome}", get(totals, f"connect_outcomes.{outcome}"), truth.get(outcome, 0))
    checks.equal("resets received", established_resets_received(totals), truth["resets_received"])
    checks.equal("resets sent", get(totals, "resets.sent"), truth["resets_sent"])
    for name in ("exchanges", "exchanges_failed", "bytes_sent", "bytes_received"):
        checks.equal(f"totals.{name}", get(totals, name), truth[name])
    checks.equal("exchanges_pending", get(totals, "exchanges_pending"), 0)
    # A slow emulation may make another connect repeat its SYN: the kernel says how many there were.
    checks.true(f"the kernel counted its {truth['syn_retransmits']} SYNs", kernel.get("TCPSynRetrans", 0) >= truth["syn_retransmits"])
    checks.equal("retransmits.syn", get(totals, "retransmits.syn"), kernel.get("TCPSynRetrans"))
    checks.equal("retransmitted_segments", get(totals, "retransmitted_segments"), kernel.get("RetransSegs"))
    for name in ("RetransSegs", "TCPSynRetrans", "EstabResets", "AttemptFails"):
        told = [get(one, f"counters.{name}") for one in report.get("kernel_counters", [])]
        checks.equal(f"kernel_counters {name}", told, [kernel.get(name)])
    loss = report.get("loss", {})
    checks.true("loss has its causes", len(loss) >= 8)
    checks.equal("loss", {cause: n for cause, n in loss.items() if n}, {})
    codes = {finding.get("code") for finding in report.get("findings", [])}
    for code in sorted(FINDINGS):
        checks.true(f"finding {code} (there are: {', '.join(sorted(map(str, codes))) or 'none'})", code in codes)
    endpoints = report.get("endpoints", [])
    checks.equal("endpoints", sorted((e.get("role"), e.get("address"), e.get("port")) for e in endpoints),
                 [("outbound", "10.9.0.2", port) for port in (7001, 7002, 7003)])
    for endpoint in endpoints:
        comms = sorted({process.get("comm") for process in endpoint.get("processes", [])}, key=str)
        checks.equal(f"processes of port {endpoint.get('port')}", comms, ["traffic"])
    return checks


def check_empty(report: dict) -> Checks:
    """The report of `trace -d 0`: everything there, nothing in it."""
    checks = Checks()
    checks.equal("-d 0: schema", get(report, "schema"), "tcpdiag.report/1")
    checks.equal("-d 0: connects", get(report, "totals.connects"), 0)
    return checks


def check(out: pathlib.Path, release: str, with_tcpdiag: bool) -> Checks:
    """Everything that one guest left in the folder `out`."""
    checks = Checks()
    ran = (out / "release").read_text().strip() if (out / "release").exists() else "(none)"
    checks.equal("kernel", ran, release)
    truth = load(out / "truth.json")
    checks.true(f"truth.json ({truth.get('unreadable', 'readable')})", "established" in truth)
    if not with_tcpdiag or checks.wrong:
        return checks
    for part in (check_empty(load(out / "empty.json")), check_report(load(out / "report.json"), truth, kernel_counters(out / "counters"))):
        checks.done += part.done
        checks.wrong += part.wrong
    return checks
