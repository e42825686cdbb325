// SPDX-License-Identifier: Apache-2.0
// local-close: connections that this host closed instead of answering its clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::EndKind;
using model::Finding;
using model::Severity;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// This host closed after `wait` of a request, which it had not answered.
SocketStory closed(double end_s, Duration wait, bool exiting = false) {
  SocketStory story = unanswered(end_s, EndKind::kClosedLocally, wait);
  story.socket.role_source = model::RoleSource::kAccept;
  story.end->process_exiting = exiting;
  return story;
}

TEST(LocalClose, of_a_process_that_ended_says_so) {
  const Finding f = only(server().add(0, 4, closed(31, 9ms, true)).build());
  EXPECT_EQ(f.code, "local-close");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "this host closed 4 connections to 10.0.0.1:80 9.0 ms after a request, without an answer");
  EXPECT_THAT(f.explanation, HasSubstr("The process was ending"));
  EXPECT_EQ(evidence_int(f, "process_exiting_count"), 4);
  EXPECT_EQ(f.impact.exchanges_failed, 4U);
}

TEST(LocalClose, of_some_workers_counts_them) {
  PictureBuilder b = server();
  b.add(0, 2, closed(31, 9ms, true)).add(0, closed(40, 700ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.explanation, HasSubstr("On 2 of them the process was ending"));
  EXPECT_EQ(f.next_steps.size(), 2U);
}

TEST(LocalClose, tells_the_servers_timer) {
  PictureBuilder b = server();
  for (int i = 0; i < 5; ++i) b.add(0, closed(61 + 5 * i, 60s + i * 2ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_THAT(f.explanation, HasSubstr("5 of 5 waits lie within 8.0 ms of each other: a timer, not load."));
}

TEST(LocalClose, of_a_port_that_only_reads_is_a_notice) {
  PictureBuilder b = server(0);
  for (int i = 0; i < 4; ++i) {
    SocketStory story = closed(31 + i, 3s + i * 4s);
    story.exchanges = 0;
    b.add(0, story);
  }
  const Finding f = only(b.build());
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_THAT(f.explanation, HasSubstr("it may be one that only reads"));
}

TEST(LocalClose, of_what_was_answered_is_none) {
  SocketStory story = closed(31, 5s);
  story.exchanges_failed = 0;
  EXPECT_THAT(codes(server().add(0, 3, story).build()), IsEmpty());
}

// Its sister where this host is the client: it gave up, and the peer is asked.
TEST(LocalClose, of_a_client_is_none) {
  PictureBuilder b;
  b.outbound("10.0.0.1", 80).good_exchanges(1000, 10ms);
  b.add(0, 3, closed(31, 5s));
  EXPECT_THAT(codes(b.build()), Not(Contains("local-close")));
}

// A client that is gone in the middle of an answer: no other rule speaks of it.
TEST(LocalClose, clients_that_vanish_are_a_rest_with_a_name) {
  SocketStory story = reset_in_response(40);
  story.end->kind = EndKind::kTimedOut;
  const Finding f = only(server().add(0, 2, story).build());
  EXPECT_EQ(f.code, "failures-unexplained");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.title, "2 requests of clients to 10.0.0.1:80 failed without a common cause");
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
