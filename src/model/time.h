// SPDX-License-Identifier: Apache-2.0
// Points in time and durations. Everything between a source and a report is in the kernel's CLOCK_MONOTONIC; wall
// time exists only as one pair of readings taken at the start of the trace, so that a clock step changes nothing.
#pragma once

#include <chrono>
#include <cstdint>

namespace tcpdiag::model {

// Tag for CLOCK_MONOTONIC as bpf_ktime_get_ns() reads it. It has no now(): nothing after a source may ask a clock.
struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using MonoTime = MonotonicClock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;  // UTC

// The one reading of both clocks: wall = wall_at + (t - mono_at).
struct ClockPair {
  MonoTime mono_at{};
  WallTime wall_at{};

  WallTime to_wall(MonoTime t) const { return wall_at + (t - mono_at); }
};

// What a sum of waits is cut off at: microseconds become nanoseconds. 73 years.
inline constexpr std::uint64_t kLongestUs = (std::uint64_t{1} << 61U) / 1000;

constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr std::int64_t microseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

}  // namespace tcpdiag::model
