// SPDX-License-Identifier: Apache-2.0
// The allowance counters of network cards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::AllowanceLimit;
using model::NicPicture;
using model::NicSample;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Counters = std::map<std::string, std::uint64_t>;

NicSample card(double at, Counters exceeded, std::string device = "eth0") {
  NicSample sample;
  sample.at = ms(at);
  sample.device = std::move(device);
  sample.netns_inode = 10;
  sample.driver = "ena";
  sample.driver_version = "2.13.0g";
  sample.counters_supported = !exceeded.empty();
  sample.exceeded = std::move(exceeded);
  return sample;
}

void emit(Trace& trace, double at, Counters exceeded) { trace.correlator.on_sample(card(at, std::move(exceeded))); }

const AllowanceLimit& limit_of(const NicPicture& nic, std::string_view name) {
  const auto found =
      std::find_if(nic.limits.begin(), nic.limits.end(), [&](const AllowanceLimit& l) { return l.limit == name; });
  EXPECT_NE(found, nic.limits.end()) << name;
  static const AllowanceLimit kNone;
  return found == nic.limits.end() ? kNone : *found;
}

std::uint64_t sum_of(const std::vector<std::uint64_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

TEST(Nic, CountersMoveFromTheFirstSampleOn) {
  Trace trace;
  emit(trace, 0, {{"bw_out", 500}, {"bw_in", 3}, {"pps", 0}, {"unheard", 1}});
  emit(trace, 1000, {{"bw_out", 600}, {"bw_in", 3}, {"pps", 0}, {"unheard", 9}});
  emit(trace, 500, {{"bw_out", 1}});  // late: what it says is older than what is known
  emit(trace, 2000, {{"bw_out", 600}, {"bw_in", 3}, {"pps", 0}});
  emit(trace, 3000, {{"bw_out", 640}, {"bw_in", 3}, {"pps", 0}});
  const model::Picture picture = trace.end(3500);
  ASSERT_THAT(picture.nics, SizeIs(1));
  const NicPicture& nic = picture.nics[0];
  EXPECT_EQ(nic.device, "eth0");
  EXPECT_EQ(nic.netns_inode, 10U);
  EXPECT_EQ(nic.driver, "ena");
  EXPECT_EQ(nic.driver_version, "2.13.0g");
  EXPECT_TRUE(nic.counters_supported);
  EXPECT_FALSE(nic.driver_reset);
  EXPECT_EQ(nic.conntrack_available_min, std::nullopt);
  ASSERT_THAT(nic.limits, SizeIs(3));  // in the contract's order
  EXPECT_EQ(nic.limits[0].limit, "bw_in");
  EXPECT_EQ(nic.limits[1].limit, "bw_out");
  EXPECT_EQ(nic.limits[2].limit, "pps");
  EXPECT_EQ(nic.limits[0].delta, 0U);
  EXPECT_EQ(nic.limits[0].first_at, std::nullopt);
  EXPECT_THAT(nic.limits[0].per_second, Each(0U));
  const AllowanceLimit& out = nic.limits[1];
  EXPECT_EQ(out.delta, 140U);
  EXPECT_EQ(out.seconds_with_delta, 2U);
  EXPECT_EQ(out.max_per_s, 100U);
  EXPECT_EQ(out.max_per_minute, 140U);
  EXPECT_EQ(out.first_at, ms(0));  // between this sample and the next
  EXPECT_EQ(out.last_at, ms(3000));
}

TEST(Nic, AResetOfTheDriverBeginsAtZero) {
  Trace trace;
  emit(trace, 0, {{"bw_out", 500}, {"pps", 2}});
  emit(trace, 1000, {{"bw_out", 510}, {"pps", 2}});
  emit(trace, 2000, {{"bw_out", 7}, {"pps", 0}});
  emit(trace, 3000, {{"bw_out", 9}, {"pps", 0}});
  const NicPicture nic = trace.end(3500).nics.at(0);
  EXPECT_TRUE(nic.driver_reset);
  EXPECT_EQ(limit_of(nic, "bw_out").delta, 19U);
  EXPECT_EQ(limit_of(nic, "bw_out").seconds_with_delta, 3U);
  EXPECT_EQ(limit_of(nic, "pps").delta, 0U);
}

TEST(Nic, OneReadingTellsOfNoMovement) {
  Trace trace;
  emit(trace, 0, {{"bw_out", 500}});
  const NicPicture nic = trace.end(1000).nics.at(0);
  EXPECT_TRUE(nic.counters_supported);
  EXPECT_THAT(nic.limits, IsEmpty());
}

TEST(Nic, ACardWithoutCounters) {
  Trace trace;
  NicSample veth = card(0, {}, "veth7");
  veth.driver = "veth";
  trace.correlator.on_sample(veth);
  const NicPicture nic = trace.end(1000).nics.at(0);
  EXPECT_FALSE(nic.counters_supported);
  EXPECT_EQ(nic.driver, "veth");
  EXPECT_THAT(nic.limits, IsEmpty());
}

TEST(Nic, SecondsAreThoseOfTheEndpoints) {
  Trace trace;
  Sampled endpoint;
  trace.outbound(1).open(0);
  for (int n = 0; n <= 10; ++n) {
    const double at = turn(n + 1);
    endpoint.exchanges(1);
    endpoint.send(trace.correlator, at);
    emit(trace, at, {{"bw_out", n < 4 ? 0U : n < 6 ? 5U : 12U}});
  }
  const model::Picture picture = trace.end(turn(11) + 300);
  const AllowanceLimit& out = limit_of(picture.nics.at(0), "bw_out");
  EXPECT_EQ(out.per_second.size(), picture.endpoints.at(0).series.n);
  EXPECT_THAT(out.per_second, ElementsAre(0, 0, 0, 0, 5, 0, 7, 0, 0, 0, 0, 0));
}

TEST(Nic, MissedRoundsAreSpread) {
  Trace trace;
  emit(trace, turn(1), {{"pps", 0}});
  emit(trace, turn(5), {{"pps", 40}});
  const NicPicture nic = trace.end(turn(6)).nics.at(0);
  const AllowanceLimit& pps = limit_of(nic, "pps");
  EXPECT_THAT(pps.per_second, ElementsAre(0, 10, 10, 10, 10, 0));
  EXPECT_EQ(pps.max_per_s, 10U);
  EXPECT_EQ(pps.seconds_with_delta, 1U);  // more is not known
}

TEST(Nic, ASlowSecondIsNoSpread) {
  Trace trace;
  emit(trace, turn(1), {{"pps", 0}});
  emit(trace, turn(2) + 90, {{"pps", 1}});
  const NicPicture nic = trace.end(turn(3)).nics.at(0);
  const AllowanceLimit& pps = limit_of(nic, "pps");
  EXPECT_THAT(pps.per_second, ElementsAre(0, 1, 0));
  EXPECT_EQ(pps.max_per_s, 1U);
}

TEST(Nic, TheWorstMinuteIsAnyMinute) {
  Trace trace;
  std::uint64_t value = 0;
  for (int n = 0; n <= 300; ++n) {
    if (n == 30 || n == 89 || n == 95) value += 40;  // 30 and 89 in one minute, 89 and 95, but never all three
    if (n == 250) value += 70;
    emit(trace, 1000.0 * n, {{"linklocal", value}});
  }
  const NicPicture nic = trace.end(301'000).nics.at(0);
  EXPECT_EQ(limit_of(nic, "linklocal").delta, 190U);
  EXPECT_EQ(limit_of(nic, "linklocal").max_per_minute, 80U);
  EXPECT_EQ(limit_of(nic, "linklocal").seconds_with_delta, 4U);
}

TEST(Nic, OfALongerTimeItsShareIsSure) {
  Trace trace;
  emit(trace, 0, {{"conntrack", 0}});
  emit(trace, 120'000, {{"conntrack", 100}});
  const NicPicture nic = trace.end(121'000).nics.at(0);
  EXPECT_EQ(limit_of(nic, "conntrack").max_per_minute, 50U);
}

TEST(Nic, ManySamplesInAMinuteTakeNoMoreMemoryAndAddUp) {
  Trace trace;
  for (std::uint64_t n = 0; n <= 5000; ++n) emit(trace, static_cast<double>(n), {{"pps", n}});
  const NicPicture nic = trace.end(6000).nics.at(0);
  EXPECT_EQ(limit_of(nic, "pps").max_per_minute, 5000U);
  EXPECT_EQ(limit_of(nic, "pps").seconds_with_delta, 6U);
  EXPECT_EQ(sum_of(limit_of(nic, "pps").per_second), 5000U);
}

TEST(Nic, ALongTraceIsThinnedAsTheEndpoints) {
  Trace trace;
  Sampled endpoint;
  trace.outbound(1).open(0);
  for (int n = 0; n <= 10'000; ++n) {
    const double at = 1000.0 * n;
    if (n % 100 == 0) {
      endpoint.exchanges(1);
      endpoint.send(trace.correlator, at);
    }
    emit(trace, at, {{"bw_in", static_cast<std::uint64_t>(n)}});
  }
  const model::Picture picture = trace.end(10'000'500);
  const auto& series = picture.endpoints.at(0).series;
  const AllowanceLimit& in = limit_of(picture.nics.at(0), "bw_in");
  EXPECT_GT(series.interval_s, 1);
  ASSERT_EQ(in.per_second.size(), series.n);
  EXPECT_EQ(sum_of(in.per_second), 10'000U);
  EXPECT_EQ(in.per_second.at(10), static_cast<std::uint64_t>(series.interval_s));
  EXPECT_EQ(in.max_per_minute, 60U);
  EXPECT_EQ(in.seconds_with_delta, 10'000U);
}

TEST(Nic, TheFewestConnectionsLeft) {
  Trace trace;
  for (const auto& [at, left] : {std::pair(0, 900), std::pair(1000, 12), std::pair(2000, 300)}) {
    NicSample sample = card(at, {{"conntrack", 0}});
    sample.conntrack_available = left;
    trace.correlator.on_sample(sample);
  }
  EXPECT_EQ(trace.end(2500).nics.at(0).conntrack_available_min, 12U);
}

TEST(Nic, DevicesOfSeveralNamespacesInTheirOrderWithNamesAsTheyAre) {
  Trace trace;
  const std::string hostile = "\x1b[31m\xff\n\"";
  NicSample other = card(0, {{"pps", 1}});
  other.netns_inode = 5;
  trace.correlator.on_sample(card(0, {{"pps", 1}}, "eth1"));
  trace.correlator.on_sample(card(0, {{"pps", 1}}, hostile));
  trace.correlator.on_sample(other);
  const auto nics = trace.end(1000).nics;
  ASSERT_THAT(nics, SizeIs(3));
  EXPECT_EQ(nics[0].netns_inode, 5U);
  EXPECT_EQ(nics[1].device, hostile);
  EXPECT_EQ(nics[2].device, "eth1");
}

TEST(Nic, CardsWithoutCountersGiveWay) {
  Limits limits;
  limits.nics = 3;
  Trace trace(limits);
  for (const char* veth : {"veth1", "veth2", "veth3", "veth4"}) trace.correlator.on_sample(card(0, {}, veth));
  trace.correlator.on_sample(card(0, {{"pps", 1}}, "ens5"));
  trace.correlator.on_sample(card(0, {}, "veth5"));
  trace.correlator.on_sample(card(1000, {{"pps", 4}}, "ens5"));
  const auto nics = trace.end(1500).nics;
  ASSERT_THAT(nics, SizeIs(3));
  EXPECT_EQ(nics[0].device, "ens5");
  EXPECT_EQ(limit_of(nics[0], "pps").delta, 3U);
  EXPECT_EQ(nics[1].device, "veth2");
  EXPECT_EQ(nics[2].device, "veth3");
}

TEST(Nic, AbsurdValuesDoNoHarm) {
  Trace trace;
  const std::uint64_t huge = ~std::uint64_t{0};
  emit(trace, -5000, {{"pps", 0}});  // before the trace
  emit(trace, 1000, {{"pps", huge}});
  emit(trace, 5e9, {{"pps", 3}});  // 58 days later
  const NicPicture nic = trace.end(5e9 + 1000).nics.at(0);
  EXPECT_TRUE(nic.driver_reset);
  EXPECT_GT(limit_of(nic, "pps").max_per_s, 1'000'000'000U);
  EXPECT_EQ(limit_of(nic, "pps").seconds_with_delta, 2U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
