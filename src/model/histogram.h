// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram of durations in microseconds, with exact count, sum, min and max.
//
// Idea: values below 8 have a bucket each; above, every power of two is cut into 8 equal buckets, so a bucket is at
// most 1/8 of its lower bound wide and its middle is within 1/16 (6.25 %) of any value in it. The same layout is filled
// in the kernel (bpf/wire.h; the probe asserts that the constants are equal). Prior art: HdrHistogram.
//
// Delays of one path lie close together, so only the buckets from the first to the last with a value take memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace tcpdiag::model {

class Histogram {
 public:
  static constexpr unsigned kSubBits = 3;
  static constexpr std::size_t kBuckets = 256;  // the last one ends at 2^34 us (4.8 h); larger values are put into it
  static constexpr double kRelativeError = 0.07;

  static std::size_t bucket_of(std::uint64_t value_us);
  static std::uint64_t low_of(std::size_t bucket);   // inclusive
  static std::uint64_t high_of(std::size_t bucket);  // exclusive
  static std::uint64_t middle_of(std::size_t bucket);
  // The least and the largest sum that `count` values in the bucket can have, all of them in [min, max].
  static std::pair<double, double> sums_in(std::size_t bucket, std::uint64_t count, std::uint64_t min,
                                           std::uint64_t max);
  // Nearest rank of the quantile q (0..1) among `count` values: 1..count. count is not 0.
  static std::uint64_t rank_of(double q, std::uint64_t count);

  void add(std::uint64_t value_us);
  void merge(const Histogram& other);
  // Takes over a histogram that was filled elsewhere (kernel, recording). min and max are ignored where count is 0.
  // What values in these buckets cannot have becomes the nearest that they can: the kernel's is read while it is
  // filled.
  static Histogram from_parts(const std::array<std::uint64_t, kBuckets>& buckets, std::uint64_t sum, std::uint64_t min,
                              std::uint64_t max);

  // What was added since `earlier`, a former state of this histogram. min and max are the bounds of its buckets then,
  // but exact where the addition moved them. Never below zero: if `earlier` holds more than this one, nothing is
  // reported.
  Histogram since(const Histogram& earlier) const;
  // What is left when the values of `part` are taken out, bucket by bucket and never below zero: `part` may hold values
  // that this one does not have (yet). min and max as in since(); sum is exact where no bucket fell short.
  Histogram without(const Histogram& part) const;
  // Every value lowered by `floor_us`, not below 0. Exact for sum (while no value is below), min and max; a percentile
  // is within 7 % of the value before it was lowered. Adding to the result or merging it loses that last promise.
  Histogram lowered_by(std::uint64_t floor_us) const;

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::optional<std::uint64_t> min() const;
  std::optional<std::uint64_t> max() const;
  std::optional<double> mean() const;
  // q in 0..1, nearest rank; within 7 % of the exact value, and within [min, max].
  std::optional<std::uint64_t> percentile(double q) const;
  std::uint64_t count_in(std::size_t bucket) const {
    return bucket >= first_ && bucket < end_bucket() ? counts_[bucket - first_] : 0;
  }
  // All values are in [first_bucket(), end_bucket()).
  std::size_t first_bucket() const { return first_; }
  std::size_t end_bucket() const { return first_ + counts_.size(); }

 private:
  std::uint64_t& at(std::size_t bucket);
  void fit();  // min, max and sum to the buckets

  std::vector<std::uint64_t> counts_;  // of the buckets from first_ on
  std::size_t first_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  bool min_exact_ = true;  // else a bound
  bool max_exact_ = true;
  std::shared_ptr<const Histogram> before_;  // as it was before it was lowered by lowered_; null: it was not
  std::uint64_t lowered_ = 0;
};

}  // namespace tcpdiag::model
