// SPDX-License-Identifier: Apache-2.0
// All buckets of a histogram, to compare two of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/histogram.h"

namespace tcpdiag::model {

inline std::array<std::uint64_t, Histogram::kBuckets> buckets_of(const Histogram& histogram) {
  std::array<std::uint64_t, Histogram::kBuckets> buckets{};
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] = histogram.count_in(i);
  return buckets;
}

}  // namespace tcpdiag::model
