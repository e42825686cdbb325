// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "util/number.h"

namespace tcpdiag {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};

// Largest first: parse_duration() wants them in this order.
constexpr std::array<Unit, 5> kUnits{{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}}};

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

std::string duration_in_words(std::chrono::nanoseconds duration) {
  using std::chrono::duration_cast;
  const auto microseconds = duration_cast<std::chrono::microseconds>(duration).count();
  if (microseconds > 0 && microseconds < 1000) return fmt::format("{} us", microseconds);
  const auto milliseconds = duration_cast<std::chrono::milliseconds>(duration).count();
  if (milliseconds > 0 && milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  const auto all_seconds = duration_cast<std::chrono::seconds>(duration).count();
  if (all_seconds < 60) {
    if (milliseconds % 1000 == 0) return fmt::format("{} s", all_seconds);
    std::string fraction = fmt::format("{:03}", milliseconds % 1000);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return fmt::format("{}.{} s", all_seconds, fraction);
  }
  std::string words;
  const auto add = [&words](auto amount, const char* unit) {
    if (amount != 0) words += fmt::format("{}{} {}", words.empty() ? "" : " ", amount, unit);
  };
  add(all_seconds / 3600, "h");
  add(all_seconds / 60 % 60, "min");
  add(all_seconds % 60, "s");
  return fmt::format("{} s ({})", all_seconds, words);
}

}  // namespace tcpdiag
