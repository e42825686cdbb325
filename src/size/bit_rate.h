// SPDX-License-Identifier: Apache-2.0
// Rates of a link as a person types them.
#pragma once

#include <optional>
#include <string_view>

namespace tcpdiag::size {

// In bits a second. Bits: "64mbit", "64 Mbit/s", "0.064gbit" (k, M, G: powers of 1000, in either case, a blank before
// the unit and "/s" behind it as you like). Bytes: "8MB/s", "8 MiB/s" (capital B, with its "/s"; KiB, MiB, GiB are
// powers of 1024). Nothing for anything else: a bare number has no unit, "Mb" and "MB" differ in one letter's case
// only, and "mbps" is bytes to tc(8) and bits to others. More than 0, at most kLargestBitRate.
std::optional<double> parse_bit_rate(std::string_view text);

inline constexpr double kLargestBitRate = 1e14;

}  // namespace tcpdiag::size
