// SPDX-License-Identifier: Apache-2.0
#include "correlate/abilities.h"

#include <algorithm>

namespace tcpdiag::correlate {
namespace {

bool says(const State& state, std::string_view ability, bool available) {
  if (!state.start) return false;
  return std::any_of(state.start->abilities.begin(), state.start->abilities.end(),
                     [&](const model::Ability& a) { return a.name == ability && a.available == available; });
}

}  // namespace

bool is_able(const State& state, std::string_view ability) { return says(state, ability, true); }

bool is_unable(const State& state, std::string_view ability) { return says(state, ability, false); }

bool are_sums_withheld(const State& state, const EndpointRecord& endpoint) {
  return !endpoint.sample && is_unable(state, "endpoint_aggregates");
}

}  // namespace tcpdiag::correlate
