// SPDX-License-Identifier: Apache-2.0
// Rows of histograms: what is added, and that adding up gives the whole.
#include "source/recording/histogram_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/model/buckets_of.h"

namespace tcpdiag::recording {
namespace {

using model::Histogram;
using ::testing::HasSubstr;

SparseHistogram sparse(std::initializer_list<std::uint64_t> values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.add(value);
  return SparseHistogram::of(histogram);
}

TEST(HistogramRow, holds_what_was_added) {
  const auto row = row_between(sparse({3, 100}), sparse({3, 100, 100, 3, 17, 5000}));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->count, 4);
  EXPECT_EQ(row->sum_us, 5120);
  EXPECT_EQ(row->min_us, 3U);
  EXPECT_EQ(row->max_us, 5000U);
  EXPECT_EQ(row->buckets, R"({"3":1,"16":1,"96":1,"4608":1})");
}

TEST(HistogramRow, there_is_none_without_a_change) {
  EXPECT_FALSE(row_between(sparse({}), sparse({})));
  EXPECT_FALSE(row_between(sparse({1, 9}), sparse({9, 1})));
}

TEST(HistogramRow, rows_add_up_also_where_something_was_taken_out) {
  const std::vector<SparseHistogram> states{sparse({}),   sparse({5}), sparse({5, 5, 80}),
                                            sparse({80}), sparse({}),  sparse({std::uint64_t{1} << 40})};
  SparseHistogram sum;
  for (std::size_t i = 1; i < states.size(); ++i) {
    const auto row = row_between(states[i - 1], states[i]);
    ASSERT_TRUE(row);
    EXPECT_EQ(add_row(*row, sum), nullptr);
    EXPECT_EQ(sum, states[i]);
  }
}

TEST(HistogramRow, joined_rows_do_what_both_did) {
  const SparseHistogram first = sparse({7, 7, 200});
  const SparseHistogram second = sparse({7, 7, 200, 3, 200, 90000});
  const auto both = joined_rows(*row_between({}, first), *row_between(first, second));
  ASSERT_TRUE(both);
  SparseHistogram sum;
  EXPECT_EQ(add_row(*both, sum), nullptr);
  EXPECT_EQ(sum, second);
}

TEST(HistogramRow, full_histogram_is_the_one_that_it_came_from) {
  Histogram histogram;
  for (const std::uint64_t value : {0U, 1U, 8U, 1000U, 4000000000U}) histogram.add(value);
  const Histogram back = SparseHistogram::of(histogram).full();
  EXPECT_EQ(model::buckets_of(back), model::buckets_of(histogram));
  EXPECT_EQ(back.sum(), histogram.sum());
  EXPECT_EQ(back.min(), histogram.min());
  EXPECT_EQ(back.percentile(1.0), histogram.percentile(1.0));
}

}  // namespace
}  // namespace tcpdiag::recording
