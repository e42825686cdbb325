// SPDX-License-Identifier: Apache-2.0
// path-queueing, throughput-ceiling and delay-unattributed: the throttled cache, and all that only looks like it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/in_doubt.h"
#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Role;
using model::Severity;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// --- the throttled cache ---

TEST(ThrottledCache, the_ceiling_comes_first_and_explains_the_queue) {
  const auto findings = findings_of(throttled());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[1].code, "path-queueing");
  EXPECT_THAT(findings[0].caused_by, IsEmpty());
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.severity, Severity::kCritical) << finding.code;
    EXPECT_TRUE(finding.ongoing);
    EXPECT_GT(finding.impact.exchanges_delayed, 13000U);
    EXPECT_GT(finding.impact.share_pct.value_or(0), 95);
  }
}

TEST(ThrottledCache, is_told_in_two_sentences) {
  const Finding ceiling = find(throttled(), "throughput-ceiling");
  EXPECT_EQ(ceiling.title, "10.77.0.2:6379 sends at most 63.9 Mbit/s");
  EXPECT_EQ(
      ceiling.explanation,
      "10.77.0.2:6379 sends at most 63.9 Mbit/s. Its 32.0 KiB responses wait about 186 ms in a queue on the network "
      "path; the host and the application do not.");
  EXPECT_THAT(make_report(throttled().picture()).summary, HasSubstr("exchanges delayed ("));
}

TEST(ThrottledCache, has_its_figures) {
  const Finding ceiling = find(throttled(), "throughput-ceiling");
  EXPECT_EQ(evidence_text(ceiling, "direction"), "in");
  EXPECT_NEAR(evidence_float(ceiling, "ceiling_wire_bit_per_s"), 64e6, 0.03 * 64e6);
  EXPECT_NEAR(evidence_float(ceiling, "ceiling_payload_bit_per_s"), 61.1e6, 0.5e6);
  EXPECT_NEAR(evidence_float(ceiling, "possible_exchanges_per_s"), 233, 3);
  EXPECT_LT(evidence_float(ceiling, "spread_pct"), 2);
  EXPECT_EQ(evidence_int(ceiling, "ceiling_seconds"), 59);
  EXPECT_EQ(evidence_int(ceiling, "mean_response_bytes"), 32778);
  EXPECT_EQ(ceiling.confidence, Confidence::kHigh);
  const Finding queue = find(throttled(), "path-queueing");
  EXPECT_EQ(evidence_text(queue, "pattern"), "sustained");
  EXPECT_EQ(evidence_text(queue, "direction"), "in");
  EXPECT_EQ(evidence_int(queue, "queued_seconds"), 59);
  EXPECT_EQ(evidence_int(queue, "busy_seconds"), 59);
  EXPECT_EQ(evidence_float(queue, "longest_run_s"), 59);
  EXPECT_EQ(queue.confidence, Confidence::kHigh);
}

TEST(ThrottledCache, explains_loss_and_timeouts_in_its_seconds) {
  Traffic t = throttled();
  t.seconds(20, 40).timeouts(1);
  for (int i = 0; i < 5; ++i) t.builder().add(0, gave_up(20 + i, 5s));
  const auto findings = findings_of(t);
  std::vector<std::string> seen;
  for (const Finding& finding : findings) seen.push_back(finding.code);
  EXPECT_THAT(seen, ElementsAre("throughput-ceiling", "path-queueing", "retransmit-loss", "response-timeout"));
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  EXPECT_THAT(findings[2].caused_by, ElementsAre(1U));
  EXPECT_THAT(findings[3].caused_by, ElementsAre(1U, 2U));
}

TEST(ThrottledCache, from_the_middle_is_inferred_from_the_full_pipe) {
  const auto findings = findings_of(throttled_from_the_middle());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[1].code, "path-queueing");
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.confidence, Confidence::kMedium);
    EXPECT_EQ(finding.severity, Severity::kCritical);
    EXPECT_THAT(finding.confidence_reasons, Contains(HasSubstr("inferred from"))) << finding.code;
  }
}

TEST(ThrottledCache, from_the_middle_without_loss_cannot_be_told) {
  EXPECT_THAT(codes_of(throttled_from_the_middle().seconds(0, 20).out_of_order(0)), ElementsAre("delay-unattributed"));
}

// A queue that drops nothing, met in its middle by connections that nobody saw begin.
TEST(ThrottledCache, from_the_middle_without_loss_is_known_by_absent_acks) {
  Traffic t = throttled_from_the_middle().seconds(0, 20).out_of_order(0).acks(1, 0);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].confidence, Confidence::kHigh);
  const Finding& queue = findings[1];
  EXPECT_EQ(queue.code, "path-queueing");
  EXPECT_EQ(queue.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_text(queue, "direction"), "in");
  EXPECT_THAT(queue.explanation, HasSubstr("None of 4660 acknowledgements came apart from an answer"));
  EXPECT_THAT(std::get<std::vector<std::string>>(*evidence(queue, "proofs")),
              testing::IsSupersetOf({"one_way: no_own_floor", "handshakes: none came", "absent_acks: decided",
                                     "beyond_delayed_ack: not needed"}));
  EXPECT_EQ(evidence_int(queue, "acks_apart_count"), 0);
}

TEST(ThrottledCache, by_absent_acks_of_an_unknown_system_is_medium) {
  for (const char* why : {"no_timestamps", "tick_unknown"}) {
    Traffic t = throttled_from_the_middle().seconds(0, 20).out_of_order(0).acks(1, 0).no_one_way(why);
    EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kMedium);
    EXPECT_EQ(find(t, "throughput-ceiling").confidence, Confidence::kMedium);
  }
}

TEST(ThrottledCache, by_absent_acks_needs_many_and_nearly_all) {
  const auto codes_with = [](double awaited, double apart) {
    return codes_of(throttled_from_the_middle().seconds(0, 20).out_of_order(0).acks(awaited, apart));
  };
  EXPECT_THAT(codes_with(1, 0.04), Contains("path-queueing"));
  EXPECT_THAT(codes_with(1, 0.06), ElementsAre("delay-unattributed"));
  EXPECT_THAT(codes_with(0.6, 0), Contains("path-queueing"));
  EXPECT_THAT(codes_with(0.4, 0), ElementsAre("delay-unattributed"));  // most clients think for longer
  Traffic few = throttled_from_the_middle();
  few.seconds(0, 20).exchanges(5).path(186ms).out_of_order(0).no_one_way("no_own_floor");
  few.seconds(0, 3).acks(1, 0);
  EXPECT_THAT(codes_of(few), ElementsAre("delay-unattributed"));
}

// A peer that is far away may delay its ACKs for as long as its own RTT (tcp_send_delayed_ack()).
TEST(ThrottledCache, by_absent_acks_must_exceed_the_floor_and_a_delayed_ack) {
  const auto codes_at = [](Duration rise, std::uint64_t floor_us) {
    Traffic t = throttled_from_the_middle(rise).seconds(0, 20).out_of_order(0).acks(1, 0);
    t.floor("kernel", floor_us).each([&](model::Second& s, std::size_t) {
      s.path_rtt_p50_us = floor_us + as_us(rise);
      s.path_rtt_p10_us = floor_us + as_us(rise) / 2;
    });
    return codes_of(t);
  };
  EXPECT_THAT(codes_at(59ms, 1000), ElementsAre("delay-unattributed"));
  EXPECT_THAT(codes_at(62ms, 1000), Contains("path-queueing"));
  EXPECT_THAT(codes_at(130ms, 80'000), Not(Contains("path-queueing")));
  EXPECT_THAT(codes_at(165ms, 80'000), Contains("path-queueing"));
}

TEST(ThrottledCache, handshakes_at_the_floor_speak_against_absent_acks) {
  Traffic t = throttled_from_the_middle().seconds(0, 20).out_of_order(0).acks(1, 0).connects(60us);
  EXPECT_THAT(codes_of(t), Not(Contains("path-queueing")));
}

TEST(ThrottledCache, from_the_middle_asks_for_one_new_handshake) {
  const auto asks = [](const Finding& finding) {
    return std::any_of(finding.next_steps.begin(), finding.next_steps.end(),
                       [](const model::NextStep& step) { return step.command == "nc -z 10.77.0.2 6379"; });
  };
  EXPECT_TRUE(asks(find(throttled_from_the_middle(50ms), "delay-unattributed")));
  EXPECT_TRUE(asks(find(throttled_from_the_middle(), "path-queueing")));  // inferred from a full pipe
  EXPECT_FALSE(asks(find(throttled(), "path-queueing")));                 // proven
  Traffic connected = throttled_from_the_middle();
  connected.seconds(3, 20).connects(186ms);
  EXPECT_FALSE(asks(find(connected, "path-queueing")));
}

// What --probe connects to.
TEST(ThrottledCache, is_in_doubt_until_it_is_proven) {
  const auto doubtful = [](Traffic t) {
    const Picture picture = t.picture();
    return endpoints_in_doubt(picture, diagnose(picture)).size();
  };
  EXPECT_EQ(doubtful(throttled_from_the_middle(50ms)), 1U);
  EXPECT_EQ(doubtful(throttled_from_the_middle()), 1U);  // inferred from a full pipe
  EXPECT_EQ(doubtful(throttled()), 0U);
  EXPECT_EQ(doubtful(throttled_from_the_middle().seconds(0, 20).connects(187ms)), 0U);
}

TEST(ThrottledCache, from_the_middle_within_a_delayed_ack_cannot_be_told) {
  EXPECT_THAT(codes_of(throttled_from_the_middle(50ms)), ElementsAre("delay-unattributed"));
}

TEST(ThrottledCache, from_the_middle_with_changing_rate_cannot_be_told) {
  Traffic t = throttled_from_the_middle();
  t.seconds(0, 20).each([](model::Second& s, std::size_t i) { s.bytes_received += (i % 5) * 200'000; });
  EXPECT_THAT(codes_of(t), ElementsAre("delay-unattributed"));
}

TEST(ThrottledCache, with_a_floor_of_unknown_kind_cannot_be_told) {
  EXPECT_THAT(codes_of(throttled_from_the_middle().floor("window", 150'000)), ElementsAre("delay-unattributed"));
  const Finding finding = find(throttled_from_the_middle().floor("window", 150'000), "delay-unattributed");
  EXPECT_EQ(finding.severity, Severity::kNotice);
  EXPECT_EQ(finding.confidence, Confidence::kLow);
}

TEST(ThrottledCache, with_a_low_sample_in_the_window_is_a_step_less_sure) {
  EXPECT_EQ(find(throttled().floor("window"), "path-queueing").confidence, Confidence::kMedium);
}

TEST(ThrottledCache, ten_clients_queue_without_loss_and_without_alarm_of_users) {
  Traffic t = Traffic();
  t.seconds(1, 60).path(39ms).one_way(39ms);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_EQ(findings[1].impact.exchanges_delayed, 0U);
}

TEST(ThrottledCache, is_the_same_seen_in_any_order_and_twice) {
  const auto a = findings_of(throttled());
  const auto b = findings_of(throttled());
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].explanation, b[i].explanation);
    EXPECT_EQ(a[i].first_at, b[i].first_at);
  }
}

TEST(ThrottledCache, of_long_traces_is_told_in_seconds_too) {
  Traffic t(60);
  t.endpoint().series.interval_s = 4;
  t.builder().lasts(240);
  t.seconds(0, 60).exchanges(932).path(186ms).one_way(141ms);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_NEAR(evidence_float(findings[0], "ceiling_wire_bit_per_s"), 64e6, 0.03 * 64e6);
  EXPECT_EQ(evidence_int(findings[1], "queued_seconds"), 240);
  EXPECT_EQ(findings[1].last_at, at(240));
}

// --- the ceiling and its near misses ---

// An outage's trace is short.
TEST(ThroughputCeiling, needs_five_seconds) {
  Traffic four;
  four.seconds(10, 14).path(186ms).one_way(141ms);
  EXPECT_THAT(codes_of(four), ElementsAre("path-queueing"));
  Traffic five;
  five.seconds(10, 15).path(186ms).one_way(141ms);
  EXPECT_THAT(codes_of(five), Contains("throughput-ceiling"));
  EXPECT_EQ(find(five, "throughput-ceiling").confidence, Confidence::kMedium);
  Traffic alone(6);
  alone.seconds(0, 6).path(186ms).one_way(141ms);
  EXPECT_EQ(find(alone, "throughput-ceiling").confidence, Confidence::kLow);
}

TEST(ThroughputCeiling, must_be_steady) {
  Traffic t = throttled();
  t.seconds(0, 60).each([](model::Second& s, std::size_t i) { s.bytes_received += (i % 4) * 200'000; });
  EXPECT_THAT(codes_of(t), ElementsAre("path-queueing"));
}

TEST(ThroughputCeiling, must_not_be_exceeded) {
  Traffic t = throttled();
  t.seconds(30, 31).each([](model::Second& s, std::size_t) { s.bytes_received += s.bytes_received / 10; });
  EXPECT_THAT(codes_of(t), ElementsAre("path-queueing"));
  // A second counted late: the next one lacks as much.
  t.seconds(31, 32).each([](model::Second& s, std::size_t) { s.bytes_received -= s.bytes_received / 10; });
  EXPECT_THAT(codes_of(t), Contains("throughput-ceiling"));
}

TEST(ThroughputCeiling, forgives_the_edges_of_the_queue) {
  Traffic t;
  t.seconds(10, 22).path(186ms).one_way(141ms);
  t.seconds(10, 11).exchanges(100);
  t.seconds(21, 22).exchanges(150);
  EXPECT_THAT(codes_of(t), Contains("throughput-ceiling"));
}

TEST(ThroughputCeiling, is_not_the_rhythm_of_a_rare_caller) {
  Traffic t;
  t.seconds(0, 60).exchanges(4).path(186ms).one_way(141ms).each(
      [](model::Second& s, std::size_t) { s.rtt_samples = 40; });
  EXPECT_THAT(codes_of(t), ElementsAre("path-queueing"));
}

TEST(ThroughputCeiling, is_that_of_the_direction_of_the_queue) {
  Traffic t;  // an upload; the queue is in the other direction
  t.seconds(0, 60).path(186ms).one_way(141ms).each(
      [](model::Second& s, std::size_t) { std::swap(s.bytes_sent, s.bytes_received); });
  EXPECT_THAT(codes_of(t), ElementsAre("path-queueing"));
}

TEST(ThroughputCeiling, of_what_this_host_sends) {
  Traffic t(60, Role::kInbound);
  t.seconds(0, 60).path(186ms).clean(0.9).each([](model::Second& s, std::size_t) {
    std::swap(s.bytes_sent, s.bytes_received);
    std::swap(s.segments_sent, s.segments_received);
    s.path_rtt_p10_us = 150'000;
  });
  const Finding ceiling = find(t, "throughput-ceiling");
  EXPECT_EQ(evidence_text(ceiling, "direction"), "out");
  EXPECT_EQ(ceiling.title, "10.77.0.2:6379 sends at most 63.9 Mbit/s");
  EXPECT_EQ(evidence_text(find(t, "path-queueing"), "direction"), "out");
}

// --- slow servers ---

class SlowServer : public testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  static Duration think() { return std::chrono::milliseconds(std::get<0>(GetParam())); }
  static bool timestamps() { return std::get<1>(GetParam()); }
  static void expect_no_network(const Traffic& t) {
    for (const Finding& finding : findings_of(t)) {
      EXPECT_EQ(finding.code, "delay-unattributed");
      EXPECT_EQ(finding.severity, Severity::kNotice);
      EXPECT_FALSE(timestamps());
    }
  }
};

TEST_P(SlowServer, is_no_slow_network) { expect_no_network(slow_server(think(), timestamps())); }

TEST_P(SlowServer, is_none_with_few_new_connections_either) {
  Traffic t = slow_server(think(), timestamps());
  t.seconds(0, 60).connects(60us);
  expect_no_network(t);
}

TEST_P(SlowServer, is_none_on_a_path_that_loses_segments) {
  Traffic t = slow_server(think(), timestamps());
  t.seconds(0, 60).out_of_order(1);  // below 1 %
  t.each([](model::Second& s, std::size_t) { s.segments_received += 200; });
  expect_no_network(t);
}

TEST_P(SlowServer, is_none_that_began_during_the_trace) {
  Traffic t = slow_server(think(), timestamps());
  t.seconds(0, 30).path(0ms);
  expect_no_network(t);
}

TEST_P(SlowServer, is_none_from_the_middle) {
  Traffic t = slow_server(think(), timestamps());
  if (!timestamps()) t.seconds(0, 60).no_one_way("no_own_floor").floor("kernel");
  expect_no_network(t);
}

TEST_P(SlowServer, is_none_whose_listen_queue_drops_handshakes) {
  Traffic t = slow_server(think(), timestamps());
  t.seconds(10, 30).connects(1s);
  expect_no_network(t);
}

INSTANTIATE_TEST_SUITE_P(Think, SlowServer, testing::Combine(testing::Values(1, 5, 20, 35, 60, 150), testing::Bool()));

TEST(SlowServer, of_which_a_burst_on_the_path_makes_no_network) {
  Traffic t = slow_server(35ms, false);
  t.seconds(30, 31).connects(35ms);
  EXPECT_THAT(codes_of(t), ElementsAre("path-queueing"));
  EXPECT_EQ(find(t, "path-queueing").severity, Severity::kNotice);
  EXPECT_LE(evidence_int(find(t, "path-queueing"), "queued_seconds"), 3);
}

// --- evidence without timestamps ---

Traffic ambiguous(Duration rise) {
  Traffic t;
  t.seconds(0, 60).no_one_way("no_timestamps");
  t.seconds(20, 40).path(rise);
  return t;
}

TEST(WithoutTimestamps, a_rise_alone_cannot_be_told) {
  EXPECT_THAT(codes_of(ambiguous(150ms)), ElementsAre("delay-unattributed"));
  const Finding finding = find(ambiguous(150ms), "delay-unattributed");
  EXPECT_THAT(finding.explanation, HasSubstr("sends no TCP timestamps"));
  EXPECT_EQ(evidence_float(finding, "ambiguous_pct"), 100);
}

TEST(WithoutTimestamps, a_rise_beyond_any_delayed_ack_is_the_path) {
  EXPECT_THAT(codes_of(ambiguous(205ms)), ElementsAre("delay-unattributed"));
  EXPECT_THAT(codes_of(ambiguous(230ms)), Contains("path-queueing"));
  EXPECT_EQ(find(ambiguous(230ms), "path-queueing").confidence, Confidence::kMedium);
}

TEST(WithoutTimestamps, handshakes_that_rose_alike_prove_it) {
  Traffic t = ambiguous(150ms);
  t.seconds(25, 28).connects(140ms);
  EXPECT_THAT(codes_of(t), Contains("path-queueing"));
  EXPECT_EQ(evidence_int(find(t, "path-queueing"), "queued_seconds"), 20);
  EXPECT_EQ(evidence_int(find(t, "path-queueing"), "syn_rtt_p50_us"), 140'000);
  EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kHigh);
  Traffic other = ambiguous(150ms);
  other.seconds(25, 28).connects(1s);  // a SYN that was lost
  EXPECT_THAT(codes_of(other), ElementsAre("delay-unattributed"));
  Traffic late = ambiguous(150ms);
  late.seconds(45, 48).connects(140ms);
  EXPECT_THAT(codes_of(late), ElementsAre("delay-unattributed"));
}

TEST(WithoutTimestamps, clean_samples_that_rose_alike_prove_it) {
  const auto with_clean = [](double share, std::uint64_t p10_us) {
    Traffic t = ambiguous(150ms);
    t.seconds(20, 40).clean(share).each([&](model::Second& s, std::size_t) { s.path_rtt_p10_us = p10_us; });
    return codes_of(t);
  };
  EXPECT_THAT(with_clean(0.3, 120'000), Contains("path-queueing"));
  EXPECT_THAT(with_clean(0.1, 120'000), ElementsAre("delay-unattributed"));
  EXPECT_THAT(with_clean(0.5, 20), ElementsAre("delay-unattributed"));      // the clean ones may be the fast ones
  EXPECT_THAT(with_clean(0.3, 45'000), ElementsAre("delay-unattributed"));  // a delayed ACK is as long
}

TEST(WithoutTimestamps, loss_that_came_and_went_with_it_proves_it) {
  Traffic t = ambiguous(150ms);
  t.seconds(20, 40).out_of_order(3);
  EXPECT_THAT(codes_of(t), Contains("path-queueing"));
  t.seconds(0, 60).out_of_order(3);  // chance loss, all the time
  t.seconds(20, 40).each([](model::Second& s, std::size_t i) { s.bytes_received += (i % 5) * 300'000; });
  EXPECT_THAT(codes_of(t), ElementsAre("delay-unattributed"));
  Traffic short_rise = ambiguous(44ms);
  short_rise.seconds(20, 40).out_of_order(3);
  EXPECT_THAT(codes_of(short_rise), ElementsAre("delay-unattributed"));
}

TEST(WithoutTimestamps, steady_throughput_is_no_proof) {
  Traffic t;
  t.seconds(0, 60).no_one_way("no_timestamps").path(186ms);
  EXPECT_THAT(codes_of(t), ElementsAre("delay-unattributed"));
}

// --- path-queueing: pattern, severity, confidence ---

TEST(PathQueueing, below_ten_milliseconds_is_no_queue) {
  Traffic t;
  t.seconds(0, 60).path(9ms).one_way(9ms);
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.seconds(0, 60).floor("handshake", 80'000).one_way(150ms);  // less than twice the floor of a long path
  EXPECT_THAT(codes_of(t), IsEmpty());
}

TEST(PathQueueing, a_microburst_is_a_notice) {
  Traffic t;
  t.seconds(30, 34).path(60ms).one_way(50ms);
  const Finding finding = find(t, "path-queueing");
  EXPECT_EQ(finding.severity, Severity::kNotice);
  EXPECT_EQ(evidence_text(finding, "pattern"), "microburst");
  EXPECT_EQ(finding.first_at, at(30));
  EXPECT_EQ(finding.last_at, at(34));
  EXPECT_FALSE(finding.ongoing);
  t.seconds(31, 32).timeouts(1);
  EXPECT_EQ(find(t, "path-queueing").severity, Severity::kWarning);
}

TEST(PathQueueing, of_one_second_is_less_sure) {
  Traffic t;
  t.seconds(30, 31).path(60ms).one_way(50ms).timeouts(1);
  const Finding finding = find(t, "path-queueing");
  EXPECT_EQ(finding.severity, Severity::kNotice);
  EXPECT_EQ(finding.confidence, Confidence::kMedium);
}

TEST(PathQueueing, five_seconds_in_a_row_are_sustained) {
  Traffic t;
  t.seconds(30, 35).path(60ms).one_way(50ms);
  EXPECT_EQ(evidence_text(find(t, "path-queueing"), "pattern"), "sustained");
  EXPECT_EQ(find(t, "path-queueing").severity, Severity::kWarning);
}

TEST(PathQueueing, is_critical_when_users_wait_for_ten_seconds) {
  Traffic t;
  t.seconds(30, 39).path(150ms).one_way(140ms);
  EXPECT_EQ(find(t, "path-queueing").severity, Severity::kWarning);
  t.seconds(30, 40).path(150ms).one_way(140ms);
  EXPECT_EQ(find(t, "path-queueing").severity, Severity::kCritical);
}

TEST(PathQueueing, quiet_seconds_do_not_count) {
  Traffic t;
  t.seconds(0, 60).exchanges(4).path(150ms).one_way(140ms);
  EXPECT_THAT(codes_of(t), IsEmpty());
}

TEST(PathQueueing, connections_that_disagree_make_it_less_sure) {
  Traffic t = throttled();
  t.endpoint().flows_agree_pct = 60;
  EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kMedium);
  t.endpoint().flows_agree_pct.reset();
  EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kMedium);
}

TEST(PathQueueing, a_short_trace_and_loss_make_it_less_sure) {
  Traffic t(8);
  t.seconds(0, 8).path(186ms).one_way(141ms);
  EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kMedium);
  t.builder().raw().loss.ring_full = 1000;
  EXPECT_EQ(find(t, "path-queueing").confidence, Confidence::kLow);
  t.floor("window");
  EXPECT_EQ(find(t, "path-queueing").code, "");  // below low a delay is not told
}

TEST(PathQueueing, handshakes_at_the_floor_make_timestamps_doubtful) {
  Traffic t;
  t.seconds(0, 60).one_way(140ms).path(0ms).connects(60us);
  EXPECT_THAT(codes_of(t), Contains("path-queueing"));
}

TEST(PathQueueing, in_a_container_asks_for_the_uplink) {
  Traffic t = throttled();
  t.builder().raw().start.netns = {{t.endpoint().key.netns_inode, "", true, false}};
  const Finding finding = find(t, "path-queueing");
  EXPECT_THAT(finding.next_steps.back().text, HasSubstr("container"));
}

// --- healthy ---

TEST(HealthyTraffic, at_full_speed_says_nothing) {
  Traffic t;
  t.seconds(0, 60).exchanges(67'000, 5).path(500us).one_way(300us);
  EXPECT_THAT(codes_of(t), IsEmpty());
}

TEST(HealthyTraffic, a_bulk_transfer_is_at_most_a_notice) {
  for (const bool upload : {false, true}) {
    Traffic t;
    t.seconds(0, 60).exchanges(0).each([&](model::Second& s, std::size_t) {
      (upload ? s.bytes_sent : s.bytes_received) = 125'000'000;
      (upload ? s.segments_sent : s.segments_received) = 86'000;
      s.rtt_samples = 40'000;
      s.path_samples = 40'000;
      s.path_signs.ambiguous = 0;
      s.path_rtt_p50_us = 120'000;
      s.path_rtt_p10_us = 100'000;
      s.path_in_samples = upload ? 0 : 86'000;
      if (upload) s.path_queue_in_p50_us.reset();
      if (!upload) s.path_queue_in_p50_us = 30'000;
      s.host_queue_samples = 86'000;
      s.host_queue_p50_us = 8'000;
      s.out_of_order = 1000;
    });
    t.endpoint().mean_request_bytes.reset();
    t.endpoint().mean_response_bytes.reset();
    EXPECT_THAT(codes_of(t), Not(IsEmpty()));
    for (const Finding& finding : findings_of(t)) EXPECT_EQ(finding.severity, Severity::kNotice) << finding.code;
  }
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
