// SPDX-License-Identifier: Apache-2.0
#include "source/recording/histogram_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <string_view>

namespace tcpdiag::recording {
namespace {

using model::Histogram;

// By index, ascending; what is added. All of it modulo 2^64, so that no two values are too far apart.
using Changes = std::vector<std::pair<std::uint8_t, std::int64_t>>;

std::int64_t minus(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// Merges two ascending lists of buckets: what `combine` makes of the values, 0 where one has none, is kept unless it
// is 0.
template <typename Out, typename A, typename B, typename Combine>
Out merged(const A& a, const B& b, Combine combine) {
  Out out;
  out.reserve(std::max(a.size(), b.size()));
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() || right != b.end()) {
    const bool take_left = right == b.end() || (left != a.end() && left->first <= right->first);
    const bool take_right = left == a.end() || (right != b.end() && right->first <= left->first);
    const std::uint8_t index = take_left ? left->first : right->first;
    const auto value = combine(take_left ? left->second : 0, take_right ? right->second : 0);
    if (value != 0) out.emplace_back(index, value);
    if (take_left) ++left;
    if (take_right) ++right;
  }
  return out;
}

std::string to_text(const Changes& changes) {
  std::string text = "{";
  for (const auto& [index, by] : changes) {
    fmt::format_to(std::back_inserter(text), "{}\"{}\":{}", text.size() > 1 ? "," : "", Histogram::low_of(index), by);
  }
  return text += '}';
}

// Takes a number from the front of `text`.
template <typename Number>
std::optional<Number> take_number(std::string_view& text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

std::optional<Changes> from_text(std::string_view text) {
  Changes changes;
  if (!take(text, "{")) return std::nullopt;
  while (!take(text, "}")) {
    if (!changes.empty() && !take(text, ",")) return std::nullopt;
    if (!take(text, "\"")) return std::nullopt;
    const auto low = take_number<std::uint64_t>(text);
    if (!low || !take(text, "\":")) return std::nullopt;
    const auto by = take_number<std::int64_t>(text);
    if (!by || *by == 0) return std::nullopt;
    const std::size_t index = Histogram::bucket_of(*low);
    if (Histogram::low_of(index) != *low || (!changes.empty() && changes.back().first >= index)) return std::nullopt;
    changes.emplace_back(static_cast<std::uint8_t>(index), *by);
  }
  return text.empty() ? std::optional(std::move(changes)) : std::nullopt;
}

// Not empty, with min <= max. The largest value may be of any length, the last bucket is open.
bool do_agree(const SparseHistogram& histogram) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr double kRounding = 1e-12;  // beyond 2^53
  double least = 0;
  double largest = 0;
  for (const auto& [index, filled] : histogram.buckets) {
    const auto [from, to] = Histogram::sums_in(index, filled, *histogram.min_us, *histogram.max_us);
    least += from;
    largest += to;
  }
  const auto sum = static_cast<double>(histogram.sum_us);
  return Histogram::bucket_of(*histogram.min_us) == histogram.buckets.front().first &&
         Histogram::bucket_of(*histogram.max_us) == histogram.buckets.back().first &&
         *histogram.max_us <= model::kLongestUs && histogram.sum_us <= kMost && sum >= least * (1 - kRounding) &&
         sum <= largest * (1 + kRounding);
}

}  // namespace

SparseHistogram SparseHistogram::of(const Histogram& full) {
  SparseHistogram sparse;
  sparse.count = full.count();
  sparse.sum_us = full.sum();
  sparse.min_us = full.min();
  sparse.max_us = full.max();
  for (std::size_t i = full.first_bucket(); i < full.end_bucket(); ++i) {
    if (full.count_in(i) != 0) sparse.buckets.emplace_back(static_cast<std::uint8_t>(i), full.count_in(i));
  }
  return sparse;
}

Histogram SparseHistogram::full() const {
  if (count == 0) return {};
  std::array<std::uint64_t, Histogram::kBuckets> all{};
  for (const auto& [index, filled] : buckets) all[index] = filled;
  return Histogram::from_parts(all, sum_us, min_us.value_or(0), max_us.value_or(0));
}

std::optional<HistogramRow> row_between(const SparseHistogram& before, const SparseHistogram& now) {
  if (before == now) return std::nullopt;
  const auto changes = merged<Changes>(before.buckets, now.buckets,
                                       [](std::uint64_t old, std::uint64_t newer) { return minus(newer, old); });
  return HistogramRow{.count = minus(now.count, before.count),
                      .sum_us = minus(now.sum_us, before.sum_us),
                      .min_us = now.min_us,
                      .max_us = now.max_us,
                      .buckets = to_text(changes)};
}

const char* add_row(const HistogramRow& row, SparseHistogram& histogram) {
  const std::optional<Changes> changes = from_text(row.buckets);
  if (!changes) return "has buckets that are none";
  std::int64_t added = 0;
  for (const auto& [index, by] : *changes) added = plus(added, by);
  if (added != row.count) return "has another count than its buckets";
  bool in_range = true;
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  histogram.buckets =
      merged<decltype(histogram.buckets)>(histogram.buckets, *changes, [&in_range](std::uint64_t old, std::int64_t by) {
        const std::uint64_t sum = old + static_cast<std::uint64_t>(by);
        in_range = in_range && sum <= kMost && (by < 0 ? sum < old : sum >= old);
        return sum;
      });
  histogram.count = 0;
  for (const auto& [index, filled] : histogram.buckets) {
    histogram.count += filled;
    in_range = in_range && histogram.count <= kMost;
  }
  if (!in_range) return "adds up to less than nothing, or to too much";
  histogram.sum_us += static_cast<std::uint64_t>(row.sum_us);
  histogram.min_us = row.min_us;
  histogram.max_us = row.max_us;
  const bool is_filled = histogram.count > 0;
  if (row.min_us.has_value() != is_filled || row.max_us.has_value() != is_filled) return "has no fitting min and max";
  if (!is_filled) return histogram.sum_us == 0 ? nullptr : "has a sum of nothing";
  if (*row.min_us > *row.max_us) return "has a min above its max";
  return do_agree(histogram) ? nullptr : "has a sum, a min or a max that its buckets cannot have";
}

std::optional<HistogramRow> joined_rows(const HistogramRow& earlier, const HistogramRow& later) {
  const std::optional<Changes> first = from_text(earlier.buckets);
  const std::optional<Changes> second = from_text(later.buckets);
  if (!first || !second) return std::nullopt;
  return HistogramRow{.count = plus(earlier.count, later.count),
                      .sum_us = plus(earlier.sum_us, later.sum_us),
                      .min_us = later.min_us,
                      .max_us = later.max_us,
                      .buckets = to_text(merged<Changes>(*first, *second, plus))};
}

}  // namespace tcpdiag::recording
