// SPDX-License-Identifier: Apache-2.0
// Resets that this host sent without a socket, and the connections of its own that they killed: conntrack takes a
// packet for invalid and leaves its address as it was, an address was taken away, a SYN-ACK came after its connect was
// given up. The kernel finds no socket for the packet, though the connection it belongs to is there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// Empty: none.
std::string reason_name(const State& state, std::optional<std::uint32_t> reason);
void count_reason(std::map<std::string, std::uint64_t>& reasons, const std::string& reason);

void stray_reset(State& state, const model::Event& event, const model::ResetSent& reset);

}  // namespace tcpdiag::correlate
