// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace tcpdiag {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};

// Largest first: parse_duration() wants them in this order.
constexpr std::array<Unit, 5> kUnits{{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the number at the front of `text`. from_chars() rather than strtod(): no locale, no "inf", no hexadecimal.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

std::string_view take_unit(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !is_digit(text[length]) && text[length] != '.') ++length;
  const std::string_view unit = text.substr(0, length);
  text.remove_prefix(length);
  return unit;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  std::size_t next_unit = 0;  // a unit may not follow itself or a smaller one
  for (bool first = true; !text.empty(); first = false) {
    const std::optional<double> number = take_number(text);
    if (!number) return std::nullopt;
    if (first && text.empty()) {
      total = *number * 1e9;
      break;
    }
    const std::string_view name = take_unit(text);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    total += *number * kUnits[next_unit].nanoseconds;
    ++next_unit;
  }
  if (!(total <= static_cast<double>(kLongestDuration.count()))) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(total));
}

}  // namespace tcpdiag
