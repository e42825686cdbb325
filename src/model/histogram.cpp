// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram: group 0 holds 0..7 one by one; group g >= 1 holds [2^(g+2), 2^(g+3)) in 8 equal buckets.
#include "model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

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

std::uint64_t Histogram::middle_of(std::size_t bucket) {
  return low_of(bucket) + (high_of(bucket) - 1 - low_of(bucket)) / 2;
}

std::uint64_t Histogram::rank_of(double q, std::uint64_t count) {
  // The small term takes back what 0.07 * 100 has too much in binary.
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count) - 1e-9);
  return std::clamp(static_cast<std::uint64_t>(std::max(wanted, 1.0)), std::uint64_t{1}, count);
}

std::uint64_t& Histogram::at(std::size_t bucket) {
  if (counts_.empty()) first_ = bucket;
  if (bucket < first_) {
    counts_.insert(counts_.begin(), first_ - bucket, 0);
    first_ = bucket;
  }
  if (bucket >= end_bucket()) counts_.resize(bucket - first_ + 1);
  return counts_[bucket - first_];
}

void Histogram::add(std::uint64_t value_us) {
  before_.reset();
  ++at(bucket_of(value_us));
  if (count_ == 0 || value_us <= min_) {
    min_ = value_us;
    min_exact_ = true;
  }
  if (count_ == 0 || value_us >= max_) {
    max_ = value_us;
    max_exact_ = true;
  }
  ++count_;
  sum_ += value_us;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  before_.reset();
  at(other.first_);
  at(other.end_bucket() - 1);
  for (std::size_t i = other.first_; i < other.end_bucket(); ++i) counts_[i - first_] += other.count_in(i);
  if (other.min_ < min_ || (other.min_ == min_ && other.min_exact_)) {
    min_ = other.min_;
    min_exact_ = other.min_exact_;
  }
  if (other.max_ > max_ || (other.max_ == max_ && other.max_exact_)) {
    max_ = other.max_;
    max_exact_ = other.max_exact_;
  }
  count_ += other.count_;
  sum_ += other.sum_;
}

Histogram Histogram::from_parts(const std::array<std::uint64_t, kBuckets>& buckets, std::uint64_t sum,
                                std::uint64_t min, std::uint64_t max) {
  Histogram made;
  const auto is_filled = [](std::uint64_t n) { return n != 0; };
  const auto first = std::find_if(buckets.begin(), buckets.end(), is_filled);
  if (first == buckets.end()) return made;
  const auto end = std::find_if(buckets.rbegin(), buckets.rend(), is_filled).base();
  made.first_ = static_cast<std::size_t>(first - buckets.begin());
  made.counts_.assign(first, end);
  made.count_ = std::accumulate(first, end, std::uint64_t{0});
  made.sum_ = sum;
  made.min_ = min;
  made.max_ = max;
  made.fit();
  return made;
}

std::pair<double, double> Histogram::sums_in(std::size_t bucket, std::uint64_t count, std::uint64_t min,
                                             std::uint64_t max) {
  const bool is_open = bucket + 1 == kBuckets;
  const auto n = static_cast<double>(count);
  return {n * static_cast<double>(std::max(low_of(bucket), min)),
          n * static_cast<double>(is_open ? max : std::min(high_of(bucket) - 1, max))};
}

void Histogram::fit() {
  const std::size_t last = end_bucket() - 1;
  const auto into = [](std::size_t bucket, std::uint64_t value) {
    const bool is_open = bucket + 1 == kBuckets;
    return is_open ? std::max(low_of(bucket), value) : std::clamp(value, low_of(bucket), high_of(bucket) - 1);
  };
  min_ = into(first_, min_);
  max_ = std::max(into(last, max_), min_);
  double least = 0;
  double largest = 0;
  for (std::size_t i = first_; i < end_bucket(); ++i) {
    const auto [from, to] = sums_in(i, count_in(i), min_, max_);
    least += from;
    largest += to;
  }
  // Both are exact below 2^53; beyond what 64 bits hold there is nothing to fit.
  constexpr double kLargest = 1e18;
  if (largest > kLargest) return;
  const auto sum = static_cast<double>(sum_);
  if (sum < least) sum_ = static_cast<std::uint64_t>(least);
  if (sum > largest) sum_ = static_cast<std::uint64_t>(largest);
}

Histogram Histogram::since(const Histogram& earlier) const {
  if (earlier.count_ > 0 && earlier.count_ >= count_) return {};
  return without(earlier);
}

Histogram Histogram::without(const Histogram& part) const {
  if (part.count_ == 0) return *this;
  Histogram left;
  std::uint64_t middles = 0;
  bool has_all = part.first_ >= first_ && part.end_bucket() <= end_bucket();
  for (std::size_t i = first_; i < end_bucket(); ++i) {
    const std::uint64_t n = count_in(i);
    const std::uint64_t taken = part.count_in(i);
    if (taken > n) has_all = false;
    if (n <= taken) continue;
    left.at(i) = n - taken;
    left.count_ += n - taken;
    middles += (n - taken) * std::clamp(middle_of(i), min_, max_);
  }
  if (left.count_ == 0) return left;
  const std::size_t last = left.end_bucket() - 1;
  left.sum_ = has_all ? sum_ - std::min(sum_, part.sum_) : std::min(sum_, middles);
  left.min_exact_ = min_exact_ && min_ < part.min_;
  left.min_ = left.min_exact_ ? min_ : std::max(low_of(left.first_), min_);
  left.max_exact_ = max_exact_ && max_ > part.max_;
  // The last bucket also holds what is beyond it.
  const bool bounded = !left.max_exact_ && last + 1 < kBuckets;
  left.max_ = std::max(bounded ? std::min(high_of(last) - 1, max_) : max_, left.min_);
  left.fit();
  return left;
}

// The buckets of the result have another raster than the values came in, so its percentiles are taken of the original:
// two roundings would add up to more than 7 %.
Histogram Histogram::lowered_by(std::uint64_t floor_us) const {
  if (count_ == 0 || floor_us == 0) return *this;
  const auto lower = [floor_us](std::uint64_t value) { return value - std::min(value, floor_us); };
  Histogram lowered;
  lowered.count_ = count_;
  lowered.min_ = lower(min_);
  lowered.max_ = lower(max_);
  lowered.min_exact_ = min_exact_;
  lowered.max_exact_ = max_exact_;
  std::uint64_t sum = 0;
  for (std::size_t i = first_; i < end_bucket(); ++i) {
    if (count_in(i) == 0) continue;
    const std::uint64_t value = lower(std::clamp(middle_of(i), min_, max_));
    lowered.at(bucket_of(value)) += count_in(i);
    sum += count_in(i) * value;
  }
  const bool none_below = min_ >= floor_us && sum_ >= floor_us * count_;
  lowered.sum_ = none_below ? sum_ - floor_us * count_ : sum;
  lowered.before_ = before_ ? before_ : std::make_shared<const Histogram>(*this);
  lowered.lowered_ = (before_ ? lowered_ : 0) + floor_us;
  return lowered;
}

std::optional<std::uint64_t> Histogram::min() const { return count_ == 0 ? std::nullopt : std::optional(min_); }

std::optional<std::uint64_t> Histogram::max() const { return count_ == 0 ? std::nullopt : std::optional(max_); }

std::optional<double> Histogram::mean() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(sum_) / static_cast<double>(count_);
}

std::optional<std::uint64_t> Histogram::percentile(double q) const {
  if (count_ == 0) return std::nullopt;
  if (before_) {
    const std::uint64_t value = *before_->percentile(q);
    return value - std::min(value, lowered_);
  }
  const std::uint64_t rank = rank_of(q, count_);
  // The ends are known exactly.
  if (rank == 1 && min_exact_) return min_;
  if (rank == count_ && max_exact_) return max_;
  std::uint64_t seen = 0;
  for (std::size_t i = first_; i < end_bucket(); ++i) {
    seen += count_in(i);
    if (seen < rank) continue;
    return std::clamp(middle_of(i), min_, max_);
  }
  return max_;
}

}  // namespace tcpdiag::model
