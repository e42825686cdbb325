// SPDX-License-Identifier: Apache-2.0
// Retransmissions: how many of each kind, how long after the first, and what was not sent.
#include "model/retransmit.h"

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
  EXPECT_EQ(totals.retransmits[static_cast<std::size_t>(RetransmitKind::kRto)], 3U) << "segments, as the kernel counts";
  EXPECT_EQ(totals.retransmit_failures.busy, 1U);
  EXPECT_EQ(totals.retransmit_failures.other, 1U);
  EXPECT_EQ(totals.retransmitted_segments, 3U);
  EXPECT_EQ(totals.spurious_retransmits, 1U);
  EXPECT_EQ(totals.out_of_order_segments, 2U);
  EXPECT_EQ(picture.endpoints.at(0).series.arrays.at(model::SeriesId::kRetransmits).at(0), 3);
}

struct Again {
  std::uint8_t timer;
  std::uint8_t ca_state;
  RetransmitKind kind;
};

TEST(Retransmits, AreTimedFromTheFirstTransmission) {
  for (const Again& again : {Again{0, 4, RetransmitKind::kRto}, Again{1, 3, RetransmitKind::kFast},
                             Again{5, 0, RetransmitKind::kTlp}, Again{1, 4, RetransmitKind::kOther}}) {
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
    const model::Measure measure = model::delay_of(again.kind);
    EXPECT_EQ(to_string(measure), "retransmit_" + std::string(to_string(again.kind)));
    for (const auto& [which, histogram] : histograms) {
      const bool is_retransmit = std::string_view(to_string(which)).starts_with("retransmit_");
      EXPECT_EQ(is_retransmit ? histogram.count() : 0U, which == measure ? 1U : 0U) << to_string(which);
    }
    EXPECT_EQ(histograms.at(measure).max(), 220'000U);
    const auto* mark = mark_of<model::mark::Retransmit>(picture.sockets.at(0));
    ASSERT_NE(mark, nullptr);
    EXPECT_EQ(mark->kind, again.kind);
    EXPECT_FALSE(mark->failed);
    EXPECT_EQ(mark->segments, 3U);
    EXPECT_EQ(mark->delay, std::chrono::milliseconds(220));
    EXPECT_EQ(mark->bound_us, 150U);
    const auto* last = std::get_if<model::mark::Retransmit>(&picture.sockets.at(0).timeline.back().body);
    ASSERT_NE(last, nullptr);
    EXPECT_FALSE(last->delay);
    EXPECT_EQ(last->bound_us, 0U);
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
    EXPECT_EQ(picture.endpoints.at(0).histograms.at(model::Measure::kRetransmitRto).count(), 0U);
    for (const std::uint64_t count : picture.totals.retransmits) EXPECT_EQ(count, 0U);
    const auto* mark = mark_of<model::mark::Retransmit>(picture.sockets.at(0));
    ASSERT_NE(mark, nullptr);
    EXPECT_TRUE(mark->failed);
    EXPECT_EQ(mark->kind, RetransmitKind::kRto);
    EXPECT_EQ(mark->error, error);
    EXPECT_FALSE(mark->delay);
  }
}

TEST(Retransmits, OneThatTheOwnQdiscDroppedCountsAsTheKernelCountsIt) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.emit(230, Retransmitted{.error = 1, .ca_state = 4, .first_sent_at = ms(10)});  // NET_XMIT_DROP
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.endpoints.at(0).histograms.at(model::Measure::kRetransmitRto).count(), 1U);
  const auto* mark = mark_of<model::mark::Retransmit>(picture.sockets.at(0));
  ASSERT_NE(mark, nullptr);
  EXPECT_FALSE(mark->failed);
  EXPECT_EQ(mark->error, 1);
}

TEST(Retransmits, DelaysAreUnknownWhereTheSourceCannotTellThem) {
  model::TraceStart start = trace_start();
  start.abilities.push_back({"retransmit_tlp", false, "a capture"});
  Trace trace({}, start);
  auto c = trace.outbound(1);
  c.open(0);
  const Picture picture = trace.end(1000);
  EXPECT_FALSE(picture.endpoints.at(0).histograms.contains(model::Measure::kRetransmitTlp));
  EXPECT_TRUE(picture.endpoints.at(0).histograms.contains(model::Measure::kRetransmitRto));
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
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kRetransmitSynAck).count(), 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kRetransmitSynAck).max(), 1'000'000U);
  EXPECT_EQ(picture.totals.sockets_seen, 1U);
  EXPECT_EQ(picture.sockets.at(0).retransmitted_segments, 4U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
