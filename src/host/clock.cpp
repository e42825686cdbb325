// SPDX-License-Identifier: Apache-2.0
#include "host/clock.h"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

namespace tcpdiag::host {
namespace {

std::int64_t read(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

model::MonoTime mono_now() { return model::MonoTime(model::Duration(read(CLOCK_MONOTONIC))); }

model::ClockPair read_clock_pair() {
  // The monotonic clock is read between two readings of the wall clock and belongs to their middle. Of several tries
  // the tightest is kept: in the others the program was interrupted, or the clock was set.
  constexpr int kTries = 8;
  std::optional<std::int64_t> tightest;
  model::ClockPair pair;
  for (int i = 0; i < kTries; ++i) {
    const std::int64_t before = read(CLOCK_REALTIME);
    const std::int64_t mono = read(CLOCK_MONOTONIC);
    const std::int64_t gap = read(CLOCK_REALTIME) - before;
    const bool better = !tightest || *tightest < 0 || (gap >= 0 && gap < *tightest);
    if (!better) continue;
    tightest = gap;
    pair.mono_at = model::MonoTime(model::Duration(mono));
    pair.wall_at = model::WallTime(model::Duration(before + gap / 2));
  }
  return pair;
}

model::MonoTime next_utc_second(const model::ClockPair& clock, model::MonoTime now) {
  const model::WallTime wall = clock.to_wall(now);
  return now + (std::chrono::floor<std::chrono::seconds>(wall) + std::chrono::seconds{1} - wall);
}

}  // namespace tcpdiag::host
