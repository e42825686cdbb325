// SPDX-License-Identifier: Apache-2.0
#include "correlate/delays.h"

#include <algorithm>

namespace tcpdiag::correlate {
namespace {

using model::Histogram;

constexpr std::uint32_t kFull = (1U << 18) - 1;

constexpr std::uint32_t key_of(Measure measure, std::size_t bucket) {
  static_assert(Histogram::kBuckets == 256 && model::kMeasures <= 64);
  return static_cast<std::uint32_t>(static_cast<std::size_t>(measure) << 8 | bucket);
}

constexpr std::size_t bucket_of_key(std::uint32_t key) { return key & 0xff; }
constexpr Measure measure_of_key(std::uint32_t key) { return static_cast<Measure>(key >> 8); }

}  // namespace

// key: that of the last entry, or one behind it.
void Delays::append(std::uint32_t key, std::uint64_t count) {
  if (!entries_.empty() && entries_.back().key == key) {
    const std::uint64_t added = std::min<std::uint64_t>(count, kFull - entries_.back().count);
    entries_.back().count = static_cast<std::uint32_t>(entries_.back().count + added) & kFull;
    count -= added;
  }
  while (count > 0) {
    const std::uint64_t added = std::min<std::uint64_t>(count, kFull);
    Entry entry{};
    entry.key = key & 0x3fff;
    entry.count = static_cast<std::uint32_t>(added) & kFull;
    entries_.push_back(entry);
    count -= added;
  }
}

void Delays::add(Measure measure, const Histogram& values) {
  if (values.count() == 0) return;
  Delays other;
  for (std::size_t i = values.first_bucket(); i < values.end_bucket(); ++i) {
    other.append(key_of(measure, i), values.count_in(i));
  }
  merge(other);
}

void Delays::add(Measure measure, std::uint64_t value_us) {
  Delays other;
  other.append(key_of(measure, Histogram::bucket_of(value_us)), 1);
  merge(other);
}

void Delays::merge(const Delays& other) {
  if (other.entries_.empty()) return;
  Delays merged;
  merged.entries_.reserve(entries_.size() + other.entries_.size());
  auto a = entries_.begin();
  auto b = other.entries_.begin();
  while (a != entries_.end() || b != other.entries_.end()) {
    const bool from_a = b == other.entries_.end() || (a != entries_.end() && a->key <= b->key);
    const Entry& next = from_a ? *a++ : *b++;
    merged.append(next.key, next.count);
  }
  merged.entries_.shrink_to_fit();
  entries_ = std::move(merged.entries_);
}

std::uint64_t Delays::count(Measure measure) const {
  std::uint64_t count = 0;
  for (const Entry& entry : entries_) {
    if (measure_of_key(entry.key) == measure) count += entry.count;
  }
  return count;
}

std::optional<std::uint64_t> Delays::percentile(Measure measure, double q) const {
  const std::uint64_t total = count(measure);
  if (total == 0) return std::nullopt;
  const std::uint64_t rank = Histogram::rank_of(q, total);
  std::uint64_t seen = 0;
  for (const Entry& entry : entries_) {
    if (measure_of_key(entry.key) != measure) continue;
    seen += entry.count;
    if (seen >= rank) return Histogram::middle_of(bucket_of_key(entry.key));
  }
  return std::nullopt;
}

}  // namespace tcpdiag::correlate
