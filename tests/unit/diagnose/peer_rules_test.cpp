// SPDX-License-Identifier: Apache-2.0
// Resets and closes by the peer: each rule, and what is just not one of its cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::EndKind;
using model::Finding;
using model::Phase;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// 1000 good exchanges to 10.0.0.2:443 in 60 s, and these sockets.
PictureBuilder api(const std::vector<SocketStory>& sockets) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000).good_connects(50).floor_us(700);
  for (const SocketStory& story : sockets) b.add(0, story);
  return b;
}

std::vector<SocketStory> three(const SocketStory& story) { return apart(3, story); }

// --- peer-reset-awaiting-response ---

TEST(PeerResetAwaitingResponse, speaks_of_a_timer) {
  PictureBuilder b = api({});
  for (int i = 0; i < 12; ++i) b.add(0, reset_awaiting(31 + i, 30s + i * 3ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "peer-reset-awaiting-response");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_THAT(f.confidence_reasons, IsEmpty());
  EXPECT_EQ(f.title, "10.0.0.2:443 reset 12 connections 30.0 s after a request");
  EXPECT_THAT(f.explanation, HasSubstr("that it had acknowledged in full, with no byte of a response."));
  EXPECT_THAT(f.explanation, HasSubstr("12 of 12 waits lie within 33 ms of each other: a timer"));
  EXPECT_EQ(f.count, 12U);
  EXPECT_EQ(f.impact.exchanges_failed, 12U);
  EXPECT_NEAR(f.share_pct.value_or(0), 100.0 * 12 / 1012, 1e-9);
  EXPECT_EQ(f.first_at, at(31));
  EXPECT_EQ(f.last_at, at(42));
  EXPECT_EQ(f.sockets.size(), 12U);
  EXPECT_FALSE(f.ongoing);
  EXPECT_THAT(f.app_messages.front(), HasSubstr("\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed"));
  EXPECT_EQ(f.next_steps.front().whose, model::Whose::kPeer);
  EXPECT_FALSE(f.disproved_by.empty());
}

TEST(PeerResetAwaitingResponse, without_an_ack_is_medium_and_says_so) {
  SocketStory story = reset_awaiting(20, 5s);
  story.end->request_acked = false;
  const Finding f = only(api(three(story)).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre("3 of 3 requests were not seen to be acknowledged in full."));
  EXPECT_THAT(f.explanation, HasSubstr("that it had not acknowledged in full"));
}

TEST(PeerResetAwaitingResponse, does_not_claim_an_ack_that_is_not_known) {
  SocketStory story = reset_awaiting(20, 5s);
  story.end->request_acked.reset();
  const Finding f = only(api(three(story)).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(evidence_int(f, "request_acked_count"), 0);
}

TEST(PeerResetAwaitingResponse, on_a_socket_older_than_the_trace_is_medium) {
  const SocketStory story = reset_awaiting(20, 5s);
  const Finding f = only(api({story, story, older_than_trace(story)}).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre("1 of 3 connections were open before the trace began."));
}

TEST(PeerResetAwaitingResponse, once_or_twice_is_a_warning_with_less_confidence) {
  const Finding f = only(api({reset_awaiting(20, 30s), reset_awaiting(21, 30s)}).build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("Only 2 cases were seen")));
}

TEST(PeerResetAwaitingResponse, of_less_than_one_in_a_thousand_is_a_warning) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(2997);
  EXPECT_EQ(only(b.add(0, 3, reset_awaiting(20, 30s)).build()).severity, Severity::kCritical);  // 3 of 3000
  b.good_exchanges(1);
  EXPECT_EQ(only(b.build()).severity, Severity::kWarning);
}

TEST(PeerResetAwaitingResponse, counts_a_response_that_was_cut) {
  const Finding f = only(api(three(reset_in_response(20))).build());
  EXPECT_EQ(f.code, "peer-reset-awaiting-response");
  EXPECT_EQ(f.title, "10.0.0.2:443 reset 3 connections in the middle of a response");
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(evidence_int(f, "exchange_count"), 1003);  // each is counted once
  EXPECT_EQ(evidence_int(f, "response_bytes_before_reset_max"), 5000);
  EXPECT_TRUE(evidence_is_null(f, "wait_p50_s"));
}

TEST(PeerResetAwaitingResponse, tells_an_upload_that_was_answered_early) {
  SocketStory story = reset_awaiting(20, 40ms);
  story.end->answered_early_bytes = 250;
  const Finding f = only(api(three(story)).build());
  EXPECT_EQ(f.code, "peer-reset-awaiting-response");
  EXPECT_EQ(f.title, "10.0.0.2:443 answered and reset 3 connections while the request was still being sent");
  EXPECT_THAT(f.explanation, HasSubstr("it had already answered up to 250 B"));
  EXPECT_THAT(f.explanation, Not(HasSubstr("no byte")));
  EXPECT_TRUE(evidence_is_null(f, "wait_p50_s"));
  // Also where its FIN came before: nobody took a closed connection for another request.
  story.end->after_peer_fin = true;
  story.end->phase = Phase::kAfterRemoteFin;
  story.end->fin_to_write = 10ms;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
  story.end->answered_early_bytes = 0;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-closed-before-reuse"));
}

TEST(PeerResetAwaitingResponse, keeps_early_answers_apart_from_none) {
  SocketStory early = reset_awaiting(20, 40ms);
  early.end->answered_early_bytes = 250;
  PictureBuilder b = api(three(reset_awaiting(20, 30s)));
  b.add(0, 3, early);
  EXPECT_THAT(codes(b.build()), ElementsAre("peer-reset-awaiting-response", "peer-reset-awaiting-response"));
}

TEST(PeerResetAwaitingResponse, a_response_that_ended_with_a_fin_was_not_cut) {
  SocketStory story = reset_in_response(20);
  story.end->after_peer_fin = true;
  story.end->phase = Phase::kAfterRemoteFin;
  story.exchanges_failed = 0;
  EXPECT_THAT(codes(api(three(story)).build()), IsEmpty());
}

TEST(PeerResetAwaitingResponse, after_our_own_fin_is_none) {
  SocketStory story = reset_awaiting(20, 5s);
  story.end->phase = Phase::kAfterLocalFin;
  story.exchanges_failed = 0;
  EXPECT_THAT(codes(api(three(story)).build()), IsEmpty());
  // The end is our close, the RST after it is only counted.
  SocketStory closed = ended(20, EndKind::kClosedLocally);
  closed.resets.received = 1;
  EXPECT_THAT(codes(api(three(closed)).build()), IsEmpty());
}

TEST(PeerResetAwaitingResponse, of_a_client_of_ours_is_none_of_the_outbound_rules) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(1000);
  b.add(0, 3, reset_awaiting(20, 30s)).add(0, 3, reset_while_idle(20, 30s)).add(0, 3, reset_in_response(20));
  b.add(0, 3, closed_before_reuse(20, 5s, 10ms)).add(0, 3, unanswered(20, EndKind::kClosedByPeer, 30s));
  EXPECT_THAT(codes(b.build()), ElementsAre("peer-gave-up"));
}

// --- against peer-reset-after-idle ---

TEST(PeerResetAfterIdle, is_a_reset_that_answers_a_write_after_silence) {
  // srtt 0.8 ms: the limit is 50 ms.
  EXPECT_THAT(codes(api(three(reset_awaiting(20, 50ms, 1s))).build()), ElementsAre("peer-reset-after-idle"));
  EXPECT_THAT(codes(api(three(reset_awaiting(20, 51ms, 1s))).build()), ElementsAre("peer-reset-awaiting-response"));
  EXPECT_THAT(codes(api(three(reset_awaiting(20, 50ms, 999ms))).build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(PeerResetAfterIdle, allows_two_round_trips_for_the_answer) {
  SocketStory story = reset_awaiting(20, 400ms, 1s);
  story.end->srtt_us = 200'000;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-after-idle"));
  story.end->srtt_us = 199'000;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(PeerResetAfterIdle, is_high_when_the_silences_form_a_timer) {
  const Finding f =
      only(api({reset_awaiting(20, 1ms, 350s), reset_awaiting(21, 2ms, 350100ms), reset_awaiting(22, 3ms, 350200ms)})
               .build());
  EXPECT_EQ(f.code, "peer-reset-after-idle");
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.title, "10.0.0.2:443 reset 3 connections after 350 s of silence");
  EXPECT_EQ(evidence_int(f, "write_to_reset_p50_us"), 2000);
  EXPECT_EQ(evidence_int(f, "reused_count"), 3);
  EXPECT_EQ(evidence_int(f, "keepalive_on_count"), 0);
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "idle_max_s"), 350.2);
}

TEST(PeerResetAfterIdle, is_medium_when_the_silences_differ) {
  const Finding f =
      only(api({reset_awaiting(20, 1ms, 20s), reset_awaiting(21, 1ms, 90s), reset_awaiting(22, 1ms, 350s)}).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("no single timer")));
}

TEST(PeerResetAfterIdle, of_one_socket_is_low) {
  const Finding f = only(api({reset_awaiting(20, 1ms, 350s)}).build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kLow);
}

TEST(PeerResetAfterIdle, without_a_request_harms_nobody) {
  const Finding f = only(api(three(reset_while_idle(20, 60s))).build());
  EXPECT_EQ(f.code, "peer-reset-after-idle");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.impact.exchanges_failed, 0U);
  EXPECT_TRUE(evidence_is_null(f, "write_to_reset_p50_us"));
  EXPECT_THAT(f.app_messages, IsEmpty());
  // Two of them are not worth a word.
  EXPECT_THAT(codes(api({reset_while_idle(20, 60s), reset_while_idle(21, 60s)}).build()), IsEmpty());
}

TEST(PeerResetAfterIdle, needs_a_second_of_silence) {
  EXPECT_THAT(codes(api(three(reset_while_idle(20, 999ms))).build()), IsEmpty());
  EXPECT_THAT(codes(api(three(reset_while_idle(20, 1s))).build()), ElementsAre("peer-reset-after-idle"));
}

TEST(PeerResetAfterIdle, counts_the_silence_since_the_handshake_of_a_connection_never_used) {
  SocketStory story = reset_awaiting(20, 1ms);
  story.end->idle_before_request.reset();
  story.exchanges = 0;
  story.opened_at = at(10);
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-after-idle"));
  story.opened_at = at(19.5);
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(PeerResetAfterIdle, an_unknown_silence_is_not_taken_for_one) {
  SocketStory story = older_than_trace(reset_awaiting(20, 1ms));
  story.end->idle_before_request.reset();
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
  // Nothing was seen on it since the trace began 20 s before: at least that long it was silent.
  story.exchanges = 0;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-after-idle"));
}

// --- peer-closed-before-reuse ---

TEST(PeerClosedBeforeReuse, is_a_write_after_the_peers_fin) {
  const Finding f = only(api({closed_before_reuse(20, 5s, 40ms), closed_before_reuse(21, 5010ms, 60ms),
                              closed_before_reuse(22, 5020ms, 900ms)})
                             .build());
  EXPECT_EQ(f.code, "peer-closed-before-reuse");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "10.0.0.2:443 had closed 3 idle connections after 5.0 s of silence, then they were used again");
  EXPECT_EQ(evidence_int(f, "fin_to_write_p50_us"), 60'000);
  EXPECT_EQ(evidence_int(f, "fin_to_write_min_us"), 40'000);
  EXPECT_EQ(evidence_int(f, "fin_to_write_max_us"), 900'000);
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "idle_at_fin_p50_s"), 5.01);
  EXPECT_THAT(f.explanation, HasSubstr("a keep-alive timer of the peer"));
}

TEST(PeerClosedBeforeReuse, a_fin_that_crossed_the_write_is_medium) {
  SocketStory crossed = closed_before_reuse(20, 5s, 0ms);
  crossed.end->fin_to_write.reset();  // the FIN came after it
  crossed.end->idle_before_request = 5s;
  const Finding f = only(api(three(crossed)).build());
  EXPECT_EQ(f.code, "peer-closed-before-reuse");
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.explanation, HasSubstr("crossed on the wire"));
  EXPECT_TRUE(evidence_is_null(f, "fin_to_write_p50_us"));

  const Finding below = only(api(three(closed_before_reuse(20, 5s, 1799us))).build());
  EXPECT_EQ(below.confidence, Confidence::kMedium);  // 1 ms and the round trip of 800 us
  EXPECT_EQ(only(api(three(closed_before_reuse(20, 5s, 1800us))).build()).confidence, Confidence::kHigh);
}

TEST(PeerClosedBeforeReuse, a_goodbye_to_a_peer_that_hung_up_is_a_notice_until_it_repeats) {
  SocketStory goodbye = closed_before_reuse(20, 17us, 29us);  // as iperf3 ends its control connection
  goodbye.end->request_bytes = 1;
  const Finding once = only(api({goodbye}).build());
  EXPECT_EQ(once.code, "peer-closed-before-reuse");
  EXPECT_EQ(once.severity, Severity::kNotice);
  EXPECT_EQ(once.title, "10.0.0.2:443 closed 1 connection right behind its last data, and a goodbye to that was reset");
  EXPECT_THAT(once.explanation, HasSubstr("At most 256 bytes were written after that"));
  EXPECT_EQ(only(api(three(goodbye)).build()).severity, Severity::kCritical)
      << "a server that closes after each response";

  SocketStory request = goodbye;
  request.end->request_bytes = 257;
  EXPECT_EQ(only(api({request}).build()).severity, Severity::kWarning);
  SocketStory later = goodbye;
  later.end->idle_at_fin = 1ms;
  EXPECT_EQ(only(api({later}).build()).severity, Severity::kWarning);
  EXPECT_EQ(only(api({goodbye, closed_before_reuse(21, 5s, 40ms)}).build()).severity, Severity::kWarning);
}

TEST(PeerClosedBeforeReuse, a_request_that_began_before_the_fin_was_no_reuse) {
  // Upload: begun 8 s before, the FIN came 1 s after its newest bytes, more was written 10 ms later.
  SocketStory story = closed_before_reuse(20, 1s, 10ms);
  story.end->idle_before_request = 3s;
  story.end->wait = 8s;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(PeerClosedBeforeReuse, a_held_request_after_a_half_close_is_awaiting) {
  SocketStory story = reset_awaiting(20, 5s, 3s);
  story.end->phase = Phase::kAfterRemoteFin;
  story.end->after_peer_fin = true;
  EXPECT_THAT(codes(api(three(story)).build()), ElementsAre("peer-reset-awaiting-response"));
}

// --- peer-closed-awaiting-response ---

TEST(PeerClosedAwaitingResponse, is_a_fin_in_the_place_of_an_answer) {
  const Finding f = only(api(three(unanswered(40, EndKind::kClosedByPeer, 30s))).build());
  EXPECT_EQ(f.code, "peer-closed-awaiting-response");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "10.0.0.2:443 closed 3 connections 30.0 s after a request, without an answer");
  EXPECT_THAT(f.app_messages.front(), HasSubstr("end of file reached"));
}

TEST(PeerClosedAwaitingResponse, a_fin_at_once_may_be_the_end_of_a_protocol) {
  SocketStory goodbye = unanswered(40, EndKind::kClosedByPeer, 50ms);
  EXPECT_THAT(codes(api(three(goodbye)).build()), ElementsAre("peer-closed-awaiting-response"));
  goodbye.exchanges_failed = 0;  // the correlator knows by what follows
  EXPECT_THAT(codes(api(three(goodbye)).build()), IsEmpty());
}

TEST(PeerClosedAwaitingResponse, a_protocol_without_answers_ends_like_this) {
  PictureBuilder b;
  b.outbound("10.0.0.9", 514);
  SocketStory story = unanswered(40, EndKind::kClosedByPeer, 30s);
  story.end->bytes_received_total = 0;
  EXPECT_THAT(codes(b.add(0, 3, story).build()), ElementsAre("failures-unexplained"));
}

// --- precedence ---

TEST(Precedence, one_end_makes_one_finding) {
  // Each of these fits more than one rule by its parts; every socket is in exactly one finding.
  PictureBuilder b = api({});
  b.add(0, closed_before_reuse(20, 5s, 40ms));
  b.add(0, reset_awaiting(21, 1ms, 5s));
  b.add(0, reset_awaiting(22, 5s));
  b.add(0, gave_up(23, 5s));
  b.add(0, never_answered(24, 5s));  // the endpoint has good exchanges: response-timeout
  b.add(0, reset_sent(25, model::LocalResetCause::kAppClosedUnread, 4000));
  const auto findings = diagnose(b.build());
  std::vector<std::size_t> sockets;
  std::vector<std::string> found;
  for (const Finding& f : findings) {
    sockets.insert(sockets.end(), f.sockets.begin(), f.sockets.end());
    found.push_back(f.code);
  }
  EXPECT_THAT(sockets, testing::UnorderedElementsAre(0U, 1U, 2U, 3U, 4U, 5U));
  EXPECT_THAT(found, testing::UnorderedElementsAre("peer-closed-before-reuse", "peer-reset-after-idle",
                                                   "peer-reset-awaiting-response", "response-timeout", "local-reset"));
}

TEST(Precedence, endpoints_and_namespaces_are_judged_apart) {
  PictureBuilder b = api(three(reset_awaiting(20, 5s)));
  b.outbound("10.0.0.2", 443).good_exchanges(10);
  b.raw().endpoints.back().key.netns_inode = 4026532001U;
  b.add(1, reset_awaiting(21, 5s));
  const auto findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].endpoint, 0U);
  EXPECT_EQ(findings[1].endpoint, 1U);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
