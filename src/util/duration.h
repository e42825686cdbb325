// SPDX-License-Identifier: Apache-2.0
// Durations as a person types them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace tcpdiag {

// "30s", "5m", "1h", "500ms", "200us", "1.5s", "1h30m" (units falling, each once), or a bare number, which is seconds.
// Not negative. Nothing where it is anything else, or more than kLongestDuration.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

inline constexpr std::chrono::nanoseconds kLongestDuration = std::chrono::hours{24 * 365};

}  // namespace tcpdiag
