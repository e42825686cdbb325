// SPDX-License-Identifier: Apache-2.0
// Resets that this host sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::LocalResetCause;
using model::Phase;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PictureBuilder with(std::size_t n, const SocketStory& story) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  return b.add(0, n, story);
}

TEST(LocalReset, keepalive_is_an_outage_of_its_connections) {
  SocketStory story = reset_sent(20, LocalResetCause::kKeepaliveExpired);
  story.end->kernel_reason = "TCP_KEEPALIVE_TIMEOUT";
  const Finding f = only(with(3, story).build());
  EXPECT_EQ(f.code, "local-reset");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "this host reset 3 connections to 10.0.0.2:443: the peer answered none of the keepalive probes");
  EXPECT_EQ(evidence_as<std::string>(f, "cause"), "keepalive_expired");
  EXPECT_EQ(evidence_as<std::string>(f, "kernel_reason"), "TCP_KEEPALIVE_TIMEOUT");
  EXPECT_EQ(evidence_as<std::string>(f, "reason_source"), "kernel");
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "reset_age_p50_s"), 5.0);
  EXPECT_EQ(f.impact.exchanges_failed, 0U);
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Connection timed out"));
  EXPECT_EQ(only(with(1, story).build()).severity, Severity::kWarning);
}

TEST(LocalReset, a_derived_cause_is_medium) {
  SocketStory story = reset_sent(20, LocalResetCause::kOutOfMemory);
  story.end->cause_from_kernel = false;
  const Finding f = only(with(3, story).build());
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(evidence_as<std::string>(f, "reason_source"), "derived");
  EXPECT_TRUE(evidence_is_null(f, "kernel_reason"));
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("derived from the socket's state")));
}

TEST(LocalReset, unread_data_at_close_is_a_warning_however_often) {
  const Finding f = only(with(30, reset_sent(20, LocalResetCause::kAppClosedUnread, 4000)).build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(evidence_int(f, "unread_bytes_max"), 4000);
}

TEST(LocalReset, a_close_with_nothing_lost_is_none) {
  EXPECT_THAT(codes(with(5, reset_sent(20, LocalResetCause::kAppClosedUnread, 0)).build()), IsEmpty());
  EXPECT_THAT(codes(with(5, reset_sent(20, LocalResetCause::kProcessKilled, 0)).build()), IsEmpty());
}

TEST(LocalReset, an_unread_tls_goodbye_is_harmless) {
  EXPECT_EQ(only(with(3, reset_sent(20, LocalResetCause::kAppClosedUnread, 128)).build()).severity, Severity::kNotice);
  EXPECT_EQ(only(with(3, reset_sent(20, LocalResetCause::kAppClosedUnread, 129)).build()).severity, Severity::kWarning);
  EXPECT_THAT(codes(with(2, reset_sent(20, LocalResetCause::kAppClosedUnread, 31)).build()), IsEmpty());
}

TEST(LocalReset, a_linger_zero_close_of_idle_connections_is_a_notice) {
  EXPECT_EQ(only(with(3, reset_sent(20, LocalResetCause::kAppLinger0)).build()).severity, Severity::kNotice);
}

TEST(LocalReset, with_a_request_outstanding_but_not_for_long_is_a_warning) {
  SocketStory story = unanswered(20, model::EndKind::kResetSent, 200ms);
  story.end->cause = LocalResetCause::kAppLinger0;
  story.end->cause_from_kernel = true;
  const Finding f = only(with(1, story).build());
  EXPECT_EQ(f.code, "local-reset");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.impact.exchanges_failed, 1U);
}

TEST(LocalReset, one_finding_for_each_cause) {
  PictureBuilder b = with(3, reset_sent(20, LocalResetCause::kKeepaliveExpired));
  b.add(0, 3, reset_sent(21, LocalResetCause::kAppClosedUnread, 4000));
  EXPECT_THAT(codes(b.build()), ElementsAre("local-reset", "local-reset"));
}

TEST(LocalReset, holds_for_accepted_connections_too) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(1000);
  b.add(0, 3, reset_sent(20, LocalResetCause::kAppClosedUnread, 4000));
  EXPECT_THAT(only(b.build()).title, HasSubstr("3 connections accepted on 10.0.0.1:80"));
}

TEST(LocalReset, resets_without_a_socket_speak_from_ten_a_second) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(10);
  auto& phases = b.raw().totals.reset_phases;
  phases[static_cast<std::size_t>(Phase::kNoSocket)] = 599;  // in 60 s
  EXPECT_THAT(codes(b.build()), IsEmpty());
  phases[static_cast<std::size_t>(Phase::kNoSocket)] = 600;
  Finding f = only(b.build());
  EXPECT_EQ(f.code, "local-reset");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_FALSE(f.endpoint);
  EXPECT_EQ(evidence_as<std::string>(f, "cause"), "no_socket");
  b.raw().totals.reset_reasons["NO_SOCKET"] = 600;
  f = only(b.build());
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_as<std::string>(f, "kernel_reason"), "NO_SOCKET");
}

TEST(LocalReset, a_storm_in_time_wait_is_told_apart_and_unknown_phases_are_none) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(10);
  auto& phases = b.raw().totals.reset_phases;
  phases[static_cast<std::size_t>(Phase::kTimeWait)] = 6000;
  phases[static_cast<std::size_t>(Phase::kNoSocket)].reset();
  EXPECT_EQ(evidence_as<std::string>(only(b.build()), "cause"), "time_wait");
  b.lasts(0.1);
  phases[static_cast<std::size_t>(Phase::kTimeWait)] = 9;
  EXPECT_THAT(codes(b.build()), IsEmpty());  // no rate can be made of a tenth of a second
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
