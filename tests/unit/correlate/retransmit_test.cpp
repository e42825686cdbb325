// SPDX-License-Identifier: Apache-2.0
// Retransmissions: how many of each kind, how long after the first, and what was not sent.
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::Picture;
using model::RetransmitKind;
using model::Retransmitted;

Picture with_retransmits(model::TraceStart start) {
  Trace trace({}, std::move(start));
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.emit(210, Retransmitted{.ca_state = 4, .segments = 3});
  c.emit(220, Retransmitted{.error = -EBUSY, .ca_state = 4});
  c.emit(230, Retransmitted{.error = -ENOMEM, .ca_state = 4});
  c.flow.retransmitted_segments = 3;
  c.flow.spurious_retransmits = 1;
  c.flow.out_of_order_segments = 2;
  c.response(300);
  c.snapshot(trace.correlator, 900, model::SnapshotMoment::kEnd);
  return trace.end(1000);
}

TEST(Retransmits, FailuresAreCountedApart) {
  const Picture picture = with_retransmits(trace_start());
  const model::Totals& totals = picture.endpoints.at(0).totals;
  EXPECT_EQ(totals.retransmits[static_cast<std::size_t>(RetransmitKind::kRto)], 1U);
  EXPECT_EQ(totals.retransmit_failures.busy, 1U);
  EXPECT_EQ(totals.retransmit_failures.other, 1U);
  EXPECT_EQ(totals.retransmitted_segments, 3U);
  EXPECT_EQ(totals.spurious_retransmits, 1U);
  EXPECT_EQ(totals.out_of_order_segments, 2U);
  EXPECT_EQ(picture.endpoints.at(0).series.arrays.at("retransmits").at(0), 1);
}

struct Again {
  std::uint8_t timer;
  std::uint8_t ca_state;
  const char* histogram;
};

TEST(Retransmits, AreTimedFromTheFirstTransmission) {
  for (const Again& again : {Again{0, 4, "retransmit_rto"}, Again{1, 3, "retransmit_fast"},
                             Again{5, 0, "retransmit_tlp"}, Again{1, 4, "retransmit_other"}}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.request(10);
    Retransmitted event{.timer_pending = again.timer, .ca_state = again.ca_state, .segments = 3};
    event.first_sent_at = ms(10);
    event.first_sent_bound = std::chrono::microseconds(150);
    c.emit(230, event);
    event.first_sent_at.reset();
    c.emit(240, event);  // before the trace, or no longer known
    const Picture picture = trace.end(1000);
    const auto& histograms = picture.endpoints.at(0).histograms;
    for (const auto& [name, histogram] : histograms) {
      const bool counted = name == again.histogram;
      EXPECT_EQ(name.starts_with("retransmit_") ? histogram.count() : 0U, counted ? 1U : 0U) << name;
    }
    EXPECT_EQ(histograms.at(again.histogram).max(), 220'000U);
    const auto* entry = entry_of(picture.sockets.at(0), model::TimelineKind::kRetransmit);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ("retransmit_" + entry->detail.at("kind"), again.histogram);
    EXPECT_EQ(entry->detail.at("segments"), "3");
    EXPECT_EQ(entry->detail.at("delay_us"), "220000");
    EXPECT_EQ(entry->detail.at("bound_us"), "150");
    const auto& timeline = picture.sockets.at(0).timeline;
    EXPECT_FALSE(timeline.back().detail.contains("delay_us"));
    EXPECT_FALSE(timeline.back().detail.contains("bound_us"));
  }
}

TEST(Retransmits, AFailedAttemptKeepsItsKindAndIsNoRetransmission) {
  for (const int error : {-EBUSY, -EAGAIN, -EHOSTUNREACH, -ENOMEM}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.request(10);
    c.emit(230, Retransmitted{.error = error, .ca_state = 4, .segments = 2, .first_sent_at = ms(10)});
    const Picture picture = trace.end(1000);
    EXPECT_EQ(picture.endpoints.at(0).histograms.at("retransmit_rto").count(), 0U);
    for (const std::uint64_t count : picture.totals.retransmits) EXPECT_EQ(count, 0U);
    const auto* entry = entry_of(picture.sockets.at(0), model::TimelineKind::kRetransmitFailed);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->detail.at("kind"), "rto");
    EXPECT_EQ(entry->detail.at("errno"), std::to_string(-error));
    EXPECT_FALSE(entry->detail.contains("delay_us"));
  }
}

TEST(Retransmits, OneThatTheOwnQdiscDroppedCountsAsTheKernelCountsIt) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.emit(230, Retransmitted{.error = 1, .ca_state = 4, .first_sent_at = ms(10)});  // NET_XMIT_DROP
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.endpoints.at(0).histograms.at("retransmit_rto").count(), 1U);
  const auto* entry = entry_of(picture.sockets.at(0), model::TimelineKind::kRetransmit);
  EXPECT_EQ(entry->detail.at("qdisc_code"), "1");
  EXPECT_FALSE(entry->detail.contains("errno"));
}

TEST(Retransmits, DelaysAreUnknownWhereTheSourceCannotTellThem) {
  model::TraceStart start = trace_start();
  start.abilities.push_back({"retransmit_tlp", false, "a capture"});
  Trace trace({}, start);
  auto c = trace.outbound(1);
  c.open(0);
  const Picture picture = trace.end(1000);
  EXPECT_FALSE(picture.endpoints.at(0).histograms.contains("retransmit_tlp"));
  EXPECT_TRUE(picture.endpoints.at(0).histograms.contains("retransmit_rto"));
}

TEST(Retransmits, FailuresAreUnknownWhereTheKernelDoesNotTell) {
  model::TraceStart start = trace_start();
  start.abilities = {{"retransmit_failures", false, "kernel before 6.17"}};
  const Picture picture = with_retransmits(start);
  EXPECT_EQ(picture.totals.retransmit_failures.busy, std::nullopt);
  EXPECT_EQ(picture.endpoints.at(0).totals.retransmit_failures.other, std::nullopt);
}

TEST(Retransmits, SynAcksBelongToTheListenersEndpointAndToNoSocket) {
  Trace trace;
  auto listener = trace.inbound(9);
  listener.ref.role = model::Role::kUnknown;
  listener.flow.state = TcpState::kListen;
  listener.emit(1010, model::SynAckRetransmitted{.first_sent_at = ms(10)});
  listener.emit(1020, model::SynAckRetransmitted{});  // SYN cookies
  auto accepted = trace.inbound(1);
  accepted.flow.retransmitted_segments = 4;  // without its SYN-ACK's
  accepted.established(1100);
  const Picture picture = trace.end(2000);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  EXPECT_EQ(picture.endpoints[0].key.role, model::Role::kInbound);
  EXPECT_EQ(picture.endpoints[0].key.at.port, 8080);
  EXPECT_EQ(picture.totals.retransmits[static_cast<std::size_t>(RetransmitKind::kSynAck)], 2U);
  EXPECT_EQ(picture.totals.retransmitted_segments, 6U);  // as RetransSegs
  EXPECT_EQ(picture.endpoints[0].histograms.at("retransmit_synack").count(), 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at("retransmit_synack").max(), 1'000'000U);
  EXPECT_EQ(picture.totals.sockets_seen, 1U);
  EXPECT_EQ(picture.sockets.at(0).retransmitted_segments, 4U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
