// SPDX-License-Identifier: Apache-2.0
// What the network cards' allowance counters say of an endpoint.
#pragma once

#include <cstdint>
#include <optional>

#include "model/picture.h"

namespace tcpdiag::diagnose {

// Packets dropped because the cloud's table of tracked connections was full, of the device that the endpoint's segments
// leave by; where that was not seen, of all devices of its namespace. nullopt: none of them counts it.
std::optional<std::uint64_t> conntrack_exceeded(const model::Picture& picture, const model::EndpointPicture& endpoint);

}  // namespace tcpdiag::diagnose
