// SPDX-License-Identifier: Apache-2.0
#include "util/size.h"

#include <algorithm>
#include <array>
#include <limits>

#include "util/number.h"

namespace tcpdiag {
namespace {

struct Unit {
  std::string_view name;
  std::string_view short_name;
  unsigned shift;
};

constexpr std::array<Unit, 4> kUnits{{{"GiB", "G", 30}, {"MiB", "M", 20}, {"KiB", "K", 10}, {"B", "", 0}}};

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number<std::uint64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  for (const Unit& known : kUnits) {
    if (!equal_in_any_case(unit, known.name) && !equal_in_any_case(unit, known.short_name)) continue;
    if (*number > std::numeric_limits<std::uint64_t>::max() >> known.shift) return std::nullopt;
    return *number << known.shift;
  }
  return std::nullopt;
}

}  // namespace tcpdiag
