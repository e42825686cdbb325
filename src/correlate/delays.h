// SPDX-License-Identifier: Apache-2.0
// The histograms of one stretch of time of one endpoint, in few bytes.
//
// Idea: the values of one second fall into a dozen of a histogram's 256 buckets, so only those with values are kept, in
// one sorted list for all measures. Merging is exact, so percentiles stay true when seconds are put together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/histogram.h"
#include "model/measure.h"

namespace tcpdiag::correlate {

using model::Measure;

class Delays {
 public:
  void add(Measure measure, const model::Histogram& values);
  void add(Measure measure, std::uint64_t value_us);
  void merge(const Delays& other);

  bool empty() const { return entries_.empty(); }
  std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }
  std::uint64_t count(Measure measure) const;
  // Nearest rank; within 7 % of the exact value. nullopt: no values.
  std::optional<std::uint64_t> percentile(Measure measure, double q) const;

 private:
  // Four bytes, for there are many: an entry that is full is followed by another of the same key.
  struct Entry {
    std::uint32_t key : 14;  // measure and bucket
    std::uint32_t count : 18;
  };
  void append(std::uint32_t key, std::uint64_t count);

  std::vector<Entry> entries_;  // by key
};

}  // namespace tcpdiag::correlate
