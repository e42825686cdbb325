// SPDX-License-Identifier: Apache-2.0
// Bandwidth that EC2 instance types may use all the time ("baseline") and for a while ("burst"), from a dated table
// that is compiled in (data/instance_baselines.tsv; scripts/refresh-baselines makes it).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag::knowledge {

struct Baseline {
  std::string_view type;  // "t4g.micro"
  std::uint64_t baseline_bit_per_s = 0;
  std::uint64_t burst_bit_per_s = 0;
  std::uint32_t conntrack_established_s = 0;  // how long the cloud tracks an idle connection; 0: not in the table
};

// By type.
std::span<const Baseline> baselines();
// When the source of the table was read, "2026-08-02".
std::string_view baselines_date();
// "t4g.micro" or, of an ElastiCache node, "cache.t4g.micro", in any case; nullptr: not in the table.
const Baseline* find_baseline(std::string_view type);
// Those whose baseline is within `tolerance` (0.03: 3 %) of a rate on the wire, closest first, then by type.
std::vector<const Baseline*> baselines_near(double wire_bit_per_s, double tolerance);

}  // namespace tcpdiag::knowledge
