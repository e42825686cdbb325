// SPDX-License-Identifier: Apache-2.0
// Decimal numbers as a person types them.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace tcpdiag {

// In every locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// All of `text` as digits: no sign, no space, no prefix. Nothing where it is anything else or does not fit.
template <std::unsigned_integral T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace tcpdiag
