// SPDX-License-Identifier: Apache-2.0
// What a sample adds to a histogram, as a row of `histograms`.
//
// Histograms of samples are sums since an endpoint's generation began. A row holds what came in since the last row of
// the same generation and measure, so that the rows add up to the whole, and a histogram that has not changed has no
// row:
//
//   count, sum_us    added
//   min_us, max_us   of all until then: they cannot be subtracted
//   buckets          added to each, as JSON text, ascending: {"lower bound in us": count}
//                    {"0":3,"16":1,"18":40}
//
// No source takes anything out of a histogram; where one did, the numbers would be negative.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/histogram.h"
#include "model/sample.h"
#include "source/recording/value.h"

namespace tcpdiag::recording {

struct HistogramRow {
  std::int64_t count = 0;
  std::int64_t sum_us = 0;
  std::optional<std::uint64_t> min_us;  // absent where all until then is empty
  std::optional<std::uint64_t> max_us;
  std::string buckets;
};

// put(Value) of each column, in their order.
template <typename Put>
void for_each_value(std::int64_t sample_seq, std::string_view measure, const HistogramRow& row, Put&& put) {
  put(to_value(sample_seq));
  put(Value(measure));
  put(to_value(row.count));
  put(to_value(row.sum_us));
  put(to_value(row.min_us));
  put(to_value(row.max_us));
  put(to_value(row.buckets));
}

// A histogram as it is kept between two rows: 2 KiB would be much for each of the many that are nearly empty.
struct SparseHistogram {
  std::vector<std::pair<std::uint8_t, std::uint64_t>> buckets;  // by index, ascending, none with 0
  std::uint64_t count = 0;
  std::uint64_t sum_us = 0;
  std::optional<std::uint64_t> min_us;
  std::optional<std::uint64_t> max_us;

  bool operator==(const SparseHistogram&) const = default;
  static SparseHistogram of(const model::Histogram& full);
  model::Histogram full() const;
};
static_assert(model::Histogram::kBuckets <= 256);

// What the rows of an endpoint add up to so far.
struct EndpointHistograms {
  std::uint32_t generation = 0;
  std::array<SparseHistogram, model::kKernelMeasures.size()> measures;

  void enter(std::uint32_t of) {
    if (of != generation) *this = {.generation = of, .measures = {}};
  }
};

// The row that leads from one to the other; nothing where they are equal.
std::optional<HistogramRow> row_between(const SparseHistogram& before, const SparseHistogram& now);

// Adds the row. What is wrong with it, in words that follow its name; nullptr: nothing.
const char* add_row(const HistogramRow& row, SparseHistogram& histogram);

// The one row that stands for two that follow each other. Nothing where one of them is none.
std::optional<HistogramRow> joined_rows(const HistogramRow& earlier, const HistogramRow& later);

}  // namespace tcpdiag::recording
