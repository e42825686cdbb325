// SPDX-License-Identifier: Apache-2.0
// response-timeout and first-bytes-unanswered: who gave up, on which side the wait was, and what is neither.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::EndKind;
using model::Finding;
using model::LocalResetCause;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PictureBuilder api(std::size_t n, const SocketStory& story, Duration first_byte = 10ms) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000, first_byte).good_connects(50).floor_us(700);
  return b.add(0, n, story);
}

PictureBuilder silent(std::size_t n, const SocketStory& story) {
  PictureBuilder b;
  b.outbound("10.0.0.3", 8443).good_connects(n).floor_us(700);
  return b.add(0, n, story);
}

TEST(ResponseTimeout, names_the_peer_when_the_request_was_acknowledged) {
  const Finding f = only(api(4, gave_up(50, 5s)).build());
  EXPECT_EQ(f.code, "response-timeout");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_as<std::string>(f, "side"), "remote_slow");
  EXPECT_EQ(f.title, "10.0.0.2:443 gave no response to 4 requests; this host gave up after 5.0 s");
  EXPECT_THAT(f.explanation, HasSubstr("The application of this host gave up after 5.0 s"));
  EXPECT_THAT(f.explanation, HasSubstr("acknowledged 4 of 4 requests in full"));
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Net::ReadTimeout"));
}

TEST(ResponseTimeout, names_the_path_when_it_was_not) {
  SocketStory story = gave_up(50, 5s);
  story.end->request_acked = false;
  const Finding f = only(api(4, story).build());
  EXPECT_EQ(evidence_as<std::string>(f, "side"), "path");
  EXPECT_EQ(evidence_int(f, "unacked_count"), 4);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.next_steps.front().command, "mtr -n -T -P 443 10.0.0.2");
}

TEST(ResponseTimeout, two_timeouts_of_ours_are_the_path_one_is_everyday) {
  SocketStory story = gave_up(50, 5s);
  story.end->request_rtos = 2;
  EXPECT_EQ(evidence_as<std::string>(only(api(4, story).build()), "side"), "path");
  story.end->request_rtos = 1;
  EXPECT_EQ(evidence_as<std::string>(only(api(4, story).build()), "side"), "remote_slow");
}

TEST(ResponseTimeout, a_risen_rtt_is_not_the_peers_application) {
  SocketStory story = gave_up(50, 5s);
  story.end->rtt_us = 700 + 45'000;  // may be a delayed ACK
  EXPECT_EQ(evidence_as<std::string>(only(api(4, story).build()), "side"), "remote_slow");
  story.end->rtt_us = 700 + 45'001;
  const Finding f = only(api(4, story).build());
  EXPECT_EQ(evidence_as<std::string>(f, "side"), "mixed");
  EXPECT_EQ(f.confidence, Confidence::kMedium);
}

TEST(ResponseTimeout, nine_of_ten_must_agree_on_the_side) {
  SocketStory lost = gave_up(50, 5s);
  lost.end->request_acked = false;
  EXPECT_EQ(evidence_as<std::string>(only(api(9, gave_up(50, 5s)).add(0, lost).build()), "side"), "remote_slow");
  const Finding f = only(api(8, gave_up(50, 5s)).add(0, lost).build());
  EXPECT_EQ(evidence_as<std::string>(f, "side"), "mixed");
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.explanation, HasSubstr("8 with the peer's application, 1 on the path"));
}

TEST(ResponseTimeout, an_unknown_rtt_lowers_the_confidence) {
  SocketStory story = gave_up(50, 5s);
  story.end->rtt_us.reset();
  const Finding f = only(api(4, story).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("round-trip time during the wait is not known")));
}

TEST(ResponseTimeout, starts_at_one_second) {
  EXPECT_THAT(codes(api(3, gave_up(50, 999ms)).build()), ElementsAre("failures-unexplained"));
  EXPECT_THAT(codes(api(3, gave_up(50, 1s)).build()), ElementsAre("response-timeout"));
}

TEST(ResponseTimeout, starts_at_three_times_the_p99_of_the_good_ones) {
  // Good answers take 1 s: nothing is late before 3 s (the histogram is within 7 %).
  const auto twice = [](Duration wait) { return codes(api(2, gave_up(50, wait), 1s).build()); };
  EXPECT_THAT(twice(2700ms), ElementsAre("failures-unexplained"));
  EXPECT_THAT(twice(3300ms), ElementsAre("response-timeout"));
  // But the same wait each time is this client's patience.
  EXPECT_THAT(codes(api(3, gave_up(50, 2700ms), 1s).build()), ElementsAre("response-timeout"));
}

TEST(ResponseTimeout, includes_a_close_that_the_kernel_turned_into_a_reset) {
  SocketStory story = gave_up(50, 5s);
  story.end->kind = EndKind::kResetSent;
  for (const auto cause :
       {LocalResetCause::kAppClosedUnread, LocalResetCause::kAppLinger0, LocalResetCause::kProcessKilled}) {
    story.end->cause = cause;
    EXPECT_THAT(codes(api(3, story).build()), ElementsAre("response-timeout"));
  }
  for (const auto cause : {LocalResetCause::kKeepaliveExpired, LocalResetCause::kOutOfMemory,
                           LocalResetCause::kAbortedByAdmin, LocalResetCause::kUnknown}) {
    story.end->cause = cause;
    EXPECT_THAT(codes(api(3, story).build()), ElementsAre("local-reset"));
  }
}

TEST(ResponseTimeout, says_when_the_process_ended_instead) {
  SocketStory story = gave_up(50, 5s);
  story.end->process_exiting = true;
  EXPECT_THAT(only(api(3, story).build()).explanation, HasSubstr("The process ended after 5.0 s"));
}

TEST(ResponseTimeout, says_when_the_kernel_gave_up) {
  SocketStory story = unanswered(50, EndKind::kTimedOut, 40s);
  story.end->request_acked = false;
  const Finding f = only(api(3, story).build());
  EXPECT_EQ(f.code, "response-timeout");
  EXPECT_EQ(evidence_as<std::string>(f, "side"), "path");
  EXPECT_THAT(f.explanation, HasSubstr("The kernel of this host gave up"));
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Connection timed out"));
}

TEST(ResponseTimeout, a_half_close_whose_answer_came_is_none) {
  SocketStory story = gave_up(50, 5s);
  story.exchanges_failed = 0;
  EXPECT_THAT(codes(api(3, story).build()), IsEmpty());
}

TEST(ResponseTimeout, is_ongoing_while_others_still_wait) {
  SocketStory waiting = ended(59, EndKind::kClosedLocally);
  waiting.end.reset();
  waiting.exchange_pending = true;
  waiting.pending_wait = 4s;
  EXPECT_TRUE(only(api(3, gave_up(50, 5s)).add(0, waiting).build()).ongoing);
  waiting.pending_wait = 500ms;
  EXPECT_FALSE(only(api(3, gave_up(50, 5s)).add(0, waiting).build()).ongoing);
  // Waiting alone is no failure.
  waiting.pending_wait = 50s;
  EXPECT_THAT(codes(api(0, waiting).add(0, waiting).build()), IsEmpty());
}

TEST(ResponseTimeout, without_a_good_exchange_needs_a_timer) {
  // Connections older than the trace that were answered before it.
  PictureBuilder b;
  b.outbound("10.0.0.2", 6379);
  for (const Duration wait : {2s, 9s, 20s}) b.add(0, older_than_trace(gave_up(50, wait)));
  EXPECT_THAT(codes(b.build()), ElementsAre("failures-unexplained"));
  PictureBuilder timer;
  timer.outbound("10.0.0.2", 6379);
  double ends_at = 50;
  for (const Duration wait : {5000ms, 5003ms, 5009ms}) timer.add(0, older_than_trace(gave_up(ends_at += 1, wait)));
  const Finding f = only(timer.build());
  EXPECT_EQ(f.code, "response-timeout");
  EXPECT_EQ(f.confidence, Confidence::kLow);  // neither the RTT's floor nor the role was seen
  EXPECT_EQ(f.confidence_reasons.size(), 2U);
}

// --- first-bytes-unanswered ---

TEST(FirstBytesUnanswered, is_an_endpoint_that_accepts_and_keeps_silent) {
  const Finding f = only(silent(3, never_answered(40, 10s)).build());
  EXPECT_EQ(f.code, "first-bytes-unanswered");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "10.0.0.3:8443 accepted 3 connections but never sent a byte; this host gave up after 10.0 s");
  EXPECT_EQ(evidence_int(f, "first_sent_p50_bytes"), 517);
  EXPECT_EQ(evidence_int(f, "acked_count"), 3);
  EXPECT_EQ(evidence_int(f, "largest_unacked_segment_bytes"), 0);
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Net::OpenTimeout"));
}

TEST(FirstBytesUnanswered, starts_at_one_second) {
  EXPECT_THAT(codes(silent(3, never_answered(40, 999ms)).build()), ElementsAre("failures-unexplained"));
  EXPECT_THAT(codes(silent(3, never_answered(40, 1s)).build()), ElementsAre("first-bytes-unanswered"));
}

TEST(FirstBytesUnanswered, yields_to_response_timeout_where_the_endpoint_answers_others) {
  EXPECT_THAT(codes(api(3, never_answered(40, 10s)).build()), ElementsAre("response-timeout"));
  // ... but not when the waits are no timeout by that endpoint's measure, nor one timer.
  PictureBuilder scattered = api(1, never_answered(40, 1200ms), 1s);
  scattered.add(0, never_answered(41, 1700ms)).add(0, never_answered(42, 2300ms));
  EXPECT_THAT(codes(scattered.build()), ElementsAre("first-bytes-unanswered"));
}

TEST(FirstBytesUnanswered, hints_at_the_mtu_when_only_large_segments_are_lost) {
  SocketStory story = never_answered(40, 10s);
  story.end->request_acked = false;
  story.end->unacked_bytes = 1800;
  Finding f = only(silent(3, story).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(evidence_int(f, "largest_unacked_segment_bytes"), 1448);
  EXPECT_THAT(f.explanation, HasSubstr("smaller MTU"));
  EXPECT_EQ(f.next_steps.front().command, "tracepath -n 10.0.0.3");
  story.end->unacked_bytes = 1200;
  f = only(silent(3, story).build());
  EXPECT_THAT(f.explanation, testing::Not(HasSubstr("MTU")));
}

TEST(FirstBytesUnanswered, a_reset_by_the_peer_is_none) {
  SocketStory story = never_answered(40, 10s);
  story.end->kind = EndKind::kResetReceived;
  EXPECT_THAT(codes(silent(3, story).build()), ElementsAre("peer-reset-awaiting-response"));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
