// SPDX-License-Identifier: Apache-2.0
// Sizes of memory as a person types them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tcpdiag {

// "65536" (bytes), "64K", "64KiB", "4M", "4MiB", "1G", "1GiB": powers of 1024, in either case. Nothing for anything
// else: "64KB" means 1000 to some and 1024 to others.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace tcpdiag
