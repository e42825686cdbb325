// SPDX-License-Identifier: Apache-2.0
// Failed against good sockets of one run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "diff/compare.h"
#include "unit/diff/samples.h"

namespace tcpdiag::diff {
namespace {

using model::Role;
using samples::address;
using samples::base;
using samples::endpoint;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::set<std::string> names(const Comparison& comparison, model::Confidence least = model::Confidence::kMedium) {
  std::set<std::string> out;
  for (const Difference& difference : comparison.differences) {
    if (difference.confidence >= least) out.insert(difference.what);
  }
  return out;
}

const Difference& find(const Comparison& comparison, const std::string& what) {
  const auto& all = comparison.differences;
  return *std::find_if(all.begin(), all.end(), [&](const Difference& d) { return d.what == what; });
}

TEST(Outcomes, what_failed_calls_have_in_common_is_found) {
  const Comparison comparison = compare_outcomes(samples::some_failed());
  EXPECT_EQ(comparison.mode, Mode::kOneRun);
  EXPECT_EQ(comparison.verdict, Trend::kChanged);
  EXPECT_EQ(names(comparison),
            (std::set<std::string>{"address", "app_gap", "idle_before_request", "process", "request_bytes", "reused"}));
  EXPECT_EQ(find(comparison, "process").scope.comm, "sidekiq");
}

TEST(Outcomes, failures_like_the_good_calls_have_nothing_in_common) {
  model::Report run = base(60);
  run.picture.endpoints = {endpoint(Role::kOutbound, address("203.0.113.10", 443), 60, 50)};
  model::OutcomeGroup reset;
  reset.outcome = "reset";
  reset.count = 20;
  reset.reused = 10;
  model::OutcomeGroup good;
  good.outcome = "good";
  good.count = 3000;
  good.reused = 1500;
  good.request_p50_bytes = 1412;
  good.idle_before_request_p50_us = 31'000'000;
  run.picture.endpoints[0].outcomes = {reset, good};
  samples::fail(run, 0, 20, 1, "ruby");
  EXPECT_THAT(names(compare_outcomes(run), model::Confidence::kLow), IsEmpty());
  EXPECT_EQ(compare_outcomes(run).verdict, Trend::kNoDifference);
}

TEST(Outcomes, failures_of_one_second_are_told_as_such) {
  model::Report run = base(60);
  run.picture.endpoints = {endpoint(Role::kOutbound, address("203.0.113.10", 443), 60, 50)};
  samples::fail(run, 0, 40, 40, "ruby");
  const Comparison comparison = compare_outcomes(run);
  ASSERT_THAT(names(comparison), Contains("time"));
  const Difference& time = find(comparison, "time");
  EXPECT_EQ(time.bad.text, "2.0 to 3.0 s after the start");
  EXPECT_DOUBLE_EQ(*time.bad.value, 100);
  EXPECT_EQ(time.bad.count, 40U);
}

TEST(Outcomes, what_only_one_event_shows_is_of_low_confidence) {
  model::Report run = samples::some_failed();
  run.picture.sockets.clear();
  run.picture.endpoints[0].totals.exchanges_failed = 0;
  samples::fail(run, 0, 40, 40, "sidekiq");  // all in one second
  const Comparison comparison = compare_outcomes(run);
  EXPECT_THAT(names(comparison), Not(Contains("process")));
  ASSERT_THAT(names(comparison, model::Confidence::kLow), Contains("process"));
  EXPECT_THAT(find(comparison, "process").confidence_reasons, SizeIs(::testing::Ge(1U)));
}

TEST(Outcomes, a_peer_that_fails_more_often) {
  model::Report run = base(60);
  run.picture.endpoints = {endpoint(Role::kInbound, address("10.0.0.1", 80), 60, 50)};
  model::EndpointPicture& server = run.picture.endpoints[0];
  server.totals.sockets_seen = 1000;
  server.peers = {{address("10.9.0.1", 0).address, 500, 1, 1}, {address("10.9.0.2", 0).address, 500, 1, 1}};
  samples::fail(run, 0, 40, 2, "nginx");
  for (model::SocketStory& story : run.picture.sockets) story.socket.remote = address("10.9.0.2", 5000);
  const Comparison comparison = compare_outcomes(run);
  ASSERT_THAT(names(comparison), Contains("peer"));
  EXPECT_EQ(find(comparison, "peer").bad.text, "10.9.0.2");
}

TEST(Outcomes, ports_that_stand_apart) {
  model::Report run = base(60);
  run.picture.endpoints = {endpoint(Role::kOutbound, address("203.0.113.10", 443), 60, 50)};
  samples::fail(run, 0, 20, 1, "ruby");
  for (std::uint16_t i = 0; i < 20; ++i) {
    model::SocketStory good;
    good.socket.local = address("10.0.3.17", static_cast<std::uint16_t>(50'000 + i * 100));
    run.picture.sockets.push_back(good);
  }
  EXPECT_THAT(names(compare_outcomes(run)), Contains("local_port"));
}

TEST(Outcomes, where_all_failed_another_run_is_needed) {
  model::Report run = base(60);
  run.picture.endpoints = {endpoint(Role::kOutbound, address("203.0.113.10", 443), 60, 0)};
  run.picture.endpoints[0].totals.connect_outcomes[1] = 12;
  const Comparison comparison = compare_outcomes(run);
  EXPECT_EQ(comparison.verdict, Trend::kNoDifference);
  ASSERT_THAT(comparison.not_compared, SizeIs(1));
  EXPECT_THAT(comparison.not_compared.front().why, ::testing::HasSubstr("compare with another run"));
}

TEST(Outcomes, stories_that_were_not_kept_are_counted) {
  model::Report run = samples::some_failed();
  run.picture.endpoints[0].totals.exchanges_failed = 100;
  const Comparison comparison = compare_outcomes(run);
  ASSERT_THAT(comparison.not_compared, SizeIs(1));
  EXPECT_EQ(comparison.not_compared.front().why, "38 of 100 were kept with their story");
}

}  // namespace
}  // namespace tcpdiag::diff
