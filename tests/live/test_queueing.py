#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where time is spent in queues: the network, this host, the application, or none of them but a slow peer.

Every incident is traced for real and compared with what Redis, the kernels and the lab itself counted. Labs that need
little of the processor run side by side within one case.
"""

import os
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import main  # noqa: E402
from side_by_side import CLIENT, SERVER, TEXT, Run, SideBySide, Watch  # noqa: E402

LINK_BIT_PER_S = 64e6
HARMLESS = ("notice",)
NETWORK_CODES = ("path-queueing", "throughput-ceiling", "local-queueing", "retransmit-loss")
MS = 1000


class QueueCase(SideBySide):
    """What is common to the checks."""

    AT_ONCE = 5

    # What is asked of a report.
    def outbound(self, run: Run) -> dict:
        (name,) = run.ready["endpoints"]
        return self.endpoint(run.report, run.ready, name)

    def inbound(self, run: Run) -> dict:
        (wanted,) = run.ready["endpoints"].values()
        found = [e for e in run.reports["server"]["endpoints"] if (e["role"], e["port"]) == ("inbound", wanted["port"])]
        self.assertEqual(len(found), 1, "the server's own endpoint")
        return found[0]

    @staticmethod
    def findings(report: dict, *codes: str) -> list[dict]:
        return [finding for finding in report["findings"] if finding["code"] in codes]

    def only_finding(self, report: dict, code: str) -> dict:
        found = self.findings(report, code)
        self.assertEqual(len(found), 1, f"one {code} among {[f['code'] for f in report['findings']]}")
        return found[0]

    def loud(self, report: dict) -> list[tuple[str, str]]:
        return [(f["code"], f["severity"]) for f in report["findings"] if f["severity"] not in HARMLESS]

    def check_quiet(self, report: dict) -> None:
        # That users wait is said of slow servers too, without blame.
        told = [(f["code"], f["severity"], f["title"], f["evidence"]) for f in report["findings"]
                if f["severity"] not in HARMLESS and f["code"] != "delay-unattributed"]
        self.assertEqual(told, [], "nothing is wrong")

    def check_between(self, value: float | None, low: float, high: float, what: str) -> None:
        self.assertIsNotNone(value, what)
        self.assertTrue(low <= value <= high, f"{what}: {value} is not from {low} to {high}")

    def check_exchanges(self, run: Run, endpoint: dict, failed_at_most: int = 0) -> None:
        """Redis's own count of the commands, within 1 %."""
        self.assertAlmostEqual(endpoint["exchanges"], run.done["requests"], delta=run.done["requests"] / 100)
        self.assertLessEqual(endpoint["exchanges_failed"], failed_at_most)

    def check_client(self, run: Run, endpoint: dict) -> None:
        process = endpoint["processes"][0]
        client = run.ready["client"]
        self.assertEqual((process["comm"], process["pids"]), (client["comm"], [client["pid"]]))

    def check_without_timestamps(self, endpoint: dict) -> None:
        """Unknown is null, with its reason."""
        self.assertEqual((endpoint["histograms"]["path_queue_in"], endpoint["path_queue_in_missing"]), (None, "no_timestamps"))

    def check_ceiling(self, run: Run) -> dict:
        """The cause is the link's limit, and the queue is its effect."""
        finding = self.first_finding(run.report, "throughput-ceiling")
        evidence = finding["evidence"]
        self.assertAlmostEqual(evidence["ceiling_wire_bit_per_s"], LINK_BIT_PER_S, delta=0.03 * LINK_BIT_PER_S)
        self.assertIn(finding["severity"], ("warning", "critical"))
        self.assertEqual(finding["caused_by"], [])
        queueing = self.only_finding(run.report, "path-queueing")
        self.assertEqual(queueing["evidence"]["pattern"], "sustained")
        self.assertEqual(queueing["caused_by"], [finding["id"]])
        return finding


class Throttled(QueueCase):
    """Redis behind a link of 64 Mbit/s."""

    RUNS = {
        "middle": Run("redis-throttled", ("--seconds", "16"), middle=True),
        "both_ends": Run("redis-throttled", ("--seconds", "15"), watch=(CLIENT, SERVER, TEXT)),
        "plain": Run("redis-throttled", ("--seconds", "15", "--no-timestamps")),
        "ten": Run("redis-10-clients", ("--seconds", "14")),
        "many": Run("redis-200-clients", ("--seconds", "14")),
    }

    def test_from_both_ends(self):
        run = self.run_of("both_ends")
        endpoint = self.outbound(run)
        with self.subTest("the cause"):
            finding = self.check_ceiling(run)
            self.assertEqual(finding["endpoint"], endpoint["id"])
            self.check_between(finding["evidence"]["exchanges_per_s"], 215, 245, "exchanges_per_s")
            self.assertEqual(run.report["verdict"], "cause_found")
        with self.subTest("the histograms"):
            histograms = endpoint["histograms"]
            self.check_between(histograms["path_queue"]["p50"], 150 * MS, 215 * MS, "path_queue p50")
            self.check_between(histograms["path_queue_in"]["p50"], 100 * MS, 215 * MS, "path_queue_in p50")
            self.check_between(histograms["host_queue"]["p99"], 0, 5 * MS, "host_queue p99")
            self.check_between(endpoint["rtt_floor_us"], 0, 999, "rtt_floor_us")
        with self.subTest("the counts"):
            self.check_exchanges(run, endpoint)
            # The rate is the finding's, of the seconds with a queue: the load's own start and end would dilute it here.
            self.check_between(endpoint["mean_response_bytes"], 32_700, 32_900, "mean_response_bytes")
            self.check_client(run, endpoint)
        with self.subTest("the text"):
            self.check_text(run)
        with self.subTest("the server's end"):
            self.check_server(run)

    def check_text(self, run: Run) -> None:
        lines = run.texts["text"].decode().splitlines()
        self.assertEqual([line for line in lines if len(line) > 80], [], "lines of more than 80 columns")
        screen = "\n".join(lines[:27])
        (api,) = run.ready["endpoints"].values()
        self.assertRegex(screen, r"(?m)^CAUSE\b.*\bthroughput-ceiling\b")
        self.assertIn(f"{api['address']}:{api['port']}", screen)
        self.assertRegex(screen, r"\b6[2-5](\.\d+)? Mbit/s")
        self.assertRegex(screen, rf"\bredis-benchmark \(pid {run.ready['client']['pid']}\b")
        self.assertRegex(screen, r"\b2[1-4]\d(\.\d)? ?/s\b", "exchanges a second")
        self.assertRegex(screen, r"mean response 32\.0 KiB", "the size of a response")
        self.assertRegex(screen, r"(?m)^.*path queue +p50 +(1[5-9]|20|21)\d ms\b", "the queue")
        self.assertRegex("\n".join(lines[:2]), r"lost events: 0\b")

    def check_server(self, run: Run) -> None:
        """The shaper is on the server's own device: there the queue is this host's."""
        report, endpoint = run.reports["server"], self.inbound(run)
        finding = self.only_finding(report, "local-queueing")
        self.assertEqual(finding["endpoint"], endpoint["id"])
        self.check_between(finding["evidence"]["host_queue_p50_us"], 20 * MS, 215 * MS, "host_queue_p50_us")
        self.assertIn(finding["severity"], ("warning", "critical"))
        self.assertEqual(finding["evidence"]["device"], "eth0")
        # Seen once in some forty runs, under load: one exchange of the last moment counted as failed; its cause is not known.
        self.check_exchanges(run, endpoint, failed_at_most=2)
        self.assertEqual(endpoint["processes"][0]["comm"], "redis-server")

    def test_in_the_middle_and_without_timestamps(self):
        """A tracer that starts 20 s into it has no unqueued second to compare with; one without timestamps no one-way delay."""
        middle, plain = self.run_of("middle"), self.run_of("plain")
        with self.subTest("in the middle"):
            self.check_ceiling(middle)
            endpoint = self.outbound(middle)
            self.assertEqual(endpoint["rtt_floor_source"], "kernel")
            self.check_between(endpoint["rtt_floor_us"], 0, 999, "rtt_floor_us")
            queueing = self.only_finding(middle.report, "path-queueing")
            self.assertIsNone(queueing["evidence"]["path_queue_in_p50_us"])
            self.assertEqual((endpoint["histograms"]["path_queue_in"], endpoint["path_queue_in_missing"]), (None, "no_own_floor"))
            self.check_between(queueing["evidence"]["path_queue_p50_us"], 150 * MS, 215 * MS, "path_queue_p50_us")
            self.check_between(endpoint["exchanges"], 0.98 * middle.done["requests_after_gate2"],
                               middle.done["requests_after_gate2"] + 10 * 245, "exchanges since the tracer was attached")
            self.check_client(middle, endpoint)
        with self.subTest("without timestamps"):
            finding = plain.report["findings"][0]
            self.assertIn(finding["code"], ("throughput-ceiling", "path-queueing"))
            self.check_without_timestamps(self.outbound(plain))
            self.check_between(self.outbound(plain)["histograms"]["path_queue"]["p50"], 150 * MS, 215 * MS, "path_queue p50")
            self.check_exchanges(plain, self.outbound(plain))

    def test_ten_and_two_hundred_clients(self):
        """A queue without a drop is no loss; with 200 clients it collapses, and the cause is still the link."""
        ten, many = self.run_of("ten"), self.run_of("many")
        with self.subTest("10 clients"):
            self.assertTrue(self.findings(ten.report, "path-queueing", "throughput-ceiling"), self.loud(ten.report))
            self.assertEqual(self.findings(ten.report, "retransmit-loss"), [])
            endpoint = self.outbound(ten)
            self.check_between(endpoint["histograms"]["path_queue"]["p50"], 25 * MS, 50 * MS, "path_queue p50")
            self.check_exchanges(ten, endpoint)
        with self.subTest("200 clients"):
            self.assertIn(many.report["findings"][0]["code"], ("throughput-ceiling", "path-queueing"))
            endpoint = self.outbound(many)
            self.assertGreater(endpoint["out_of_order_segments"], 0)
            self.check_between(endpoint["histograms"]["path_queue"]["p50"], 100 * MS, 400 * MS, "path_queue p50")
            self.check_exchanges(many, endpoint)


class OtherPlaces(QueueCase):
    """This host's own device, a slow server, slow readers, lost packets and healthy traffic: nobody may blame the network's queue."""

    RUNS = {
        "bursts": Run("microburst"),
        "local": Run("local-queueing", ("--seconds", "13")),
        "reader": Run("slow-reader"),
        "window": Run("zero-window"),
        "lossy": Run("lossy"),
    }

    def test_slow_server(self):
        """The acknowledgement rides on the response: the kernel's RTT is the server's thinking time."""
        loads = [("--milliseconds", ms) for ms in ("5", "20", "35")] + [("--milliseconds", "60", "--clients", "1")]
        runs = [Run("redis-slow", ("--seconds", "12", *load, *stamps)) for load in loads for stamps in ((), ("--no-timestamps",))]
        self.play(*runs)
        for run in runs:
            with self.subTest(options=run.options):
                self.assertEqual(self.findings(run.report, *NETWORK_CODES), [])
                self.check_quiet(run.report)
                endpoint = self.outbound(run)
                if "--no-timestamps" in run.options:
                    self.check_without_timestamps(endpoint)
                else:
                    self.check_between(endpoint["histograms"]["path_queue_in"]["p99"], 0, 5 * MS, "path_queue_in p99")
                self.check_exchanges(run, endpoint)

    def test_probe(self):
        """Calls take 200 ms, and nothing that passes says where: new handshakes do. They are known and counted apart."""
        run = Run("redis-slow", ("--seconds", "10"), watch=(Watch(options=("--probe",)),))
        self.play(run)
        endpoint, finding = self.outbound(run), self.first_finding(run.report, "delay-unattributed")
        probes = endpoint["probes"]
        self.assertGreaterEqual(probes["answered"], 3)
        self.assertEqual(probes["made"], probes["answered"])
        self.assertEqual(run.report["kernel_counters"][0]["counters"]["ActiveOpens"], endpoint["connects"] + probes["made"])
        self.assertIn("handshakes: as fast as on an empty path", finding["evidence"]["proofs"])
        self.assertIn("New connections got their answer", finding["explanation"])

    def test_healthy(self):
        run = Run("redis-healthy", ("--requests", "60000"))
        self.play(run)
        self.check_quiet(run.report)
        endpoint = self.outbound(run)
        self.assertEqual(run.done["requests"], 60_000)
        self.check_exchanges(run, endpoint)
        self.check_client(run, endpoint)

    def test_bulk(self):
        run = Run("bulk")
        self.play(run)
        # However iperf3's server ends the stream: nobody waits for an answer to it.
        self.assertEqual(self.loud(run.report), [])
        # iperf3 counts what it wrote; what lay in the send buffer when the server ended was never acknowledged.
        self.assertGreaterEqual(self.outbound(run)["bytes_sent"], 0.99 * run.done["bytes"])

    def test_microburst_and_local_queueing(self):
        bursts, local = self.run_of("bursts"), self.run_of("local")
        with self.subTest("short bursts"):
            finding = self.only_finding(bursts.report, "path-queueing")
            self.assertEqual(finding["evidence"]["pattern"], "microburst")
            # A notice, unless so many calls met a burst that users waited.
            self.assertEqual(finding["severity"], "warning" if finding["impact"]["share_pct"] >= 5 else "notice")
            self.assertLessEqual(finding["evidence"]["queued_seconds"], 2 * len(bursts.done["bursts"]))
            self.assertEqual([f["code"] for f in bursts.report["findings"] if f["severity"] != "notice" and f != finding], [])
        with self.subTest("this host's own device"):
            finding = self.first_finding(local.report, "local-queueing")
            self.check_between(finding["evidence"]["host_queue_p50_us"], 20 * MS, 215 * MS, "host_queue_p50_us")
            self.assertEqual(finding["evidence"]["device"], "eth0")
            endpoint = self.outbound(local)
            self.check_between(endpoint["histograms"]["host_queue"]["p50"], 20 * MS, 215 * MS, "host_queue p50")
            self.check_between(endpoint["histograms"]["path_queue"]["p50"], 0, 5 * MS, "path_queue p50")
            self.assertEqual(self.findings(local.report, "path-queueing"), [])
            self.check_exchanges(local, endpoint)

    def test_slow_reader_and_zero_window(self):
        reader, window = self.run_of("reader"), self.run_of("window")
        with self.subTest("slow reader"):
            finding = self.first_finding(reader.report, "slow-reader")
            stop_s = max(reader.done["stop_s"])
            self.check_between(finding["evidence"]["read_wait_p99_us"] / 1e6, stop_s - 0.1, stop_s + 0.1, "read_wait_p99_us, in seconds")
            client = reader.ready["client"]
            self.assertEqual((finding["evidence"]["pid"], finding["evidence"]["comm"]), (client["pid"], client["comm"]))
            endpoint = self.outbound(reader)
            histograms = endpoint["histograms"]
            self.check_between(histograms["read_wait"]["max"] / 1e6, stop_s - 0.1, stop_s + 0.1, "read_wait max, in seconds")
            self.check_between(histograms["host_queue"]["p99"], 0, 5 * MS, "host_queue p99")
            # The worker's request is acknowledged late, by up to a delayed ACK, as the job comes later still.
            self.check_between(histograms["path_queue"]["p50"], 0, 45 * MS, "path_queue p50")
            self.check_between(histograms["path_queue_in"]["p50"], 0, 5 * MS, "path_queue_in p50")
            self.assertEqual(self.findings(reader.report, *NETWORK_CODES), [])
        with self.subTest("zero window"):
            finding = self.first_finding(window.report, "zero-window")
            evidence, done = finding["evidence"], window.done
            self.check_between(evidence["zero_window_received_us"] / 1e6, done["blocked_s"] - 0.3, done["stalled_s"] + 0.3,
                               "zero_window_received_us, in seconds")
            self.assertAlmostEqual(evidence["longest_stall_s"], done["longest_stall_s"], delta=0.3)
            self.assertGreaterEqual(evidence["stalls"], len(done["stalls"]))
            # What "ss -ti" said a moment before the end.
            kept_back, by_ss = self.outbound(window)["rwnd_limited_us"], done["rwnd_limited_us"]
            self.assertAlmostEqual(kept_back, by_ss, delta=0.05 * by_ss + 50 * MS)
            self.assertEqual(self.findings(window.report, *NETWORK_CODES), [])

    def test_lossy(self):
        run = self.run_of("lossy")
        # What is lost towards the client its own firewall drops: half of what is sent again, so not the cause of that finding.
        (dropped,) = self.findings(run.report, "dropped-by-this-host")
        self.assertEqual((dropped["evidence"]["direction"], dropped["evidence"]["reasons"]),
                         ("in", [f"NETFILTER_DROP {dropped['count']}"]))
        counted = run.done["dropped"]["to_client"]
        self.assertAlmostEqual(dropped["count"], counted, delta=0.02 * counted)
        found = {finding["evidence"]["direction"]: finding for finding in self.findings(run.report, "retransmit-loss")}
        self.assertIn("out", found)
        self.assertEqual(found["out"]["caused_by"], [])
        evidence, sent_again = found["out"]["evidence"], run.done["tcp"]["client"]["TcpRetransSegs"]
        self.assertAlmostEqual(evidence["retransmitted_segments"] + (evidence["spurious_count"] or 0), sent_again, delta=0.1 * sent_again)
        self.check_between(evidence["loss_pct"], 1, 15, "loss_pct")
        self.assertIn(found["out"]["severity"], ("warning", "critical"))
        self.assertEqual(self.findings(run.report, "path-queueing", "throughput-ceiling", "local-queueing"), [])
        self.assertEqual(self.outbound(run)["retransmitted_segments"], sent_again)
        self.check_exchanges(run, self.outbound(run))


if __name__ == "__main__":
    main()
