// SPDX-License-Identifier: Apache-2.0
#include "size/bit_rate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace tcpdiag::size {
namespace {

struct ByteUnit {
  std::string_view name;  // in this case only
  double bits;
};

constexpr double kByte = 8;
constexpr std::array<ByteUnit, 8> kByteUnits{{{"B/s", kByte},
                                              {"kB/s", kByte * 1e3},
                                              {"KB/s", kByte * 1e3},
                                              {"MB/s", kByte * 1e6},
                                              {"GB/s", kByte * 1e9},
                                              {"KiB/s", kByte * 1024},
                                              {"MiB/s", kByte * 1024 * 1024},
                                              {"GiB/s", kByte * 1024 * 1024 * 1024}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<double> bits_of_unit(std::string_view unit) {
  for (const ByteUnit& known : kByteUnits) {
    if (unit == known.name) return known.bits;
  }
  std::string bits(unit);
  std::ranges::transform(bits, bits.begin(), lower);
  if (bits.ends_with("/s")) bits.resize(bits.size() - 2);
  if (bits == "bit") return 1;
  if (bits == "kbit") return 1e3;
  if (bits == "mbit") return 1e6;
  if (bits == "gbit") return 1e9;
  return std::nullopt;
}

}  // namespace

std::optional<double> parse_bit_rate(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const char* end = text.data() + digits;
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  std::string_view unit = text.substr(digits);
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const std::optional<double> bits = bits_of_unit(unit);
  if (!bits) return std::nullopt;
  const double rate = number * *bits;
  return rate > 0 && rate <= kLargestBitRate ? std::optional(rate) : std::nullopt;
}

}  // namespace tcpdiag::size
