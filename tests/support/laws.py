# SPDX-License-Identifier: Apache-2.0
"""What holds for every report, whatever it is of. The live tests ask it of each report that they read, a unit test of the goldens.

1. No failure without a word: it is in exactly one finding about failures, or in the rest that has a name.
2. Users who wait are never "nothing wrong".
3. Nothing seen is not nothing wrong.
4. The totals agree with the kernel's counters, or `loss` says by how much not.
5. A party is blamed only on evidence that excludes the others.
6. What lies on the sockets of another finding is its effect, no second cause.
"""

from collections.abc import Iterator

CONNECTS = ("refused", "reset", "timed_out", "unreachable", "local_error")  # an attempt that was given up in time is none
DELAYED_US, DELAYED_FLOORS, SLOW_SHARE, SLOW_LEAST = 100_000, 5, 0.05, 3
BULK_BYTES = 1 << 20
# Findings that own the sockets that they list.
OWNERS = ("peer-", "response-", "first-bytes-unanswered", "local-close", "local-reset", "connect-", "failures-unexplained")
# What makes this host send again in vain.
DEAD_PEERS = ("peer-forgot-connection", "peer-unreachable")


def broken(report: dict) -> list[str]:
    """The laws that this report does not keep, each in words."""
    laws = (_failures_are_told, _slow_users_are_told, _nothing_seen, _totals_agree, _blame_is_proven, _effects_are_no_causes)
    return [words for law in laws for words in law(report)]


def _is_whole(report: dict) -> bool:
    """Neither of a part of a recording nor of some sockets only."""
    filters = report["filters"]
    limits = any(filters[key] for key in ("pid", "comm", "cgroup", "local_port", "remote_port", "local", "remote", "family", "role",
                                          "expression"))
    return not limits and report.get("view_filters") is None and not report["window"]["partial"]


def _loud(report: dict, endpoint: str | None = None) -> list[dict]:
    return [f for f in report["findings"] if f["severity"] != "notice" and f["code"] != "events-lost"
            and (endpoint is None or endpoint in (f["endpoint"], *f.get("more_endpoints", ())))]


def _failures_are_told(report: dict) -> Iterator[str]:
    totals = report["totals"]
    failed = totals["exchanges_failed"]
    if failed and report["verdict"] in ("nothing_found", "nothing_seen", "nothing_matched"):
        yield f"{failed} exchanges failed, and the verdict is {report['verdict']}"
    owned: dict[str, list[str]] = {}
    for finding in report["findings"]:
        if finding["code"].startswith(OWNERS):
            for sock in finding["sockets"]:
                owned.setdefault(sock, []).append(finding["id"])
    named = {endpoint for f in report["findings"] for endpoint in (f["endpoint"], *f.get("more_endpoints", ()))}
    for endpoint in report["endpoints"]:
        if endpoint["exchanges_failed"] and endpoint["id"] not in named:
            yield f"{endpoint['exchanges_failed']} exchanges of {endpoint['id']} failed, and no finding is of it"
    roles = {endpoint["id"]: endpoint["role"] for endpoint in report["endpoints"]}
    for sock in report["sockets"]:
        # What this host's clients do is told as a whole (peer-gave-up).
        if roles[sock["endpoint"]] != "outbound" or not sock["exchanges_failed"]:
            continue
        if len(owned.get(sock["id"], [])) != 1:
            yield f"the failed exchange of socket {sock['id']} is in findings {owned.get(sock['id'], [])}, not in one"


def _slow_users_are_told(report: dict) -> Iterator[str]:
    for endpoint in report["endpoints"]:
        histogram = endpoint["histograms"].get("last_byte")
        if not histogram or not histogram["count"]:
            continue
        bytes_each = max(endpoint["bytes_sent"], endpoint["bytes_received"]) / max(endpoint["exchanges"], 1)
        limit = max(DELAYED_US, DELAYED_FLOORS * (endpoint["rtt_floor_us"] or 0))
        delayed = sum(count for low, _, count in histogram["buckets"] if low > limit)
        if bytes_each >= BULK_BYTES or delayed < SLOW_LEAST or delayed < SLOW_SHARE * histogram["count"]:
            continue
        if not _loud(report, endpoint["id"]):
            yield f"{delayed} of {histogram['count']} exchanges of {endpoint['id']} took more than {limit} us, without a warning"


def _nothing_seen(report: dict) -> Iterator[str]:
    totals = report["totals"]
    anything = totals["sockets_seen"] or totals["resets"]["sent"] or any((totals["drops"] or {}).values()) or totals["listen_drops"]
    if not anything and report["verdict"] == "nothing_found":
        yield "no socket was seen, and the verdict is nothing_found"
    moved = [key for key in ("connects", "exchanges", "exchanges_pending", "bytes_sent", "bytes_received") if totals[key]]
    if moved and report["verdict"] == "nothing_seen":
        yield f"the totals have {moved}, and the verdict is nothing_seen"
    if report["other_netns"] and report["verdict"] != "nothing_seen":
        yield f"the report names other namespaces, and the verdict is {report['verdict']}"


def _totals_agree(report: dict) -> Iterator[str]:
    if not _is_whole(report) or not report["kernel_counters"]:
        return
    totals, loss = report["totals"], report["loss"]
    lost = sum(loss.values())
    if totals["reset_phases"]["no_socket"] is None:
        lost += sum(netns["counters"].get("OutRsts") or 0 for netns in report["kernel_counters"])  # not visible before Linux 6.10
    probes = sum(endpoint["probes"]["made"] for endpoint in report["endpoints"] if endpoint["probes"])
    told = {"RetransSegs": totals["retransmitted_segments"], "OutRsts": totals["resets"]["sent"],
            "ActiveOpens": totals["connects"] + probes}
    for name, count in told.items():
        values = [netns["counters"].get(name) for netns in report["kernel_counters"]]
        if None not in values and sum(values) > count + lost:
            yield f"the kernel's {name} is {sum(values)}, the report tells of {count} and of {lost} lost"
    kinds = sum(totals["retransmits"].values())
    # One event may be of several segments, never of none.
    if kinds > totals["retransmitted_segments"] + lost:
        yield f"{kinds} retransmissions by kind, {totals['retransmitted_segments']} segments"


def _blame_is_proven(report: dict) -> Iterator[str]:
    for finding in report["findings"]:
        evidence = finding["evidence"]
        if evidence.get("side") == "remote_slow" and evidence["request_acked_count"] < 0.9 * evidence["count"]:
            yield f"{finding['id']} blames the peer's application for requests that it did not acknowledge"


def _effects_are_no_causes(report: dict) -> Iterator[str]:
    findings = report["findings"]
    retransmits = {sock["id"]: sum(sock["retransmits"][kind] for kind in ("rto", "fast", "tlp", "other")) for sock in report["sockets"]}
    endpoints = {endpoint["id"]: endpoint for endpoint in report["endpoints"]}
    for loss in (f for f in findings if f["code"] == "retransmit-loss" and f["evidence"].get("direction") == "out" and not f["caused_by"]):
        counts = endpoints[loss["endpoint"]]["retransmits"]
        of_all = sum(counts[kind] for kind in ("rto", "fast", "tlp", "other"))
        for dead in (f for f in findings if f["code"] in DEAD_PEERS and f["endpoint"] == loss["endpoint"]):
            if of_all and sum(retransmits.get(sock, 0) for sock in dead["sockets"]) >= 0.8 * of_all:
                yield f"{loss['id']} (retransmit-loss) is what {dead['id']} ({dead['code']}) made, and stands as a cause of its own"
