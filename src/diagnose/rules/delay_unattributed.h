// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "diagnose/rule.h"

namespace tcpdiag::diagnose::rules {

// delay-unattributed of an endpoint with `delayed` of `exchanges` slow, of which no rule knows where the time passes.
Judged unattributed(const Facts& facts, const EndpointFacts& endpoint, std::uint64_t delayed, std::uint64_t exchanges);

}  // namespace tcpdiag::diagnose::rules
