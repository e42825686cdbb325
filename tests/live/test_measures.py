#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Incidents that show one measure each, traced at both ends: what tcpdiag says must be what the kernels and the lab counted."""

import os
import statistics
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main  # noqa: E402
from side_by_side import CLIENT, SERVER, Run, SideBySide  # noqa: E402

BUCKET = 0.07  # The histograms' relative error.
LATE_S = 0.1
TAIL_PROBE_S = 0.15  # A TLP of a single segment waits for a delayed ACK: 200 ms, less a tick's rounding.


BOTH = (CLIENT, SERVER)


class Measures(SideBySide):
    RUNS = {
        "retransmit_busy": Run("retransmit-busy", watch=BOTH),
        "app_gap": Run("app-gap", watch=BOTH),
        "retransmit_kinds": Run("retransmit-kinds", watch=BOTH),
        "listen_overflow": Run("listen-overflow", watch=BOTH),
        "app_gap_quick": Run("app-gap", ("--milliseconds", "20"), watch=BOTH),
    }

    def played(self, name: str) -> tuple[dict, dict, dict, dict]:
        """Client's and server's report, the facts `ready` and `done`."""
        run = self.run_of(name)
        return run.reports["client"], run.reports["server"], run.ready, run.done

    def counters(self, report: dict) -> dict[str, int]:
        """What the kernel itself counted in the only traced namespace."""
        self.assertEqual(len(report["kernel_counters"]), 1)
        return report["kernel_counters"][0]["counters"]

    def inbound(self, report: dict, ready: dict, name: str) -> dict:
        port = ready["endpoints"][name]["port"]
        found = [e for e in report["endpoints"] if (e["role"], e["port"]) == ("inbound", port)]
        self.assertEqual(len(found), 1, [(e["role"], e["port"]) for e in report["endpoints"]])
        return found[0]

    def check_first(self, report: dict, code: str, endpoint: dict | None) -> dict:
        finding = self.first_finding(report, code)
        self.assertEqual((finding["endpoint"], finding["caused_by"]), (endpoint and endpoint["id"], []))
        self.assertEqual(report["verdict"], "cause_found")
        return finding

    def check_counts(self, endpoint: dict, done: dict, name: str) -> None:
        count = done["counts"][name]
        self.assertEqual((endpoint["exchanges"], endpoint["exchanges_failed"], endpoint["connects"],
                          endpoint["connect_outcomes"]["established"]), (count["ok"], 0, count["connects"], count["connects"]))

    def test_retransmit_kinds(self):
        client, server, ready, done = self.played("retransmit_kinds")
        endpoint = self.endpoint(client, ready, "peer")
        self.check_counts(endpoint, done, "peer")
        made, answered = done["retransmits"]["client"], done["retransmits"]["server"]
        own = done["tcp"]["client"]
        with self.subTest("the counts"):
            self.assertEqual(client["totals"]["retransmits"], {**made, "other": 0, "unseen": 0})
            self.assertEqual(client["totals"]["retransmitted_segments"], own["TcpRetransSegs"])
            self.assertEqual(self.counters(client)["RetransSegs"], own["TcpRetransSegs"])
            self.assertEqual(client["totals"]["retransmit_failures"]["other"], 0)
            self.assertEqual(server["totals"]["retransmits"]["synack"], answered["synack"])
            self.assertEqual(server["totals"]["retransmitted_segments"], done["tcp"]["server"]["TcpRetransSegs"])
        with self.subTest("the delays"):
            delays = {kind: endpoint["histograms"][f"retransmit_{kind}"] for kind in made if kind != "synack"}
            self.assertEqual({kind: delay["count"] for kind, delay in delays.items()},
                             {kind: count for kind, count in made.items() if kind != "synack"})
            synack = self.inbound(server, ready, "peer")["histograms"]["retransmit_synack"]
            self.assertEqual(synack["count"], answered["synack"])
            # RFC 6298: a SYN and a SYN-ACK wait a second. RFC 8985: the tail probe. The timeout comes after the probe's.
            self.assertGreater(min(delays["syn"]["min"], synack["min"]) / 1e6, 0.9)
            self.assertGreater(delays["tlp"]["min"] / 1e6, TAIL_PROBE_S)
            self.assertGreater(delays["rto"]["min"] / 1e6, 2 * TAIL_PROBE_S)
            self.assertLess(delays["fast"]["max"] / 1e6, TAIL_PROBE_S, "fast: before any timer")
        with self.subTest("the episodes"):
            recovery = endpoint["histograms"]["recovery"]
            episodes = made["fast"] + made["tlp"]  # Whatever comes of a request began with one of these.
            self.assertEqual(recovery["count"] + endpoint["recovery_unfinished"], episodes)
        with self.subTest("the cause"):
            finding = self.check_first(client, "retransmit-loss", endpoint)
            evidence = finding["evidence"]
            self.assertEqual((evidence["direction"], evidence["rto_count"], evidence["fast_count"], evidence["tlp_count"],
                              evidence["syn_count"]), ("out", made["rto"], made["fast"], made["tlp"], made["syn"]))

    def test_retransmit_busy(self):
        client, server, ready, done = self.played("retransmit_busy")
        endpoint = self.endpoint(client, ready, "peer")
        self.check_counts(endpoint, done, "peer")
        own, totals = done["tcp"]["client"], client["totals"]
        busy = totals["retransmit_failures"]["busy"]
        with self.subTest("the counts"):
            # TCPSpuriousRtxHostQueues has the tail probes that found their segment here as well: they are no attempt.
            self.assertLessEqual(busy, own["TcpExtTCPSpuriousRtxHostQueues"])
            failed = [entry["detail"]["kind"] for sock in client["sockets"] for entry in sock["timeline"]
                      if entry["kind"] == "retransmit_failed"]
            self.assertEqual(len(failed), busy)
            # An ACK that comes after a timeout may set off attempts of its own.
            self.assertEqual(failed.count("rto") + totals["retransmits"]["rto"] + totals["retransmits"]["syn"], own["TcpExtTCPTimeouts"])
            self.assertEqual(totals["retransmitted_segments"], own["TcpRetransSegs"])
            self.assertEqual(self.counters(client)["TCPSpuriousRtxHostQueues"], own["TcpExtTCPSpuriousRtxHostQueues"])
            self.assertEqual(endpoint["retransmit_failures"]["busy"], busy)
        with self.subTest("the cause"):
            finding = self.check_first(client, "local-queueing", endpoint)
            self.assertEqual(finding["evidence"]["retransmit_failures_busy"], busy)
            self.assertGreater(finding["evidence"]["host_queue_p99_us"], 100_000)
            self.assertEqual(finding["evidence"]["device"], "eth0")
        with self.subTest("nobody else is blamed"):
            self.assertNotIn("path-queueing", [f["code"] for f in client["findings"]])
            self.assertNotIn("retransmit-loss", [f["code"] for f in client["findings"]])

    def test_app_gap(self):
        client, server, ready, done = self.played("app_gap")
        endpoint = self.endpoint(client, ready, "api")
        self.check_counts(endpoint, done, "api")
        calls, middle = done["counts"]["api"]["ok"], statistics.median(done["gaps_s"])
        self.assertEqual(endpoint["app_gap"], {"calls": calls, "with_gap": calls, "ambiguous": 0, "threads": done["web"]["connects"]})
        self.assertEqual(endpoint["app_gap_coverage_pct"], 100)
        gap = endpoint["histograms"]["app_gap"]
        self.assertAlmostEqual(gap["p50"] / 1e6, middle, delta=BUCKET * middle + LATE_S)
        self.assertGreater(gap["min"] / 1e6, done["gaps_s"][0] - LATE_S)
        self.assertLess(gap["max"] / 1e6, done["gaps_s"][-1] + LATE_S)
        finding = self.check_first(client, "app-gap", endpoint)
        self.assertEqual((finding["severity"], finding["confidence"]), ("warning", "high"))
        evidence = finding["evidence"]
        self.assertEqual((evidence["samples"], evidence["threads"]), (calls, done["web"]["connects"]))
        self.assertAlmostEqual(evidence["app_gap_p50_s"], middle, delta=BUCKET * middle + LATE_S)
        web = [e for e in client["endpoints"] if (e["role"], e["port"]) == ("inbound", done["web"]["port"])]
        self.assertEqual([(e["exchanges"], e["slow_answers"]["no_call"]) for e in web], [(calls, 0)])
        # The API's own host has nothing to complain about, but that its clients wait.
        self.assertEqual([f["code"] for f in server["findings"] if f["severity"] != "notice" and f["code"] != "delay-unattributed"], [])

    def test_app_gap_of_a_quick_application(self):
        client, _, ready, done = self.played("app_gap_quick")
        endpoint = self.endpoint(client, ready, "api")
        self.assertEqual(endpoint["app_gap"]["with_gap"], done["counts"]["api"]["ok"])
        loud = [f["code"] for f in client["findings"] if f["severity"] != "notice" or f["code"] == "app-gap"]
        self.assertEqual([code for code in loud if code != "delay-unattributed"], [])

    def test_listen_overflow(self):
        client, server, ready, done = self.played("listen_overflow")
        endpoint = self.inbound(server, ready, "api")
        connects = done["counts"]["api"]["connects"]
        with self.subTest("the counts"):
            self.assertEqual((server["totals"]["listen_overflows"], server["totals"]["listen_drops"]), (done["overflows"], done["drops"]))
            self.assertEqual((client["totals"]["listen_overflows"], client["totals"]["listen_drops"]), (0, 0))
            self.assertIsNone(endpoint["listen_overflows"], "the counter is the namespace's")
            self.assertEqual((endpoint["sockets_seen"], endpoint["exchanges"]), (connects, done["counts"]["api"]["ok"]))
            (full,) = server["kernel_counters"][0]["full_listeners"]
            self.assertEqual((full["address"], full["port"], full["limit"]),
                             (ready["endpoints"]["api"]["address"], ready["endpoints"]["api"]["port"], done["backlog"]))
            self.assertGreaterEqual(full["samples"], 1)
        with self.subTest("the cause"):
            finding = self.check_first(server, "listen-overflow", endpoint)
            evidence = finding["evidence"]
            self.assertEqual((finding["severity"], evidence["listen_overflows_delta"], evidence["listen_drops_delta"]),
                             ("critical", done["overflows"], done["drops"]))
            self.assertEqual((evidence["local_port"], evidence["backlog_limit"], evidence["comm"]),
                             (ready["endpoints"]["api"]["port"], done["backlog"], ready["server"]["comm"]))
            self.assertGreaterEqual(evidence["ack_backlog_max"], done["backlog"])
        with self.subTest("the client's end"):
            outbound = self.endpoint(client, ready, "api")
            self.check_counts(outbound, done, "api")
            self.assertGreater(outbound["retransmits"]["syn"], 0)
            self.assertNotIn("listen-overflow", [f["code"] for f in client["findings"]])


if __name__ == "__main__":
    main()
