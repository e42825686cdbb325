// SPDX-License-Identifier: Apache-2.0
// Addresses as text, both ways. Pure: no resolver, no locale, no scope ids.
#include "model/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tcpdiag::model {
namespace {

constexpr std::size_t kMappedPrefixBytes = 12;
constexpr int kMappedPrefixBits = 96;
constexpr int kAddressBits = 128;
constexpr std::array<std::uint8_t, kMappedPrefixBytes> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// RFC 5952: lower case, no leading zeros, "::" for the longest run of at least two zero groups, the first of equals.
// Own code, because inet_ntop() prints ::1:2 as the deprecated ::0.1.0.2.
std::string v6_to_string(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
  }
  std::size_t run_at = groups.size();
  std::size_t run_length = 1;  // a run of one is not shortened (section 4.2.2)
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_at = i;
      run_length = end - i;
    }
    i = end + 1;
  }
  std::string text;
  for (std::size_t i = 0; i < groups.size();) {
    if (i == run_at) {
      text += "::";
      i += run_length;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
    ++i;
  }
  return text;
}

Address masked(Address address, int prefix_length) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const int bits = std::clamp(prefix_length - static_cast<int>(8 * i), 0, 8);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00 >> bits));
  }
  return address;
}

}  // namespace

bool Address::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin()); }

bool Address::is_unspecified() const {
  const std::size_t from = is_v4() ? kMappedPrefixBytes : 0;
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), [](auto b) { return b == 0; });
}

std::string Address::to_string() const {
  if (is_v4()) return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return v6_to_string(bytes);
}

std::optional<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};  // inet_pton() wants a terminator; no valid text is longer
  if (text.empty() || text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(copy.data(), text.data(), text.size());
  Address address;
  if (text.find(':') != std::string_view::npos) {
    if (::inet_pton(AF_INET6, copy.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, copy.data(), address.bytes.data() + kMappedPrefixBytes) != 1) return std::nullopt;
  return address;
}

bool Cidr::contains(const Address& a) const { return masked(a, prefix_length) == masked(address, prefix_length); }

std::string Cidr::to_string() const {
  const Address block = masked(address, prefix_length);
  if (prefix_length >= kAddressBits) return block.to_string();
  if (prefix_length >= kMappedPrefixBits && block.is_v4()) {
    return fmt::format("{}/{}", block.to_string(), prefix_length - kMappedPrefixBits);
  }
  return fmt::format("{}/{}", block.to_string(), prefix_length);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const std::optional<Address> address = Address::parse(address_text);
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr{*address, kAddressBits};

  const std::string_view length_text = text.substr(slash + 1);
  const bool written_as_v4 = address_text.find(':') == std::string_view::npos;
  const int longest = written_as_v4 ? kAddressBits - kMappedPrefixBits : kAddressBits;
  unsigned length = 0;
  const char* const end = length_text.data() + length_text.size();
  const auto [stopped_at, error] = std::from_chars(length_text.data(), end, length);
  if (error != std::errc{} || stopped_at != end || length > static_cast<unsigned>(longest)) return std::nullopt;
  const int prefix_length = static_cast<int>(length) + (kAddressBits - longest);
  return Cidr{masked(*address, prefix_length), prefix_length};
}

std::string SocketAddress::to_string() const {
  const std::string host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
  return port == 0 ? host + ":?" : fmt::format("{}:{}", host, port);
}

}  // namespace tcpdiag::model
