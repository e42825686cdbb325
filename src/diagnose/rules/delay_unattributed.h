// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "diagnose/rule.h"

namespace tcpdiag::diagnose::rules {

// Of an endpoint's exchanges.
struct Slow {
  std::uint64_t delayed = 0;
  std::uint64_t exchanges = 0;      // with those that were still waiting
  std::uint64_t still_waiting = 0;  // when the trace ended; they count as delayed
};

// delay-unattributed of an endpoint whose users wait, of which no rule knows where the time passes.
Judged unattributed(const Facts& facts, const EndpointFacts& endpoint, const Slow& slow);

}  // namespace tcpdiag::diagnose::rules
