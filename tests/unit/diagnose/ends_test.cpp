// SPDX-License-Identifier: Apache-2.0
// Ends that look like others: a peer that forgot the connection, one that is gone, one that refuses behind the
// handshake, a reset of this host's own, connects that never left or came late, and what is left over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::EndKind;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

PictureBuilder redis(std::uint64_t good = 1000) {
  PictureBuilder b;
  b.outbound("10.0.0.5", 6379).good_exchanges(good);
  return b;
}

// The peer acknowledged not one byte of its newest request, which this host repeated.
SocketStory in_silence(SocketStory story, Duration since, std::uint32_t rtos = 4) {
  story.request_at = (story.end ? story.end->at : at(60)) - since;
  story.request_rtos = rtos;
  story.request_unacked_bytes = 1412;
  story.heard_at = *story.request_at - 20ms;
  if (story.end) {
    story.end->request_acked = false;
    story.end->request_rtos = rtos;
    story.end->request_retransmits = rtos + 1;
    story.end->unacked_bytes = 1412;
  }
  return story;
}

SocketStory forgotten() {
  SocketStory story = in_silence(reset_awaiting(30, 6500ms), 6500ms);
  story.end->retransmit_to_end = 1ms;
  return story;
}

TEST(PeerForgotConnection, is_a_reset_to_what_is_sent_again) {
  const Finding f = only(redis().add(0, 4, forgotten()).build());
  EXPECT_EQ(f.code, "peer-forgot-connection");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "10.0.0.5:6379 no longer knew 4 connections");
  EXPECT_THAT(f.explanation, Not(HasSubstr("timer")));
}

TEST(PeerForgotConnection, is_not_a_reset_to_a_first_copy_or_to_acknowledged_bytes) {
  SocketStory first = forgotten();
  first.end->request_retransmits = 0;
  first.end->retransmit_to_end.reset();
  EXPECT_THAT(codes(redis().add(0, 4, first).build()), ElementsAre("peer-reset-awaiting-response"));
  SocketStory acked = forgotten();
  acked.end->request_acked = true;
  EXPECT_THAT(codes(redis().add(0, 4, acked).build()), ElementsAre("peer-reset-awaiting-response"));
}

SocketStory met_a_probe() {
  SocketStory story = reset_while_idle(30, 60s);
  story.end->keepalive_on = true;
  story.end->probes_unanswered = 1;
  return story;
}

TEST(PeerForgotConnection, is_a_reset_to_a_keepalive_probe) {
  const Finding f = only(redis().add(0, 4, met_a_probe()).build());
  EXPECT_EQ(f.code, "peer-forgot-connection");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.title, "10.0.0.5:6379 no longer knew 4 connections when a keepalive probe came");
  EXPECT_THAT(f.explanation, HasSubstr("60.0 s after the last data"));
  EXPECT_TRUE(evidence_is_null(f, "since_ack_p50_s"));
  EXPECT_EQ(evidence_int(f, "exchange_count"), 1000);
}

TEST(PeerForgotConnection, needs_a_probe_that_nobody_acknowledged) {
  SocketStory acked = met_a_probe();
  acked.end->probes_unanswered = 0;
  EXPECT_THAT(codes(redis().add(0, 4, acked).build()), ElementsAre("peer-reset-after-idle"));
  SocketStory window = met_a_probe();  // the probes asked for a window
  window.end->keepalive_on = false;
  EXPECT_THAT(codes(redis().add(0, 4, window).build()), ElementsAre("peer-reset-after-idle"));
}

SocketStory dropped_after(Duration silence, double end_s = 30) {
  return in_silence(unanswered(end_s, EndKind::kClosedLocally, 4s, silence), 4s);
}

TEST(PeerForgotConnection, silently_needs_a_longer_silence_than_any_that_was_survived) {
  const auto with = [](Duration survived) {
    PictureBuilder b = redis();
    b.raw().endpoints[0].survived_silence = survived;
    for (int i = 0; i < 3; ++i) b.add(0, dropped_after(5s + i * 700ms, 30 + 3 * i));
    return b.build();
  };
  const Finding f = only(with(400ms));
  EXPECT_EQ(f.code, "peer-forgot-connection");
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.explanation, HasSubstr("5.0 to 6.4 s of silence"));
  EXPECT_THAT(codes(with(5500ms)), ElementsAre("peer-forgot-connection", "response-timeout"));
  EXPECT_THAT(codes(with(7s)), ElementsAre("response-timeout"));
}

TEST(PeerUnreachable, is_several_connections_that_fall_silent_within_a_second) {
  PictureBuilder b = redis();
  b.add(0, 4, in_silence(gave_up(40, 9s), 9s));
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "peer-unreachable");
  EXPECT_THAT(f.title, HasSubstr("vanished at"));
  EXPECT_THAT(f.explanation, HasSubstr("not its application"));
  EXPECT_THAT(codes(redis().add(0, in_silence(gave_up(40, 9s), 9s)).build()), ElementsAre("response-timeout"));
}

TEST(PeerUnreachable, speaks_of_calls_that_still_wait) {
  SocketStory waiting = in_silence(ended(60, EndKind::kClosedLocally), 13s);
  waiting.end.reset();
  waiting.closed_at.reset();
  waiting.exchange_pending = true;
  const Finding f = only(redis().add(0, waiting).add(0, waiting).build());
  EXPECT_EQ(f.code, "peer-unreachable");
  EXPECT_TRUE(f.ongoing);
  EXPECT_EQ(f.impact.exchanges_failed, 0U);
}

TEST(PeerUnreachable, was_heard_before) {
  // Its accept queue is full: it has dropped the third ACK, and the requests after it.
  SocketStory never_there = in_silence(gave_up(40, 9s), 9s);
  never_there.exchanges = 0;
  never_there.heard_at.reset();
  never_there.end->bytes_received_total = 0;
  EXPECT_THAT(codes(redis().add(0, 4, never_there).build()), testing::Not(testing::Contains("peer-unreachable")));
  EXPECT_THAT(codes(redis().add(0, 4, older_than_trace(never_there)).build()), ElementsAre("peer-unreachable"));
}

TEST(PeerUnreachable, is_not_where_the_peer_goes_on_with_others) {
  PictureBuilder b = redis();
  SocketStory alive = ended(50, EndKind::kClosedLocally);
  alive.first_seen_at = at(10);
  alive.heard_at = at(49);
  b.add(0, 4, in_silence(gave_up(40, 9s), 9s)).add(0, alive);
  EXPECT_THAT(codes(b.build()), ElementsAre("response-timeout"));
}

SocketStory refused_behind_handshake(Duration after) {
  SocketStory story = ended(30, EndKind::kResetReceived);
  story.exchanges = 0;
  story.opened_at = at(30) - after - 2s;  // its SYN was repeated
  story.connect_took = 2s;
  story.end->bytes_received_total = 0;
  return story;
}

TEST(ConnectRefused, may_be_behind_the_handshake) {
  const Finding f = only(redis().good_connects(60).add(0, 4, refused_behind_handshake(1ms)).build());
  EXPECT_EQ(f.code, "connect-refused");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_THAT(f.title, HasSubstr("right after the handshake"));
  EXPECT_THAT(f.explanation, HasSubstr("tcp_abort_on_overflow"));
  EXPECT_THAT(codes(redis().add(0, 4, refused_behind_handshake(9s)).build()), ElementsAre("peer-reset-after-idle"));
}

TEST(ConnectRefused, may_be_in_words) {
  SocketStory story = refused_behind_handshake(1ms);
  story.end->kind = EndKind::kClosedByPeer;
  story.end->bytes_received_total = 37;
  const Finding f = only(redis().add(0, 4, story).build());
  EXPECT_EQ(f.code, "connect-refused");
  EXPECT_THAT(f.explanation, HasSubstr("said 37 bytes without having been asked"));
  // The same from everybody is a protocol: the time of day.
  EXPECT_THAT(codes(redis(0).add(0, 4, story).build()), IsEmpty());
}

TEST(LocalReset, without_a_socket_killed_the_connection_whose_port_it_names) {
  SocketStory story = forgotten();
  story.socket.local = {model::Address::parse("10.0.0.1").value_or(model::Address{}), 40001};
  story.stray_resets = 1;
  story.stray_reset_at = at(29.8);
  story.stray_reset_to = model::SocketAddress{model::Address::parse("10.78.0.2").value_or(model::Address{}), 8080};
  const Finding f = only(redis().add(0, 4, story).build());
  EXPECT_EQ(f.code, "local-reset");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_THAT(f.explanation, HasSubstr("to 10.78.0.2:8080"));
  EXPECT_THAT(f.explanation, HasSubstr("40001"));
  story.stray_reset_at = at(10);  // too long before
  EXPECT_THAT(codes(redis().add(0, 4, story).build()), ElementsAre("peer-forgot-connection"));
}

TEST(ConnectFailedLocally, is_a_connect_of_which_no_syn_left) {
  SocketStory story = connect_failed(10, ConnectOutcome::kLocalError, 3s, 0);
  story.syn_error = 1;
  story.failed_transmissions = 3;
  const Finding f = only(redis().add(0, 26, story).build());
  EXPECT_EQ(f.code, "connect-failed-locally");
  EXPECT_THAT(f.explanation, HasSubstr("No SYN ever left this host: 78 attempts to send one failed with EPERM"));
  EXPECT_THAT(f.explanation, HasSubstr("firewall of this host"));
}

TEST(ConnectTimeout, tells_of_a_syn_ack_that_came_too_late) {
  SocketStory story = connect_failed(10, ConnectOutcome::kAbandoned, 240ms, 1);
  story.late_syn_ack = 50ms;
  const Finding f = only(redis().add(0, 3, story).build());
  EXPECT_EQ(f.code, "connect-timeout");
  EXPECT_THAT(f.explanation, HasSubstr("50 ms after the application had given up"));
  // Cut off within a round trip: its program ended.
  story.connect_took = 2ms;
  EXPECT_THAT(codes(redis().add(0, 3, story).build()), IsEmpty());
}

TEST(SlowConnect, is_a_warning_from_three_on) {
  const auto with = [](std::uint64_t slow) {
    PictureBuilder b = redis();
    b.good_connects(300);
    model::SlowConnects& connects = b.raw().endpoints[0].slow_connects;
    connects.count = connects.resent = connects.resent_syns = slow;
    for (std::uint64_t i = 0; i < slow; ++i) connects.took_us.add(1'010'000);
    connects.first_at = at(5);
    connects.last_at = at(50);
    return b.build();
  };
  EXPECT_EQ(only(with(2)).severity, Severity::kNotice);
  const Finding f = only(with(3));
  EXPECT_EQ(f.code, "slow-connect");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_THAT(f.explanation, HasSubstr("sent the SYN again (3 SYNs repeated)"));
}

TEST(SlowUsers, are_never_nothing) {
  const auto with = [](std::uint64_t slow) {
    PictureBuilder b = redis(0);
    model::EndpointPicture& endpoint = b.raw().endpoints[0];
    endpoint.totals.exchanges = 100;
    for (std::uint64_t i = 0; i < 100; ++i) {
      endpoint.histograms[model::Measure::kLastByte].add(i < slow ? 900'000 : 1'000);
    }
    return b.build();
  };
  EXPECT_THAT(codes(with(4)), IsEmpty());
  const Finding f = only(with(5));
  EXPECT_EQ(f.code, "delay-unattributed");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kLow);
  EXPECT_EQ(f.impact.exchanges_delayed, 5U);
}

// 1000 quick answers, then none any more.
TEST(SlowUsers, are_those_that_still_wait) {
  const auto with = [](std::size_t open, std::size_t waiting, Duration typical) {
    PictureBuilder b = redis(0);
    model::EndpointPicture& endpoint = b.raw().endpoints[0];
    endpoint.totals.exchanges = 1000;
    endpoint.totals.sockets_open_at_end = open;
    for (int i = 0; i < 1000; ++i) endpoint.histograms[model::Measure::kLastByte].add(as_us(typical));
    SocketStory story;
    story.exchange_pending = true;
    story.pending_wait = 8s;
    b.add(0, waiting, story);
    return b.build();
  };
  const Finding f = only(with(6, 3, 2ms));
  EXPECT_EQ(f.code, "delay-unattributed");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_THAT(f.explanation, HasSubstr("3 of them were still waiting when the trace ended"));
  EXPECT_THAT(codes(with(7, 3, 2ms)), IsEmpty());
  EXPECT_THAT(codes(with(6, 2, 2ms)), IsEmpty());
  EXPECT_THAT(codes(with(6, 3, 99ms)), ElementsAre("delay-unattributed"));
}

// Blocking reads wait on purpose.
TEST(SlowUsers, are_not_those_who_always_wait) {
  PictureBuilder b = redis(0);
  SocketStory story;
  story.exchange_pending = true;
  story.pending_wait = 8s;
  b.add(0, 10, story);
  b.raw().endpoints[0].totals.sockets_open_at_end = 10;
  EXPECT_THAT(codes(b.build()), IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
