// SPDX-License-Identifier: Apache-2.0
// This host's own application: app-gap and no-outbound-attempt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::ProcessShare process(std::string comm, std::uint32_t pid) {
  model::ProcessShare share;
  share.comm = std::move(comm);
  share.pids = {pid};
  return share;
}

// --- app-gap ---

// Calls of puma to 10.0.0.2:443, each that long after the user's request; all of them known.
PictureBuilder calls(std::size_t n, Duration gap) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  model::EndpointPicture& e = b.raw().endpoints[0];
  for (std::size_t i = 0; i < n; ++i) {
    e.histograms[model::Measure::kAppGap].add(as_us(gap));
    e.app_gap.good_us.add(as_us(gap));
  }
  e.app_gap.calls = e.app_gap.with_gap = n;
  e.app_gap.threads = 4;
  e.processes = {process("puma", 811)};
  return b;
}

model::AppGap& gap_of(PictureBuilder& b) { return b.raw().endpoints[0].app_gap; }

// ... and calls that failed after `wait`.
PictureBuilder& fail(PictureBuilder& b, std::size_t n, Duration gap, Duration wait) {
  SocketStory story = reset_awaiting(40, wait);
  story.end->app_gap = gap;
  b.add(0, n, story);
  for (std::size_t i = 0; i < n; ++i) {
    b.raw().endpoints[0].histograms[model::Measure::kAppGap].add(as_us(gap));
    gap_of(b).failed_us.add(as_us(gap));
  }
  gap_of(b).calls += n;
  gap_of(b).with_gap += n;
  return b;
}

Finding app_gap(const Picture& picture) {
  for (Finding& f : diagnose(picture)) {
    if (f.code == "app-gap") return std::move(f);
  }
  return {};
}

TEST(AppGap, tells_what_passed_before_the_call) {
  const Finding f = only(calls(20, 2s).build());
  EXPECT_EQ(f.code, "app-gap");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.endpoint, 0U);
  EXPECT_TRUE(f.device.empty());
  EXPECT_EQ(f.title, "puma begins its calls to 10.0.0.2:443 late: 2.0 s after the user's request (p90)");
  EXPECT_NEAR(evidence_as<double>(f, "app_gap_p50_s"), 2.0, 0.14);
  EXPECT_NEAR(evidence_as<double>(f, "app_gap_p90_s"), 2.0, 0.14);
  EXPECT_NEAR(evidence_as<double>(f, "app_gap_ok_p50_s"), 2.0, 0.14);
  EXPECT_TRUE(evidence_is_null(f, "app_gap_failed_p50_s"));
  EXPECT_EQ(evidence_int(f, "samples"), 20);
  EXPECT_EQ(evidence_int(f, "threads"), 4);
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "coverage_pct"), 100.0);
  EXPECT_EQ(f.next_steps.back().command, "pidstat -p 811 1");
  EXPECT_THAT(f.explanation, HasSubstr("before TCP had anything to do"));
}

TEST(AppGap, of_a_healthy_application_is_none) {
  EXPECT_THAT(codes(calls(1000, 50ms).build()), IsEmpty());
  EXPECT_THAT(codes(calls(1000, 800ms).build()), IsEmpty());
  EXPECT_THAT(codes(calls(4, 5s).build()), IsEmpty());  // the p90 of four is one of them
  EXPECT_THAT(codes(calls(0, 0s).build()), IsEmpty());
}

TEST(AppGap, a_few_slow_ones_of_many_are_none) {
  PictureBuilder b = calls(95, 50ms);
  for (int i = 0; i < 5; ++i) b.raw().endpoints[0].histograms[model::Measure::kAppGap].add(as_us(5s));
  EXPECT_THAT(codes(b.build()), IsEmpty());
}

TEST(AppGap, is_surer_the_more_calls_are_known) {
  PictureBuilder b = calls(80, 2s);
  gap_of(b).calls = 100;
  EXPECT_EQ(only(b.build()).confidence, Confidence::kHigh);
  gap_of(b).calls = 101;
  EXPECT_EQ(only(b.build()).confidence, Confidence::kMedium);
  EXPECT_THAT(only(b.build()).confidence_reasons, ElementsAre(HasSubstr("Only 79.2 % of the calls")));
  gap_of(b).ambiguous = 15;
  EXPECT_EQ(only(b.build()).confidence, Confidence::kMedium);
  gap_of(b).ambiguous = 16;  // an event loop
  EXPECT_EQ(only(b.build()).confidence, Confidence::kLow);
  b.lasts(5);  // and too short: nothing to rely on is left
  EXPECT_THAT(codes(b.build()), IsEmpty());
}

TEST(AppGap, speaks_when_failed_calls_had_spent_their_time_before) {
  PictureBuilder b = calls(1000, 50ms);
  fail(b, 3, 12s, 10s);
  const Finding f = app_gap(b.build());
  EXPECT_EQ(f.severity, Severity::kCritical);  // five times and more later than good ones
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "app_gap_failed_p50_s"), 12.0);
  EXPECT_NEAR(evidence_as<double>(f, "app_gap_ok_p50_s"), 0.05, 0.004);
  EXPECT_EQ(f.impact.exchanges_failed, 3U);
  EXPECT_THAT(f.explanation, HasSubstr("54.5 % of the time until their failure had passed before the call"));
  EXPECT_THAT(f.disproved_by, HasSubstr("fail as often"));
}

TEST(AppGap, does_not_when_the_call_itself_took_longer) {
  PictureBuilder b = calls(1000, 50ms);
  fail(b, 3, 5s, 10s);
  EXPECT_THAT(codes(b.build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(AppGap, does_not_when_a_write_met_a_dead_connection_after_a_short_gap) {
  PictureBuilder b = calls(1000, 50ms);
  fail(b, 3, 60ms, 1ms);  // 98 % of the time, but no time
  EXPECT_THAT(codes(b.build()), ElementsAre("peer-reset-awaiting-response"));
}

TEST(AppGap, failed_connects_count_too) {
  PictureBuilder b = calls(1000, 50ms);
  SocketStory story = connect_failed(20, model::ConnectOutcome::kAbandoned, 5s, 4);
  story.end->app_gap = 6s;
  b.add(0, 3, story);
  const Finding f = app_gap(b.build());
  EXPECT_EQ(f.code, "app-gap");
  EXPECT_EQ(f.impact.connects_failed, 3U);
}

TEST(AppGap, a_gap_that_all_calls_have_is_a_warning_though_some_fail) {
  PictureBuilder b = calls(1000, 3s);
  fail(b, 3, 4s, 30s);
  const Finding f = app_gap(b.build());
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.impact.exchanges_failed, 0U);
}

// --- no-outbound-attempt ---

// puma's port 80: so many requests waited for 10 s without a call.
PictureBuilder held(std::uint64_t no_call, std::uint64_t with_call = 0) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(1000);
  model::EndpointPicture& e = b.raw().endpoints[0];
  e.slow_answers.no_call = no_call;
  e.slow_answers.with_call = with_call;
  for (std::uint64_t i = 0; i < no_call; ++i) e.slow_answers.no_call_wait_us.add(as_us(10s));
  e.slow_answers.first_at = at(12);
  e.slow_answers.last_at = at(40);
  e.processes = {process("puma", 811)};
  return b;
}

TEST(NoOutboundAttempt, is_a_warning_where_other_requests_lead_to_calls) {
  PictureBuilder b = held(4, 31);
  b.raw().endpoints[0].slow_answers.ongoing = 1;
  SocketStory story = ended(40, model::EndKind::kClosedLocally);
  story.no_call_wait = 10s;
  b.add(0, story);
  const Finding f = only(b.build());
  EXPECT_EQ(f.code, "no-outbound-attempt");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(f.count, 4U);
  EXPECT_EQ(f.first_at, at(12));
  EXPECT_EQ(f.last_at, at(40));
  EXPECT_TRUE(f.ongoing);
  EXPECT_THAT(f.sockets, ElementsAre(0U));
  EXPECT_EQ(f.title, "puma held 4 requests to 10.0.0.1:80 for 5.0 s or more and began no call");
  EXPECT_EQ(evidence_int(f, "count"), 4);
  EXPECT_EQ(evidence_int(f, "with_call_count"), 31);
  EXPECT_EQ(evidence_int(f, "unknown_count"), 0);
  EXPECT_EQ(evidence_int(f, "ongoing_count"), 1);
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "wait_max_s"), 10.0);
  EXPECT_EQ(evidence_as<std::string>(f, "comm"), "puma");
  EXPECT_THAT(f.app_messages.front(), HasSubstr("execution expired"));
  EXPECT_EQ(f.next_steps.front().command, "tcpdump -ni any udp port 53");
  EXPECT_THAT(f.disproved_by, HasSubstr("long polling"));
}

TEST(NoOutboundAttempt, of_a_process_that_never_calls_is_a_notice) {
  const Finding f = only(held(30).build());
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.confidence, Confidence::kLow);
  EXPECT_THAT(f.confidence_reasons, Contains(HasSubstr("long polling")));
  EXPECT_THAT(codes(held(2).build()), IsEmpty());
  EXPECT_THAT(codes(held(0, 50).build()), IsEmpty());
}

TEST(NoOutboundAttempt, knows_a_process_that_calls_by_its_name) {
  PictureBuilder b = held(3);
  b.outbound("10.0.0.2", 443).good_exchanges(10);
  model::EndpointPicture& api = b.raw().endpoints[1];
  api.processes = {process("puma", 812)};
  EXPECT_EQ(only(b.build()).confidence, Confidence::kLow);  // calls, but none that follows a request
  api.app_gap.calls = api.app_gap.with_gap = 10;
  EXPECT_EQ(only(b.build()).confidence, Confidence::kMedium);
  api.key.netns_inode = 4026532001U;
  EXPECT_EQ(only(b.build()).confidence, Confidence::kLow);
  api.key.netns_inode = b.raw().endpoints[0].key.netns_inode;
  api.processes = {process("sidekiq", 812)};
  EXPECT_EQ(only(b.build()).confidence, Confidence::kLow);
}

TEST(NoOutboundAttempt, once_is_a_notice_and_never_critical) {
  EXPECT_EQ(only(held(1, 5).build()).severity, Severity::kNotice);
  EXPECT_EQ(only(held(500, 5).build()).severity, Severity::kWarning);
}

TEST(NoOutboundAttempt, of_an_outbound_endpoint_is_none) {
  PictureBuilder b = held(5, 5);
  b.raw().endpoints[0].key.role = model::Role::kOutbound;
  EXPECT_THAT(codes(b.build()), IsEmpty());
}

// --- since the user's request ---

TEST(SinceInboundRequest, is_the_gap_and_the_wait) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  SocketStory story = reset_awaiting(40, 30s);
  story.end->app_gap = 1200ms;
  b.add(0, 4, story).add(0, reset_awaiting(41, 30s));
  const Finding f = only(b.build());
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "since_inbound_request_p50_s"), 31.2);
  EXPECT_THAT(
      f.explanation,
      HasSubstr("The reset came 31.2 s after the user's request had reached this process (p50; known of 4 of 5)."));
  b.add(0, reset_awaiting(42, 30s));  // 4 of 6: in the evidence only
  EXPECT_THAT(only(b.build()).explanation, testing::Not(HasSubstr("user's request")));
  EXPECT_FALSE(evidence_is_null(only(b.build()), "since_inbound_request_p50_s"));
}

TEST(SinceInboundRequest, of_an_event_loop_is_not_known) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  SocketStory story = gave_up(40, 5s);
  story.end->app_gap = 1s;
  story.end->app_gap_ambiguous = true;
  b.add(0, 3, story);
  EXPECT_TRUE(evidence_is_null(only(b.build()), "since_inbound_request_p50_s"));
  for (auto& s : b.raw().sockets) s.end->app_gap_ambiguous = false;
  EXPECT_DOUBLE_EQ(evidence_as<double>(only(b.build()), "since_inbound_request_p50_s"), 6.0);
}

TEST(SinceInboundRequest, of_a_connect_counts_from_its_gap) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_connects(100);
  SocketStory story = connect_failed(20, model::ConnectOutcome::kAbandoned, 10s, 4);
  story.end->app_gap = 500ms;
  b.add(0, 3, story);
  const Finding f = only(b.build());
  EXPECT_DOUBLE_EQ(evidence_as<double>(f, "since_inbound_request_p50_s"), 10.5);
  EXPECT_THAT(f.explanation, HasSubstr("10.5 s after the user's request had reached this process (p50)."));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
