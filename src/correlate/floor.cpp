// SPDX-License-Identifier: Apache-2.0
// What the user says wins. Else the smallest of: SYN RTTs (handshake), tp->rtt_min (kernel), path RTTs of this trace
// (window). Of those within 0.1 ms of each other the first one named is the source: they are the same path, and the
// handshake was seen to be free of a queue.
//
// The kernel's minimum is that of the last 300 s (sysctl tcp_min_rtt_wlen). A queue that stood longer than that has
// become its minimum, so it then knows no more than this trace does. That is taken to be so where the trace itself is
// longer than those 300 s, and its typical path RTT is more than 10 ms above the kernel's minimum, yet below three
// times of it: a path that was met empty shows more of a rise.
#include "correlate/floor.h"

#include <algorithm>
#include <chrono>

namespace tcpdiag::correlate {
namespace {

using Micros = std::optional<std::uint64_t>;

constexpr model::Duration kKernelWindow = std::chrono::seconds(300);
constexpr std::uint64_t kRiseUs = 10'000;
constexpr std::uint64_t kSameUs = 100;  // what scheduling adds: a minimum smaller by less confirms the one before it

template <typename T>
void keep_smaller(Micros& floor, const std::optional<T>& us) {
  if (!us || *us == 0) return;
  floor = floor ? std::min<std::uint64_t>(*floor, *us) : std::uint64_t{*us};
}

}  // namespace

Floor floor_of(const State& state, const EndpointRecord& record, const Tally& tally, model::Duration traced) {
  Micros handshake;
  Micros kernel;
  Micros window;
  Micros typical;
  keep_smaller(handshake, tally.handshake_rtt_us);
  keep_smaller(kernel, tally.kernel_rtt_us);
  if (record.sample) {
    const model::Histogram& path = record.sample->of(Measure::kPathQueue);
    keep_smaller(handshake, record.sample->floor_handshake_us);
    keep_smaller(kernel, record.sample->floor_kernel_us);
    keep_smaller(window, record.sample->floor_window_us);
    keep_smaller(window, path.min());
    typical = path.percentile(0.5);
  }

  Floor floor;
  floor.window_has_low_sample = window && typical && *window * 3 < *typical;
  if (kernel && typical && traced > kKernelWindow && *typical >= *kernel + kRiseUs && *typical <= *kernel * 3) {
    keep_smaller(window, kernel);
    kernel.reset();
  }
  const auto consider = [&floor](const Micros& us, const char* source) {
    if (!us || (floor.us && *floor.us <= *us)) return;
    if (!floor.us || *floor.us - *us > kSameUs) floor.source = source;
    floor.us = us;
  };
  if (state.start && state.start->floor) {
    const std::int64_t given = model::microseconds(*state.start->floor);
    consider(static_cast<std::uint64_t>(std::max<std::int64_t>(given, 0)), "option");
    return floor;
  }
  consider(handshake, "handshake");
  consider(kernel, "kernel");
  consider(window, "window");
  return floor;
}

}  // namespace tcpdiag::correlate
