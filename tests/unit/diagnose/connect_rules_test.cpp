// SPDX-License-Identifier: Apache-2.0
// Connects that failed: refused, without an answer, or at this host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SocketStory refused(double s) { return connect_failed(s, ConnectOutcome::kRefused, 300us); }
SocketStory abandoned(double s, Duration took = 10s, std::uint32_t syns = 5) {
  return connect_failed(s, ConnectOutcome::kAbandoned, took, syns);
}
SocketStory pending(double s, Duration took, std::uint32_t syns = 4) {
  return connect_failed(s, ConnectOutcome::kPending, took, syns);
}

PictureBuilder to_endpoint(std::uint64_t good, std::size_t n, const SocketStory& story) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_connects(good);
  return b.add(0, n, story);
}

// --- connect-refused ---

TEST(ConnectRefused, all_refused_is_critical_from_three) {
  const Finding f = only(to_endpoint(0, 3, refused(10)).build());
  EXPECT_EQ(f.code, "connect-refused");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.title, "10.0.0.2:443 refused 3 of 3 connects");
  EXPECT_EQ(f.impact.connects_failed, 3U);
  EXPECT_DOUBLE_EQ(f.share_pct.value_or(0), 100.0);
  EXPECT_EQ(evidence_int(f, "answer_p50_us"), 300);
  EXPECT_THAT(evidence_as<std::vector<std::string>>(f, "sources"), ElementsAre("ruby"));
  EXPECT_THAT(f.explanation, HasSubstr("nothing listens on that port there, or a firewall rejects it"));
  EXPECT_THAT(f.app_messages.front(), HasSubstr("Connection refused"));
  EXPECT_EQ(f.next_steps.front().command, "ss -ltn sport = :443");
  EXPECT_EQ(only(to_endpoint(0, 2, refused(10)).build()).severity, Severity::kWarning);
}

TEST(ConnectRefused, tells_that_others_succeeded) {
  EXPECT_THAT(only(to_endpoint(100, 3, refused(10)).build()).explanation, HasSubstr("100 other connects"));
}

TEST(ConnectRefused, by_icmp_is_not_called_a_reset) {
  SocketStory story = refused(10);
  story.icmp_errors = 1;
  EXPECT_THAT(only(to_endpoint(0, 3, story).build()).explanation, HasSubstr("with an ICMP message"));
}

// RFC 8305: ::1 refuses, 127.0.0.1 serves.
PictureBuilder two_families(double established_s) {
  PictureBuilder b;
  b.outbound("::1", 5432).add(0, 3, refused(10));
  b.outbound("127.0.0.1", 5432).good_connects(1);
  SocketStory good = ended(established_s, model::EndKind::kClosedLocally);
  good.opened_at = at(established_s);
  good.connect_took = 0us;
  return b.add(1, good);
}

TEST(ConnectRefused, is_none_when_the_process_was_served_at_the_other_address) {
  EXPECT_THAT(codes(two_families(10.9).build()), IsEmpty());
  EXPECT_THAT(codes(two_families(9.1).build()), IsEmpty());
  EXPECT_THAT(codes(two_families(11.1).build()), ElementsAre("connect-refused"));
}

TEST(ConnectRefused, another_process_or_port_does_not_serve_this_one) {
  PictureBuilder other_process = two_families(10.1);
  other_process.raw().sockets.back().owner->pid = 812;
  EXPECT_THAT(codes(other_process.build()), ElementsAre("connect-refused"));
  PictureBuilder other_port = two_families(10.1);
  other_port.raw().sockets.back().socket.remote.port = 5433;
  EXPECT_THAT(codes(other_port.build()), ElementsAre("connect-refused"));
  PictureBuilder no_owner = two_families(10.1);
  no_owner.raw().sockets.back().owner.reset();
  EXPECT_THAT(codes(no_owner.build()), ElementsAre("connect-refused"));
}

TEST(ConnectRefused, believes_the_correlator_which_saw_all_connects) {
  SocketStory served = refused(10);
  served.served_elsewhere = true;
  EXPECT_THAT(codes(to_endpoint(0, 3, served).build()), IsEmpty());
  PictureBuilder b = two_families(10.1);
  for (std::size_t i = 0; i < 3; ++i) b.raw().sockets[i].served_elsewhere = false;
  EXPECT_THAT(codes(b.build()), ElementsAre("connect-refused"));
}

// --- connect-timeout ---

TEST(ConnectTimeout, is_high_when_other_connects_succeed) {
  PictureBuilder b = to_endpoint(307, 2, abandoned(10, 60s, 10));
  b.add(0, connect_failed(20, ConnectOutcome::kTimedOut, 130s, 11));
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "connect-timeout");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.impact.connects_failed, 3U);
  EXPECT_EQ(evidence_int(f, "timed_out_count"), 1);
  EXPECT_EQ(evidence_int(f, "abandoned_count"), 2);
  EXPECT_EQ(evidence_int(f, "ongoing_count"), 0);
  EXPECT_EQ(evidence_int(f, "connect_count"), 310);
  EXPECT_EQ(evidence_int(f, "syns_sent_p50_count"), 10);
  EXPECT_EQ(evidence_int(f, "other_connects_ok_same_endpoint"), 307);
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "gave_up_after_p50_s"), 60.0);
  EXPECT_TRUE(evidence_is_null(f, "conntrack_allowance_delta"));
  EXPECT_THAT(f.title, HasSubstr("3 of 310 connects to 10.0.0.2:443 got no answer"));
  EXPECT_THAT(f.app_messages.front(), HasSubstr("\"execution expired\" (Ruby: Faraday::ConnectionFailed"));
}

TEST(ConnectTimeout, a_success_at_another_endpoint_counts_too) {
  PictureBuilder b = to_endpoint(0, 3, abandoned(10));
  EXPECT_EQ(only(b.build()).confidence, Confidence::kMedium);
  EXPECT_THAT(only(b.build()).confidence_reasons, ElementsAre(HasSubstr("at this host's end")));
  b.outbound("10.0.0.3", 80).good_connects(1);
  EXPECT_EQ(only(b.build()).confidence, Confidence::kHigh);
}

TEST(ConnectTimeout, needs_a_second_syn_or_a_quarter_of_a_second_before_it_calls_an_abandoned_connect_a_failure) {
  EXPECT_THAT(codes(to_endpoint(9, 3, abandoned(10, 249ms, 1)).build()), IsEmpty());
  EXPECT_THAT(codes(to_endpoint(9, 3, abandoned(10, 250ms, 1)).build()), ElementsAre("connect-timeout"));
  EXPECT_THAT(codes(to_endpoint(9, 3, abandoned(10, 1100ms, 2)).build()), ElementsAre("connect-timeout"));
}

TEST(ConnectTimeout, speaks_of_connects_that_still_try) {
  PictureBuilder b = to_endpoint(0, 3, pending(30, 3s));
  b.outbound("10.0.0.3", 80).good_connects(1);
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "connect-timeout");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_TRUE(f.ongoing);
  EXPECT_EQ(f.count, 3U);
  EXPECT_EQ(f.impact.connects_failed, 0U);
  EXPECT_DOUBLE_EQ(f.share_pct.value_or(0), 100.0);
  EXPECT_EQ(f.first_at, at(30));
  EXPECT_EQ(f.last_at, at(60));
  EXPECT_TRUE(evidence_is_null(f, "gave_up_after_p50_s"));
  EXPECT_THAT(f.explanation, HasSubstr("3 still tried when the trace ended"));
  EXPECT_THAT(codes(to_endpoint(0, 3, pending(30, 2999ms)).build()), IsEmpty());
}

// SYNs left after so many seconds.
SocketStory with_syns(SocketStory story, const std::vector<double>& offsets) {
  story.syns_sent = static_cast<std::uint32_t>(offsets.size());
  for (const double offset : offsets) {
    const model::MarkBody body =
        offset == 0 ? model::MarkBody(model::mark::Connect{}) : model::MarkBody(model::mark::SynRetransmit{});
    story.timeline.push_back({*story.opened_at + sec(offset), body});
  }
  return story;
}

TEST(ConnectTimeout, tells_when_the_syns_left) {
  SocketStory story = with_syns(abandoned(10), {0, 1.02, 3.1, 7.2});
  // A second one that did not leave for want of a neighbour.
  story.timeline.insert(story.timeline.begin() + 1,
                        {at(10.5), model::mark::Retransmit{model::RetransmitKind::kSyn, true, 1, -EBUSY}});
  const Finding f = only(to_endpoint(9, 3, story).build());
  EXPECT_EQ(evidence_as<std::string>(f, "syn_schedule_s"), "0, 1.0, 3.1, 7.2");
  EXPECT_THAT(f.explanation, HasSubstr("; typical: SYNs at 0, 1.0, 3.1, 7.2 s. No ICMP error came."));
}

TEST(ConnectTimeout, takes_the_schedule_of_a_typical_connect) {
  PictureBuilder b = to_endpoint(9, 1, with_syns(abandoned(10), {0, 1}));
  b.add(0, 2, with_syns(abandoned(10), {0, 1, 3}));
  EXPECT_EQ(evidence_as<std::string>(only(b.build()), "syn_schedule_s"), "0, 1.0, 3.0");
}

TEST(ConnectTimeout, does_not_tell_a_schedule_that_was_not_seen_whole) {
  SocketStory story = with_syns(abandoned(10), {0, 1, 3});
  story.syns_sent = 5;
  EXPECT_TRUE(evidence_is_null(only(to_endpoint(9, 3, story).build()), "syn_schedule_s"));
  EXPECT_TRUE(evidence_is_null(only(to_endpoint(9, 3, abandoned(10)).build()), "syn_schedule_s"));
}

// More than any sysctl allows are those of a damaged recording.
TEST(ConnectTimeout, does_not_tell_a_schedule_without_end) {
  std::vector<double> offsets(129);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<double>(i);
  EXPECT_TRUE(evidence_is_null(only(to_endpoint(9, 3, with_syns(abandoned(10), offsets)).build()), "syn_schedule_s"));
  offsets.pop_back();
  EXPECT_FALSE(evidence_is_null(only(to_endpoint(9, 3, with_syns(abandoned(10), offsets)).build()), "syn_schedule_s"));
}

TEST(ConnectTimeout, once_is_a_warning) {
  const Finding f = only(to_endpoint(100, 1, abandoned(10)).build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
}

// --- connect-failed-locally ---

TEST(ConnectFailedLocally, one_finding_for_each_error) {
  SocketStory no_route = connect_failed(10, ConnectOutcome::kUnreachable, 3s, 4);
  no_route.connect_error = EHOSTUNREACH;
  no_route.icmp_errors = 1;
  SocketStory no_port = connect_failed(10, ConnectOutcome::kLocalError, 0us, 0);
  no_port.connect_error = EADDRNOTAVAIL;
  PictureBuilder b = to_endpoint(0, 3, no_route);
  b.add(0, 2, no_port);
  const auto findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "connect-failed-locally");
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(evidence_as<std::string>(findings[0], "outcome"), "unreachable");
  EXPECT_EQ(evidence_as<std::string>(findings[0], "errno_name"), "EHOSTUNREACH");
  EXPECT_EQ(evidence_int(findings[0], "icmp_errors"), 3);
  EXPECT_EQ(evidence_as<std::string>(findings[1], "errno_name"), "EADDRNOTAVAIL");
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_THAT(findings[1].explanation, HasSubstr("No SYN left this host"));
}

TEST(ConnectFailedLocally, without_an_error_number_says_the_outcome) {
  const Finding f = only(to_endpoint(5, 3, connect_failed(10, ConnectOutcome::kReset, 1ms)).build());
  EXPECT_EQ(f.code, "connect-failed-locally");
  EXPECT_TRUE(evidence_is_null(f, "errno_name"));
  EXPECT_EQ(f.title, "3 of 8 connects to 10.0.0.2:443 failed: reset");
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
