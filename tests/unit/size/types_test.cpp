// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_table.h"
#include "size/plan.h"

namespace tcpdiag::size {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Traffic asked(double per_s) {
  Traffic traffic = responses_of(32'768);
  traffic.rate_per_s = per_s;
  return traffic;
}

std::vector<std::string_view> names(const Plan& plan) {
  std::vector<std::string_view> out;
  for (const TypeFit& fit : plan.types) out.push_back(fit.type.type);
  return out;
}

TEST(Types, smallest_first_and_instances_only) {
  const Plan plan = make_plan(asked(300), baseline_of(64), fake_table());
  EXPECT_THAT(names(plan), ElementsAre("t3.small", "t4g.small", "t4g.medium", "c9.large"));
  EXPECT_NEAR(plan.types[0].carries_per_s, 466.7, 0.2);
  EXPECT_NEAR(plan.types[0].used_pct, 64.3, 0.1);
  EXPECT_EQ(plan.same_family, std::nullopt);
  EXPECT_EQ(plan.types_omitted, 0U);
}

TEST(Types, family_of_the_instance_is_named) {
  const Plan plan = make_plan(asked(300), instance(5), fake_table());
  ASSERT_TRUE(plan.same_family);
  EXPECT_EQ(plan.same_family->type.type, "t4g.small");
}

TEST(Types, cache_nodes_are_exchanged_for_cache_nodes) {
  const Plan plan = make_plan(asked(300), instance(1), fake_table());
  EXPECT_THAT(names(plan), ElementsAre("cache.t4g.small"));
  EXPECT_EQ(plan.same_family->type.type, "cache.t4g.small");
}

TEST(Types, none_may_carry_it) { EXPECT_THAT(names(make_plan(asked(1e6), baseline_of(64), fake_table())), IsEmpty()); }

TEST(Types, without_a_rate_none_is_looked_for) {
  EXPECT_THAT(names(make_plan(responses_of(32'768), baseline_of(64), fake_table())), IsEmpty());
}

TEST(Types, compiled_table_knows_the_node_of_the_incident) {
  const auto limit = limit_of("CACHE.t4g.Micro", LimitSource::kInstance);
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->instance_type, "cache.t4g.micro");
  EXPECT_EQ(limit->bit_per_s, 64e6);
  EXPECT_EQ(limit->burst_bit_per_s, 5'000 * kMbit);
  EXPECT_EQ(limit_of("t4g.gigantic", LimitSource::kInstance), std::nullopt);
  EXPECT_EQ(limit_of("", LimitSource::kTraceHost), std::nullopt);
  EXPECT_FALSE(compiled_table().date.empty());
}

}  // namespace
}  // namespace tcpdiag::size
