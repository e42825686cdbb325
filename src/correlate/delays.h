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

namespace tcpdiag::correlate {

enum class Delay : std::uint8_t { kFirstByte, kRtt, kPathRtt, kPathQueueIn, kHostQueue, kReadWait, kSynRtt };

class Delays {
 public:
  void add(Delay delay, const model::Histogram& values);
  void add(Delay delay, std::uint64_t value_us);
  void merge(const Delays& other);

  bool empty() const { return entries_.empty(); }
  std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }
  std::uint64_t count(Delay delay) const;
  // Nearest rank; within 7 % of the exact value. nullopt: no values.
  std::optional<std::uint64_t> percentile(Delay delay, double q) const;

 private:
  // Four bytes, for there are many: an entry that is full is followed by another of the same key.
  struct Entry {
    std::uint32_t key : 11;  // measure and bucket
    std::uint32_t count : 21;
  };
  void append(std::uint32_t key, std::uint64_t count);

  std::vector<Entry> entries_;  // by key
};

}  // namespace tcpdiag::correlate
