// SPDX-License-Identifier: Apache-2.0
// Do durations lie so close together that a timer made them?
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "diagnose/stats.h"
#include "model/time.h"

namespace tcpdiag::diagnose {

struct Timer {
  model::Duration median{};
  model::Duration min{};
  model::Duration max{};
  std::size_t members = 0;  // values in the cluster
  std::size_t total = 0;    // values given

  model::Duration spread() const { return max - min; }
};

// How long something took, and when it was over.
struct Timed {
  model::Duration took{};
  model::MonoTime until{};
};

// The largest group of at least 3 values that holds at least 80 % of them, with (max - min) <= max(100 ms, 1 % of its
// median) and a median of at least 1 s; of equally large ones the closest, then the shortest. nullopt: no timer.
std::optional<Timer> find_cluster(const Durations& values);

// The same, if a timer made it: what many things share that began at different times. Those that began within three
// times their spread, or ended together, may have one event in common that ended them all.
std::optional<Timer> find_timer(const std::vector<Timed>& values);

}  // namespace tcpdiag::diagnose
