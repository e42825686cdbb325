// SPDX-License-Identifier: Apache-2.0
#include "size/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fake_table.h"

namespace tcpdiag::size {
namespace {

// The throttled Redis of scripts/lab: 64 Mbit/s, values of 32 KiB, and RESP's framing around them.
constexpr double kLabMbit = 64;
constexpr double kLabResponse = 32'778;
constexpr double kLabRequest = 36;

Plan lab(std::optional<std::uint64_t> clients = std::nullopt) {
  Traffic traffic = responses_of(kLabResponse);
  traffic.request_bytes = kLabRequest;
  traffic.clients = clients;
  return make_plan(traffic, baseline_of(kLabMbit), fake_table());
}

double delay_ms(const Plan& plan, std::uint64_t clients) {
  const auto row = std::ranges::find(plan.queueing, clients, &Queueing::clients);
  return row == plan.queueing.end() ? -1 : row->delay_s * 1e3;
}

TEST(Plan, lab_carries_what_was_measured) {
  const Plan plan = lab();
  EXPECT_EQ(plan.out.segments, 23);
  EXPECT_EQ(plan.out.acks, 0);
  EXPECT_EQ(plan.out.wire_bytes, kLabResponse + 23 * 66);
  EXPECT_NEAR(*plan.by_payload_per_s, 244, 0.1);
  EXPECT_NEAR(*plan.capacity_per_s, 233, 0.03 * 233);
  EXPECT_NEAR(*plan.capacity_per_s, 233.3, 0.1);
  // redis-benchmark had 224 to 243 requests a second.
  EXPECT_GE(*plan.capacity_per_s, 224);
  EXPECT_LE(*plan.capacity_per_s, 243);
}

TEST(Plan, lab_queues_as_was_measured) {
  const Plan plan = lab();
  EXPECT_NEAR(delay_ms(plan, 10), 39, 0.03 * 39);
  EXPECT_EQ(delay_ms(plan, 1), 0);
  // With 50 clients a p50 of 182 to 197 ms and some drops.
  EXPECT_GE(delay_ms(plan, 50), 182 * 0.97);
  EXPECT_LE(delay_ms(plan, 50), 197 * 1.03);
  const auto fifty = std::ranges::find(plan.queueing, 50U, &Queueing::clients);
  EXPECT_TRUE(fifty->drops);
  EXPECT_EQ(plan.clients_without_drops, 47U);
}

TEST(Plan, clients_asked_for_have_a_row) {
  EXPECT_NEAR(delay_ms(lab(30), 30), 29 / 233.3 * 1e3, 1);
  EXPECT_EQ(lab(10).queueing.size(), lab().queueing.size());
  EXPECT_TRUE(std::ranges::is_sorted(lab(30).queueing, {}, &Queueing::clients));
}

TEST(Plan, round_trip_of_the_path_is_no_queue) {
  Traffic traffic = responses_of(kLabResponse);
  traffic.rtt_floor_s = 0.03;
  const Plan plan = make_plan(traffic, baseline_of(kLabMbit), fake_table());
  EXPECT_NEAR(delay_ms(plan, 10), 39 - 30, 0.5);
  EXPECT_EQ(delay_ms(plan, 5), 0);
  EXPECT_EQ(plan.clients_without_drops, 54U);
}

TEST(Plan, received_direction_has_requests_and_acks) {
  const Plan plan = lab();
  ASSERT_TRUE(plan.in);
  EXPECT_EQ(plan.in->segments, 1);
  EXPECT_EQ(plan.in->acks, 11);
  EXPECT_EQ(plan.in->wire_bytes, kLabRequest + 12 * 66);
  EXPECT_FALSE(plan.in_fills_first);
}

TEST(Plan, larger_requests_fill_the_other_direction_first) {
  Traffic traffic = responses_of(100);
  traffic.request_bytes = 14'480;
  const Plan plan = make_plan(traffic, baseline_of(kLabMbit), fake_table());
  EXPECT_TRUE(plan.in_fills_first);
  EXPECT_EQ(plan.out.acks, 5);
  EXPECT_DOUBLE_EQ(*plan.capacity_per_s, 8e6 / (14'480 + 10 * 66));
  EXPECT_DOUBLE_EQ(*plan.by_payload_per_s, 8e6 / 14'480);
}

TEST(Plan, unknown_requests_leave_their_direction_unknown) {
  const Plan plan = make_plan(responses_of(32'768), baseline_of(kLabMbit), fake_table());
  EXPECT_FALSE(plan.in);
  EXPECT_TRUE(plan.capacity_per_s);
}

TEST(Plan, measured_segments_stand_for_computed_ones) {
  Traffic traffic = responses_of(kLabResponse);
  traffic.segments_out = 24.5;
  const Plan plan = make_plan(traffic, baseline_of(kLabMbit), fake_table());
  EXPECT_EQ(plan.out.segments, 24.5);
  EXPECT_EQ(plan.out.acks, std::nullopt);
  EXPECT_DOUBLE_EQ(plan.out.wire_bytes, kLabResponse + 24.5 * 66);
}

TEST(Plan, rate_is_compared_with_what_is_carried) {
  Traffic traffic = responses_of(32'768);
  traffic.rate_per_s = 300;
  Plan plan = make_plan(traffic, baseline_of(kLabMbit), fake_table());
  EXPECT_EQ(plan.verdict, Fit::kTooMuch);
  EXPECT_NEAR(*plan.used_pct, 128.6, 0.1);
  EXPECT_NEAR(*plan.full_after_s, 0.2 * 233.3 / (300 - 233.3), 0.01);
  EXPECT_NEAR(*plan.out.wire_bit_per_s, 82.3e6, 0.1e6);
  EXPECT_EQ(plan.out.packets_per_s, 300 * 23);
  traffic.rate_per_s = 200;
  plan = make_plan(traffic, baseline_of(kLabMbit), fake_table());
  EXPECT_EQ(plan.verdict, Fit::kCarries);
  EXPECT_NEAR(*plan.used_pct, 85.7, 0.1);
  EXPECT_EQ(plan.full_after_s, std::nullopt);
}

TEST(Plan, without_a_limit_nothing_is_compared) {
  Traffic traffic = responses_of(32'768);
  traffic.rate_per_s = 300;
  const Plan plan = make_plan(traffic, std::nullopt, fake_table());
  EXPECT_EQ(plan.verdict, Fit::kNotCompared);
  EXPECT_EQ(plan.capacity_per_s, std::nullopt);
  EXPECT_TRUE(plan.queueing.empty());
  EXPECT_FALSE(plan.types.empty());
}

TEST(Plan, measured_rate_at_the_limit_may_be_cut) {
  Measured measured;
  measured.mean_per_s = 231;
  Traffic traffic = responses_of(32'768);
  traffic.rate_per_s = 231;
  const Plan at = make_plan(traffic, baseline_of(kLabMbit), fake_table(), measured);
  EXPECT_TRUE(at.rate_is_cut);
  EXPECT_EQ(at.verdict, Fit::kAtLimit);
  EXPECT_EQ(at.types.front().type.type, "t3.small");  // t4g.micro carries it too, and is no help
  const Plan wide = make_plan(traffic, baseline_of(2 * kLabMbit), fake_table(), measured);
  EXPECT_FALSE(wide.rate_is_cut);
  EXPECT_EQ(wide.verdict, Fit::kCarries);
  EXPECT_EQ(make_plan(traffic, baseline_of(kLabMbit / 2), fake_table(), measured).verdict, Fit::kTooMuch);
  traffic.rate_per_s = 230;  // given, so it is what is asked for
  EXPECT_FALSE(make_plan(traffic, baseline_of(kLabMbit), fake_table(), measured).rate_is_cut);
}

}  // namespace
}  // namespace tcpdiag::size
