// SPDX-License-Identifier: Apache-2.0
// Order statistics of a finding's few values. Nearest rank, as the histograms have it: every number shown was seen.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "model/time.h"

namespace tcpdiag::diagnose {

// Of what is not negative: thresholds, beside figures in microseconds.
constexpr std::uint64_t us(model::Duration d) { return static_cast<std::uint64_t>(model::microseconds(d)); }

template <typename T>
class Values {
 public:
  Values() = default;
  explicit Values(std::vector<T> values) : sorted_(std::move(values)) { std::sort(sorted_.begin(), sorted_.end()); }

  bool empty() const { return sorted_.empty(); }
  std::size_t size() const { return sorted_.size(); }
  const std::vector<T>& sorted() const { return sorted_; }
  std::optional<T> min() const { return percentile(0.0); }
  std::optional<T> p50() const { return percentile(0.5); }
  std::optional<T> max() const { return percentile(1.0); }
  // q in 0..1
  std::optional<T> percentile(double q) const {
    if (sorted_.empty()) return std::nullopt;
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted_.size())));
    return sorted_[std::clamp<std::size_t>(rank, 1, sorted_.size()) - 1];
  }

 private:
  std::vector<T> sorted_;
};

using Durations = Values<model::Duration>;

}  // namespace tcpdiag::diagnose
