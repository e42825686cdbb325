// SPDX-License-Identifier: Apache-2.0
// What a connection's end means: writes around the peer's FIN, resets to what is sent again, streams, and resets that
// this host sent without knowing whose they were.
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::ConnectOutcome;
using model::EndKind;
using model::Picture;
using model::SocketStory;

void sample(Trace& trace, double at, std::uint32_t smallest, std::uint64_t exchanges = 10) {
  model::EndpointSample sample;
  sample.at = ms(at);
  sample.key = remote_endpoint();
  sample.exchanges = exchanges;
  sample.request_bytes = exchanges * smallest;
  sample.smallest_request_bytes = smallest;
  sample.survived_silence_us = 400'000;
  trace.correlator.on_sample(sample);
}

// The client reads end of file at once and closes; the RST to its request comes a round trip later.
TEST(Ends, AFinHidesTheResetFromAClientThatReadsAtOnce) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  sample(trace, 1000, 100);
  c.peer_fin(2011);
  c.request(2300);
  c.close(2301);
  const SocketStory without = trace.correlator.picture_at(ms(2302)).sockets.at(0);
  EXPECT_EQ(without.exchanges_failed, 1U);
  c.reset_received(2304);
  const SocketStory story = trace.end(9000).sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_DOUBLE_EQ(to_ms(story.end->fin_to_write), 289);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle_at_fin), 2000);
}

// TLS close_notify: shorter than anything that was answered.
TEST(Ends, AGoodbyeToThePeersFinIsNoRequest) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  sample(trace, 1000, 100);
  c.peer_fin(2011);
  c.request(2011.2, 24);
  c.close(2011.3);
  EXPECT_EQ(trace.end(9000).sockets.at(0).exchanges_failed, 0U);
}

TEST(Ends, WhoComesBackAtOnceHadAskedForSomething) {
  for (const bool comes_back : {false, true}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.exchange(10);
    c.request(2000, 30);  // nothing is known of usual requests
    c.peer_fin(2000.5);
    c.close(2001);
    auto next = trace.outbound(2);
    if (comes_back) next.open(2100);
    EXPECT_EQ(trace.end(9000).totals.exchanges_failed, comes_back ? 1U : 0U);
  }
}

TEST(Ends, AResetThatAnswersARepetitionSaysSo) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(1000);
  c.flow.srtt_us = 1000;
  c.emit(1200, model::Retransmitted{.ca_state = 4});
  c.reset_received(1201);
  EXPECT_DOUBLE_EQ(to_ms(trace.end(9000).sockets.at(0).end->retransmit_to_end), 1);
}

// Syslog: somebody reads, nobody answers.
TEST(Ends, AStreamThatNobodyAnswersFailsNoExchange) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10, 100'000);
  c.acked(20);
  c.close(9000);
  EXPECT_EQ(trace.end(9999).sockets.at(0).exchanges_failed, 0U);
}

// Its other end, which closes when it has seen enough; what nobody has read does not count.
TEST(Ends, AStreamThatThisHostOnlyReadsFailsNoExchange) {
  for (const std::uint32_t unread : {0U, 90'000U}) {
    Trace trace;
    auto c = trace.inbound(1);
    c.established(0);
    c.request(10, 100'000);
    c.flow.unread_bytes = unread;
    c.close(9000);
    EXPECT_EQ(trace.end(9999).sockets.at(0).exchanges_failed, unread == 0 ? 0U : 1U);
  }
}

TEST(Ends, AProgramThatEndsMissesNoAnswerToACallJustBegun) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(1000);
  c.change(1300, TcpState::kFinWait1, {.by_application = true, .process_exiting = true});
  EXPECT_EQ(trace.end(9999).sockets.at(0).exchanges_failed, 0U);
}

model::Event stray(const Conversation& c, double at) {
  model::Event event;
  event.at = ms(at);
  event.socket.netns_inode = c.ref.netns_inode;
  event.socket.local = c.ref.local;
  event.socket.remote = {model::Address::parse("10.78.0.2").value_or(model::Address{}), 8080};
  event.body = model::ResetSent{.answers_packet = true};
  return event;
}

TEST(Ends, AResetWithoutASocketBelongsToTheConnectionWithItsPort) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(1000);
  trace.correlator.on_event(stray(c, 1001));
  const SocketStory story = trace.end(9999).sockets.at(0);
  EXPECT_EQ(story.stray_resets, 1U);
  ASSERT_TRUE(story.stray_reset_to);
  EXPECT_EQ(story.stray_reset_to->port, 8080);
}

TEST(Ends, ASynAckAfterTheConnectWasGivenUpIsLate) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.change(250, TcpState::kClose, {.from = TcpState::kSynSent, .syn_was_sent = true});
  model::Event late = stray(c, 300);
  late.socket.remote = c.ref.remote;
  trace.correlator.on_event(late);
  const SocketStory story = trace.end(9999).sockets.at(0);
  EXPECT_EQ(story.outcome, ConnectOutcome::kAbandoned);
  EXPECT_DOUBLE_EQ(to_ms(story.late_syn_ack), 50);
}

TEST(Ends, ASlowConnectIsCounted) {
  Trace trace;
  auto quick = trace.outbound(1);
  quick.open(0);
  auto slow = trace.outbound(2);
  slow.connect(100);
  slow.syn_retransmitted(1100);
  slow.established(1101);
  const Picture picture = trace.end(9999);
  EXPECT_EQ(picture.endpoints.at(0).slow_connects.count, 1U);
  EXPECT_EQ(picture.endpoints.at(0).slow_connects.resent_syns, 1U);
}

TEST(Ends, WhatTheKernelCountsAndNobodyToldIsLost) {
  model::TraceStart start = trace_start();
  model::NetnsInfo netns;
  netns.inode = 7;
  start.netns = {netns};
  start.abilities = {{"reset_without_socket", true, ""}};
  Trace trace({}, start);
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(1000);
  c.emit(1200, model::Retransmitted{.ca_state = 4});
  c.flow.retransmitted_segments = 3;
  c.emit(1400, model::Retransmitted{.ca_state = 4});
  const auto count = [&trace](double at, std::uint64_t resets) {
    trace.correlator.on_sample(
        model::NetnsSample{ms(at), 7, {{"OutRsts", resets}, {"RetransSegs", resets}}, {}, false});
  };
  count(0, 0);
  count(2000, 5);
  const Picture picture = trace.end(9999);
  EXPECT_EQ(picture.endpoints.at(0).totals.retransmits_unseen, 1U);
  EXPECT_EQ(picture.loss.unseen_retransmits, 3U);  // 5 less the two that were told
  EXPECT_EQ(picture.loss.unseen_resets, 5U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
