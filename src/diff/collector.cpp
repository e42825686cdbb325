// SPDX-License-Identifier: Apache-2.0
#include "diff/collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

using model::Confidence;

// nullopt: chance.
std::optional<Confidence> confidence_of(const std::optional<double>& p, std::uint64_t tests) {
  if (!p) return Confidence::kHigh;
  const double each = 1.0 / static_cast<double>(std::max<std::uint64_t>(tests, 1));
  if (*p <= kFamilyHigh * each) return Confidence::kHigh;
  if (*p <= kFamilyMedium * each) return Confidence::kMedium;
  if (*p <= kSingleLow) return Confidence::kLow;
  return std::nullopt;
}

std::string odds_of(double p, std::uint64_t tests) {
  return fmt::format("chance alone shows as much in one of {:.0f} such tests, and {} {} made", 1 / std::max(p, 1e-9),
                     tests, tests == 1 ? "was" : "were");
}

bool confirms(const Candidate& other, const Candidate& doubtful) {
  return other.by_seconds && other.difference.confidence > Confidence::kLow &&
         other.difference.scope == doubtful.difference.scope &&
         other.difference.direction == doubtful.difference.direction &&
         other.difference.tier == doubtful.difference.tier;
}

}  // namespace

void set_effect(Difference& difference, std::optional<bool> more_is_worse) {
  if (!difference.good.value || !difference.bad.value) return;
  const double good = *difference.good.value;
  const double bad = *difference.bad.value;
  difference.absolute = bad - good;
  if (good > 0 && bad > 0) difference.ratio = bad / good;
  difference.direction = Direction::kChanged;
  if (more_is_worse) difference.direction = (bad > good) == *more_is_worse ? Direction::kWorse : Direction::kBetter;
}

void Collector::settle(Comparison& out) {
  std::vector<Candidate> kept;
  for (Candidate& candidate : candidates_) {
    Difference& difference = candidate.difference;
    const auto confidence = confidence_of(difference.p_value, tests_);
    if (!confidence) continue;
    if (*confidence < Confidence::kHigh && difference.p_value) {
      difference.confidence_reasons.push_back(odds_of(*difference.p_value, tests_));
    }
    difference.confidence = std::min(difference.confidence, *confidence);
    const Scope& scope = difference.scope;
    if (scope.good_at && scope.bad_at && *scope.good_at != *scope.bad_at) {
      difference.confidence = std::min(difference.confidence, Confidence::kMedium);
      difference.confidence_reasons.emplace_back("the two addresses were paired by their port alone");
    }
    kept.push_back(std::move(candidate));
  }
  // What its own seconds decide first: it confirms the rest.
  std::stable_partition(kept.begin(), kept.end(), [](const Candidate& candidate) { return candidate.by_seconds; });
  for (Candidate& candidate : kept) {
    if (!candidate.p_of_incidents) continue;
    Difference& difference = candidate.difference;
    const Confidence alone = confidence_of(candidate.p_of_incidents, tests_).value_or(Confidence::kLow);
    if (alone >= difference.confidence) continue;
    const auto confirmed_by = [&](const Candidate& other) { return confirms(other, candidate); };
    const bool confirmed =
        candidate.lasted || (!candidate.by_seconds && std::any_of(kept.begin(), kept.end(), confirmed_by));
    difference.confidence = std::min(difference.confidence, confirmed ? std::max(alone, Confidence::kMedium) : alone);
    difference.confidence_reasons.push_back(confirmed ? candidate.doubt + "; but another measure shows that it lasted"
                                                      : candidate.doubt);
  }
  // The run as a whole says nothing new where an endpoint has said it.
  const auto reported = [&kept](const Difference& whole) {
    return std::any_of(kept.begin(), kept.end(), [&whole](const Candidate& other) {
      const Difference& part = other.difference;
      return part.scope.kind == ScopeKind::kEndpoint && part.what == whole.what && part.direction == whole.direction &&
             part.confidence > Confidence::kLow;
    });
  };
  for (const Candidate& candidate : kept) {
    const Difference& difference = candidate.difference;
    if (difference.scope.kind == ScopeKind::kRun && difference.tier == Tier::kFailures && reported(difference))
      continue;
    out.differences.push_back(difference);
  }
  out.not_compared.insert(out.not_compared.end(), not_compared_.begin(), not_compared_.end());
  out.tests = tests_;
}

}  // namespace tcpdiag::diff
