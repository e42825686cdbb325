// SPDX-License-Identifier: Apache-2.0
// What happened in each second of one endpoint.
//
// Seconds are whole UTC seconds, so that they line up with CloudWatch and logs; the first one begins before the trace.
// Only seconds in which something happened take memory. When all endpoints together have too many of them, or a
// report would get too many, two neighbours become one (interval 2 s, 4 s, ...); nothing is lost but resolution. Where
// only a window is wanted, the seconds before it are forgotten instead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "correlate/delays.h"
#include "model/picture.h"
#include "model/snapshot.h"

namespace tcpdiag::correlate {

// From events, but for the exchanges.
struct SecondCounts {
  std::uint32_t connects = 0;
  std::array<std::uint32_t, model::kConnectOutcomes> outcomes{};  // of connects that were decided
  std::uint32_t retransmits = 0;
  std::uint32_t retransmits_rto = 0;
  std::uint32_t resets = 0;
  std::uint32_t drops = 0;
  std::uint32_t exchanges_failed = 0;  // known when the socket is folded
  std::uint64_t exchanges = 0;

  SecondCounts& operator+=(const SecondCounts& other);
  std::uint32_t connect_failures() const;
};

model::Activity activity_of(const SecondCounts& counts);

// From samples, but for `connect`: of those whose SYN was sent once, so that it is a round trip.
struct Measured {
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t segments_sent = 0;
  std::uint64_t segments_received = 0;
  std::uint64_t out_of_order = 0;
  model::PathSigns path_signs;
  std::uint64_t zero_window_received_us = 0;
  std::uint64_t busy_us = 0;
  std::uint64_t rwnd_limited_us = 0;
  std::uint64_t sndbuf_limited_us = 0;
  Delays delays;

  Measured& operator+=(const Measured& other);
};

class SecondSeries {
 public:
  struct Cell {
    std::int64_t index = 0;
    SecondCounts counts;
    std::unique_ptr<Measured> measured;  // null: nothing
  };

  // The cell, made if there is none. May invalidate earlier references.
  SecondCounts& at(std::int64_t cell) { return cell_at(cell).counts; }
  void add(std::int64_t cell, const Measured& measured);
  void add(std::int64_t cell, Measure measure, std::uint64_t value_us);
  // Memory taken, about.
  std::size_t bytes() const { return bytes_; }
  // Two neighbours become one.
  void halve();
  void forget_before(std::int64_t cell);
  const std::vector<Cell>& cells() const { return cells_; }  // by index

 private:
  Cell& cell_at(std::int64_t index);
  Measured& measured_at(std::int64_t index);
  static std::size_t bytes_of(const Cell& cell);
  void count_bytes();

  std::vector<Cell> cells_;
  std::size_t bytes_ = 0;
};

}  // namespace tcpdiag::correlate
