// SPDX-License-Identifier: Apache-2.0
#include "diff/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "diff/order.h"
#include "unit/diff/samples.h"
#include "unit/diff/simulated.h"

namespace tcpdiag::diff {
namespace {

using model::Role;
using model::Severity;
using samples::address;
using samples::base;
using samples::endpoint;
using samples::finding;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Difference* find(const Comparison& comparison, const std::string& what) {
  const auto& all = comparison.differences;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Difference& d) { return d.what == what; });
  return found == all.end() ? nullptr : &*found;
}

model::Report one(std::size_t seconds = 60, std::uint64_t per_second = 50) {
  model::Report report = base(seconds);
  report.picture.endpoints = {endpoint(Role::kOutbound, address("10.0.0.1", 443), seconds, per_second)};
  return report;
}

TEST(Compare, a_run_with_itself) {
  for (const model::Report& report : {samples::api_good(), samples::api_bad(), base(0), base(60)}) {
    const Comparison comparison = compare(report, report);
    EXPECT_THAT(comparison.differences, IsEmpty());
    EXPECT_THAT(comparison.only_in, IsEmpty());
    EXPECT_EQ(comparison.verdict, report.picture.endpoints.empty() ? Trend::kNotComparable : Trend::kNoDifference);
  }
}

TEST(Compare, refused_connects_are_a_share_of_the_decided_ones) {
  model::Report good = one();
  model::Report bad = one();
  good.picture.endpoints[0].totals.connect_outcomes = {200, 0, 0, 0, 0, 0, 0, 40};
  bad.picture.endpoints[0].totals.connect_outcomes = {150, 50, 0, 0, 0, 0, 0, 0};
  const Comparison comparison = compare(good, bad);
  const Difference* difference = find(comparison, "connect_outcomes.refused");
  ASSERT_NE(difference, nullptr);
  EXPECT_EQ(difference->tier, Tier::kFailures);
  EXPECT_EQ(difference->good.of, 200U);
  EXPECT_DOUBLE_EQ(*difference->bad.value, 25);
  EXPECT_EQ(difference->affected, 50U);
  EXPECT_EQ(comparison.verdict, Trend::kWorse);
}

TEST(Compare, one_or_two_failures_happen_to_everybody) {
  model::Report bad = one();
  samples::fail(bad, 0, 2, 1, "ruby");
  EXPECT_EQ(compare(one(), bad).verdict, Trend::kNoDifference);
}

TEST(Compare, the_whole_run_speaks_where_no_endpoint_does) {
  model::Report good = one();
  model::Report bad = one();
  good.picture.endpoints.clear();
  bad.picture.endpoints.clear();
  // A fleet of addresses, of which each fails once.
  for (std::uint16_t i = 1; i <= 100; ++i) {
    const std::string at = "10.0.1." + std::to_string(i);
    good.picture.endpoints.push_back(endpoint(Role::kOutbound, address(at.c_str(), 443), 60, 1));
    bad.picture.endpoints.push_back(good.picture.endpoints.back());
    bad.picture.endpoints.back().totals.exchanges_failed = 1;
  }
  const Comparison comparison = compare(good, bad);
  ASSERT_THAT(comparison.differences, SizeIs(1));
  EXPECT_EQ(comparison.differences.front().scope.kind, ScopeKind::kRun);
  EXPECT_EQ(comparison.verdict, Trend::kWorse);
}

TEST(Compare, a_new_finding_is_a_difference_even_without_a_measure) {
  model::Report bad = one();
  bad.findings = {finding("delay-unattributed", 0, Severity::kNotice)};
  EXPECT_EQ(compare(one(), bad).verdict, Trend::kNoDifference);
  bad.findings = {finding("local-reset", 0, Severity::kWarning)};
  const Comparison comparison = compare(one(), bad);
  EXPECT_EQ(comparison.verdict, Trend::kWorse);
  ASSERT_THAT(comparison.only_in, SizeIs(1));
  EXPECT_TRUE(comparison.only_in.front().in_bad);
  EXPECT_EQ(compare(bad, one()).verdict, Trend::kBetter);
  EXPECT_EQ(compare(bad, bad).verdict, Trend::kNoDifference);
}

TEST(Compare, the_root_of_a_finding_explains) {
  model::Report bad = one();
  samples::fail(bad, 0, 60, 1, "ruby");
  bad.findings = {finding("allowance-exceeded", 0, Severity::kCritical),
                  finding("connect-timeout", 0, Severity::kCritical),
                  finding("response-timeout", 0, Severity::kCritical)};
  bad.findings[0].endpoint.reset();
  bad.findings[2].caused_by = {0};
  const Comparison comparison = compare(one(), bad);
  const Difference* difference = find(comparison, "exchanges_failed");
  ASSERT_NE(difference, nullptr);
  ASSERT_TRUE(difference->explained_by);
  EXPECT_EQ(difference->explained_by->code, "allowance-exceeded");
}

TEST(Compare, links_that_make_a_circle_or_lead_nowhere_do_no_harm) {
  model::Report bad = one();
  samples::fail(bad, 0, 60, 1, "ruby");
  bad.findings = {finding("response-timeout", 0, Severity::kCritical), finding("local-reset", 7, Severity::kCritical)};
  bad.findings[0].caused_by = {1};
  bad.findings[1].caused_by = {0, 99};
  bad.picture.sockets.front().endpoint = 99;
  EXPECT_EQ(compare(one(), bad).verdict, Trend::kWorse);
  bad.findings[0].caused_by = {99};
  EXPECT_TRUE(find(compare(one(), bad), "exchanges_failed")->explained_by);
}

TEST(Compare, a_small_new_endpoint_is_listed_and_no_difference) {
  model::Report bad = one();
  bad.picture.endpoints.push_back(endpoint(Role::kOutbound, address("10.0.0.9", 53), 60, 1));
  const Comparison small = compare(one(), bad);
  EXPECT_EQ(small.verdict, Trend::kNoDifference);
  EXPECT_THAT(small.only_in, Contains(Field(&OnlyIn::kind, OnlyKind::kEndpoint)));
  bad.picture.endpoints[1] = endpoint(Role::kOutbound, address("10.0.0.9", 53), 60, 40);
  EXPECT_EQ(compare(one(), bad).verdict, Trend::kChanged);
}

TEST(Compare, a_new_endpoint_that_fails_is_worse) {
  model::Report bad = one();
  bad.picture.endpoints.push_back(endpoint(Role::kOutbound, address("10.0.0.9", 53), 60, 1));
  bad.picture.endpoints[1].totals.connect_outcomes[3] = 12;
  const Comparison comparison = compare(one(), bad);
  EXPECT_EQ(comparison.verdict, Trend::kWorse);
  const Difference* difference = find(comparison, "connect_outcomes.timed_out");
  ASSERT_NE(difference, nullptr);
  EXPECT_FALSE(difference->good.value);
}

TEST(Compare, settings_are_told_in_their_order) {
  model::Report bad = one();
  bad.picture.start.host.kernel = "5.10.0";
  bad.picture.start.host.instance_type = "t4g.micro";
  bad.picture.start.netns.front().somaxconn = 128;
  bad.picture.start.tool_version = "9";
  const Comparison comparison = compare(one(), bad);
  std::vector<std::string> what;
  for (const Difference& difference : comparison.differences) what.push_back(difference.what);
  EXPECT_THAT(what, ElementsAre("instance_type", "kernel", "net.core.somaxconn", "tool_version"));
  EXPECT_EQ(comparison.verdict, Trend::kChanged);
  bad = one();
  bad.picture.start.host.instance_type.reset();  // not known is no other type
  EXPECT_THAT(compare(one(), bad).differences, IsEmpty());
}

TEST(Compare, allowances_count_when_they_last) {
  const auto nic = [](std::uint64_t delta, std::uint64_t seconds) {
    model::NicPicture out;
    out.device = "eth0";
    out.counters_supported = true;
    model::AllowanceLimit limit;
    limit.limit = "bw_out";
    limit.delta = delta;
    limit.seconds_with_delta = seconds;
    out.limits = {limit};
    return out;
  };
  model::Report good = one();
  model::Report bad = one();
  good.picture.nics = {nic(0, 0)};
  bad.picture.nics = {nic(90'000, 1)};
  EXPECT_EQ(compare(good, bad).verdict, Trend::kNoDifference);  // one microburst
  bad.picture.nics = {nic(9'000, 40)};
  const Comparison comparison = compare(good, bad);
  ASSERT_THAT(comparison.differences, SizeIs(1));
  EXPECT_EQ(comparison.differences.front().what, "allowance_exceeded.bw_out");
  EXPECT_EQ(comparison.differences.front().scope.device, "eth0");
}

TEST(Compare, overflows_of_accept_queues_are_failures) {
  model::Report good = one();
  model::Report bad = one();
  good.picture.totals.listen_overflows = 0;
  bad.picture.totals.listen_overflows = 300;
  EXPECT_EQ(compare(good, bad).differences.front().what, "listen_overflows");
  good.picture.totals.listen_overflows = std::nullopt;  // not known is not 0
  EXPECT_THAT(compare(good, bad).differences, IsEmpty());
}

TEST(Compare, rates_do_not_count_the_time_without_load) {
  const auto idle = testing::run_of({.seconds = 30, .idle_before_s = 60, .idle_after_s = 30}, 1);
  EXPECT_EQ(compare(testing::run_of({.seconds = 120}, 2), idle).verdict, Trend::kNoDifference);
}

TEST(Compare, says_what_it_could_not_compare) {
  model::Report good = one();
  model::Report bad = one(5);
  good.picture.endpoints[0].histograms[model::Measure::kReadWait] = samples::histogram({{100, 5}});
  bad.picture.window.partial = true;
  bad.picture.start.filters.remote_ports = {443};
  bad.picture.loss.ring_full = 900;
  bad.picture.start.abilities = {{"retransmit_errors", true, ""}};
  const Comparison comparison = compare(good, bad);
  std::string all;
  for (const NotCompared& missing : comparison.not_compared) all += missing.what + ": " + missing.why + "\n";
  EXPECT_THAT(all, HasSubstr("read_wait of 10.0.0.1:443 (outbound): BAD has not measured it"));
  EXPECT_THAT(all, HasSubstr("the filters differ"));
  EXPECT_THAT(all, HasSubstr("BAD lost 900 events"));
  EXPECT_THAT(all, HasSubstr("did not end in order"));
  EXPECT_THAT(all, HasSubstr("GOOD lasts 60.0 s, BAD 5.0 s"));
  EXPECT_THAT(all, HasSubstr("retransmit_errors (not in GOOD)"));
  EXPECT_THAT(all, HasSubstr("rates and sizes of 1 of 1 endpoints"));
}

TEST(Compare, peers_of_a_server_by_address_where_the_lists_are_whole) {
  model::Report good = base(60);
  model::Report bad = base(60);
  good.picture.endpoints = {endpoint(Role::kInbound, address("10.0.0.1", 80), 60, 50)};
  bad.picture.endpoints = good.picture.endpoints;
  good.picture.endpoints[0].peers = {{address("10.9.0.1", 0).address, 5, 100, 100}};
  bad.picture.endpoints[0].peers = {{address("10.9.0.1", 0).address, 5, 100, 100},
                                    {address("10.9.0.2", 0).address, 7, 100, 100}};
  EXPECT_THAT(compare(good, bad).only_in, Contains(Field(&OnlyIn::kind, OnlyKind::kPeer)));
  for (std::uint16_t i = 10; i < 19; ++i) {
    good.picture.endpoints[0].peers.push_back({address(("10.9.0." + std::to_string(i)).c_str(), 0).address, 1, 1, 1});
  }
  EXPECT_THAT(compare(good, bad).only_in, Not(Contains(Field(&OnlyIn::in_bad, true))));
}

TEST(Compare, the_same_reports_give_the_same_comparison) {
  const auto good = testing::run_of({}, 1);
  const auto bad = testing::run_of({.median_us = 20'000, .failed_share = 0.1}, 2);
  const Comparison a = compare(good, bad);
  const Comparison b = compare(good, bad);
  ASSERT_EQ(a.differences.size(), b.differences.size());
  for (std::size_t i = 0; i < a.differences.size(); ++i) {
    EXPECT_EQ(a.differences[i].what, b.differences[i].what);
    EXPECT_EQ(a.differences[i].p_value, b.differences[i].p_value);
  }
}

TEST(Trend, ten_times_as_much_of_one_decides_between_better_and_worse) {
  const auto verdict = [](double worse, double better) {
    Comparison comparison;
    comparison.good.endpoints = comparison.bad.endpoints = 1;
    for (const auto& [direction, score] : {std::pair(Direction::kWorse, worse), {Direction::kBetter, better}}) {
      Difference difference;
      difference.tier = Tier::kDelays;
      difference.direction = direction;
      difference.score = score;
      if (score > 0) comparison.differences.push_back(difference);
    }
    return verdict_of(comparison);
  };
  EXPECT_EQ(verdict(101, 10), Trend::kWorse);
  EXPECT_EQ(verdict(100, 10), Trend::kMixed);
  EXPECT_EQ(verdict(10, 100), Trend::kMixed);
  EXPECT_EQ(verdict(10, 101), Trend::kBetter);
  EXPECT_EQ(verdict(0.001, 0), Trend::kWorse);
  EXPECT_EQ(verdict(0, 0.001), Trend::kBetter);
}

}  // namespace
}  // namespace tcpdiag::diff
