// SPDX-License-Identifier: Apache-2.0
#include "diff/order.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "diff/matching.h"

namespace tcpdiag::diff {
namespace {

using model::Confidence;
using model::Family;
using model::Finding;
using model::Report;

// Delay and loss between the hosts, and what makes them.
bool is_of_the_way(Family family) {
  return family == Family::kPath || family == Family::kHostQueue || family == Family::kAllowance ||
         family == Family::kDrops;
}

bool speaks_of(Family family, const Difference& difference) {
  switch (difference.tier) {
    case Tier::kFailures:
      if (difference.what.starts_with("listen_")) return family == Family::kListening;
      if (!difference.what.starts_with("connect_outcomes.")) return family == Family::kExchanges;
      return family == Family::kConnects || family == Family::kReconnects || family == Family::kListening;
    case Tier::kDelays:
      if (difference.what == "app_gap") return family == Family::kCallGaps;
      if (difference.what == "read_wait") return family == Family::kReading;
      return is_of_the_way(family) || (difference.what == "connect" && family == Family::kListening);
    case Tier::kLoss:
      return is_of_the_way(family) || (difference.what.starts_with("zero_window") && family == Family::kReading);
    default:
      return false;
  }
}

std::optional<std::size_t> endpoint_of(const Scope& scope, const Report& report) {
  if (scope.kind != ScopeKind::kEndpoint || !scope.bad_at) return std::nullopt;
  const NetnsNames names(report.picture);
  const auto& endpoints = report.picture.endpoints;
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const model::EndpointPicture& endpoint) {
    return endpoint.key.role == scope.role && endpoint.key.at == *scope.bad_at &&
           names.of(endpoint.key.netns_inode) == scope.netns;
  });
  if (found == endpoints.end()) return std::nullopt;
  return static_cast<std::size_t>(found - endpoints.begin());
}

std::size_t root_of(const std::vector<Finding>& findings, std::size_t index) {
  // Links have no cycles; the bound is for reports that somebody made.
  for (std::size_t steps = 0; steps < findings.size() && !findings[index].caused_by.empty(); ++steps) {
    const std::size_t cause = findings[index].caused_by.front();
    if (cause >= findings.size()) break;
    index = cause;
  }
  return index;
}

// What a difference is about, where several measures tell of one thing.
bool same_thing(const Difference& a, const Difference& b) {
  return a.scope == b.scope && a.tier == b.tier && a.direction == b.direction &&
         (a.confidence == Confidence::kLow) == (b.confidence == Confidence::kLow);
}

}  // namespace

void explain(Comparison& comparison, const Report& bad) {
  for (Difference& difference : comparison.differences) {
    if (difference.direction != Direction::kWorse) continue;
    const auto endpoint = endpoint_of(difference.scope, bad);
    std::optional<std::size_t> chosen;
    bool chosen_is_own = false;
    for (std::size_t i = 0; i < bad.findings.size(); ++i) {
      const Finding& finding = bad.findings[i];
      if (finding.severity == model::Severity::kNotice || !speaks_of(finding.family, difference)) continue;
      const bool own =
          finding.endpoint == endpoint || (endpoint && std::ranges::binary_search(finding.more_endpoints, *endpoint));
      if (finding.endpoint && !own && difference.scope.kind == ScopeKind::kEndpoint) continue;
      if (chosen && (chosen_is_own || !own)) continue;
      chosen = i;
      chosen_is_own = own;
    }
    if (!chosen) continue;
    const std::size_t root = root_of(bad.findings, *chosen);
    difference.explained_by = FindingRef{root, bad.findings[root].code, bad.findings[root].title};
  }
}

void put_in_order(Comparison& comparison) {
  auto& all = comparison.differences;
  std::vector<double> group(all.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    group[i] = all[i].score;
    if (all[i].tier == Tier::kSettings) continue;
    for (const Difference& other : all) {
      if (same_thing(all[i], other)) group[i] = std::max(group[i], other.score);
    }
  }
  std::vector<std::size_t> order(all.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto rank = [&](std::size_t i) {
    const Difference& d = all[i];
    return std::tuple(d.confidence == Confidence::kLow, d.tier, d.direction, -group[i], words_for(d.scope), -d.score,
                      d.what);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  std::vector<Difference> sorted;
  sorted.reserve(all.size());
  for (const std::size_t i : order) sorted.push_back(std::move(all[i]));
  all = std::move(sorted);
}

Trend verdict_of(const Comparison& comparison) {
  // So many times more of one decides: a client that a slow network keeps waiting reads what it gets a little sooner.
  constexpr double kOutweighs = 10;
  bool changed = false;
  double worse = 0;
  double better = 0;
  std::optional<Tier> gravest;
  for (const Difference& difference : comparison.differences) {
    if (difference.confidence == Confidence::kLow) continue;
    changed = true;
    if (difference.direction == Direction::kChanged) continue;
    if (gravest && difference.tier != *gravest) continue;  // they are in order
    gravest = difference.tier;
    double& most = difference.direction == Direction::kWorse ? worse : better;
    most = std::max({most, difference.score, std::numeric_limits<double>::min()});
  }
  if (comparison.mode == Mode::kOneRun) return changed ? Trend::kChanged : Trend::kNoDifference;
  if (!gravest) {
    for (const OnlyIn& only : comparison.only_in) {
      if (only.kind != OnlyKind::kFinding || only.severity == model::Severity::kNotice) continue;
      (only.in_bad ? worse : better) = 1;
    }
  }
  if (comparison.good.endpoints == 0 || comparison.bad.endpoints == 0) return Trend::kNotComparable;
  if (worse > kOutweighs * better) return Trend::kWorse;
  if (better > kOutweighs * worse) return Trend::kBetter;
  if (worse > 0) return Trend::kMixed;
  return changed ? Trend::kChanged : Trend::kNoDifference;
}

}  // namespace tcpdiag::diff
