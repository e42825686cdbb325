// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram: group 0 holds 0..7 one by one; group g >= 1 holds [2^(g+2), 2^(g+3)) in 8 equal buckets.
#include "model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tcpdiag::model {
namespace {

constexpr unsigned kSub = 1U << Histogram::kSubBits;

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t value_us) {
  if (value_us < kSub) return static_cast<std::size_t>(value_us);
  const unsigned top_bit = static_cast<unsigned>(std::bit_width(value_us)) - 1;
  const unsigned shift = top_bit - kSubBits;
  const std::size_t bucket = std::size_t{shift + 1} * kSub + ((value_us >> shift) & (kSub - 1));
  return std::min(bucket, kBuckets - 1);
}

std::uint64_t Histogram::low_of(std::size_t bucket) {
  if (bucket < kSub) return bucket;
  const std::size_t shift = bucket / kSub - 1;
  return std::uint64_t{kSub + bucket % kSub} << shift;
}

std::uint64_t Histogram::high_of(std::size_t bucket) {
  if (bucket < kSub) return bucket + 1;
  return low_of(bucket) + (std::uint64_t{1} << (bucket / kSub - 1));
}

void Histogram::add(std::uint64_t value_us) {
  ++buckets_[bucket_of(value_us)];
  min_ = count_ == 0 ? value_us : std::min(min_, value_us);
  max_ = count_ == 0 ? value_us : std::max(max_, value_us);
  ++count_;
  sum_ += value_us;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
}

Histogram Histogram::from_parts(const std::array<std::uint64_t, kBuckets>& buckets, std::uint64_t sum,
                                std::uint64_t min, std::uint64_t max) {
  Histogram made;
  made.buckets_ = buckets;
  for (const std::uint64_t n : buckets) made.count_ += n;
  if (made.count_ == 0) return made;
  made.sum_ = sum;
  made.min_ = min;
  made.max_ = std::max(min, max);
  return made;
}

std::optional<std::uint64_t> Histogram::min() const { return count_ == 0 ? std::nullopt : std::optional(min_); }

std::optional<std::uint64_t> Histogram::max() const { return count_ == 0 ? std::nullopt : std::optional(max_); }

std::optional<double> Histogram::mean() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(sum_) / static_cast<double>(count_);
}

std::optional<std::uint64_t> Histogram::percentile(double q) const {
  if (count_ == 0) return std::nullopt;
  // Nearest rank, 1..count. The small term takes back what 0.07 * 100 has too much in binary.
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_) - 1e-9);
  const std::uint64_t rank = std::clamp(static_cast<std::uint64_t>(std::max(wanted, 1.0)), std::uint64_t{1}, count_);
  // The ends are known exactly.
  if (rank == 1) return min_;
  if (rank == count_) return max_;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen < rank) continue;
    const std::uint64_t middle = low_of(i) + (high_of(i) - 1 - low_of(i)) / 2;
    return std::clamp(middle, min_, max_);
  }
  return max_;
}

}  // namespace tcpdiag::model
