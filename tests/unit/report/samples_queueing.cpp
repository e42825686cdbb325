// SPDX-License-Identifier: Apache-2.0
// Reports about delay: each queue that a segment can wait in, and loss.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "unit/report/samples.h"
#include "unit/report/samples_parts.h"

namespace tcpdiag::report::samples {
namespace {

using model::Finding;
using model::Report;

using Values = std::vector<std::optional<std::int64_t>>;

// `value` in every second but the first and the last, which the trace held only in part.
Values steady(std::size_t seconds, std::int64_t value, std::int64_t at_the_ends) {
  Values values(seconds, value);
  values.front() = values.back() = at_the_ends;
  return values;
}

Finding finding(const char* code, model::Severity severity, model::Confidence confidence) {
  Finding f;
  f.code = code;
  f.severity = severity;
  f.confidence = confidence;
  f.endpoint = 0;
  f.first_at = at(1);
  f.last_at = at(60);
  f.count = 58;
  return f;
}

// A trace of 60.4 s from 03:12:04.118 on, on host app-7.
Report one_minute() {
  Report report = base();
  model::Picture& picture = report.picture;
  report.verdict = model::Verdict::kCauseFound;
  picture.start.clock.wall_at += s(2457.114);
  picture.start.host.hostname = "app-7";
  picture.start.host.instance_type = "m6g.large";
  picture.start.host.instance_type_source = "dmi";
  picture.nics = {nic("docker0", "bridge", {}), nic("ens5", "ena", {{"bw_in", 0}, {"bw_out", 0}, {"pps", 0}})};
  picture.start.command = {"tcpdiag", "trace", "-D", "6379"};
  picture.start.filters.remote_ports = {6379};
  picture.window.end = at(60.403);
  picture.cost = {0.3, 0.15, 0.1, 24'000'000, 310'000};
  return report;
}

Finding ceiling() {
  Finding f = finding("throughput-ceiling", model::Severity::kCritical, model::Confidence::kHigh);
  f.title = "10.77.0.2:6379 sends at most 64 Mbit/s";
  f.explanation =
      "10.77.0.2:6379 sends at most 64 Mbit/s. Its 32 KiB responses wait about 0.19 s in a queue on the network path; "
      "the host and the application do not.";
  f.evidence = {{"direction", "in"},
                {"ceiling_wire_bit_per_s", n(63'900'000)},
                {"ceiling_payload_bit_per_s", n(61'100'000)},
                {"spread_pct", 1.8},
                {"ceiling_seconds", n(58)},
                {"exchanges_per_s", 233.1},
                {"mean_response_bytes", n(32'778)},
                {"possible_exchanges_per_s", 233.3},
                {"baseline_candidates",
                 std::vector<model::BaselineCandidate>{{"cache.t3.micro", 64'000'000, -0.16, "2026-08-02"},
                                                       {"cache.t4g.micro", 64'000'000, -0.16, "2026-08-02"},
                                                       {"t3.micro", 64'000'000, -0.16, "2026-08-02"},
                                                       {"t4g.micro", 64'000'000, -0.16, "2026-08-02"}}},
                {"peer_type_given", std::monostate{}}};
  f.impact = {0, 0, 14'070, 99.94};
  f.next_steps = {{"CloudWatch of that node: NetworkBandwidthOutAllowanceExceeded", "", model::Whose::kCloud},
                  {"smaller or fewer responses: at 8 KiB it carries about 930 /s", "", model::Whose::kUs},
                  {"next size", "tcpdiag size --response 32KiB --rate 500", model::Whose::kUs}};
  f.disproved_by = "that metric stays 0, or a peer on another host gets more from it.";
  return f;
}

Finding queueing() {
  Finding f = finding("path-queueing", model::Severity::kCritical, model::Confidence::kHigh);
  f.caused_by = {0};
  f.title = "responses of 10.77.0.2:6379 wait 186 ms on the path";
  f.explanation = f.title;
  f.evidence = {{"rtt_floor_us", n(10)},
                {"rtt_floor_source", "handshake"},
                {"path_queue_in_p50_us", n(141'000)},
                {"path_queue_in_p99_us", n(158'000)},
                {"path_queue_p50_us", n(186'000)},
                {"path_queue_p99_us", n(203'000)},
                {"queued_seconds", n(58)},
                {"busy_seconds", n(60)},
                {"longest_run_s", n(58)},
                {"pattern", "sustained"},
                {"flows", n(50)},
                {"flows_agree_pct", 100.0},
                {"syn_rtt_p50_us", std::monostate{}},
                {"direction", "in"}};
  f.impact = {0, 0, 14'070, 99.94};
  return f;
}

model::EndpointPicture redis() {
  model::EndpointPicture e = endpoint(model::Role::kOutbound, address("10.77.0.2", 6379));
  e.totals.sockets_seen = 50;
  e.totals.exchanges = 14'078;
  e.totals.bytes_sent = 506'808;
  e.totals.bytes_received = 461'420'000;
  e.totals.retransmitted_segments = 6;
  e.totals.out_of_order_segments = 143;
  e.totals.segments_sent = 170'000;
  e.totals.segments_received = 330'000;
  e.totals.zero_window_sent_us = 0;
  e.totals.zero_window_received_us = 0;
  e.mean_request_bytes = 36;
  e.mean_response_bytes = 32'778;
  e.rtt_floor_us = 10;
  e.rtt_floor_source = "handshake";
  e.processes = {
      {"redis-benchmark", "/user.slice/user-1000.slice/session-3.scope", {4121}, 50, 506'808, 461'420'000, 14'078}};
  e.histograms[model::Measure::kPathQueue] =
      histogram({{186'000, 12'000}, {199'000, 1'950}, {203'000, 170}, {231'000, 8}});
  e.histograms[model::Measure::kPathQueueIn] =
      histogram({{141'000, 12'000}, {152'000, 1'900}, {158'000, 170}, {205'000, 8}});
  e.histograms[model::Measure::kHostQueue] = histogram({{10, 12'000}, {20, 2'000}, {50, 130}, {400, 4}});
  e.histograms[model::Measure::kReadWait] = histogram({{30, 12'000}, {60, 1'900}, {180, 170}, {1'100, 8}});
  e.histograms[model::Measure::kFirstByte] =
      histogram({{186'000, 12'000}, {199'000, 1'900}, {204'000, 170}, {905'000, 8}});
  e.histograms[model::Measure::kLastByte] =
      histogram({{197'000, 12'000}, {205'000, 1'900}, {212'000, 170}, {918'000, 8}});
  e.histograms[model::Measure::kConnect] = histogram({{50, 45}, {90, 4}, {120, 1}});
  e.path_queue_ambiguous = 13'900;
  e.series = {-118'000,
              1.0,
              61,
              {{"bytes_sent", steady(61, 8'400, 2'000)},
               {"bytes_received", steady(61, 7'640'000, 900'000)},
               {"exchanges", steady(61, 233, 20)},
               {"out_of_order", steady(61, 2, 0)},
               {"path_queue_p50_us", steady(61, 186'000, 21'000)},
               {"path_queue_p99_us", steady(61, 203'000, 180'000)},
               {"path_queue_in_p50_us", steady(61, 141'000, 15'000)},
               {"host_queue_p99_us", steady(61, 50, 400)},
               {"read_wait_p99_us", steady(61, 180, 200)}}};
  return e;
}

}  // namespace

Report incident_b() {
  Report report = one_minute();
  report.picture.endpoints = {redis()};
  report.picture.totals = report.picture.endpoints[0].totals;
  report.findings = {ceiling(), queueing()};
  report.summary = report.findings[0].explanation;
  report.recording = {"4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce", 1'258'291};
  return described(std::move(report));
}

Report slow_reader() {
  Report report = incident_b();
  model::EndpointPicture& e = report.picture.endpoints[0];
  e.processes = {{"ruby", "/system.slice/puma.service", {811, 812}, 8, 90'000, 61'000'000, 1'860, 3},
                 {"sidekiq", "/system.slice/sidekiq.service", {900}, 2, 10'000, 1'000'000, 140, 2}};
  e.totals.sockets_seen = 10;
  e.totals.exchanges = 2'000;
  e.totals.bytes_received = 62'000'000;
  e.totals.out_of_order_segments = 0;
  e.totals.zero_window_sent_us = 3'100'000;
  e.histograms[model::Measure::kPathQueue] = histogram({{30, 1'900}, {400, 100}});
  e.histograms[model::Measure::kReadWait] = histogram({{900, 1'700}, {350'000, 270}, {1'400'000, 30}});
  e.histograms[model::Measure::kFirstByte] = histogram({{700, 1'990}, {1'400, 10}});
  e.histograms[model::Measure::kLastByte] = histogram({{1'100, 1'900}, {1'350'000, 100}});
  e.histograms.erase(model::Measure::kPathQueueIn);
  e.path_queue_in_missing = "no_own_floor";
  Values waits(61, 1'000);
  for (std::size_t i = 20; i < 40; ++i) waits[i] = 1'400'000 - 20'000 * static_cast<std::int64_t>(i - 20);
  waits[50] = std::nullopt;
  e.series.arrays[model::SeriesId::kReadWaitP99] = waits;
  e.series.arrays[model::SeriesId::kBytesReceived] = Values(61, 1'020'000);
  Finding f = finding("slow-reader", model::Severity::kWarning, model::Confidence::kHigh);
  f.first_at = at(19.9);
  f.last_at = at(39.9);
  f.title = "ruby reads the responses of 10.77.0.2:6379 late";
  f.explanation = "Responses of 10.77.0.2:6379 had arrived in this host and waited up to 1.4 s (p99) for ruby to read.";
  f.evidence = {{"read_wait_p50_us", n(900)},
                {"read_wait_p99_us", n(1'400'000)},
                {"zero_window_sent_us", n(3'100'000)},
                {"unread_bytes_max", n(6'291'456)},
                {"pid", n(811)},
                {"comm", "ruby"},
                {"stopped", std::monostate{}}};
  f.next_steps = {{"is it CPU, garbage collection or a lock", "pidstat -p 811 1", model::Whose::kUs}};
  f.disproved_by = "the process waits in recv() at that time: it had nothing to read.";
  report.findings = {f};
  report.summary = f.explanation;
  return described(std::move(report));
}

Report local_queueing() {
  Report report = one_minute();
  model::Picture& picture = report.picture;
  picture.start.netns = {{4026532999, "", false, false, 4096}};
  picture.nics = {nic("veth0", "veth", {})};
  model::EndpointPicture e = endpoint(model::Role::kInbound, address("10.77.0.2", 6379));
  e.totals.sockets_seen = 50;
  e.totals.exchanges = 14'078;
  e.totals.bytes_sent = 461'420'000;
  e.totals.bytes_received = 506'808;
  e.totals.retransmitted_segments = 143;
  e.totals.retransmits = {0, 0, 6, 0, 0, 0};
  e.totals.retransmit_failures = {137, 0};
  e.totals.out_of_order_segments = 0;
  e.processes = {{"redis-server", "", {77}, 50, 461'420'000, 506'808, 14'078}};
  e.histograms[model::Measure::kHostQueue] = histogram({{140'000, 12'000}, {152'000, 2'000}, {180'000, 130}});
  e.histograms[model::Measure::kFirstByte] = histogram({{40, 14'000}, {90, 78}});
  e.histograms[model::Measure::kReadWait] = histogram({{20, 14'078}});
  e.series = {-118'000,
              1.0,
              61,
              {{"bytes_sent", steady(61, 7'640'000, 900'000)},
               {"bytes_received", steady(61, 8'400, 2'000)},
               {"host_queue_p99_us", steady(61, 180'000, 20'000)}}};
  picture.endpoints = {e};
  picture.totals = e.totals;
  Finding f = finding("local-queueing", model::Severity::kWarning, model::Confidence::kHigh);
  f.device = "veth0";
  f.ongoing = true;
  f.title = "segments wait 140 ms in this host before veth0 takes them";
  f.explanation = "Segments to the clients of 10.77.0.2:6379 wait 140 ms in this host before veth0 takes them.";
  f.evidence = {{"host_queue_p50_us", n(140'000)},
                {"host_queue_p99_us", n(180'000)},
                {"queued_seconds", n(58)},
                {"retransmit_failures_busy", n(137)},
                {"device", "veth0"},
                {"qdisc", std::monostate{}},
                {"in_container", n(1)}};
  f.next_steps = {{"backlog and drops there", "tc -s qdisc show dev veth0", model::Whose::kUs}};
  f.disproved_by = "backlog 0 and no drops there in these seconds.";
  report.findings = {f};
  report.summary = f.explanation;
  return described(std::move(report));
}

Report zero_window() {
  Report report = one_minute();
  model::EndpointPicture e = endpoint(model::Role::kOutbound, address("203.0.113.10", 9000));
  e.totals.sockets_seen = 4;
  e.totals.exchanges = 40;
  e.totals.exchanges_failed = 1;
  e.totals.bytes_sent = 900'000'000;
  e.totals.bytes_received = 4'000;
  e.totals.retransmitted_segments = 2;
  e.totals.zero_window_received_us = 21'300'000;
  e.processes = {{"shipper", "", {5}, 4, 900'000'000, 4'000, 40}};
  e.histograms[model::Measure::kFirstByte] = histogram({{2'000, 30}, {4'300'000, 10}});
  Values sent(61, 22'000'000);
  for (std::size_t i = 30; i < 45; ++i) sent[i] = 0;
  e.series = {-118'000, 1.0, 61, {{"bytes_sent", sent}, {"bytes_received", Values(61, 60)}}};
  report.picture.endpoints = {e};
  report.picture.totals = e.totals;
  Finding f = finding("zero-window", model::Severity::kWarning, model::Confidence::kHigh);
  f.title = "203.0.113.10:9000 did not read for 21.3 s";
  f.explanation = "203.0.113.10:9000 closed its receive window for 21.3 s in total: its process did not read.";
  f.evidence = {{"zero_window_received_us", n(21'300'000)},
                {"stalls", n(7)},
                {"longest_stall_s", 9.4},
                {"bytes_waiting_max", n(4'194'304)},
                {"probes_sent", n(31)}};
  f.impact = {1, 0, 9, 2.5};
  f.next_steps = {{"is it CPU, garbage collection or a disk on that host", "", model::Whose::kPeer}};
  f.disproved_by = "the window opens within one round trip each time.";
  report.findings = {f};
  report.summary = f.explanation;
  return described(std::move(report));
}

Report packet_loss() {
  Report report = incident_b();
  model::EndpointPicture& e = report.picture.endpoints[0];
  e.totals.retransmitted_segments = 2'043;
  e.totals.out_of_order_segments = 3'312;
  e.totals.retransmits = {0, 0, 31, 1'890, 80, 42};
  e.totals.spurious_retransmits = 12;
  e.totals.retransmit_failures = {3, 0};
  e.histograms[model::Measure::kRecovery] = histogram({{3'000, 1'800}, {212'000, 40}});
  e.histograms[model::Measure::kRetransmitRto] = histogram({{210'000, 28}, {420'000, 3}});
  e.histograms[model::Measure::kRetransmitFast] = histogram({{2'900, 1'860}, {12'000, 30}});
  e.histograms[model::Measure::kRetransmitTlp] =
      histogram({{1'100, 79}});  // of one it is not known when it was first sent
  e.histograms[model::Measure::kRetransmitOther] = histogram({{230'000, 42}});
  e.recovery_unfinished = 2;
  report.picture.totals = e.totals;
  report.picture.start.filters = {};
  report.picture.netns = {netns(4026531840, {{"RetransSegs", 2'043}, {"TCPFastRetrans", 1'930}})};
  Finding in = finding("retransmit-loss", model::Severity::kCritical, model::Confidence::kMedium);
  in.confidence_reasons = {"This kernel does not tell whether the first copy had left this host."};
  in.title = "1.0 % of the segments from 10.77.0.2:6379 are lost";
  in.explanation = "1.0 % of the segments from 10.77.0.2:6379 arrive out of order: as many are lost on the way here.";
  in.evidence = {{"direction", "in"}, {"retransmitted_segments", n(6)},    {"sent_segments", n(170'000)},
                 {"loss_pct", 1.0},   {"out_of_order_segments", n(3'312)}, {"recovery_p99_us", std::monostate{}}};
  in.impact = {0, 0, 212, 1.5};
  Finding out = finding("retransmit-loss", model::Severity::kWarning, model::Confidence::kMedium);
  out.title = "1.2 % of the segments to 10.77.0.2:6379 are lost";
  out.explanation = "1.2 % of the segments to 10.77.0.2:6379 had to be sent again.";
  out.evidence = {{"direction", "out"},
                  {"retransmitted_segments", n(2'043)},
                  {"sent_segments", n(170'000)},
                  {"loss_pct", 1.2},
                  {"rto_count", n(31)},
                  {"fast_count", n(1'890)},
                  {"tlp_count", n(80)},
                  {"spurious_count", n(12)},
                  {"retransmit_failures_busy", std::monostate{}},
                  {"retransmit_delay_p50_us", n(2'900)},
                  {"recovery_p99_us", n(212'000)}};
  in.next_steps = out.next_steps = {{"both ways, by TCP", "mtr -T -P 6379 10.77.0.2", model::Whose::kUs}};
  report.findings = {in, out};
  report.summary = in.explanation;
  return described(std::move(report));
}

Report queueing_ipv6() {
  Report report = incident_b();
  model::Picture& picture = report.picture;
  picture.window.end = at(0.75);
  model::EndpointPicture& e = picture.endpoints[0];
  e.key.at = address("2001:db8:1234:5678:9abc:def0:1234:5678", 65535);
  e.key.netns_inode = 4026532999;
  picture.netns = {netns(4026531840, {{"RetransSegs", 9}}), netns(4026532999, {{"RetransSegs", 1}})};
  picture.netns[1].gone = true;
  picture.start.netns.push_back({4026532999, "blue", false, false, std::nullopt});
  e.path_queue_in_missing = "no_timestamps";
  e.histograms.erase(model::Measure::kPathQueueIn);
  e.totals.exchanges_failed = 3;
  e.series.n = 1;
  model::EndpointPicture other = endpoint(model::Role::kInbound, address("2001:db8::ffff:ffff:ffff:ffff", 8080));
  other.totals.bytes_sent = 123'456'789'012;
  other.totals.exchanges = 9'999'999;
  picture.endpoints.push_back(other);
  report.findings[0].explanation =
      "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535 sends at most 64 Mbit/s. Its 32 KiB responses wait about 0.19 s.";
  report.findings[1].title = "responses of [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 wait 186 ms on the path";
  report.findings[1].caused_by = {};
  report.summary = report.findings[0].explanation;
  return described(std::move(report));
}

}  // namespace tcpdiag::report::samples
