// SPDX-License-Identifier: Apache-2.0
#include "knowledge/baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>

namespace tcpdiag::knowledge {
namespace {

using testing::Contains;
using testing::ElementsAre;

std::vector<std::string> names_near(double bit_per_s, double tolerance = 0.03) {
  std::vector<std::string> names;
  for (const Baseline* row : baselines_near(bit_per_s, tolerance)) names.emplace_back(row->type);
  return names;
}

TEST(Baselines, are_a_sorted_table_with_a_date) {
  const auto rows = baselines();
  EXPECT_GT(rows.size(), 1000U);
  EXPECT_TRUE(std::regex_match(std::string(baselines_date()), std::regex("20[0-9]{2}-[01][0-9]-[0-3][0-9]")));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_GT(rows[i].baseline_bit_per_s, 0U) << rows[i].type;
    EXPECT_GE(rows[i].burst_bit_per_s, rows[i].baseline_bit_per_s) << rows[i].type;
    EXPECT_TRUE(i == 0 || rows[i - 1].type < rows[i].type) << rows[i].type;
  }
}

TEST(Baselines, are_found_by_type_in_any_case) {
  const Baseline* small = find_baseline("t4g.micro");
  ASSERT_NE(small, nullptr);
  EXPECT_EQ(small->baseline_bit_per_s, 64'000'000U);
  EXPECT_EQ(small->burst_bit_per_s, 5'000'000'000U);
  EXPECT_EQ(small->conntrack_established_s, 432'000U);
  EXPECT_EQ(find_baseline("T4G.Micro"), small);
  const Baseline* node = find_baseline("cache.t4g.micro");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->baseline_bit_per_s, 64'000'000U);
  EXPECT_EQ(node->conntrack_established_s, 0U);
  EXPECT_EQ(find_baseline("m8i.large")->conntrack_established_s, 350U);
  for (const char* unknown : {"", "t4g", "t4g.micro ", "cache.", "zz9.plural"}) {
    EXPECT_EQ(find_baseline(unknown), nullptr) << unknown;
  }
}

TEST(Baselines, of_the_smallest_nodes_are_shared_by_many) {
  EXPECT_THAT(names_near(64e6), ElementsAre("cache.t2.micro", "cache.t3.micro", "cache.t4g.micro", "t2.micro",
                                            "t3.micro", "t3a.micro", "t4g.micro"));
  EXPECT_THAT(names_near(64e6 * 0.975), Contains("t4g.micro"));
  EXPECT_THAT(names_near(64e6 * 0.96), testing::IsEmpty());
  EXPECT_THAT(names_near(0), testing::IsEmpty());
}

TEST(Baselines, come_closest_first) {
  const auto near = baselines_near(0.76e9, 0.03);
  ASSERT_GT(near.size(), 2U);
  EXPECT_TRUE(std::is_sorted(near.begin(), near.end(), [](const Baseline* a, const Baseline* b) {
    const auto off = [](const Baseline* row) {
      return std::abs(0.76e9 / static_cast<double>(row->baseline_bit_per_s) - 1);
    };
    return off(a) < off(b) || (off(a) == off(b) && a->type < b->type);
  }));
}

}  // namespace
}  // namespace tcpdiag::knowledge
