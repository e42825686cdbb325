// SPDX-License-Identifier: Apache-2.0
// peer-gave-up: clients of this host that left without their answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::EndKind;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SocketStory client(double end_s, EndKind kind, Duration wait, std::string_view from = "10.0.0.7") {
  SocketStory story = unanswered(end_s, kind, wait);
  story.socket.remote.address = *model::Address::parse(from);
  story.socket.role_source = model::RoleSource::kAccept;
  return story;
}

TEST(PeerGaveUp, tells_the_clients_timer) {
  PictureBuilder b = server();
  for (int i = 0; i < 10; ++i) b.add(0, client(31 + i, EndKind::kClosedByPeer, 30s + i * 2ms));
  b.add(0, 2, client(45, EndKind::kResetReceived, 30s, "10.0.0.9"));
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "peer-gave-up");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "clients of 10.0.0.1:80 gave up 12 requests after 30.0 s without an answer");
  EXPECT_THAT(f.explanation, HasSubstr("(10 with a FIN, 2 with a RST)"));
  EXPECT_THAT(f.explanation, HasSubstr("12 of 12 waits lie within 18 ms of each other: a timer of the client."));
  EXPECT_EQ(f.impact.exchanges_failed, 12U);
  EXPECT_EQ(evidence_int(f, "count"), 12);
  EXPECT_EQ(evidence_int(f, "exchange_count"), 1012);
  EXPECT_EQ(evidence_int(f, "reset_count"), 2);
  EXPECT_EQ(evidence_int(f, "fin_count"), 10);
  EXPECT_THAT(evidence_as<std::vector<std::string>>(f, "peers"), ElementsAre("10.0.0.7", "10.0.0.9"));
  EXPECT_NEAR(evidence_as<double>(f, "wait_p50_s"), 30.0, 0.02);
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Net::ReadTimeout"));
}

TEST(PeerGaveUp, without_a_timer_is_medium) {
  PictureBuilder b = server();
  b.add(0, client(31, EndKind::kClosedByPeer, 3s)).add(0, client(32, EndKind::kClosedByPeer, 9s));
  b.add(0, client(33, EndKind::kClosedByPeer, 14s));
  EXPECT_EQ(only(b.build()).confidence, Confidence::kMedium);
  EXPECT_THAT(only(b.build()).confidence_reasons, ElementsAre(HasSubstr("users who leave")));
}

TEST(PeerGaveUp, once_is_a_warning) {
  const Finding f = only(server().add(0, client(31, EndKind::kResetReceived, 30s)).build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kLow);
}

// redis-benchmark stops when it has seen enough answers: 50 connections end with a request some milliseconds old.
TEST(PeerGaveUp, clients_that_leave_at_once_are_a_notice) {
  PictureBuilder b = server();
  b.add(0, 49, client(31, EndKind::kClosedByPeer, 4ms)).add(0, client(31, EndKind::kClosedByPeer, 999ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "peer-gave-up");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.count, 50U);
  const model::Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, model::Verdict::kSymptomsOnly);  // a failure is never nothing
  EXPECT_THAT(report.summary, HasSubstr("50 exchanges of 1000 exchanges"));
  EXPECT_THAT(report.summary, HasSubstr("1 notice below"));
}

TEST(PeerGaveUp, waits_longer_where_answers_take_longer) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(1000, 2s);
  for (const Duration wait : {3s, 4s, 5s}) b.add(0, client(31, EndKind::kClosedByPeer, wait));
  EXPECT_EQ(only(b.build()).severity, Severity::kNotice);
  b.raw().sockets.clear();
  b.add(0, 3, client(31, EndKind::kClosedByPeer, 7s));
  EXPECT_EQ(only(b.build()).severity, Severity::kCritical);
}

TEST(PeerGaveUp, a_timer_of_the_client_is_none_of_how_long_answers_take) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(1000, 2s);
  for (int i = 0; i < 3; ++i) b.add(0, client(31 + 4 * i, EndKind::kClosedByPeer, 3s + i * 2ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_THAT(f.explanation, HasSubstr("a timer of the client"));
}

TEST(PeerGaveUp, counts_only_those_who_had_waited) {
  PictureBuilder b = server();
  b.add(0, 3, client(31, EndKind::kClosedByPeer, 30s)).add(0, 5, client(40, EndKind::kClosedByPeer, 4ms));
  const Finding f = only(b.build());
  EXPECT_EQ(f.count, 3U);
  EXPECT_EQ(f.sockets.size(), 3U);
  EXPECT_THAT(f.explanation, HasSubstr("5 more clients left without having waited for 1.0 s"));
}

TEST(PeerGaveUp, a_protocol_without_answers_ends_like_this) {
  PictureBuilder b = server(0);
  for (int i = 0; i < 4; ++i) {
    SocketStory story = client(31 + i, EndKind::kClosedByPeer, 3s + i * 4s);
    story.exchanges = 0;
    b.add(0, story);
  }
  const Finding f = only(b.build());
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.title, "10.0.0.1:80 has answered none of 4 requests");
  EXPECT_THAT(f.explanation, HasSubstr("(with a FIN) 3.0 to 15.0 s later"));
  EXPECT_EQ(f.impact.exchanges_failed, 4U);
}

// Clients that began together: their waits are one event, no timer, and their failures are told nevertheless.
TEST(PeerGaveUp, a_server_that_answers_none_of_a_crowd_is_a_notice) {
  PictureBuilder b = server(0);
  for (int i = 0; i < 3; ++i) {
    SocketStory story = client(31, EndKind::kResetReceived, 2s);
    story.exchanges = 0;
    b.add(0, story);
  }
  const model::Report report = make_report(b.build());
  EXPECT_EQ(report.findings.size(), 1U);
  EXPECT_THAT(report.summary, HasSubstr("as the notice below tells"));
}

TEST(PeerGaveUp, a_server_that_answers_nobody_is_told_by_the_timer) {
  PictureBuilder b = server(0);
  SocketStory story = client(31, EndKind::kClosedByPeer, 10s);
  story.exchanges = 0;
  b.add(0, 4, story);
  EXPECT_EQ(only(b.build()).severity, Severity::kCritical);
}

TEST(PeerGaveUp, in_the_middle_of_an_answer_is_a_notice_and_after_it_none) {
  PictureBuilder b = server();
  b.add(0, 3, ended(30, EndKind::kClosedByPeer)).add(0, 3, ended(30, EndKind::kResetReceived));
  EXPECT_THAT(codes(b.build()), IsEmpty());
  b.add(0, 3, reset_in_response(20));
  const Finding f = only(b.build());
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.title, "clients of 10.0.0.1:80 left 3 answers in the middle");
}

TEST(PeerGaveUp, a_half_close_that_was_answered_is_none) {
  SocketStory story = client(31, EndKind::kClosedByPeer, 5s);
  story.exchanges_failed = 0;
  EXPECT_THAT(codes(server().add(0, 3, story).build()), IsEmpty());
}

TEST(PeerGaveUp, an_unknown_wait_is_not_taken_for_a_long_one) {
  SocketStory story = client(31, EndKind::kClosedByPeer, 5s);
  story.end->wait.reset();
  const Finding f = only(server().add(0, 3, story).build());
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_THAT(f.explanation, HasSubstr("how long after it is not known"));
}

TEST(PeerGaveUp, goes_before_our_own_reset) {
  // The client's FIN came first; that our close then made a RST is no finding of its own.
  SocketStory story = client(31, EndKind::kClosedByPeer, 30s);
  story.resets.sent = 1;
  EXPECT_THAT(codes(server().add(0, 3, story).build()), ElementsAre("peer-gave-up"));
}

TEST(PeerGaveUp, says_when_requests_were_not_even_read) {
  SocketStory story = client(31, EndKind::kClosedByPeer, 30s);
  story.end->unread_bytes = 400;
  EXPECT_THAT(only(server().add(0, 3, story).build()).explanation, HasSubstr("On 3 of them the application had not"));
}

TEST(PeerGaveUp, is_explained_by_a_slow_reader) {
  PictureBuilder b = server();
  b.add(0, 3, client(31, EndKind::kClosedByPeer, 30s));
  model::EndpointPicture& e = b.raw().endpoints[0];
  e.totals.zero_window_sent_us = 5'000'000;
  e.seconds.resize(60);
  e.series.n = 60;
  e.series.arrays[model::SeriesId::kReadWaitP99].assign(60, 20'000'000);
  const auto findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "slow-reader");
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
