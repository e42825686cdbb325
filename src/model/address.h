// SPDX-License-Identifier: Apache-2.0
// IP addresses and ports. An IPv4 address is held v4-mapped (::ffff:a.b.c.d), so that an IPv4 peer of an AF_INET6
// socket and of an AF_INET socket are one and the same (RFC 4291 section 2.5.5.2).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tcpdiag::model {

struct Address {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Address&) const = default;
  bool is_v4() const;           // v4-mapped
  bool is_unspecified() const;  // 0.0.0.0 or ::
  int family() const { return is_v4() ? 4 : 6; }
  std::string to_string() const;  // RFC 5952 for IPv6, dotted quad for IPv4
  static std::optional<Address> parse(std::string_view text);
};

// An address block. prefix_length counts in the 128-bit form: an IPv4 /24 is 120.
struct Cidr {
  Address address;
  int prefix_length = 128;

  auto operator<=>(const Cidr&) const = default;
  bool contains(const Address& a) const;
  std::string to_string() const;                            // as a person writes it: "10.0.0.0/24", "10.0.0.1"
  static std::optional<Cidr> parse(std::string_view text);  // "10.0.0.0/24", "10.0.0.1", "fd00::/8"
};

struct SocketAddress {
  Address address;
  std::uint16_t port = 0;  // 0: not known yet

  auto operator<=>(const SocketAddress&) const = default;
  std::string to_string() const;  // "10.0.0.1:443", "[fd00::1]:443"
};

}  // namespace tcpdiag::model
