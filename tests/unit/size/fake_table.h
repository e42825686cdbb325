// SPDX-License-Identifier: Apache-2.0
// Instance types for tests, which do not change with the table that is compiled in.
#pragma once

#include <array>
#include <cstdint>

#include "size/plan.h"

namespace tcpdiag::size {

inline constexpr std::uint64_t kMbit = 1'000'000;

inline constexpr std::array<knowledge::Baseline, 8> kFakeTypes{{
    {.type = "c9.large",
     .baseline_bit_per_s = 750 * kMbit,
     .burst_bit_per_s = 12500 * kMbit,
     .conntrack_established_s = 350},
    {.type = "cache.t4g.micro",
     .baseline_bit_per_s = 64 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "cache.t4g.small",
     .baseline_bit_per_s = 128 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "t3.small",
     .baseline_bit_per_s = 128 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "t4g.medium",
     .baseline_bit_per_s = 256 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "t4g.micro",
     .baseline_bit_per_s = 64 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "t4g.small",
     .baseline_bit_per_s = 128 * kMbit,
     .burst_bit_per_s = 5000 * kMbit,
     .conntrack_established_s = 0},
    {.type = "u0.unknown", .baseline_bit_per_s = 0, .burst_bit_per_s = 0, .conntrack_established_s = 0},
}};

inline Table fake_table() { return {.types = kFakeTypes, .date = "2026-08-02"}; }

inline Limit baseline_of(double mbit_per_s) {
  Limit limit;
  limit.bit_per_s = mbit_per_s * 1e6;
  return limit;
}

inline Limit instance(std::size_t row) {
  Limit limit;
  limit.bit_per_s = static_cast<double>(kFakeTypes[row].baseline_bit_per_s);
  limit.source = LimitSource::kInstance;
  limit.instance_type = kFakeTypes[row].type;
  limit.burst_bit_per_s = kFakeTypes[row].burst_bit_per_s;
  return limit;
}

inline Traffic responses_of(double bytes) {
  Traffic traffic;
  traffic.response_bytes = bytes;
  return traffic;
}

}  // namespace tcpdiag::size
