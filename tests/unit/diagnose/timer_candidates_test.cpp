// SPDX-License-Identifier: Apache-2.0
// Known timers beside the times of each finding: by number, and by who can have acted.
#include "diagnose/timer_candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::Finding;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Candidates = std::vector<model::TimerCandidate>;

Candidates candidates(const Finding& finding) { return evidence_as<Candidates>(finding, "timer_candidates"); }

std::vector<std::string> names(const Finding& finding) {
  std::vector<std::string> result;
  for (const auto& candidate : candidates(finding)) result.push_back(candidate.name);
  return result;
}

PictureBuilder api(std::uint16_t port = 443) {
  PictureBuilder b;
  b.lasts(4000).outbound("10.0.0.2", port).good_exchanges(1000);
  model::NetnsInfo netns;
  netns.inode = 4026531840U;
  netns.sysctls.syn_retries = 6;
  netns.sysctls.syn_linear_timeouts = 4;
  netns.sysctls.retries2 = 15;
  netns.sysctls.keepalive_time_s = 7200;
  netns.sysctls.keepalive_intvl_s = 75;
  netns.sysctls.keepalive_probes = 9;
  b.raw().start.netns = {netns};
  return b;
}

Finding three(PictureBuilder b, const SocketStory& story) { return only(b.add(0, 3, story).build()); }

TEST(TimerCandidates, of_a_reset_after_30_seconds_are_servers_and_proxies) {
  const Finding f = three(api(), reset_awaiting(100, 30010ms));
  EXPECT_THAT(names(f), ElementsAre("HAProxy \"timeout server\"", "Puma first_data_timeout", "gunicorn --timeout"));
  const auto first = candidates(f).front();
  EXPECT_EQ(first.timer_s, 30);
  EXPECT_EQ(first.origin, "example_only");
  EXPECT_EQ(first.counted_from, "request");
  EXPECT_NEAR(first.deviation_pct, 0.033, 1e-9);
  EXPECT_THAT(f.explanation, Not(HasSubstr("No timer")));
}

TEST(TimerCandidates, fit_within_a_quarter_of_a_second_or_two_percent) {
  EXPECT_THAT(names(three(api(), reset_while_idle(100, 5250ms))), Contains("Apache KeepAliveTimeout"));
  EXPECT_THAT(names(three(api(), reset_while_idle(100, 5251ms))), IsEmpty());
  EXPECT_THAT(names(three(api(), reset_while_idle(1000, 357s))), Contains("AWS NAT gateway idle timeout"));
  EXPECT_THAT(names(three(api(), reset_while_idle(1000, 358s))), IsEmpty());
}

TEST(TimerCandidates, come_closest_first_then_by_name) {
  const Finding f = three(api(), reset_while_idle(1000, 61s));
  const Candidates found = candidates(f);
  ASSERT_GE(found.size(), 2U);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), [](const auto& a, const auto& b) {
    const double da = std::abs(a.deviation_pct);
    const double db = std::abs(b.deviation_pct);
    return da != db ? da < db : a.name < b.name;
  }));
  EXPECT_THAT(found, Each(Field(&model::TimerCandidate::counted_from, "last_data")));
}

TEST(TimerCandidates, of_an_orderly_close_are_no_middleboxes) {
  EXPECT_THAT(names(three(api(), closed_before_reuse(1000, 350s, 2s))), IsEmpty());
  EXPECT_THAT(names(three(api(), closed_before_reuse(1000, 75s, 2s))), ElementsAre("nginx keepalive_timeout"));
  EXPECT_THAT(names(three(api(), unanswered(1000, model::EndKind::kClosedByPeer, 60s))),
              AllOf(Contains("nginx proxy_read_timeout"), Contains("Unicorn timeout"),
                    Contains("AWS Application Load Balancer idle timeout")));
}

TEST(TimerCandidates, of_a_client_that_gives_up_are_clients) {
  EXPECT_THAT(names(three(api(), gave_up(100, 60s))),
              AllOf(Contains("Ruby Net::HTTP read_timeout"), Not(Contains("Unicorn timeout"))));
  EXPECT_THAT(names(three(api(6379), gave_up(100, 5s))),
              AllOf(Contains("redis-py socket_timeout"), Not(Contains("Ruby Net::HTTP read_timeout"))));
  EXPECT_THAT(names(three(api(443), gave_up(100, 5s))), IsEmpty());
}

TEST(TimerCandidates, of_what_the_kernel_gives_up_are_this_hosts_settings) {
  SocketStory story = gave_up(1000, 930s);
  story.end->kind = model::EndKind::kTimedOut;
  const Finding f = three(api(), story);
  ASSERT_EQ(f.code, "response-timeout");
  EXPECT_THAT(names(f), ElementsAre("net.ipv4.tcp_retries2"));
  EXPECT_EQ(candidates(f).front().origin, "this_host_sysctl");

  const Finding connects = three(api(), connect_failed(10, ConnectOutcome::kTimedOut, 133500ms, 11));
  ASSERT_EQ(connects.code, "connect-timeout");
  EXPECT_THAT(names(connects), ElementsAre("net.ipv4.tcp_syn_retries"));
  EXPECT_EQ(candidates(connects).front().timer_s, 131);
  EXPECT_EQ(candidates(connects).front().counted_from, "connect");

  PictureBuilder elsewhere = api();
  elsewhere.raw().start.netns.front().inode = 7;
  EXPECT_THAT(names(three(elsewhere, story)), IsEmpty());
}

TEST(TimerCandidates, of_connects_that_the_application_gave_up) {
  const Finding f = three(api(), connect_failed(10, ConnectOutcome::kAbandoned, 60s, 10));
  EXPECT_THAT(names(f), ElementsAre("Ruby Net::HTTP open_timeout", "nginx proxy_connect_timeout"));
}

TEST(TimerCandidates, of_expired_keepalive) {
  SocketStory story = reset_sent(3900, model::LocalResetCause::kKeepaliveExpired);
  story.end->idle = 7876s;
  const Finding f = three(api(), story);
  ASSERT_EQ(f.code, "local-reset");
  EXPECT_THAT(names(f), ElementsAre("net.ipv4.tcp_keepalive_time + tcp_keepalive_intvl * tcp_keepalive_probes"));
  story.end->idle = 40s;
  EXPECT_THAT(three(api(), story).explanation, HasSubstr("No timer of 40.0 s is known"));
}

TEST(TimerCandidates, are_counted_from_the_users_request_too) {
  PictureBuilder b = api();
  for (int i = 0; i < 3; ++i) {  // the waits differ, their sum with the gap does not
    SocketStory story = gave_up(100 + i, 10s + 2s * i);
    story.end->app_gap = 20s - 2s * i;
    b.add(0, story);
  }
  const Finding f = only(b.build());
  EXPECT_THAT(names(f), ElementsAre("Puma first_data_timeout", "gunicorn --timeout"));
  EXPECT_THAT(candidates(f), Each(Field(&model::TimerCandidate::counted_from, "inbound_request")));
}

TEST(TimerCandidates, that_fit_from_both_starts_are_listed_once) {
  SocketStory story = reset_awaiting(100, 30050ms);
  story.end->app_gap = 10ms;
  const Finding f = three(api(), story);
  EXPECT_EQ(names(f).size(), 3U);
  EXPECT_THAT(candidates(f), Each(Field(&model::TimerCandidate::counted_from, "request")));
}

TEST(TimerCandidates, of_times_that_scatter_are_none_and_no_word_is_said) {
  PictureBuilder b = api();
  b.add(0, reset_awaiting(100, 30s)).add(0, reset_awaiting(200, 20s)).add(0, reset_awaiting(300, 10s));
  const Finding f = only(b.build());
  EXPECT_THAT(names(f), IsEmpty());
  EXPECT_THAT(f.explanation, Not(HasSubstr("No timer")));
}

TEST(TimerCandidates, that_nobody_knows_are_an_answer) {
  const Finding f = three(api(), reset_awaiting(100, 17s));
  EXPECT_THAT(names(f), IsEmpty());
  EXPECT_THAT(f.explanation, HasSubstr("No timer of 17.0 s is known"));
}

TEST(TimerCandidates, make_nobody_surer) {
  EXPECT_EQ(three(api(), reset_awaiting(100, 30s)).confidence, three(api(), reset_awaiting(100, 17s)).confidence);
  SocketStory old = older_than_trace(reset_awaiting(100, 30s));
  EXPECT_EQ(three(api(), old).confidence, Confidence::kMedium);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
