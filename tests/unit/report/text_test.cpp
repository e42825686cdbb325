// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "diagnose/evidence.h"
#include "report/layout.h"
#include "report/render.h"
#include "unit/report/golden.h"
#include "unit/report/samples.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string first_lines(const std::string& text, std::size_t n) {
  std::string out;
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < std::min(lines.size(), n); ++i) out += lines[i] + "\n";
  return out;
}

class EveryText : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryText, is_as_in_its_golden_file) {
  tcpdiag::testing::expect_golden(std::string("report/") + GetParam() + ".txt",
                                  render_text(samples::by_name(GetParam()), {}));
}

TEST_P(EveryText, keeps_to_80_columns_without_trailing_blanks) {
  for (const std::size_t sockets : {0, 2, 100}) {
    const std::string text = render_text(samples::by_name(GetParam()), {sockets, false});
    EXPECT_TRUE(text.ends_with('\n'));
    EXPECT_FALSE(text.ends_with("\n\n"));
    for (const std::string& line : lines_of(text)) {
      EXPECT_LE(columns(line), kPageColumns) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      EXPECT_EQ(escape_terminal(line), line) << "a terminal would act on this";
    }
  }
}

TEST_P(EveryText, has_two_header_lines_before_the_first_block) {
  const auto lines = lines_of(render_text(samples::by_name(GetParam()), {}));
  ASSERT_GE(lines.size(), 4U);
  EXPECT_THAT(lines[2], "");
  EXPECT_THAT(lines[3], Not(""));
}

TEST_P(EveryText, with_colour_is_the_same_text) {
  std::string coloured = render_text(samples::by_name(GetParam()), {2, true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[1"));
  for (std::size_t at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  EXPECT_EQ(coloured, render_text(samples::by_name(GetParam()), {}));
}

INSTANTIATE_TEST_SUITE_P(Text, EveryText, ::testing::ValuesIn(samples::kNames),
                         [](const auto& sample) { return std::string(sample.param); });

TEST(Text, the_first_screen_tells_cause_count_and_owner) {
  const std::string screen = first_lines(render_text(samples::api_resets(), {}), 24);
  EXPECT_THAT(screen, HasSubstr("CAUSE 1  peer-reset-awaiting-response  203.0.113.10:443  CRITICAL  conf. high"));
  EXPECT_THAT(screen, HasSubstr("12 of 1201 exchanges failed (1.0 %)"));
  EXPECT_THAT(screen, HasSubstr("ruby (pids 811, 812, 813), cgroup /system.slice/puma.service"));
  EXPECT_THAT(screen, HasSubstr("Do next"));
}

TEST(Text, the_end_tells_verdict_command_and_recording) {
  EXPECT_THAT(render_text(samples::incident_b(), {}),
              ::testing::EndsWith("\nVerdict: cause found.\nCommand: tcpdiag trace -D 6379\n"
                                  "Recording: 6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b, 1.2 MiB, sha256\n"
                                  "           4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce\n"));
  EXPECT_THAT(render_text(samples::api_resets(), {}), Not(HasSubstr("Recording:")));
}

TEST(Text, a_command_is_told_as_a_shell_takes_it) {
  model::Report report = samples::api_resets();
  report.picture.start.command = {"tcpdiag", "trace", "-w", "it's a file", "port 443 or port 80", "", "-D", "443,80"};
  EXPECT_THAT(
      render_text(report, {}),
      ::testing::EndsWith("\nCommand: tcpdiag trace -w 'it'\\''s a file' 'port 443 or port 80' '' -D 443,80\n"));
}

TEST(Text, what_a_recording_was_narrowed_to_is_told) {
  EXPECT_THAT(render_text(samples::ipv6(), {}),
              HasSubstr("\nFilter: none; shown: local port 50051, from 2026-11-21 02:46:40.000 UTC\n"));
}

TEST(Text, what_could_not_be_known_here_is_told_by_name) {
  model::Report report = samples::incident_b();
  report.picture.start.abilities = {{"reset_reasons", false, "an old kernel"},
                                    {"error_reports", true, ""},
                                    {"socket_cookie", false, "an old kernel"}};
  EXPECT_THAT(render_text(report, {}), HasSubstr("\nNot available here: reset_reasons, socket_cookie.\n"));
  report.picture.start.abilities = {{"error_reports", true, ""}};
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("Not available")));
}

TEST(Text, what_a_part_of_a_recording_does_not_tell_is_told_in_a_sentence) {
  model::Report report = samples::incident_b();
  report.picture.start.abilities = {{"endpoint_aggregates", false, "1 endpoint also had others"},
                                    {"socket_counts", false, "2 sockets were busy"}};
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("\nNarrowed: 1 endpoint also had others.\nNarrowed: 2 sockets were busy.\n"));
  EXPECT_THAT(text, Not(HasSubstr("Not available")));
}

TEST(Text, a_local_time_without_room_in_the_header_stands_at_the_end) {
  model::Report report = samples::lossy();
  report.picture.start.host.utc_offset_name = "A-ZONE-WITH-A-NAME";
  EXPECT_THAT(render_text(report, {}), HasSubstr("\nLocal time at the start: 11:31 A-ZONE-WITH-A-NAME (+09:00).\n"));
}

TEST(Text, an_untrustworthy_trace_says_so_in_the_header) {
  const auto lines = lines_of(render_text(samples::lossy(), {}));
  EXPECT_THAT(lines[0], HasSubstr("INCOMPLETE"));
  EXPECT_THAT(lines[1], HasSubstr("lost: 1546 (3.0 %): NOT TRUSTWORTHY"));
  EXPECT_THAT(lines[1], HasSubstr("+ BPF"));
}

TEST(Text, a_filter_that_does_not_fit_the_header_is_told_below) {
  EXPECT_THAT(render_text(samples::lossy(), {}),
              HasSubstr("\nFilter: remote port 443, remote address 203.0.113.0/24 or 2001:db8::/32\n"));
}

TEST(Text, examples_are_taken_from_every_cause) {
  const std::string text = render_text(samples::api_resets(), {});
  EXPECT_THAT(text, HasSubstr("reset by peer"));
  EXPECT_THAT(text, HasSubstr("no SYN-ACK"));
  EXPECT_THAT(text, HasSubstr("... 13 more: --sockets 15, or all of them in the JSON report"));
  EXPECT_THAT(render_text(samples::api_resets(), {15, false}), Not(HasSubstr("more: --sockets")));
}

TEST(Text, no_sockets_wanted_gives_only_their_number) {
  EXPECT_THAT(render_text(samples::api_resets(), {0, false}), HasSubstr("... 15 more: --sockets 15"));
}

TEST(Text, effects_stand_below_their_cause_and_nowhere_else) {
  const std::string text = render_text(samples::linked(), {});
  EXPECT_THAT(text, HasSubstr("  Explains  2 path-queueing (critical)"));
  EXPECT_THAT(text, HasSubstr("            3 retransmit-loss (warning)"));
  EXPECT_THAT(text, Not(HasSubstr("CAUSE 2")));
  EXPECT_THAT(text, HasSubstr("NOTICE 4  delay-unattributed  10.0.0.1:3000 (inbound)"));
}

TEST(Text, many_causes_are_shortened) {
  model::Report report = samples::api_resets();
  report.findings.assign(40, report.findings[1]);
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("CAUSE 20  connect-timeout"));
  EXPECT_THAT(text, HasSubstr("... 20 more causes in the JSON report"));
  EXPECT_LT(lines_of(text).size(), 150U);
}

TEST(Text, loss_alone_is_no_cause) {
  model::Report report = samples::lossy();
  report.findings.erase(report.findings.begin(), report.findings.begin() + 2);
  report.verdict = model::Verdict::kNothingFound;
  report.summary = "Nothing wrong seen.";
  const auto lines = lines_of(render_text(report, {}));
  EXPECT_EQ(lines[3], "Nothing wrong seen.");
  EXPECT_EQ(lines[5], "LOSS 1  events-lost  WARNING  confidence high");
}

TEST(Text, failed_calls_stand_beside_good_ones) {
  const std::string text = render_text(samples::api_resets(), {});
  EXPECT_THAT(text, HasSubstr("FAILED AGAINST GOOD CALLS        reset 12  no answer 3    good 1189\n"));
  EXPECT_THAT(text, HasSubstr("  user request -> call, p50         20 ms        21 ms        20 ms\n"));
  EXPECT_THAT(text, HasSubstr("  connection used before          9 of 12       0 of 3  885 of 1189\n"));
  EXPECT_THAT(text, HasSubstr("  first byte, p99                       -            -        2.9 s\n"));
}

TEST(Text, nothing_is_compared_without_good_or_without_failed_calls) {
  model::Report report = samples::api_resets();
  auto& outcomes = report.picture.endpoints[0].outcomes;
  outcomes[2].count = 0;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("FAILED AGAINST GOOD")));
  outcomes[2].count = 1189;
  outcomes[0].count = outcomes[1].count = 0;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("FAILED AGAINST GOOD")));
}

TEST(Text, the_first_findings_endpoint_is_compared) {
  model::Report report = samples::api_resets();
  model::EndpointPicture other = report.picture.endpoints[0];
  other.key.at.port = 8443;
  other.outcomes[0].outcome = "timeout";
  report.picture.endpoints.push_back(other);
  report.findings[0].endpoint = 1;
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("timeout 12  no answer 3    good 1189\n  at 203.0.113.10:8443\n"));
  EXPECT_THAT(text, Not(HasSubstr("reset 12  no answer")));
}

TEST(Text, large_counts_are_compared_by_share) {
  model::Report report = samples::api_resets();
  report.picture.endpoints[0].outcomes[2].count = 1'234'567;
  EXPECT_THAT(render_text(report, {}),
              HasSubstr("  connection used before          9 of 12       0 of 3      0.072 %\n"));
}

TEST(Text, what_was_sent_again_why_and_how_long_after) {
  const std::string text = render_text(samples::packet_loss(), {});
  EXPECT_THAT(text, HasSubstr("RETRANSMITTED TO 10.77.0.2:6379"));
  EXPECT_THAT(text, HasSubstr("\n  timeout (RTO)                           31          210 ms    420 ms    420 ms\n"));
  EXPECT_THAT(text, HasSubstr("\n  fast (duplicate ACKs)                 1890          2.9 ms"));
  EXPECT_THAT(text, HasSubstr("\n  tail probe (TLP)                        80          1.1 ms"));
  EXPECT_THAT(text, HasSubstr("\n  recovery, till all was ACKed          1840          3.0 ms"));
  EXPECT_THAT(text, HasSubstr("spurious 12 (DSACK), not sent 3 (first copy still in this host)"));
  EXPECT_THAT(text, Not(HasSubstr("no route or no memory")));
  EXPECT_THAT(text, Not(HasSubstr("SYN-ACK ")));
}

TEST(Text, what_was_only_tried_to_be_sent_again_is_told_too) {
  model::Report report = samples::nothing_found();
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("RETRANSMITTED")));
  report.picture.endpoints[0].totals.retransmit_failures.other = 4;
  EXPECT_THAT(render_text(report, {}), HasSubstr("not sent 4 (no route or no memory)\n"));
}

TEST(Text, the_kernels_counters_are_told_where_they_can_be_compared) {
  EXPECT_THAT(render_text(samples::packet_loss(), {}),
              HasSubstr("\n  nstat, all sockets of the namespace: RetransSegs 2043 (traced 2043)\n"));
  EXPECT_THAT(render_text(samples::queueing_ipv6(), {}),
              HasSubstr("\n  nstat, all sockets of the 2 namespaces: RetransSegs 10 (traced 6)\n"));
  model::Report report = samples::queueing_ipv6();
  report.picture.netns[1].counters.clear();  // half of the sum would mislead
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("nstat")));
  report = samples::api_resets();
  EXPECT_THAT(render_text(report, {}), HasSubstr("RetransSegs 41 (traced 27)\n")) << "it sent no RST of its own";
  report.picture.start.filters = {};
  EXPECT_THAT(render_text(report, {}), HasSubstr("RetransSegs 41 (traced 27), OutRsts 2\n  (traced 0)\n"));
}

TEST(Text, full_listen_queues_are_told_once) {
  model::Report report = samples::busy_server();
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("ListenOverflows 57, ListenDrops 60"));
  EXPECT_THAT(text, Not(HasSubstr("accept queue full at")));
  report.findings.erase(report.findings.begin());
  EXPECT_THAT(render_text(report, {}),
              HasSubstr("\n  0.0.0.0:3000: accept queue full at 7 samples, 129 waiting of 128\n"
                        "  [::]:9292: accept queue full at 1 sample, 6 waiting of 5\n"));
}

TEST(Text, a_server_without_overflow_hears_so) {
  model::Report report = samples::nothing_found();
  report.picture.totals.listen_overflows = report.picture.totals.listen_drops = 0;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("listen queue"))) << "nothing comes in";
  report.picture.endpoints[0].key.role = model::Role::kInbound;
  EXPECT_THAT(render_text(report, {}), HasSubstr("No listen queue\noverflowed.\n"));
  report.picture.totals.listen_drops = std::nullopt;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("listen queue")));
}

TEST(Text, the_gap_before_a_call_comes_with_what_it_is_known_of) {
  const std::string text = render_text(samples::api_resets(), {});
  EXPECT_THAT(text, HasSubstr("\n  app_gap        user->call"));
  EXPECT_THAT(text, HasSubstr("\n  app_gap known for 1122 of 1204 calls (93.2 %), 7 ambiguous (event loop)\n"));
  model::Report report = samples::api_resets();
  report.picture.endpoints[0].histograms[model::Measure::kAppGap] = model::Histogram();
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("app_gap")));
}

TEST(Text, a_socket_that_several_processes_hold_says_so) {
  const std::string text = render_text(samples::api_resets(), {});
  EXPECT_THAT(text,
              HasSubstr("ruby 811         reset by peer   30.0 s        1412/0\n      shared by several processes\n"));
  EXPECT_THAT(render_text(samples::busy_server(), {}),
              HasSubstr("      from 198.51.100.7:50001, shared by several processes\n"));
  model::Report report = samples::ipv6();
  report.picture.sockets[0].owner = model::Owner();
  report.picture.sockets[0].owner->shared = true;
  EXPECT_THAT(render_text(report, {}), HasSubstr("      from [2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:61234\n"
                                                 "      shared by several processes\n"));
}

TEST(Text, an_answer_that_came_late_is_no_failure_but_is_named) {
  model::Report report = samples::busy_server();
  EXPECT_THAT(render_text(report, {}), HasSubstr("still waiting   38.5 s"));
  model::SocketStory& story = report.picture.sockets[0];
  story.exchange_pending = false;
  story.pending_wait = std::nullopt;
  story.exchanges = 1;
  story.timeline.push_back({samples::at(60.3), model::mark::SlowAnswer{}});
  EXPECT_THAT(render_text(report, {}),
              HasSubstr("\n  02:32:07.304       3000  puma 77          slow answer     38.5 s"));
}

TEST(Text, what_is_not_measured_is_left_out) {
  const std::string text = render_text(samples::incident_b(), {});
  EXPECT_THAT(text, Not(HasSubstr("app_gap")));
  EXPECT_THAT(text, Not(HasSubstr("RETRANSMITTED")));
  EXPECT_THAT(text, Not(HasSubstr("nstat")));
}

TEST(Text, what_this_version_cannot_measure_is_left_out) {
  const std::string text = render_text(samples::api_resets(), {});
  EXPECT_THAT(text, Not(HasSubstr("path_queue")));
  EXPECT_THAT(text, Not(HasSubstr("own NIC")));
}

TEST(Text, the_first_27_lines_tell_what_queues_how_long_and_for_whom) {
  const std::string screen = first_lines(render_text(samples::incident_b(), {}), 27);
  for (const char* words : {"CAUSE 1  throughput-ceiling  10.77.0.2:6379  CRITICAL  confidence high",
                            "Impact: 14078 exchanges, 99.9 % delayed by more than 100 ms, 0 failed",
                            "Who:    redis-benchmark (pid 4121, 50 sockets), 100 % of the bytes",
                            "63.9 Mbit/s with headers (61.1 Mbit/s payload)", "58 of 60 s while the queue was",
                            "233 /s, mean request 36 B, mean response 32.0 KiB",
                            "p50 186 ms, p99 203 ms, sustained (58 of 60 s)", "10 us, from a handshake",
                            "fits baseline", "Do next", "Ruled out if", "Explains  2 path-queueing (critical)\n"}) {
    EXPECT_THAT(screen, HasSubstr(words));
  }
}

TEST(Text, no_baseline_is_named_without_a_candidate) {
  model::Report report = samples::incident_b();
  for (model::Evidence& item : report.findings[0].evidence) {
    if (item.key == "baseline_candidates") item.value = std::vector<model::BaselineCandidate>();
  }
  diagnose::describe(report.findings, report.picture);
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("fits baseline")));
}

TEST(Text, bars_are_scaled_to_their_largest_second) {
  const std::string text = render_text(samples::incident_b(), {});
  EXPECT_THAT(text, HasSubstr("\nRATE in Mbit/s  |_##"));
  EXPECT_THAT(text, HasSubstr("##:| max 61.1\n"));  // the last two seconds share a column: their mean
  EXPECT_THAT(text, HasSubstr("\nQUEUE p50 ms    |_##"));
  EXPECT_THAT(text, HasSubstr("###| max 186\n"));  // of a queue: the longer one
  EXPECT_THAT(text, HasSubstr("\n                 03:12:04                                    03:13:04\n"));
}

TEST(Text, bars_need_a_queue_or_ten_seconds) {
  model::Report report = samples::incident_b();
  report.findings.clear();
  report.verdict = model::Verdict::kNothingFound;
  EXPECT_THAT(render_text(report, {}), HasSubstr("RATE in"));
  report.picture.endpoints[0].series.n = 9;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("RATE in")));
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("QUEUE")));
  report.findings = samples::incident_b().findings;
  EXPECT_THAT(render_text(report, {}), HasSubstr("RATE in"));
}

TEST(Text, a_blank_in_a_bar_was_not_measured) {
  model::Report report = samples::incident_b();
  auto& values = report.picture.endpoints[0].series.arrays[model::SeriesId::kPathQueueP50];
  for (std::size_t i = 20; i < 40; ++i) values[i] = std::nullopt;
  EXPECT_THAT(render_text(report, {}), HasSubstr("#                #"));
}

TEST(Text, below_a_second_the_own_cost_is_no_share) {
  EXPECT_THAT(render_text(samples::queueing_ipv6(), {}), HasSubstr("own CPU: 550 ms"));
}

TEST(Text, an_empty_report_is_no_crash) {
  EXPECT_THAT(render_text(model::Report(), {}), StartsWith("tcpdiag trace  host ?  1970-01-01 00:00:00.000"));
}

TEST(Evidence, every_code_in_its_own_words) {
  std::string text;
  for (const model::Finding& finding : samples::findings_with_evidence()) {
    std::vector<model::Finding> alone = {finding};
    diagnose::describe(alone, {});
    text += finding.code + "\n";
    for (const model::EvidenceRow& row : alone[0].rows) text += "  " + pad_right(row.label, 20) + row.value + "\n";
    for (const std::string& line : alone[0].timers) text += "  " + pad_right("Timers", 20) + line + "\n";
  }
  tcpdiag::testing::expect_golden("report/evidence.txt", text);
}

}  // namespace
}  // namespace tcpdiag::report
