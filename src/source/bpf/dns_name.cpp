// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/dns_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace tcpdiag::bpf {
namespace {

constexpr std::size_t kLongestLabel = 63;

void append(std::string& out, std::uint8_t octet) {
  if (octet <= ' ' || octet > '~') {
    fmt::format_to(std::back_inserter(out), "\\{:03}", octet);
    return;
  }
  if (octet == '.' || octet == '\\') out += '\\';
  const bool is_capital = octet >= 'A' && octet <= 'Z';
  out += static_cast<char>(is_capital ? octet - 'A' + 'a' : octet);
}

}  // namespace

std::string dns_name(std::span<const std::byte> bytes, bool is_cut) {
  std::string out;
  while (!bytes.empty()) {
    const auto length = std::to_integer<std::size_t>(bytes.front());
    bytes = bytes.subspan(1);
    if (length == 0) return out.empty() ? "." : out;
    if (length > kLongestLabel) return {};
    if (!out.empty()) out += '.';
    const std::size_t here = std::min(length, bytes.size());
    for (const std::byte octet : bytes.first(here)) append(out, std::to_integer<std::uint8_t>(octet));
    bytes = bytes.subspan(here);
  }
  return is_cut ? out + "..." : std::string();
}

}  // namespace tcpdiag::bpf
