// SPDX-License-Identifier: Apache-2.0
// What a socket was doing at a moment of which nothing was reported.
#include "session/slice/flow_at.h"

#include <gtest/gtest.h>

#include "unit/session/slice/view_builder.h"

namespace tcpdiag::session {
namespace {

using namespace session::testing;
using model::Flow;
using model::TcpState;

// One outbound connection; its figures can be taken at any time.
class FlowAtTest : public ::testing::Test {
 protected:
  FlowAtTest() : socket_([](const model::Event&) {}, 1, Role::kOutbound) { socket_.open(0); }

  FlowAt at(double t, const Flow& before) const {
    return flow_at(before, TcpState::kEstablished, &socket_.flow, false, ms(t));
  }

  Conversation socket_;
};

TEST_F(FlowAtTest, RequestThatIsAnsweredLaterWasWaiting) {
  const Flow before = socket_.flow;
  socket_.exchange(100);
  socket_.request(200, 77);
  socket_.response(5000, 500);
  const FlowAt moment = at(3000, before);
  EXPECT_TRUE(moment.flow.outstanding);
  EXPECT_FALSE(moment.flow.in_response);
  EXPECT_EQ(moment.flow.request_first_at, ms(200));
  EXPECT_EQ(moment.flow.request_bytes, 77U);
  EXPECT_EQ(moment.flow.response_bytes, 0U);
  EXPECT_EQ(moment.flow.last_sent_at, ms(200));
  ASSERT_TRUE(moment.has_counts);
  EXPECT_EQ(moment.flow.exchanges, 1U);
  EXPECT_EQ(moment.flow.bytes_received, 1000U);
}

TEST_F(FlowAtTest, RequestThatStillWaitsLaterWasWaiting) {
  const Flow before = socket_.flow;
  socket_.request(200);
  const FlowAt moment = at(3000, before);
  EXPECT_TRUE(moment.flow.outstanding);
  EXPECT_EQ(moment.flow.request_first_at, ms(200));
  EXPECT_TRUE(moment.has_counts);
}

TEST_F(FlowAtTest, RequestThatWasAnsweredMeanwhileIsNotWaiting) {
  socket_.request(100);
  const Flow before = socket_.flow;  // a retransmission reported it
  socket_.response(200);
  const FlowAt quiet = at(3000, before);
  EXPECT_FALSE(quiet.flow.outstanding);
  EXPECT_EQ(quiet.flow.exchanges, 1U);
  EXPECT_TRUE(quiet.has_counts);

  socket_.exchange(4000);
  const FlowAt busy = at(3000, before);
  EXPECT_FALSE(busy.flow.outstanding);
}

TEST_F(FlowAtTest, SilentSocketHasTheCountsOfItsNextFigures) {
  const Flow before = socket_.flow;
  for (int i = 0; i < 5; ++i) socket_.exchange(100 + 10 * i);
  const FlowAt moment = at(3000, before);
  ASSERT_TRUE(moment.has_counts);
  EXPECT_EQ(moment.flow.exchanges, 5U);
  EXPECT_EQ(moment.flow.bytes_sent, 500U);
}

TEST_F(FlowAtTest, SilenceBeforeTheNewestRequestKeepsTheOlderCounts) {
  socket_.exchange(100);
  const Flow before = socket_.flow;
  socket_.exchange(4000);
  const FlowAt moment = at(3000, before);
  ASSERT_TRUE(moment.has_counts);
  EXPECT_EQ(moment.flow.exchanges, 1U);
}

TEST_F(FlowAtTest, BusySocketHasNoKnownCounts) {
  const Flow before = socket_.flow;
  for (int i = 0; i < 50; ++i) socket_.exchange(100 + 100 * i);
  const FlowAt moment = at(3000, before);
  EXPECT_FALSE(moment.has_counts);
  EXPECT_EQ(moment.flow.exchanges, 0U);  // at least
  EXPECT_FALSE(moment.flow.outstanding);
}

TEST_F(FlowAtTest, FiguresOfASocketThatIsTornDownAreNotUsed) {
  socket_.exchange(100);
  const Flow before = socket_.flow;
  const Flow zeroed;
  const FlowAt moment = flow_at(before, TcpState::kCloseWait, &zeroed, false, ms(3000));
  EXPECT_FALSE(moment.has_counts);
  EXPECT_EQ(moment.flow.exchanges, 1U);
  EXPECT_EQ(moment.flow.state, TcpState::kCloseWait);
}

TEST_F(FlowAtTest, NothingEmittedLaterLeavesTheOlderFigures) {
  socket_.request(100);
  const FlowAt moment = flow_at(socket_.flow, TcpState::kEstablished, nullptr, false, ms(3000));
  EXPECT_TRUE(moment.flow.outstanding);
  EXPECT_FALSE(moment.has_counts);
}

TEST(FlowAtInbound, AnswerThatCameLaterIsNotCounted) {
  Conversation socket([](const model::Event&) {}, 1, Role::kInbound);
  socket.open(0);
  const Flow before = socket.flow;
  socket.exchange(100);
  socket.request(200);
  socket.response(5000, 400);
  socket.deliver();
  const FlowAt moment = flow_at(before, TcpState::kEstablished, &socket.flow, true, ms(3000));
  EXPECT_TRUE(moment.flow.outstanding);
  EXPECT_EQ(moment.flow.exchanges, 1U);
  EXPECT_EQ(moment.flow.bytes_sent, 1000U);
  EXPECT_EQ(moment.flow.bytes_received, 200U);
  EXPECT_EQ(moment.flow.last_received_at, ms(200));
}

TEST(FlowSince, CountsFromTheBase) {
  Flow base;
  base.exchanges = 3;
  base.bytes_sent = 300;
  base.retransmitted_segments = 2;
  base.first_byte_max_us = 900;
  Flow reported = base;
  reported.exchanges = 5;
  reported.bytes_sent = 100;  // torn down
  reported.retransmitted_segments = 7;
  reported.bytes_sent_total = 9999;
  const Flow since = flow_since(reported, base, ms(0));
  EXPECT_EQ(since.exchanges, 2U);
  EXPECT_EQ(since.bytes_sent, 0U);
  EXPECT_EQ(since.retransmitted_segments, 5U);
  EXPECT_EQ(since.bytes_sent_total, 9999U);
  EXPECT_EQ(since.first_byte_max_us, 0U);  // it may have been before
  reported.first_byte_max_us = 901;
  EXPECT_EQ(flow_since(reported, base, ms(0)).first_byte_max_us, 901U);
}

TEST(FlowSince, ForgetsAnExchangeThatWasOverAndKeepsOneThatWaits) {
  Conversation socket([](const model::Event&) {}, 1, Role::kOutbound);
  socket.open(0);
  socket.exchange(100);
  EXPECT_FALSE(flow_since(socket.flow, {}, ms(1000)).request_first_at);
  EXPECT_FALSE(flow_since(socket.flow, {}, ms(1000)).in_response);
  EXPECT_FALSE(flow_since(socket.flow, {}, ms(1000)).opened_at);
  EXPECT_TRUE(flow_since(socket.flow, {}, ms(50)).request_first_at);
  socket.request(500);
  EXPECT_EQ(flow_since(socket.flow, {}, ms(1000)).request_first_at, ms(500));
  socket.response(1500);  // it reaches into the part
  EXPECT_EQ(flow_since(socket.flow, {}, ms(1000)).request_first_at, ms(500));
}

}  // namespace
}  // namespace tcpdiag::session
