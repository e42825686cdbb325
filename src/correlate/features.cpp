// SPDX-License-Identifier: Apache-2.0
#include "correlate/features.h"

#include <algorithm>

namespace tcpdiag::correlate {
namespace {

bool says(const State& state, std::string_view feature, bool available) {
  if (!state.start) return false;
  return std::any_of(state.start->abilities.begin(), state.start->abilities.end(),
                     [&](const model::Feature& a) { return a.name == feature && a.available == available; });
}

}  // namespace

bool has_feature(const State& state, std::string_view feature) { return says(state, feature, true); }

bool lacks_feature(const State& state, std::string_view feature) { return says(state, feature, false); }

bool are_sums_withheld(const State& state, const EndpointRecord& endpoint) {
  return !endpoint.sample && lacks_feature(state, "endpoint_aggregates");
}

}  // namespace tcpdiag::correlate
