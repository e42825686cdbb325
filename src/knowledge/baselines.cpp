// SPDX-License-Identifier: Apache-2.0
// The rows themselves, baselines() and baselines_date(), are made of data/instance_baselines.tsv when tcpdiag is built.
#include "knowledge/baselines.h"

#include <algorithm>
#include <cmath>

namespace tcpdiag::knowledge {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

double distance(const Baseline& row, double wire_bit_per_s) {
  return std::abs(wire_bit_per_s / static_cast<double>(row.baseline_bit_per_s) - 1);
}

}  // namespace

const Baseline* find_baseline(std::string_view type) {
  std::string name(type);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  const auto rows = baselines();
  const auto row = std::lower_bound(rows.begin(), rows.end(), name,
                                    [](const Baseline& b, const std::string& wanted) { return b.type < wanted; });
  return row != rows.end() && row->type == name ? &*row : nullptr;
}

std::vector<const Baseline*> baselines_near(double wire_bit_per_s, double tolerance) {
  std::vector<const Baseline*> near;
  for (const Baseline& row : baselines()) {
    if (distance(row, wire_bit_per_s) <= tolerance) near.push_back(&row);
  }
  // The table is by type, and so stay those that are equally close.
  std::stable_sort(near.begin(), near.end(), [&](const Baseline* a, const Baseline* b) {
    return distance(*a, wire_bit_per_s) < distance(*b, wire_bit_per_s);
  });
  return near;
}

}  // namespace tcpdiag::knowledge
