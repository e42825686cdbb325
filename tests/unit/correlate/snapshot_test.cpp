// SPDX-License-Identifier: Apache-2.0
// Now, in counts and rates of the newest seconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using namespace std::chrono_literals;
using model::ConnectOutcome;
using model::EndpointSnapshot;
using model::Snapshot;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::uint64_t outcomes(const model::Activity& activity, ConnectOutcome outcome) {
  return activity.connect_outcomes[static_cast<std::size_t>(outcome)];
}

const model::WindowDelay* delay(const EndpointSnapshot& endpoint, model::Measure measure) {
  const auto found = std::find_if(endpoint.delays.begin(), endpoint.delays.end(),
                                  [measure](const model::WindowDelay& each) { return each.measure == measure; });
  return found == endpoint.delays.end() ? nullptr : &*found;
}

TEST(Snapshot, NothingYet) {
  Trace trace;
  const Snapshot now = trace.correlator.snapshot(ms(100), 10s);
  EXPECT_THAT(now.endpoints, IsEmpty());
  EXPECT_EQ(now.open_sockets, 0U);
  EXPECT_EQ(now.total.exchanges, 0U);
  EXPECT_EQ(now.window_s(), 0);
  EXPECT_EQ(now.per_second(5), 0);
}

TEST(Snapshot, SumsAndDelaysOfTheWindowOnly) {
  Trace trace;
  Sampled s;
  auto c = trace.outbound(1);
  c.open(10, 3);
  for (int n = 1; n <= 20; ++n) {
    s.exchanges(n <= 15 ? 10 : 4);
    s.add(model::Measure::kFirstByte, n <= 15 ? 1'000'000 : 1000, 4);
    s.add(model::Measure::kRtt, 77);
    s.send(trace.correlator, turn(n) + 5);
  }
  const Snapshot now = trace.correlator.snapshot(ms(turn(20) + 20), 5s);
  EXPECT_EQ(now.window_start, ms(turn(15)));
  EXPECT_EQ(now.window_end, ms(turn(20)));
  EXPECT_EQ(now.total.exchanges, 170U);
  EXPECT_EQ(now.window.exchanges, 20U);
  EXPECT_DOUBLE_EQ(now.per_second(now.window.exchanges), 4);
  EXPECT_EQ(now.window.bytes_received, 40'000U);
  EXPECT_EQ(now.window.connects, 0U);
  EXPECT_EQ(now.total.connects, 1U);
  EXPECT_EQ(outcomes(now.total, ConnectOutcome::kEstablished), 1U);
  ASSERT_THAT(now.endpoints, SizeIs(1));
  const EndpointSnapshot& endpoint = now.endpoints[0];
  EXPECT_EQ(endpoint.key, remote_endpoint());
  EXPECT_EQ(endpoint.open_sockets, 1U);
  const model::WindowDelay* first_byte = delay(endpoint, model::Measure::kFirstByte);
  ASSERT_NE(first_byte, nullptr);
  EXPECT_EQ(first_byte->count, 20U);
  EXPECT_NEAR(static_cast<double>(first_byte->p99_us), 1000, 70);
  ASSERT_NE(delay(endpoint, model::Measure::kRtt), nullptr);
  EXPECT_EQ(delay(endpoint, model::Measure::kRtt)->count, 5U);
  EXPECT_EQ(delay(endpoint, model::Measure::kConnect), nullptr);  // before the window
}

TEST(Snapshot, ConnectsByOutcomeAndFailures) {
  Trace trace;
  auto refused = trace.outbound(1, 80);
  refused.connect(1000);
  refused.reset_received(1001);
  auto cut = trace.outbound(2, 443);
  cut.open(1100);
  cut.request(1200);
  cut.reset_received(1300);
  auto again = trace.outbound(3, 443);
  again.open(5000);
  const Snapshot now = trace.correlator.snapshot(ms(5100), 10s);
  EXPECT_EQ(now.window.connects, 2U);  // the newest second is not over
  EXPECT_EQ(now.total.connects, 3U);
  EXPECT_EQ(outcomes(now.window, ConnectOutcome::kRefused), 1U);
  EXPECT_EQ(outcomes(now.window, ConnectOutcome::kEstablished), 1U);
  EXPECT_EQ(now.window.exchanges_failed, 1U);
  EXPECT_EQ(now.window.resets, 2U);
  EXPECT_EQ(now.open_sockets, 1U);
  ASSERT_THAT(now.endpoints, SizeIs(2));
}

TEST(Snapshot, EndpointsWithoutTrafficAreLeftOutAndStayInTheTotals) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.close(20);
  c.gone(21);
  auto open = trace.outbound(2, 80);
  open.open(100);
  const Snapshot now = trace.correlator.snapshot(ms(60'000), 10s);
  ASSERT_THAT(now.endpoints, SizeIs(1));
  EXPECT_EQ(now.endpoints[0].key.at.port, 80);
  EXPECT_EQ(now.endpoints_known, 2U);
  EXPECT_EQ(now.total.exchanges, 1U);
  EXPECT_EQ(now.total.bytes_received, 1000U);
  EXPECT_EQ(now.total.connects, 2U);
}

TEST(Snapshot, TotalsKeepWhatGaveWay) {
  Trace trace({.endpoints = 1});
  for (std::uint16_t port = 1; port <= 5; ++port) {
    auto c = trace.outbound(port, port);
    c.open(1000.0 * port);
    c.exchange(1000.0 * port + 10);
    c.reset_received(1000.0 * port + 20);
  }
  const Snapshot now = trace.correlator.snapshot(ms(60'000), 10s);
  EXPECT_EQ(now.endpoints_evicted, 4U);
  EXPECT_EQ(now.total.connects, 5U);
  EXPECT_EQ(now.total.exchanges, 5U);
  EXPECT_EQ(now.total.resets, 5U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
