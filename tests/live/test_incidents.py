#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every incident of the lab, traced for real: what tcpdiag says must be what the lab made and measured at both ends."""

import os
import statistics
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main, unix_time  # noqa: E402
from side_by_side import Run, SideBySide, Watch  # noqa: E402

# How far a delay may be from what the lab measured: scheduling on a loaded machine, not tcpdiag's error.
CLOSE_S = 0.1
CLOSED_AFTER_S = 2.0
HARMLESS = ("notice",)


class IncidentCase(SideBySide):
    """What an incident's report must say, compared with what the lab made and measured."""

    def traced(self, name: str) -> Run:
        run = self.run_of(name)
        self.assertEqual((run.report["origin"], run.report["window"]["ended_by"]), ("bpf", "signal"))
        return run

    def check_endpoint(self, traced: Run, name: str = "api", exact_exchanges: bool = True, unread: bool = False) -> dict:
        """The endpoint's counts are the lab's, and its owner is the lab's client."""
        endpoint, count = self.endpoint(traced.report, traced.ready, name), traced.counts[name]
        seen = {"exchanges_failed": endpoint["exchanges_failed"], "established": endpoint["connect_outcomes"]["established"],
                "connects": endpoint["connects"], "exchanges_pending": endpoint["exchanges_pending"],
                "pending": endpoint["connect_outcomes"]["pending"]}
        true = {"exchanges_failed": count["failed"], "established": count["connects"],
                "connects": count["connects"] + count["connects_failed"], "exchanges_pending": 0, "pending": 0}
        if unread:  # Whether a response that nobody read had been complete cannot be told from the wire.
            del seen["exchanges_failed"], true["exchanges_failed"]
        self.assertEqual(seen, true, f"endpoint {name}")
        if exact_exchanges:
            self.assertEqual(endpoint["exchanges"], count["ok"], f"exchanges of endpoint {name}")
        else:
            self.assertGreaterEqual(endpoint["exchanges"], count["ok"], f"exchanges of endpoint {name}")
        self.assertEqual(endpoint["netns"]["inode"], traced.ready["client_netns_inode"])
        client = traced.ready["client"]
        self.assertEqual([(p["comm"], p["pids"]) for p in endpoint["processes"]], [(client["comm"], [client["pid"]])],
                         f"owner of endpoint {name}")
        return endpoint

    def check_finding(self, traced: Run, code: str, severity: str = "critical") -> dict:
        """The cause is first, says where and when, and names the very sockets that failed."""
        report, done = traced.report, traced.done
        finding = self.first_finding(report, code)
        where = {e["id"]: e for e in report["endpoints"]}[finding["endpoint"]]
        api = traced.ready["endpoints"]["api"]
        self.assertEqual((where["role"], where["address"], where["port"]), ("outbound", api["address"], api["port"]))
        self.assertEqual(finding["severity"], severity)
        self.assertIn(finding["confidence"], ("high", "medium"))
        self.assertEqual(finding["caused_by"], [])
        self.assertFalse(finding["ongoing"])
        self.assertEqual(report["verdict"], "cause_found")
        self.check_sockets(traced, finding)

        wall = done["at_unix_s"] - done["at_s"]
        starts = [failure["started_s"] + wall for failure in done["failures"]]
        ends = [failure["ended_s"] + wall for failure in done["failures"]]
        for key in ("first_at", "last_at"):
            self.assertGreater(unix_time(finding[key]), min(starts) - 1, key)
            self.assertLess(unix_time(finding[key]), max(ends) + 1, key)
        return finding

    def check_sockets(self, traced: Run, finding: dict) -> None:
        """The finding's sockets: right local ports, right owner, older than the trace exactly when they are."""
        sockets = {socket["id"]: socket for socket in traced.report["sockets"]}
        named = [sockets[name] for name in finding["sockets"]]
        ports = {failure["local_port"] for failure in traced.done["failures"] if failure["local_port"]}
        ports |= set(traced.done.get("unanswered_local_ports", []))
        if ports:
            self.assertLessEqual({socket["local"]["port"] for socket in named}, ports)
        self.assertTrue(named)
        client = traced.ready["client"]
        for socket in named:
            self.assertEqual((socket["process"]["pid"], socket["process"]["comm"]), (client["pid"], client["comm"]), socket["id"])
            if traced.middle:
                self.assertIsNone(socket["opened_at"], "a socket older than the trace")
            else:
                self.assertIsNotNone(socket["opened_at"])

    def check_resets(self, traced: Run) -> None:
        """All resets were counted. Answers to SYNs are a phase of their own; what this kernel cannot show is null."""
        totals = traced.report["totals"]
        phases = totals["reset_phases"]
        self.assertEqual(totals["resets"]["received"] - (phases["syn_sent"] or 0), traced.done["resets_received"], phases)
        if phases["time_wait"] is not None:
            self.assertEqual(totals["resets"]["sent"], traced.done["resets_sent"], phases)

    def close_to(self, value: float | None, wanted: float, what: str, within: float = CLOSE_S) -> None:
        self.assertIsNotNone(value, what)
        self.assertAlmostEqual(value, wanted, delta=within, msg=what)

    def check_no_other_failure(self, traced: Run, code: str) -> None:
        others = [f["code"] for f in traced.report["findings"] if f["severity"] not in HARMLESS and f["code"] != code]
        self.assertEqual(others, [], "nothing else was wrong")

    # What each incident must say. `middle` variants call the same.
    def api_reset(self, name: str) -> None:
        traced = self.traced(name)
        self.check_endpoint(traced)
        self.check_resets(traced)
        finding = self.check_finding(traced, "peer-reset-awaiting-response")
        self.check_no_other_failure(traced, finding["code"])
        evidence, waits, count = finding["evidence"], traced.done["waits_s"], traced.counts["api"]
        self.assertEqual(finding["count"], count["failed"])
        self.assertEqual(evidence["reset_count"], count["failed"])
        self.assertEqual(evidence["exchange_count"], count["ok"] + count["failed"])
        self.close_to(evidence["share_pct"], 100 * count["failed"] / (count["ok"] + count["failed"]), "share_pct")
        self.close_to(evidence["wait_p50_s"], statistics.median(waits), "wait_p50_s")
        self.close_to(evidence["wait_min_s"], waits[0], "wait_min_s")
        self.close_to(evidence["wait_max_s"], waits[-1], "wait_max_s")
        self.assertEqual(evidence["request_acked_count"], count["failed"])
        self.assertEqual(evidence["response_bytes_before_reset_max"], 0)
        self.assertEqual(finding["impact"]["exchanges_failed"], count["failed"])
        if not traced.middle:
            self.assertEqual(finding["confidence"], "high")

    def api_timeout(self) -> None:
        traced = self.traced("api_timeout")
        self.check_endpoint(traced)
        self.check_resets(traced)
        finding = self.check_finding(traced, "response-timeout")
        self.check_no_other_failure(traced, finding["code"])
        evidence, waits, failed = finding["evidence"], traced.done["waits_s"], traced.counts["api"]["failed"]
        self.assertEqual((finding["count"], evidence["count"]), (failed, failed))
        self.close_to(evidence["wait_p50_s"], statistics.median(waits), "wait_p50_s")
        self.close_to(evidence["wait_max_s"], waits[-1], "wait_max_s")
        self.assertEqual((evidence["request_acked_count"], evidence["unacked_count"]), (failed, 0))
        self.assertEqual(evidence["side"], "remote_slow")

    def idle_reset(self) -> None:
        traced = self.traced("idle_reset")
        self.check_endpoint(traced)
        self.check_resets(traced)
        finding = self.check_finding(traced, "peer-reset-after-idle")
        self.check_no_other_failure(traced, finding["code"])
        evidence, idles, failed = finding["evidence"], traced.done["idles_s"], traced.counts["api"]["failed"]
        self.assertEqual((finding["count"], evidence["reset_count"]), (failed, failed))
        self.close_to(evidence["idle_p50_s"], statistics.median(idles), "idle_p50_s")
        self.close_to(evidence["idle_min_s"], idles[0], "idle_min_s")
        self.close_to(evidence["idle_max_s"], idles[-1], "idle_max_s")
        self.assertLess(evidence["write_to_reset_p50_us"], 50_000)

    def closed_before_reuse(self) -> None:
        traced = self.traced("closed_before_reuse")
        self.check_endpoint(traced, exact_exchanges=not traced.middle)  # The client keeps its connections warm while it is held.
        self.check_resets(traced)
        finding = self.check_finding(traced, "peer-closed-before-reuse")
        self.check_no_other_failure(traced, finding["code"])
        evidence, failed = finding["evidence"], traced.counts["api"]["failed"]
        self.assertEqual((finding["count"], evidence["count"]), (failed, failed))
        self.close_to(evidence["fin_to_write_p50_us"] / 1e6, statistics.median(traced.done["fin_to_write_s"]), "fin_to_write_p50_us")
        self.assertGreaterEqual(evidence["fin_to_write_min_us"], 1000)
        self.close_to(evidence["idle_at_fin_p50_s"], CLOSED_AFTER_S, "idle_at_fin_p50_s", within=0.25)
        self.assertEqual(finding["confidence"], "high")


class Incidents(IncidentCase):
    """The tracer runs before the first byte."""

    RUNS = {
        "connect_timeout": Run("connect-timeout"),
        "api_timeout": Run("api-timeout"),
        "api_reset": Run("api-reset"),
        "api_reset_of_twelve": Run("api-reset", ("--failures", "12", "--seconds", "2")),
        "first_bytes_unanswered": Run("first-bytes-unanswered"),
        "idle_reset": Run("idle-reset"),
        "closed_before_reuse": Run("closed-before-reuse", ("--seconds", str(CLOSED_AFTER_S))),
        "api_reset_ipv6": Run("api-reset", ("--ipv6", "--seconds", "2")),
        "api_reset_by_pid": Run("api-reset", ("--seconds", "2"), watch=(Watch(by_pid=True),)),
        "connect_refused": Run("connect-refused"),
        "local_reset": Run("local-reset"),
        "api_ok": Run("api-ok"),
    }

    def test_api_ok(self):
        traced = self.traced("api_ok")
        self.check_endpoint(traced)
        self.check_resets(traced)
        loud = [(f["code"], f["severity"]) for f in traced.report["findings"] if f["severity"] not in HARMLESS]
        self.assertEqual(loud, [])
        self.assertEqual(traced.report["verdict"], "nothing_found")
        self.assertGreater(len(traced.report["summary"]), 20)

    def test_api_reset(self):
        self.api_reset("api_reset")

    def test_api_reset_of_twelve(self):
        self.api_reset("api_reset_of_twelve")

    def test_api_reset_ipv6(self):
        self.api_reset("api_reset_ipv6")

    def test_api_reset_by_pid(self):
        """With -p the namespace is the process's own."""
        self.api_reset("api_reset_by_pid")

    def test_api_timeout(self):
        self.api_timeout()

    def test_connect_timeout(self):
        traced = self.traced("connect_timeout")
        for name in ("api", "other"):
            endpoint = self.check_endpoint(traced, name)
            self.assertEqual(endpoint["connect_outcomes"]["abandoned"], traced.counts[name]["connects_failed"])
        self.check_resets(traced)
        finding = self.check_finding(traced, "connect-timeout")
        self.check_no_other_failure(traced, finding["code"])
        evidence, waits, count = finding["evidence"], traced.done["waits_s"], traced.counts["api"]
        self.assertEqual(finding["count"], count["connects_failed"])
        self.assertEqual((evidence["timed_out_count"], evidence["abandoned_count"], evidence["ongoing_count"]),
                         (0, count["connects_failed"], 0))
        self.assertEqual(evidence["connect_count"], count["connects"] + count["connects_failed"])
        self.close_to(evidence["gave_up_after_p50_s"], statistics.median(waits), "gave_up_after_p50_s")
        self.assertGreaterEqual(evidence["syns_sent_p50_count"], 2)
        self.assertEqual(evidence["icmp_errors"], 0)
        self.assertEqual(finding["impact"]["connects_failed"], count["connects_failed"])
        self.assertEqual(finding["confidence"], "high")
        sent_again = traced.report["totals"]["retransmits"]["syn"]
        self.assertGreaterEqual(sent_again, count["connects_failed"])

    def test_connect_refused(self):
        traced = self.traced("connect_refused")
        for name in ("api", "other"):
            endpoint = self.check_endpoint(traced, name)
            self.assertEqual(endpoint["connect_outcomes"]["refused"], traced.counts[name]["connects_failed"])
        self.check_resets(traced)
        finding = self.check_finding(traced, "connect-refused")
        self.check_no_other_failure(traced, finding["code"])
        evidence, refused = finding["evidence"], traced.counts["api"]["connects_failed"]
        self.assertEqual((finding["count"], evidence["refused_count"], evidence["connect_count"]), (refused, refused, refused))
        self.close_to(evidence["share_pct"], 100, "share_pct")
        self.assertIn("ruby", str(evidence["sources"]))
        self.assertEqual(finding["confidence"], "high")

    def test_idle_reset(self):
        self.idle_reset()

    def test_first_bytes_unanswered(self):
        traced = self.traced("first_bytes_unanswered")
        for name in ("api", "other"):
            self.check_endpoint(traced, name)
        self.check_resets(traced)
        finding = self.check_finding(traced, "first-bytes-unanswered")
        self.check_no_other_failure(traced, finding["code"])
        evidence, waits, failed = finding["evidence"], traced.done["waits_s"], traced.counts["api"]["failed"]
        self.assertEqual((finding["count"], evidence["count"], evidence["acked_count"]), (failed, failed, failed))
        self.close_to(evidence["wait_p50_s"], statistics.median(waits), "wait_p50_s")
        self.assertGreater(evidence["first_sent_p50_bytes"], 0)
        self.assertEqual(finding["confidence"], "high")

    def test_closed_before_reuse(self):
        self.closed_before_reuse()

    def test_local_reset(self):
        traced = self.traced("local_reset")
        self.check_endpoint(traced, unread=True)
        self.check_resets(traced)
        finding = self.check_finding(traced, "local-reset", severity="warning")
        self.check_no_other_failure(traced, finding["code"])
        all_causes = {f["evidence"]["cause"]: f["evidence"] for f in traced.report["findings"] if f["code"] == "local-reset"}
        self.assertEqual({cause: evidence["count"] for cause, evidence in all_causes.items()},
                         {"app_closed_unread": traced.done["closed_unread"], "app_linger0": traced.done["closed_linger0"]})
        self.assertEqual(all_causes["app_closed_unread"]["unread_bytes_max"], traced.done["unread_bytes"])


class SocketsOlderThanTheTrace(IncidentCase):
    """The tracer starts in the middle: connections are established, and were used."""

    RUNS = {
        "api_reset": Run("api-reset", middle=True),
        "api_timeout": Run("api-timeout", middle=True),
        "idle_reset": Run("idle-reset", middle=True),
        "closed_before_reuse": Run("closed-before-reuse", ("--seconds", str(CLOSED_AFTER_S)), middle=True),
    }

    def test_api_reset(self):
        self.api_reset("api_reset")

    def test_api_timeout(self):
        self.api_timeout()

    def test_idle_reset(self):
        self.idle_reset()

    def test_closed_before_reuse(self):
        self.closed_before_reuse()


if __name__ == "__main__":
    main()
