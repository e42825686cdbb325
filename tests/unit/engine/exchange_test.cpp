// SPDX-License-Identifier: Apache-2.0
// Requests and responses, from sequence numbers alone.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

TEST(Exchange, RequestAndResponse) {
  Tap tap;
  tap.send(10, 100);
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.request_first_ns, Tap::ns(10));
  EXPECT_EQ(tap.c.idle_before_request_ns, 10'000'000U);  // since the handshake
  tap.send(12, 50);
  tap.answer(40, 1000);
  EXPECT_FALSE(tap.c.outstanding);
  EXPECT_TRUE(tap.c.in_response);
  tap.receive(45, 500);
  EXPECT_EQ(tap.c.request_bytes, 150U);
  EXPECT_EQ(tap.c.response_bytes, 1500U);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 28'000U);  // from the request's last byte
  EXPECT_EQ(tap.count(TCPD_LAST_BYTE), 0U);         // more of it may come

  tap.send(100, 10);
  EXPECT_EQ(tap.count(TCPD_LAST_BYTE), 1U);
  EXPECT_EQ(tap.sum_us(TCPD_LAST_BYTE), 35'000U);
  EXPECT_EQ(tap.stats.request_bytes, 150U);
  EXPECT_EQ(tap.stats.response_bytes, 1500U);
  EXPECT_EQ(tap.c.idle_before_request_ns, 55'000'000U);
  EXPECT_EQ(tap.stats.calls, 2U);
}

TEST(Exchange, InboundIsMirrored) {
  Tap tap(Side::kInbound);
  tap.receive(5, 300);
  tap.send(20, 800);
  tap.send(25, 800);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 15'000U);
  EXPECT_EQ(tap.c.first_byte_max_us, 15'000U);
  EXPECT_EQ(tap.stats.calls, 0U);
  tcpd_exchange_finish(&tap.c, &tap.stats);
  EXPECT_EQ(tap.sum_us(TCPD_LAST_BYTE), 20'000U);
  tcpd_exchange_finish(&tap.c, &tap.stats);
  EXPECT_EQ(tap.count(TCPD_LAST_BYTE), 1U);
}

TEST(Exchange, PipelinedRequestsAreOne) {
  Tap tap;
  tap.send(0, 100);
  tap.send(1, 100);
  tap.send(2, 100);
  for (int i = 0; i < 3; ++i) tap.answer(10 + i, 1000);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.c.request_bytes, 300U);
  EXPECT_EQ(tap.c.response_bytes, 3000U);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 8000U);
}

TEST(Exchange, CallsThatAreMultiplexedDoNotMoveTheWait) {
  Tap tap;
  tap.send(0, 100);
  for (int i = 1; i <= 100; ++i) {
    tap.send(i * 25, 100);
    tap.acknowledge(i * 25 + 1);
  }
  tap.answer(2510, 1000);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 2'510'000U);
}

TEST(Exchange, NorDoSmallOnesThatFollowCloseUpon) {
  Tap tap;
  for (int i = 0; i <= 500; ++i) {
    tap.send(i * 5, 100);
    tap.acknowledge(i * 5 + 1);
  }
  tap.answer(2510, 1000);
  EXPECT_GE(tap.sum_us(TCPD_FIRST_BYTE), 2'490'000U);
}

TEST(Exchange, AnUploadMovesTheWait) {
  Tap tap;
  for (int i = 0; i < 200; ++i) {
    tap.send(i * 5, 4 * 1448);
    if (i % 2 == 1) tap.acknowledge(i * 5 + 1);
  }
  tap.send(1000, 4 * 1448);
  tap.send(1300, 4 * 1448);  // after a repair: the ACK of the one before never came
  tap.answer(1320, 100);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 20'000U);
  EXPECT_EQ(tap.c.request_gap_us, 300'000U);
}

TEST(Exchange, AnUploadThatIsRepairedMovesTheWaitOfItsServer) {
  Tap tap(Side::kInbound);
  for (int i = 0; i < 100; ++i) tap.receive(i, 4 * 1448);
  tap.receive(400, 4 * 1448);  // what was lost came again
  tap.receive(401, 700);
  tap.send(405, 100);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 4000U);
}

TEST(Exchange, SilencesWithin) {
  Tap tap;
  tap.send(0, 100);
  tap.send(7, 100);
  tap.answer(10, 1000);
  tap.receive(12, 1000);
  tap.receive(62, 1000);
  tap.receive(70, 1000);
  tap.send(200, 100);
  EXPECT_EQ(tap.sum_us(TCPD_REQUEST_GAP), 7000U);
  EXPECT_EQ(tap.sum_us(TCPD_RESPONSE_GAP), 50'000U);
  tap.answer(201, 100);
  tap.receive(201.5, 100);
  tap.send(300, 100);  // less than a millisecond is none
  EXPECT_EQ(tap.count(TCPD_REQUEST_GAP), 1U);
  EXPECT_EQ(tap.count(TCPD_RESPONSE_GAP), 1U);
}

TEST(Exchange, NothingOfARetransmissionIsNew) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);
  tap.retransmit(200, begin, 100);
  EXPECT_EQ(tap.c.request_bytes, 100U);
  EXPECT_EQ(tap.c.request_last_ns, Tap::ns(0));
  EXPECT_EQ(tap.c.request_retransmits, 1U);
  EXPECT_EQ(tap.c.request_rtos, 0U);
  tap.retransmit(400, begin, 100, 0, TCPD_TIMER_NONE, TCPD_CA_LOSS);
  EXPECT_EQ(tap.c.request_retransmits, 2U);
  EXPECT_EQ(tap.c.request_rtos, 1U);
  tap.retransmit(800, begin, 100, -EBUSY);  // nothing left
  EXPECT_EQ(tap.c.request_retransmits, 2U);
}

TEST(Exchange, ARetransmissionThatGoesOnHasNewBytes) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);
  tap.leave(200, begin, 150, 0);
  EXPECT_EQ(tap.c.request_bytes, 150U);
}

TEST(Exchange, ReceivedTwiceOrOutOfOrderIsNoResponse) {
  Tap tap;
  tap.send(0, 100);
  const u32 next = tap.tcp.rcv_nxt;
  tap.receive(10, 1000, {.seq = next + 1000, .ack = tap.tcp.snd_nxt});  // the first 1000 bytes are missing
  EXPECT_TRUE(tap.c.outstanding);
  tap.receive(30, 1000, {.seq = next});
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 30'000U);
  EXPECT_EQ(tap.c.response_bytes, 1000U);
  tap.receive(31, 1000, {.seq = next});
  EXPECT_EQ(tap.c.response_bytes, 1000U);
  tap.receive_unseen(1000);  // what had come before filled up
  tap.receive(32, 0);
  EXPECT_EQ(tap.c.response_bytes, 2000U);
}

// An upload of 8 segments, of which the peer has acknowledged 2 when it answers.
Tap refused_upload() {
  Tap tap;
  tap.tcp.write_seq += 8 * 1448;
  tap.send(0, 4 * 1448);
  tap.receive(10, 200, {.ack = tap.tcp.snd_una + 2 * 1448});
  return tap;
}

TEST(Exchange, AnUploadThatGoesOnBehindItsAnswerRemembersIt) {
  Tap tap = refused_upload();
  EXPECT_FALSE(tap.c.outstanding);
  tap.receive(11, 50);
  tap.send(12, 1448);
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.answered_early_bytes, 250U);
  tap.send(13, 1448);
  EXPECT_EQ(tap.c.answered_early_bytes, 250U);
}

TEST(Exchange, WhatFollowsAnAnswerToAWholeRequestIsANewOne) {
  Tap tap;
  tap.send(0, 4 * 1448);
  tap.answer(10, 200);
  tap.send(12, 1448);
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.answered_early_bytes, 0U);
}

TEST(Exchange, APipelinedCallIsLessThanASegment) {
  Tap tap;
  tap.send(0, 100);
  tap.send(1, 100);
  tap.receive(10, 200, {.ack = tap.tcp.snd_una + 100});
  tap.send(12, 100);
  EXPECT_EQ(tap.c.answered_early_bytes, 0U);
}

TEST(Exchange, TheNextRequestForgetsAnEarlyAnswer) {
  Tap tap = refused_upload();
  tap.send(12, 1448);
  tap.tcp.write_seq = tap.tcp.snd_nxt;
  tap.answer(20, 100);
  tap.send(30, 1448);
  EXPECT_EQ(tap.c.answered_early_bytes, 0U);
}

TEST(Exchange, SequenceNumbersWrapAround) {
  Tap tap(Side::kOutbound, 0xffffff00U, 0xfffffff0U);
  tap.send(0, 1000);
  tap.acknowledge(5);
  EXPECT_EQ(tap.c.request_acked_ns, Tap::ns(5));
  tap.receive(20, 100);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.c.request_bytes, 1000U);
  EXPECT_EQ(tap.c.response_bytes, 100U);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 5000U);
}

TEST(Exchange, OlderConnectionBeginsWithTheFirstSegmentSeen) {
  Tap tap;
  tap.c.established_ns = 0;
  tap.c.is_older = 1;
  tap.receive(10, 1000);  // of a response whose request nobody saw
  EXPECT_EQ(tap.stats.exchanges, 0U);
  EXPECT_EQ(tap.c.last_received_ns, Tap::ns(10));
  tap.send(20, 100);
  EXPECT_EQ(tap.c.idle_before_request_ns, 10'000'000U);
  tap.answer(25, 10);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 5000U);
}

TEST(Exchange, NothingCountsBeforeTheHandshakeHasEnded) {
  Tap tap;
  tap.c.established_ns = 0;
  tap.send(10, 100);
  EXPECT_FALSE(tap.c.outstanding);
}

TEST(Exchange, DataThatNobodySawIsMadeUpForWithoutADelay) {
  Tap tap;
  tap.send_unseen(100);
  tap.acknowledge(10);
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.request_bytes, 100U);
  tap.answer(20, 500);
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.stats.exchanges_without_delay, 1U);
  EXPECT_EQ(tap.count(TCPD_FIRST_BYTE), 0U);

  tap.send(30, 100);
  tap.receive_unseen(500);
  tap.receive(50, 0);
  EXPECT_EQ(tap.stats.exchanges, 2U);
  EXPECT_EQ(tap.stats.exchanges_without_delay, 2U);
  EXPECT_EQ(tap.c.response_bytes, 500U);

  tap.send(60, 100);  // and the next one is exact again
  tap.answer(65, 1);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 5000U);
}

TEST(Exchange, AnswerOfOursThatNobodySaw) {
  Tap tap(Side::kInbound);
  tap.receive(0, 100);
  tap.send_unseen(700);
  tap.answer(30, 100);  // the next request acknowledges it
  EXPECT_EQ(tap.stats.exchanges, 1U);
  EXPECT_EQ(tap.stats.exchanges_without_delay, 1U);
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.request_first_ns, Tap::ns(30));
}

TEST(Exchange, FirstDataThatIsLostBeginsTheRequest) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);  // lost behind the device
  const auto again = tap.retransmit(250, begin, 100, 0, TCPD_TIMER_NONE, TCPD_CA_LOSS);
  EXPECT_EQ(again.first_sent_ns, Tap::ns(0));
  tap.answer(260, 10);
  EXPECT_EQ(tap.sum_us(TCPD_FIRST_BYTE), 260'000U);
}

TEST(Exchange, FastOpenSendsTheRequestWithTheSyn) {
  Tap tap;
  tap.c.established_ns = 0;
  tcpd_packet syn{};
  syn.seq = 7000;
  syn.payload = 200;
  syn.end = 7200;
  tap.c.syn_ns = Tap::ns(0);
  tcpd_syn_data_leaves(&tap.c, &tap.stats, &syn, Tap::ns(0));
  EXPECT_TRUE(tap.c.outstanding);
  EXPECT_EQ(tap.c.request_bytes, 200U);
  EXPECT_EQ(tap.c.sent_high, 7201U);
}

TEST(Exchange, AckOfWhatWasNotSentTellsNothing) {
  Tap tap;
  tap.send(0, 100);
  tap.receive(5, 0, {.ack = tap.tcp.snd_nxt + 5000});
  EXPECT_EQ(tap.c.request_acked_ns, 0U);
  EXPECT_EQ(tap.c.sent_high, tap.tcp.snd_nxt);
  tap.receive(6, 0, {.ack = tap.tcp.snd_nxt, .flags = 0});  // a RST without an ACK
  EXPECT_EQ(tap.c.request_acked_ns, 0U);
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 0U);
}

TEST(Exchange, WithoutAnEndpointTheConnectionIsStillFollowed) {
  Tap tap;
  tcpd_packet packet{};
  packet.seq = tap.tcp.snd_nxt;
  packet.payload = 10;
  packet.end = packet.seq + 10;
  EXPECT_EQ(tcpd_segment_leaves(&tap.c, nullptr, &packet, Tap::ns(1)), u32{TCPD_LEAVES_DATA});
  tcpd_data_leaves(&tap.c, nullptr, packet.end, Tap::ns(1));
  tcpd_arrival a{};
  a.now = Tap::ns(4);
  a.tcp = tap.tcp;
  a.tcp.snd_nxt = packet.end;
  a.packet.flags = TCPD_FLAG_ACK;
  a.packet.ack = packet.end;
  a.packet.seq = tap.tcp.rcv_nxt;
  a.packet.payload = 5;
  a.packet.end = a.packet.seq + 5;
  tcpd_segment_arrives(&tap.c, nullptr, nullptr, &a);
  EXPECT_EQ(tap.c.exchanges, 1U);
  EXPECT_EQ(tap.c.first_byte_max_us, 3000U);
  EXPECT_EQ(tap.stats.exchanges, 0U);
}

TEST(Exchange, CallsKnowTheirGapWhereItWasSeen) {
  Tap tap;
  tap.c.call_noted = 1;
  tap.c.app_gap_us = 700;
  tap.c.app_gap_ambiguous = 1;
  tap.send(0, 10);
  EXPECT_EQ(tap.stats.calls, 1U);
  EXPECT_EQ(tap.stats.calls_with_gap, 1U);
  EXPECT_EQ(tap.stats.calls_gap_ambiguous, 1U);
  EXPECT_EQ(tap.sum_us(TCPD_APP_GAP), 700U);
  tap.answer(5, 10);
  tap.send(6, 10);  // nobody looked who made this one
  EXPECT_EQ(tap.stats.calls, 2U);
  EXPECT_EQ(tap.stats.calls_with_gap, 1U);
  EXPECT_EQ(tap.c.app_gap_us, TCPD_UNKNOWN_US);
}

}  // namespace
}  // namespace tcpdiag::testing
