// SPDX-License-Identifier: Apache-2.0
// Counts a second of one endpoint.
//
// Seconds are whole UTC seconds, so that they line up with CloudWatch and logs; the first one begins before the trace.
// Only seconds in which something happened take memory. When all endpoints together have too many of them, or a
// report would get too many, two neighbours become one (interval 2 s, 4 s, ...); nothing is lost but resolution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/picture.h"

namespace tcpdiag::correlate {

struct SecondCounts {
  std::uint32_t connects = 0;
  std::uint32_t connect_failures = 0;
  std::uint32_t retransmits = 0;
  std::uint32_t resets = 0;
  std::uint64_t exchanges = 0;

  SecondCounts& operator+=(const SecondCounts& other);
};

class SecondSeries {
 public:
  // The cell, made if there is none. May invalidate earlier references.
  SecondCounts& at(std::int64_t cell);
  std::size_t cells() const { return cells_.size(); }
  // Two neighbours become one.
  void halve();
  // n values a key of docs/json.md. shift: how often to halve on the way out. What lies outside goes to the ends.
  model::Series to_series(std::int64_t start_offset_us, std::int64_t interval_s, std::size_t n, unsigned shift,
                          bool exchanges_known) const;

 private:
  struct Cell {
    std::int64_t index;
    SecondCounts counts;
  };
  std::vector<Cell> cells_;  // by index
};

}  // namespace tcpdiag::correlate
