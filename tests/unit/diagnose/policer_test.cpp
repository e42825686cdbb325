// SPDX-License-Identifier: Apache-2.0
// throughput-ceiling by a policer, and loss of bursts; and what is as steady or as lossy without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Histogram;
using model::Measure;
using model::Severity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// As measured: 20 clients read 32 KiB through 8 MiB/s. What is missing is sent again after 200 ms and more.
struct Calls {
  std::uint64_t fast = 80;  // of 100, 8 ms
  std::uint64_t slow = 16;  // 221 ms
  std::uint64_t stuck = 4;  // 1 s
  std::uint64_t first_byte_us = 99;
};

Traffic policed_traffic(std::uint64_t per_s = 247, std::uint64_t lost = 150) {
  Traffic t(20);
  t.seconds(0, 20).exchanges(per_s).out_of_order(lost);
  t.endpoint().totals.sockets_open_peak = 20;
  return t;
}

Picture with_calls(Traffic t, const Calls& calls = {}) {
  Picture picture = t.picture();
  auto& histograms = picture.endpoints.front().histograms;
  Histogram took;
  Histogram first_byte;
  for (int i = 0; i < 50; ++i) {
    for (std::uint64_t n = 0; n < calls.fast; ++n) took.add(8'000);
    for (std::uint64_t n = 0; n < calls.slow; ++n) took.add(221'000);
    for (std::uint64_t n = 0; n < calls.stuck; ++n) took.add(1'000'000);
    for (std::uint64_t n = 0; n < 100; ++n) first_byte.add(calls.first_byte_us);
  }
  histograms[Measure::kLastByte] = took;
  histograms[Measure::kFirstByte] = first_byte;
  return picture;
}

Finding ceiling_of(const Picture& picture) {
  for (Finding& finding : diagnose(picture)) {
    if (finding.code == "throughput-ceiling") return std::move(finding);
  }
  return {};
}

TEST(Policer, drops_what_a_shaper_would_queue) {
  const auto findings = diagnose(with_calls(policed_traffic()));
  ASSERT_EQ(findings.size(), 2U);
  const Finding& ceiling = findings[0];
  EXPECT_EQ(ceiling.code, "throughput-ceiling");
  EXPECT_EQ(ceiling.severity, Severity::kWarning);
  EXPECT_EQ(ceiling.confidence, Confidence::kMedium);
  EXPECT_EQ(evidence_text(ceiling, "mode"), "police");
  EXPECT_EQ(evidence_text(ceiling, "direction"), "in");
  EXPECT_NEAR(evidence_float(ceiling, "ceiling_wire_bit_per_s"), 67.9e6, 1e6);
  EXPECT_NEAR(evidence_float(ceiling, "loss_pct"), 2.6, 0.1);
  EXPECT_EQ(ceiling.impact.exchanges_delayed, 1000U);
  EXPECT_THAT(ceiling.explanation, HasSubstr("through a policer: it drops what exceeds that instead of queueing it"));
  EXPECT_EQ(findings[1].code, "retransmit-loss");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  EXPECT_EQ(findings[1].impact.exchanges_delayed, 1000U);
}

TEST(Policer, passes_at_once_what_it_saved) {
  Traffic t = policed_traffic();
  t.seconds(0, 2).exchanges(320).out_of_order(150);
  EXPECT_EQ(evidence_text(ceiling_of(with_calls(t)), "mode"), "police");
  t.seconds(10, 11).exchanges(320).out_of_order(150);
  EXPECT_THAT(codes(with_calls(t)), ElementsAre("retransmit-loss"));  // more than the rate in the middle of it
}

TEST(Policer, by_packets_where_their_size_changes) {
  Traffic t = policed_traffic();
  t.each([](model::Second& s, std::size_t i) { s.bytes_received += (i % 4 < 2 ? 0 : 1'500'000); });
  const Finding ceiling = ceiling_of(with_calls(t));
  EXPECT_EQ(evidence_text(ceiling, "mode"), "pps");
  EXPECT_THAT(ceiling.explanation, HasSubstr("packets a second"));
}

TEST(Policer, needs_eight_seconds_and_loss_in_each) {
  Traffic seven(20);
  seven.seconds(0, 20).exchanges(40).seconds(5, 12).exchanges(247).out_of_order(150);
  seven.endpoint().totals.sockets_open_peak = 20;
  EXPECT_THAT(codes(with_calls(seven)), Not(Contains("throughput-ceiling")));
  EXPECT_THAT(codes(with_calls(policed_traffic(247, 50))), ElementsAre("delay-unattributed"));  // 0.9 %
}

// Loss by chance, and as many clients that wait for it: each second another number of calls.
TEST(Policer, is_not_loss_by_chance) {
  Traffic t = policed_traffic();
  t.each([](model::Second& s, std::size_t i) {
    s.exchanges = 247 + 13 * (i * 7 % 5) - 26;  // 5 % and more
    s.segments_received = s.exchanges * 23;
    s.bytes_received = s.exchanges * Traffic::kResponse;
  });
  EXPECT_THAT(codes(with_calls(t)), ElementsAre("retransmit-loss"));
}

// Many more calls scatter by less than 5 %: still more than a limit that they share would let them.
TEST(Policer, is_not_the_steadiness_of_many) {
  Traffic t = policed_traffic();
  t.seconds(0, 20).exchanges(20'000).out_of_order(12'000).each([](model::Second& s, std::size_t i) {
    s.exchanges = 20'000 + 250 * (i * 7 % 5);
    s.segments_received = s.exchanges * 23;
    s.bytes_received = s.exchanges * Traffic::kResponse;
  });
  t.endpoint().totals.sockets_open_peak = 1600;
  EXPECT_THAT(codes(with_calls(t)), ElementsAre("retransmit-loss"));
}

TEST(Policer, is_neither_a_busy_server_nor_a_steady_demand) {
  Calls server;
  server.first_byte_us = 7'000;  // a tenth of a mean call
  EXPECT_THAT(codes(with_calls(policed_traffic(), server)), ElementsAre("retransmit-loss"));
  Traffic idle = policed_traffic();
  idle.endpoint().totals.sockets_open_peak = 40;  // half of the connections wait for something to do
  EXPECT_THAT(codes(with_calls(idle)), ElementsAre("retransmit-loss"));
  Calls alike;
  alike.fast = 100;
  alike.slow = alike.stuck = 0;
  EXPECT_THAT(codes(with_calls(policed_traffic(), alike)), ElementsAre("retransmit-loss"));
}

TEST(Policer, is_no_queue) {
  Traffic t = policed_traffic();
  t.path(186ms).one_way(141ms);
  EXPECT_EQ(evidence_text(ceiling_of(with_calls(t)), "mode"), "queue");
}

TEST(Policer, of_what_this_host_sends) {
  Traffic t = policed_traffic(247, 0);
  t.each([](model::Second& s, std::size_t) {
    std::swap(s.bytes_sent, s.bytes_received);
    std::swap(s.segments_sent, s.segments_received);
    s.segments_sent += 150;
  });
  t.endpoint().series.arrays[model::SeriesId::kRetransmits].assign(20, 150);
  t.endpoint().totals.retransmitted_segments = 3000;
  const Finding ceiling = ceiling_of(with_calls(t));
  EXPECT_EQ(evidence_text(ceiling, "direction"), "out");
  EXPECT_THAT(ceiling.explanation, HasSubstr("had to be sent again"));
  // What is sent again passes: it is bursts that are lost, and the average is no limit.
  for (int n = 0; n < 3000; ++n) t.endpoint().histograms[Measure::kRetransmitTlp].add(205'000);
  EXPECT_THAT(codes(with_calls(t)), Not(Contains("throughput-ceiling")));
}

// What this host answers is done for its application long before it has arrived: the kernel's clock tells.
TEST(Policer, of_what_this_host_answers) {
  Traffic t(20, model::Role::kInbound);
  t.seconds(0, 20).exchanges(247).path(0ms).no_one_way("no_timestamps").each([](model::Second& s, std::size_t) {
    std::swap(s.bytes_sent, s.bytes_received);
    std::swap(s.segments_sent, s.segments_received);
    s.segments_sent += 150;
  });
  model::EndpointPicture& endpoint = t.endpoint();
  endpoint.totals.sockets_open_peak = 20;
  endpoint.series.arrays[model::SeriesId::kRetransmits].assign(20, 150);
  endpoint.totals.retransmitted_segments = 3000;
  for (int i = 0; i < 20 * 40; ++i) endpoint.histograms[Measure::kRecovery].add(i % 5 == 0 ? 1'000'000 : 221'000);
  Calls at_once;
  at_once.fast = 100;
  at_once.slow = at_once.stuck = 0;
  Picture picture = with_calls(t, at_once);
  EXPECT_THAT(codes(picture), Not(Contains("throughput-ceiling")));  // how long it took is not known
  picture.endpoints.front().busy_us = picture.endpoints.front().totals.exchanges * 76'000;
  const Finding ceiling = ceiling_of(picture);
  EXPECT_EQ(evidence_text(ceiling, "mode"), "police");
  EXPECT_EQ(evidence_text(ceiling, "direction"), "out");
  EXPECT_EQ(ceiling.impact.exchanges_delayed, 800U);
}

// As measured: probes after 205 ms, timeouts without a probe after 220 ms, and after a probe that was lost 410 ms.
Finding loss_of(std::uint64_t probes, std::uint64_t timeouts, std::uint64_t second_timeouts, std::uint64_t requests) {
  Traffic t(20);
  t.seconds(0, 20).exchanges(requests / 20);
  auto& histograms = t.endpoint().histograms;
  for (std::uint64_t n = 0; n < probes; ++n) histograms[Measure::kRetransmitTlp].add(205'000);
  for (std::uint64_t n = 0; n < timeouts; ++n) histograms[Measure::kRetransmitRto].add(220'000);
  for (std::uint64_t n = 0; n < second_timeouts; ++n) histograms[Measure::kRetransmitRto].add(410'000);
  t.endpoint().totals.retransmitted_segments = probes + timeouts + second_timeouts;
  return find(t, "retransmit-loss");
}

bool is_told_of_bursts(const Finding& finding) {
  EXPECT_EQ(finding.code, "retransmit-loss");
  return !evidence_is_null(finding, "lost_again_pct");
}

TEST(BurstLoss, spares_what_is_sent_again) {
  const Finding bursts = loss_of(1224, 76, 45, 8200);
  EXPECT_THAT(bursts.explanation, HasSubstr("Of what was sent again 3.3 % was lost again"));
  EXPECT_THAT(bursts.explanation, HasSubstr("a policer"));
  EXPECT_NEAR(evidence_float(bursts, "lost_again_pct"), 3.3, 0.1);
}

TEST(BurstLoss, is_not_loss_by_chance) {
  EXPECT_FALSE(is_told_of_bursts(loss_of(1224, 0, 190, 8200)));
  EXPECT_FALSE(is_told_of_bursts(loss_of(1224, 76, 120, 8200)));
  EXPECT_TRUE(is_told_of_bursts(loss_of(1224, 76, 80, 8200)));
  EXPECT_FALSE(is_told_of_bursts(loss_of(230, 0, 0, 1400)));  // none of 37 may be chance
}

// What is lost twice in the middle of a stream shows as another fast retransmission.
TEST(BurstLoss, is_told_by_timers_only) {
  Traffic t(20);
  t.seconds(0, 20).exchanges(410);
  for (int n = 0; n < 1000; ++n) t.endpoint().histograms[Measure::kRetransmitTlp].add(205'000);
  t.endpoint().totals.retransmitted_segments = 1300;
  EXPECT_FALSE(is_told_of_bursts(find(t, "retransmit-loss")));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
