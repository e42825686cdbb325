// SPDX-License-Identifier: Apache-2.0
// Every finding carries all evidence keys of its code, whatever was measured, and all the words a ticket needs.
#include "diagnose/evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "diagnose/registry.h"
#include "unit/diagnose/delay_pictures.h"
#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::ConnectOutcome;
using model::Finding;

// As fixed in docs/findings.md.
const std::map<std::string, std::vector<std::string>> kKeys = {
    {"peer-reset-awaiting-response",
     {"pattern", "reset_count", "exchange_count", "share_pct", "wait_p50_s", "wait_min_s", "wait_max_s",
      "request_acked_count", "request_retransmits", "response_bytes_before_reset_max", "rtt_during_wait_p50_us",
      "since_inbound_request_p50_s", "timer_candidates", "sockets"}},
    {"peer-reset-after-idle",
     {"reset_count", "idle_p50_s", "idle_min_s", "idle_max_s", "write_to_reset_p50_us", "reused_count",
      "timer_candidates", "keepalive_on_count"}},
    {"peer-closed-before-reuse",
     {"count", "fin_to_write_p50_us", "fin_to_write_min_us", "fin_to_write_max_us", "idle_at_fin_p50_s",
      "timer_candidates"}},
    {"peer-closed-awaiting-response",
     {"close_count", "exchange_count", "share_pct", "wait_p50_s", "wait_min_s", "wait_max_s", "request_acked_count",
      "timer_candidates", "since_inbound_request_p50_s"}},
    {"local-close",
     {"count", "exchange_count", "share_pct", "wait_p50_s", "wait_min_s", "wait_max_s", "process_exiting_count",
      "timer_candidates"}},
    {"local-reset",
     {"cause", "kernel_reason", "reason_source", "count", "unread_bytes_max", "reset_age_p50_s", "timer_candidates"}},
    {"connect-refused", {"pattern", "refused_count", "connect_count", "share_pct", "answer_p50_us", "sources"}},
    {"connect-timeout",
     {"timed_out_count", "abandoned_count", "ongoing_count", "connect_count", "syns_sent_p50_count",
      "gave_up_after_p50_s", "icmp_errors", "other_connects_ok_same_endpoint", "conntrack_allowance_delta",
      "syn_schedule_s", "late_syn_ack_count", "late_syn_ack_p50_s", "since_inbound_request_p50_s", "timer_candidates"}},
    {"connect-failed-locally",
     {"outcome", "errno_name", "count", "connect_count", "icmp_errors", "failed_transmissions", "drop_reasons"}},
    {"peer-forgot-connection",
     {"pattern", "count", "exchange_count", "silence_min_s", "silence_max_s", "survived_silence_s", "since_ack_p50_s",
      "retransmit_to_reset_p50_us", "onset_spread_s", "unacked_bytes", "timer_candidates", "keepalive_on_count"}},
    {"peer-unreachable",
     {"count", "exchange_count", "onset_spread_s", "last_heard_before_onset_s", "silent_for_s", "unacked_bytes",
      "rto_count", "ongoing_count", "kernel_gives_up_after_s"}},
    {"failures-unexplained", {"count", "exchanges_failed", "connects_failed", "ends", "wait_p50_s"}},
    {"slow-connect",
     {"slow_count", "established_count", "slow_pct", "resent_count", "resent_syns", "took_p50_us", "took_max_us",
      "connect_p50_us", "syn_schedule_s"}},
    {"dropped-by-this-host",
     {"direction", "reasons", "dropped_packets", "dropped_segments", "syn_count", "data_count", "connection_count",
      "retransmits_explained", "timeouts_explained", "connects_failed", "connects_delayed", "connect_count",
      "exchanges_failed", "exchange_count"}},
    {"first-bytes-unanswered",
     {"count", "wait_p50_s", "first_sent_p50_bytes", "acked_count", "largest_unacked_segment_bytes",
      "timer_candidates"}},
    {"response-timeout",
     {"count", "exchange_count", "share_pct", "wait_p50_s", "wait_max_s", "request_acked_count", "unacked_count",
      "rto_during_wait", "side", "reported_twice_count", "timer_candidates", "since_inbound_request_p50_s"}},
    {"response-stalled",
     {"count", "exchange_count", "share_pct", "silence_p50_s", "silence_min_s", "silence_max_s", "response_p50_bytes",
      "hole_count", "hole_p50_bytes", "reader_waited_count", "largest_received_bytes", "mss_bytes",
      "timer_candidates"}},
    {"nagle-delayed-ack", {"writer", "wait_count", "wait_mean_us", "exchange_count", "share_pct"}},
    {"path-reordering",
     {"reordered_in", "recovered_in", "received_segments", "reordered_pct", "out_of_order_segments"}},
    {"peer-gave-up",
     {"count", "exchange_count", "share_pct", "wait_p50_s", "wait_max_s", "timer_candidates", "reset_count",
      "fin_count", "peers"}},
    {"app-gap",
     {"app_gap_p50_s", "app_gap_p90_s", "app_gap_failed_p50_s", "app_gap_ok_p50_s", "samples", "threads",
      "coverage_pct"}},
    {"no-outbound-attempt",
     {"count", "with_call_count", "unknown_count", "wait_p50_s", "wait_max_s", "ongoing_count", "look_up_count",
      "look_up_max_s", "comm"}},
    {"dns-slow",
     {"resolver", "query_count", "answered_count", "slow_count", "slow_from_us", "dns_p10_us", "dns_p50_us",
      "dns_p99_us", "dns_max_us", "answered_after_repeat_count", "repeat_after_s", "processes", "names"}},
    {"dns-unanswered",
     {"resolver", "query_count", "answered_count", "unanswered_count", "by_nobody_count", "by_another_count",
      "waiting_count", "repeated_count", "repeat_after_s", "wait_p50_s", "wait_max_s", "error_answer_count",
      "error_by_all_count", "rcodes", "processes", "names"}},
    {"listen-overflow",
     {"listen_overflows_delta", "listen_drops_delta", "local_port", "ack_backlog_max", "backlog_limit", "somaxconn",
      "comm"}},
    {"syn-flood",
     {"full_queue_cookies_delta", "full_queue_drops_delta", "cookies_sent_delta", "cookies_returned_delta",
      "syncookies", "somaxconn"}},
    {"allowance-exceeded",
     {"device", "limit", "delta_packets", "seconds_with_delta", "max_per_s", "conntrack_available_min", "pattern",
      "driver_reset"}},
    {"reconnect-storm",
     {"connects_max_per_s", "connects_median_per_s", "storm_seconds", "connect_count", "connects_failed_count",
      "exchange_count", "timeouts_count", "sockets_open_peak", "conntrack_allowance_delta"}},
    {"throughput-ceiling",
     {"direction", "ceiling_wire_bit_per_s", "ceiling_payload_bit_per_s", "spread_pct", "ceiling_seconds",
      "exchanges_per_s", "mean_response_bytes", "possible_exchanges_per_s", "baseline_candidates", "peer_type_given",
      "peer_type_deviation_pct", "mode", "packets_per_s", "loss_pct", "proofs"}},
    {"path-queueing",
     {"rtt_floor_us", "rtt_floor_source", "path_queue_in_p50_us", "path_queue_in_p99_us", "path_queue_p50_us",
      "path_queue_p99_us", "queued_seconds", "busy_seconds", "longest_run_s", "pattern", "flows", "flows_agree_pct",
      "syn_rtt_p50_us", "direction", "acks_awaited_count", "acks_apart_count", "proofs"}},
    {"local-queueing",
     {"host_queue_p50_us", "host_queue_p99_us", "queued_seconds", "retransmit_failures_busy", "device", "qdisc",
      "in_container"}},
    {"retransmit-loss",
     {"direction", "retransmitted_segments", "sent_segments", "loss_pct", "rto_count", "fast_count", "tlp_count",
      "syn_count", "spurious_count", "retransmit_failures_busy", "out_of_order_segments", "recovered_in",
      "reordered_in", "only_small_arrive_count", "retransmit_delay_p50_us", "recovery_p99_us", "lost_again_pct"}},
    {"slow-reader",
     {"read_wait_p50_us", "read_wait_p99_us", "zero_window_sent_us", "unread_bytes_max", "pid", "comm", "stopped"}},
    {"zero-window", {"zero_window_received_us", "stalls", "longest_stall_s", "bytes_waiting_max", "probes_sent"}},
    {"window-limited",
     {"limit", "limited_us", "busy_us", "limited_pct", "limited_seconds", "limited_per_exchange_us",
      "last_byte_mean_us", "socket_bytes_per_s", "rtt_p50_us", "bytes_per_rtt"}},
    {"delay-unattributed",
     {"rtt_floor_us", "rtt_floor_source", "path_queue_p50_us", "ambiguous_pct", "first_byte_p50_us", "proofs"}},
    {"events-lost", {"cause", "lost", "seen", "lost_pct", "first_at", "measures_affected"}},
};

// One of each, with as little measured as can be.
Picture one_of_each() {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(100);
  const auto bare = [](SocketStory story) {
    if (!story.end) return story;
    story.end->age.reset();
    story.end->rtt_us.reset();
    story.end->srtt_us.reset();
    story.end->request_acked.reset();
    return story;
  };
  b.add(0, bare(closed_before_reuse(20, 5s, 40ms))).add(0, bare(reset_awaiting(21, 1ms, 5s)));
  SocketStory no_wait = bare(reset_awaiting(22, 5s));
  no_wait.end->wait.reset();
  b.add(0, no_wait).add(0, bare(unanswered(23, model::EndKind::kClosedByPeer, 5s))).add(0, bare(gave_up(24, 5s)));
  b.add(0, bare(reset_sent(25, model::LocalResetCause::kUnknown)));
  b.add(0, 3, bare(reset_sent(25, model::LocalResetCause::kAppLinger0)));
  SocketStory refused = connect_failed(26, ConnectOutcome::kRefused, 1ms);
  refused.connect_took.reset();
  refused.owner.reset();
  b.add(0, refused).add(0, connect_failed(27, ConnectOutcome::kPending, 9s, 4));
  b.add(0, connect_failed(28, ConnectOutcome::kUnreachable, 1ms));
  SocketStory forgotten = bare(reset_awaiting(30, 5s));
  forgotten.end->request_acked = false;
  forgotten.end->request_retransmits = 1;
  forgotten.end->retransmit_to_end = 1ms;
  b.add(0, forgotten).add(0, bare(gave_up(31, 500ms)));
  SocketStory stalled = bare(ended(33, model::EndKind::kClosedLocally));
  stalled.exchanges_failed = 1;
  stalled.end->stalled = true;
  b.add(0, stalled);
  b.outbound("10.0.0.3", 443).add(1, bare(never_answered(29, 5s)));
  b.raw().loss.samples_thinned = 1;
  // Of this host's filter.
  SocketStory kept_back = connect_failed(28, ConnectOutcome::kTimedOut, 2s, 4);
  kept_back.drops[0].packets = 4;
  kept_back.drops[0].explains_failure = true;
  b.outbound("10.0.0.4", 443).add(2, kept_back);
  b.raw().endpoints[2].totals.drops[0]["NETFILTER_DROP"].packets = 4;
  // Of this host's application and its listeners.
  b.inbound("10.0.0.1", 80).good_exchanges(100).add(3, bare(unanswered(29, model::EndKind::kClosedByPeer, 9s)));
  b.add(3, bare(unanswered(29, model::EndKind::kClosedLocally, 9s)));
  b.raw().endpoints[3].slow_answers.no_call = 3;
  for (int i = 0; i < 9; ++i) b.raw().endpoints[1].histograms[model::Measure::kAppGap].add(3'000'000);
  SocketStory silent = gave_up(40, 9s);
  silent.end->request_acked = false;
  silent.request_at = at(31);
  silent.request_rtos = 4;
  silent.request_unacked_bytes = silent.end->request_bytes;
  b.outbound("10.0.0.5", 443).add(4, 2, silent);
  SocketStory late = ended(30, model::EndKind::kClosedLocally);
  late.connect_took = 1s;
  b.add(4, late);
  model::SlowConnects& slow = b.raw().endpoints[4].slow_connects;
  slow.count = 1;
  slow.first_at = slow.last_at = at(1);
  model::NetnsPicture netns;
  netns.counters["ListenDrops"] = 1;
  netns.counters["TCPReqQFullDoCookies"] = 1;
  b.raw().netns = {netns};
  model::AllowanceLimit limit;
  limit.limit = "linklocal";
  limit.delta = 1;
  limit.seconds_with_delta = 1;
  model::NicPicture nic;
  nic.device = "ens5";
  nic.limits = {limit};
  b.raw().nics = {nic};
  // A storm, without more than its counts.
  model::EndpointPicture& dropped = b.raw().endpoints[1];
  b.add(1, 2, bare(never_answered(29, 5s)));
  dropped.seconds.resize(60);
  dropped.series.n = 60;
  dropped.series.arrays[model::SeriesId::kConnects].assign(60, std::nullopt);
  dropped.series.arrays[model::SeriesId::kConnects][30] = 20;
  // The delays: seconds with as little beside them as makes each rule speak.
  Picture picture = b.build();
  const auto take_over = [&picture](model::EndpointPicture endpoint, std::string_view address) {
    endpoint.key.at.address = *model::Address::parse(address);
    endpoint.device.clear();
    endpoint.histograms.clear();
    endpoint.flows_agree_pct.reset();
    endpoint.mean_response_bytes.reset();
    endpoint.totals.retransmit_failures.busy.reset();
    endpoint.totals.spurious_retransmits.reset();
    picture.endpoints.push_back(std::move(endpoint));
  };
  Traffic all = throttled();
  all.seconds(20, 40).host_queue(6ms).timeouts(1);
  Picture delays = all.picture();
  delays.endpoints[0].totals.reordered_in = 1000;
  delays.endpoints[0].nagle_own = {1000, 40'000'000};
  delays.endpoints[0].totals.zero_window_sent_us = delays.endpoints[0].totals.zero_window_received_us = 5'000'000;
  take_over(delays.endpoints[0], "10.77.0.2");
  model::EndpointPicture& limited = picture.endpoints.back();
  limited.sndbuf_limited_us = limited.busy_us = limited.totals.exchanges * 50'000;
  limited.rwnd_limited_us = 0;
  limited.histograms[model::Measure::kLastByte].add(200'000);
  take_over(slow_server(20ms, false).picture().endpoints[0], "10.77.0.3");
  model::ResolverPicture resolver;
  resolver.at = {*model::Address::parse("10.77.0.53"), 53};
  resolver.queries = 4;
  resolver.answered = 3;
  for (int i = 0; i < 3; ++i) resolver.took_us.add(2'000'000);
  resolver.unanswered.add(at(5));
  resolver.lost = 1;
  picture.resolvers.push_back(resolver);
  return picture;
}

TEST(Evidence, has_all_keys_of_its_code_also_where_nothing_was_measured) {
  std::map<std::string, int> seen;
  for (const Finding& finding : diagnose(one_of_each())) {
    ASSERT_TRUE(kKeys.contains(finding.code)) << finding.code;
    std::vector<std::string> keys;
    for (const model::Evidence& item : finding.evidence) keys.push_back(item.key);
    EXPECT_EQ(keys, kKeys.at(finding.code)) << finding.code;
    ++seen[finding.code];
  }
  EXPECT_EQ(seen.size(), kKeys.size()) << "a code has no example here";
}

TEST(Evidence, units_are_in_the_names) {
  for (const Finding& finding : diagnose(one_of_each())) {
    for (const model::Evidence& item : finding.evidence) {
      const bool is_float = item.key.ends_with("_s") || item.key.ends_with("_pct");
      EXPECT_FALSE(is_float && std::holds_alternative<std::int64_t>(item.value)) << item.key;
      EXPECT_FALSE(!is_float && std::holds_alternative<double>(item.value)) << item.key;
    }
  }
}

// Delays are those of an endpoint, not of single sockets.
bool is_of_seconds(const Finding& finding) {
  const auto& of_delays = {
      "app-gap",         "no-outbound-attempt", "listen-overflow",    "allowance-exceeded", "syn-flood",
      "reconnect-storm", "throughput-ceiling",  "path-queueing",      "local-queueing",     "retransmit-loss",
      "slow-reader",     "zero-window",         "delay-unattributed", "dns-slow",           "dns-unanswered",
      "path-reordering", "nagle-delayed-ack",   "window-limited"};
  return std::find(of_delays.begin(), of_delays.end(), finding.code) != of_delays.end();
}

TEST(Evidence, every_finding_has_the_words_of_a_ticket) {
  for (const Finding& finding : diagnose(one_of_each())) {
    EXPECT_FALSE(finding.title.empty()) << finding.code;
    EXPECT_EQ(finding.title.find('\n'), std::string::npos);
    EXPECT_FALSE(finding.explanation.empty()) << finding.code;
    EXPECT_EQ(finding.explanation.back(), '.') << finding.code;
    EXPECT_EQ(finding.explanation.find("  "), std::string::npos) << finding.explanation;
    EXPECT_FALSE(finding.next_steps.empty()) << finding.code;
    EXPECT_GT(finding.count, 0U);
    EXPECT_LE(finding.first_at, finding.last_at);
    if (finding.code != "events-lost") {
      EXPECT_FALSE(finding.disproved_by.empty()) << finding.code;
      EXPECT_TRUE(!finding.sockets.empty() || is_of_seconds(finding)) << finding.code;
    }
    if (finding.confidence != model::Confidence::kHigh) {
      EXPECT_FALSE(finding.confidence_reasons.empty()) << finding.code;
    }
  }
}

TEST(Registry, a_rule_declares_the_evidence_that_it_writes) {
  for (const Rule* rule : all_rules()) {
    ASSERT_TRUE(kKeys.contains(rule->code)) << rule->code;
    std::vector<std::string> names;
    for (const EvidenceKey key : rule->evidence) names.emplace_back(key.name);
    EXPECT_EQ(names, kKeys.at(rule->code)) << rule->code;
  }
}

TEST(Registry, a_rule_has_words_for_all_of_its_evidence) {
  for (const Rule* rule : all_rules()) {
    Finding finding;
    for (const EvidenceKey key : rule->evidence) finding.evidence.push_back({key.name, std::int64_t{1}});
    const std::vector<Finding> all = {finding};
    const Picture picture;
    EvidenceReader evidence(all[0], all, picture);
    Rows rows;
    rule->word_evidence(evidence, rows);
    std::vector<std::string> without = evidence.not_asked_for(rule->evidence);
    std::erase_if(without, [](const std::string& key) {
      return key == "timer_candidates" || key == "share_pct" || key == "sockets" || key == "exchange_count" ||
             key == "connect_count";  // of all rules: told beside the rows
    });
    EXPECT_THAT(without, testing::IsEmpty()) << rule->code;
  }
}

TEST(Registry, every_code_is_there_once) {
  std::map<std::string, int> codes_of_rules;
  for (const Rule* rule : all_rules()) ++codes_of_rules[rule->code];
  for (const auto& [code, keys] : kKeys) EXPECT_EQ(codes_of_rules[code], 1) << code;
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
