// SPDX-License-Identifier: Apache-2.0
// Which value is the floor, and what it is called.
#include <gtest/gtest.h>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndpointPicture;
using model::Measure;

struct Known {
  std::optional<std::uint32_t> handshake;
  std::optional<std::uint32_t> kernel;
  std::optional<std::uint32_t> window;
};

EndpointPicture with(Known known, std::uint64_t path_us = 0, double length_ms = 30'000,
                     std::optional<model::Duration> option = {}) {
  model::TraceStart start = trace_start();
  start.floor = option;
  Trace trace({}, start);
  Sampled s;
  s.exchanges(10);
  s.now.floor_handshake_us = known.handshake;
  s.now.floor_kernel_us = known.kernel;
  s.now.floor_window_us = known.window;
  if (path_us > 0) s.add(Measure::kPathQueue, path_us, 10);
  s.send(trace.correlator, length_ms);
  return trace.end(length_ms).endpoints.at(0);
}

void expect_floor(const EndpointPicture& endpoint, std::optional<std::uint64_t> us, const char* source) {
  EXPECT_EQ(endpoint.rtt_floor_us, us);
  EXPECT_EQ(endpoint.rtt_floor_source, source);
}

TEST(Floor, TheSmallestWins) {
  expect_floor(with({500, 600, 700}), 500, "handshake");
  expect_floor(with({800, 600, 700}), 600, "kernel");
  expect_floor(with({900, 950, 700}), 700, "window");
  expect_floor(with({}), std::nullopt, "");
}

TEST(Floor, OfEqualOnesTheBetterSource) {
  expect_floor(with({500, 500, 500}), 500, "handshake");
  expect_floor(with({700, 500, 500}), 500, "kernel");
  expect_floor(with({{}, 500, 300}), 300, "window");
}

// Scheduling adds some microseconds to a handshake too; the sample that beats it by so little is of the same empty
// path.
TEST(Floor, ASmallerMinimumCloseByConfirmsTheBetterSource) {
  expect_floor(with({13, {}, 7}), 7, "handshake");
  expect_floor(with({600, 550, 500}), 500, "handshake");
  expect_floor(with({601, {}, 500}), 500, "window");
}

TEST(Floor, ZeroIsNoValue) { expect_floor(with({0, 0, 700}), 700, "window"); }

TEST(Floor, ThePathsSamplesAreAWindow) { expect_floor(with({}, 1234), 1234, "window"); }

TEST(Floor, TheUserKnowsBest) {
  expect_floor(with({500, 600, 700}, 1000, 30'000, std::chrono::milliseconds(2)), 2000, "option");
}

TEST(Floor, HandshakesOfSocketsCountToo) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0, 2);
  c.flow.rtt_min_us = 2500;
  c.emit(10, model::OwnerSeen{});
  Sampled s;
  s.exchanges(1);
  s.now.floor_handshake_us = 3000;
  s.send(trace.correlator, 750);
  expect_floor(trace.end(1000).endpoints.at(0), 2000, "handshake");
}

TEST(Floor, AQueueLongerThanTheKernelsMemoryIsItsFloor) {
  // 60 ms above a minimum of 100 ms: as long as nobody knows better, that is a window.
  expect_floor(with({{}, 100'000, {}}, 160'000, 400'000), 100'000, "window");
  expect_floor(with({{}, 100'000, {}}, 160'000, 200'000), 100'000, "kernel");  // the kernel still remembers
  expect_floor(with({{}, 500, {}}, 160'000, 400'000), 500, "kernel");          // met empty
  expect_floor(with({{}, 100'000, {}}, 104'000, 400'000), 100'000, "kernel");  // no queue
  expect_floor(with({500, 100'000, {}}, 160'000, 400'000), 500, "handshake");
}

TEST(Floor, ALowSampleIsBelowAThird) {
  const auto low = [](std::uint64_t smallest) {
    Trace trace;
    Sampled s;
    s.exchanges(10);
    s.add(Measure::kPathQueue, 90'000, 10);
    s.add(Measure::kPathQueue, smallest);
    s.send(trace.correlator, 750);
    return trace.end(1000).endpoints.at(0).window_has_low_sample;
  };
  EXPECT_TRUE(low(20'000));
  EXPECT_FALSE(low(35'000));
  EXPECT_FALSE(with({}).window_has_low_sample);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
