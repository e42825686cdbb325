// SPDX-License-Identifier: Apache-2.0
// Which instance types carry what is asked for.
#include <algorithm>
#include <tuple>

#include "size/plan.h"

namespace tcpdiag::size {
namespace {

constexpr std::string_view kCachePrefix = "cache.";
// Than the limit, where it is not known how much more is wanted.
constexpr double kClearlyMore = 1.5;

// "t4g" of "t4g.micro", "cache.t4g" of "cache.t4g.micro".
std::string_view family_of(std::string_view type) { return type.substr(0, std::min(type.rfind('.'), type.size())); }

}  // namespace

Table compiled_table() { return {.types = knowledge::baselines(), .date = knowledge::baselines_date()}; }

std::optional<Limit> limit_of(std::string_view instance_type, LimitSource source) {
  const knowledge::Baseline* row = knowledge::find_baseline(instance_type);
  if (row == nullptr || row->baseline_bit_per_s == 0) return std::nullopt;
  Limit limit;
  limit.bit_per_s = static_cast<double>(row->baseline_bit_per_s);
  limit.source = source;
  limit.instance_type = row->type;
  if (row->burst_bit_per_s > row->baseline_bit_per_s) limit.burst_bit_per_s = row->burst_bit_per_s;
  return limit;
}

void find_types(Plan& plan, const Table& table) {
  const double rate = *plan.traffic.rate_per_s;
  const std::string_view own = plan.limit ? std::string_view(plan.limit->instance_type) : std::string_view();
  // A cache node is exchanged for a cache node, and an instance for an instance.
  const bool cache_nodes = own.starts_with(kCachePrefix);
  // Where the rate is what a limit let through, only clearly more helps.
  const bool at_limit = plan.verdict == Fit::kAtLimit;
  const double least = at_limit ? kClearlyMore * plan.limit->bit_per_s : 0;
  std::vector<TypeFit> fits;
  for (const knowledge::Baseline& type : table.types) {
    if (type.baseline_bit_per_s == 0 || type.type.starts_with(kCachePrefix) != cache_nodes) continue;
    const double carries = capacity_of(plan, static_cast<double>(type.baseline_bit_per_s));
    if (carries >= rate && static_cast<double>(type.baseline_bit_per_s) >= least)
      fits.push_back({.type = type, .carries_per_s = carries, .used_pct = 100 * rate / carries});
  }
  std::ranges::sort(fits, {},
                    [](const TypeFit& fit) { return std::tuple(fit.type.baseline_bit_per_s, fit.type.type); });
  if (!own.empty()) {
    const auto same =
        std::ranges::find_if(fits, [own](const TypeFit& fit) { return family_of(fit.type.type) == family_of(own); });
    if (same != fits.end()) plan.same_family = *same;
  }
  const std::size_t shown = std::min(fits.size(), kTypesShown);
  plan.types_omitted = fits.size() - shown;
  plan.types.assign(fits.begin(), fits.begin() + static_cast<std::ptrdiff_t>(shown));
}

}  // namespace tcpdiag::size
