// SPDX-License-Identifier: Apache-2.0
// The RTT of an endpoint's path without a queue, and how that is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "correlate/state.h"

namespace tcpdiag::correlate {

struct Floor {
  std::optional<std::uint64_t> us;
  std::string source;                  // as EndpointPicture::rtt_floor_source
  bool window_has_low_sample = false;  // as EndpointPicture's
};

// traced: how long the trace is.
Floor floor_of(const State& state, const EndpointRecord& record, const Tally& tally, model::Duration traced);

}  // namespace tcpdiag::correlate
