#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`tcpdiag size` against the throttled Redis: what it computes for the link is what Redis and the shaper measured."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # The source tree may belong to somebody else.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from live import PROGRAM, SOURCE_DIR, Lab, LiveCase, Tracer, main, run_tcpdiag  # noqa: E402

WITHIN = 0.03
BASELINE = "64mbit"
SCHEMA = os.path.join(SOURCE_DIR, "docs", "size.schema.json")


class Size(LiveCase):
    """Traces the lab, then feeds its JSON report to `tcpdiag size`."""

    def trace(self, path: str) -> tuple[dict, dict]:
        with Lab("redis-throttled", "--seconds", "15") as lab, \
                Tracer("--netns", lab.netns, "--format", "json", "-o", path) as tracer:
            tracer.wait_attached()
            lab.open_gate()
            done = lab.wait("done")
            tracer.signal()
            self.assertEqual(tracer.wait_exit(), 0, tracer.stderr.all())
            tracer.check_nothing_left()
            self.assertEqual(lab.end(), 0)
            return lab.ready, done

    def size(self, *arguments: str) -> dict:
        result = run_tcpdiag("size", *arguments, "--format", "json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        answer = json.loads(result.stdout)
        self.check_size_schema(answer)
        return answer

    def check_size_schema(self, answer: dict) -> None:
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        errors = [error.message[:300] for error in jsonschema.Draft202012Validator(schema).iter_errors(answer)]
        self.assertEqual(errors, [])

    def check_near(self, value: float, expected: float, what: str) -> None:
        self.assertAlmostEqual(value, expected, delta=WITHIN * expected, msg=what)

    def test_throttled_redis(self):
        path = self.file("report.json")
        ready, done = self.trace(path)
        report = self.read_report(path)
        (name,) = ready["endpoints"]
        endpoint = self.endpoint(report, ready, name)
        answer = self.size(path, "--baseline", BASELINE)

        with self.subTest("what was measured"):
            measured = answer["measured"]
            self.assertEqual((measured["address"], measured["port"], measured["role"]),
                             (endpoint["address"], endpoint["port"], "outbound"))
            self.assertEqual(measured["exchanges"], endpoint["exchanges"])
            self.assertAlmostEqual(measured["exchanges"], done["requests"], delta=done["requests"] / 100)
            self.assertEqual(answer["traffic"]["response_bytes"], endpoint["mean_response_bytes"])
        with self.subTest("what the link carries"):
            # The shaper let through what it could: the trace's rate is the capacity.
            self.check_near(answer["capacity"]["per_s"], measured["mean_per_s"], "exchanges a second against the trace")
            self.assertEqual((answer["verdict"], answer["rate_is_cut"]), ("at_limit", True))
        with self.subTest("from the sizes alone"):
            computed = self.size("--baseline", BASELINE, "--response", str(endpoint["mean_response_bytes"]),
                                 "--request", str(endpoint["mean_request_bytes"]), "--clients", "50", "--rate", "300")
            self.check_near(computed["capacity"]["per_s"], measured["mean_per_s"], "exchanges a second by computation")
            self.assertEqual(computed["verdict"], "too_much")
            self.check_near(computed["out"]["segments"], answer["out"]["segments"], "segments of a response")
            fifty = next(row for row in computed["queueing"]["by_clients"] if row["clients"] == 50)
            waited = endpoint["histograms"]["path_queue"]["p50"]
            self.assertTrue(0.7 * fifty["delay_us"] <= waited <= 1.1 * fifty["delay_us"],
                            f"50 clients: computed {fifty['delay_us']} us, a p50 of {waited} us was measured")
        with self.subTest("standard input, and the ceiling that the trace found"):
            with open(path, "rb") as file:
                result = subprocess.run([PROGRAM, "size", "-"], stdin=file, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout.splitlines()[0], r"^6[2-5](\.\d)? Mbit/s carries 2[23]\d responses/s")
            self.assertEqual([line for line in result.stdout.splitlines() if len(line) > 80], [])

    def test_what_is_no_report(self):
        path = self.file("noise")
        for content in (b"", b"\0\xff noise", b'{"schema":"tcpdiag.report/1","endpoints":[', b"[" * 100_000):
            with open(path, "wb") as file:
                file.write(content)
            result = run_tcpdiag("size", path)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.check_one_line(result.stderr)
        with open(path, "wb") as file:
            file.truncate(65 << 20)
        for arguments in ((path,), (self.directory,), (self.file("absent"),)):
            result = run_tcpdiag("size", *arguments)
            self.assertIn(result.returncode, (1, 2))
            self.check_one_line(result.stderr)


if __name__ == "__main__":
    main()
