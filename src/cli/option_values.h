// SPDX-License-Identifier: Apache-2.0
// Values of options that no other folder knows how to read: text in, the value out, nothing where it is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/address.h"
#include "model/time.h"

namespace tcpdiag::cli {

std::optional<std::string> any_text(std::string_view text);      // but none
std::optional<std::string> parse_output(std::string_view text);  // "-" is standard output, told as ""

// A bare number would be seconds, as everywhere, but whoever writes one here means milliseconds: it is refused.
std::optional<model::Duration> parse_floor(std::string_view text);
// Its form alone: which types there are is not this program's to say, new ones come every month.
std::optional<std::string> parse_instance_type(std::string_view text);

std::optional<std::uint64_t> parse_ring_size(std::string_view text);        // a power of two
std::optional<std::uint64_t> parse_recording_size(std::string_view text);   // from 1 MiB
std::optional<std::uint64_t> parse_message_size(std::string_view text);     // not 0
std::optional<double> parse_rate(std::string_view text);                    // "300", "300/s", "0.5/s", "18000/min"
std::optional<model::SocketAddress> parse_endpoint(std::string_view text);  // "10.0.0.1:6379", "[fd00::1]:6379"

}  // namespace tcpdiag::cli
