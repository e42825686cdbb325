// SPDX-License-Identifier: Apache-2.0
// Do durations lie so close together that a timer made them?
#pragma once

#include <cstddef>
#include <optional>

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

// The largest group of at least 3 values that holds at least 80 % of them, with (max - min) <= max(100 ms, 1 % of its
// median) and a median of at least 1 s; of equally large ones the closest, then the shortest. nullopt: no timer.
std::optional<Timer> find_timer(const Durations& values);

}  // namespace tcpdiag::diagnose
