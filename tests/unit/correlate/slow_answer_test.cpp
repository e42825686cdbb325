// SPDX-License-Identifier: Apache-2.0
// Inbound requests that waited long, and what the thread that read them did meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::Picture;
using model::SlowAnswers;
using model::SocketStory;

TEST(SlowAnswer, IsSortedByTheCallsOfItsThread) {
  Trace trace;
  const std::vector<std::optional<std::uint8_t>> calls{0, 2, std::nullopt, 0};
  std::uint64_t id = 0;
  for (const auto& made : calls) {
    auto c = trace.inbound(++id);
    c.established(0);
    c.request(1000.0 * static_cast<double>(id));
    c.slow_answer(60000, made);
    c.deliver();
    c.close(60001);
    c.gone(60002);
  }
  const Picture picture = trace.end(90000);
  const SlowAnswers& slow = picture.endpoints.at(0).slow_answers;
  EXPECT_EQ(slow.no_call, 2U);
  EXPECT_EQ(slow.with_call, 1U);
  EXPECT_EQ(slow.unknown, 1U);
  EXPECT_EQ(slow.ongoing, 0U);
  EXPECT_EQ(slow.no_call_wait_us.count(), 2U);
  EXPECT_EQ(slow.no_call_wait_us.max(), 59'000'000U);
  EXPECT_EQ(slow.first_at, ms(1000));
  EXPECT_EQ(slow.last_at, ms(60000));
  // It is no failure.
  EXPECT_EQ(picture.totals.exchanges_failed, 0U);
  EXPECT_EQ(picture.totals.exchanges, 4U);
  EXPECT_EQ(trace.correlator.failures(), 0U);
}

TEST(SlowAnswer, IsInTheStory) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(1000);
  c.slow_answer(8000, 0);
  c.request(9000);
  c.slow_answer(15000, 0);
  c.request(16000);
  c.slow_answer(30000, 3);
  c.deliver();
  c.close(30001);
  const SocketStory story = trace.end(90000).sockets.at(0);
  EXPECT_DOUBLE_EQ(to_ms(story.no_call_wait), 7000);  // the longest of those without a call
  const auto* mark = mark_of<model::mark::SlowAnswer>(story);
  ASSERT_NE(mark, nullptr);
  EXPECT_EQ(mark->wait, std::chrono::seconds(7));
  EXPECT_EQ(mark->calls, 0);
  const auto slow = std::find_if(story.timeline.begin(), story.timeline.end(), [](const auto& entry) {
    return std::holds_alternative<model::mark::SlowAnswer>(entry.body);
  });
  EXPECT_EQ(slow->at, ms(8000));
}

TEST(SlowAnswer, WhereTheThreadWasNotFollowedNothingIsSaid) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(1000);
  c.slow_answer(8000, std::nullopt);
  const SocketStory story = trace.end(90000).sockets.at(0);
  EXPECT_FALSE(story.no_call_wait);
  EXPECT_FALSE(mark_of<model::mark::SlowAnswer>(story)->calls);
}

TEST(SlowAnswer, UnansweredAtTheEndIsOngoing) {
  Trace trace;
  auto waits = trace.inbound(1);
  waits.established(0);
  waits.request(1000);
  waits.flow.calls_since_read = 0;
  auto fresh = trace.inbound(2);
  fresh.established(0);
  fresh.request(85000);
  fresh.flow.calls_since_read = 0;
  auto calls = trace.inbound(3);
  calls.established(0);
  calls.request(2000);
  calls.flow.calls_since_read = 1;
  for (auto* c : {&waits, &fresh, &calls}) c->snapshot(trace.correlator, 89000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(89000);
  const SlowAnswers& slow = picture.endpoints.at(0).slow_answers;
  EXPECT_EQ(slow.no_call, 1U);
  EXPECT_EQ(slow.with_call, 1U);
  EXPECT_EQ(slow.ongoing, 1U);
  EXPECT_EQ(slow.last_at, ms(89000));
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).no_call_wait), 88000);
  EXPECT_EQ(picture.totals.exchanges_pending, 3U);
}

TEST(SlowAnswer, InTheMiddleOfATraceOnlyWhatWasEmittedCounts) {
  Trace trace;
  auto c = trace.inbound(1).older_than_trace();
  c.request(-100);
  c.flow.calls_since_read = 0;
  c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  // It may have been answered quickly since: that is no event.
  EXPECT_EQ(trace.correlator.picture_at(ms(20000)).endpoints.at(0).slow_answers.no_call, 0U);
  auto d = trace.inbound(2).older_than_trace();
  d.request(-6000);
  d.flow.calls_since_read = 0;
  d.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  const Picture during = trace.correlator.picture_at(ms(20000));
  EXPECT_EQ(during.endpoints.at(0).slow_answers.no_call, 1U);
  EXPECT_EQ(during.endpoints.at(0).slow_answers.ongoing, 1U);
  EXPECT_EQ(during.endpoints.at(0).slow_answers.no_call_wait_us.max(), 26'000'000U);
  // Its answer ends the wait: it is counted once, and no longer pending.
  d.slow_answer(21000, 0);
  const Picture after = trace.correlator.picture_at(ms(22000));
  EXPECT_EQ(after.endpoints.at(0).slow_answers.no_call, 1U);
  EXPECT_EQ(after.endpoints.at(0).slow_answers.ongoing, 0U);
  EXPECT_EQ(after.totals.exchanges_pending, 1U);
}

TEST(SlowAnswer, AClientThatLeavesEndsTheWait) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(1000);
  c.flow.calls_since_read = 0;
  c.reset_received(31000);
  const Picture picture = trace.end(90000);
  const SlowAnswers& slow = picture.endpoints.at(0).slow_answers;
  EXPECT_EQ(slow.no_call, 1U);
  EXPECT_EQ(slow.ongoing, 0U);
  EXPECT_EQ(slow.last_at, ms(31000));
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).no_call_wait), 30000);
  EXPECT_EQ(picture.totals.exchanges_failed, 1U);  // by the client's leaving, not by the wait
}

TEST(SlowAnswer, ToAClientThatHasLeftIsCountedOnce) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(1000);
  c.flow.calls_since_read = 0;
  c.peer_fin(31000);
  c.slow_answer(40000, 0);
  c.reset_received(40001);
  const Picture picture = trace.end(90000);
  EXPECT_EQ(picture.endpoints.at(0).slow_answers.no_call, 1U);
  EXPECT_EQ(picture.totals.exchanges_failed, 1U);
}

TEST(SlowAnswer, AnUploadThatStillArrivedDidNotWait) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(1000, 1 << 20);
  c.request(30000, 1 << 20);
  c.slow_answer(31000, 0);
  c.request(40000, 1 << 20);
  c.request(46000, 1 << 20);
  c.slow_answer(60000, 0);
  const Picture picture = trace.end(90000);
  EXPECT_EQ(picture.endpoints.at(0).slow_answers.no_call, 1U);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).no_call_wait), 20000);
}

TEST(SlowAnswer, OutboundSocketsHaveNone) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(1000);
  c.snapshot(trace.correlator, 30000, model::SnapshotMoment::kEnd);
  const SlowAnswers slow = trace.end(30000).endpoints.at(0).slow_answers;
  EXPECT_EQ(slow.no_call + slow.with_call + slow.unknown, 0U);
}

TEST(SlowAnswer, SocketsAreKeptBeforeHealthyOnesWithinBounds) {
  Trace trace({.failed_sockets = 8, .healthy_sockets = 1});
  for (std::uint64_t id = 1; id <= 6; ++id) {
    auto c = trace.inbound(id);
    c.established(0);
    c.request(1000);
    c.slow_answer(10000, 0);
    c.deliver();
    c.close(10001);
    c.gone(10002);
  }
  const Picture picture = trace.end(90000);
  EXPECT_EQ(picture.sockets.size(), 3U);  // a quarter of the room for failed ones, and the healthy one
  EXPECT_EQ(picture.sockets_omitted, 3U);
  EXPECT_EQ(picture.loss.sockets_full, 0U);  // nothing failed: they are left out on purpose
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
