// SPDX-License-Identifier: Apache-2.0
// IP addresses and ports. An IPv4 address is held v4-mapped (::ffff:a.b.c.d), so that an IPv4 peer of an AF_INET6
// socket and of an AF_INET socket are one and the same (RFC 4291 section 2.5.5.2).
//
// Where a report must not tell addresses, each is replaced by a token, which is an Address too: it lies in the
// discard-only prefix 0100::/64 (RFC 6666), whose addresses no connection can have, and holds a mark, the class and the
// family of the original, and a number:
//
//   0100:0000:0000:0000 | 't' 'd' | class | family | number, big-endian
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tcpdiag::model {

// kPrivate: RFC 1918, 100.64.0.0/10 (RFC 6598), fc00::/7 (RFC 4193). kLinkLocal: 169.254.0.0/16 (RFC 3927), fe80::/10.
enum class AddressClass : std::uint8_t { kPublic = 1, kPrivate, kLoopback, kLinkLocal };

struct Address {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Address&) const = default;
  bool is_v4() const;           // v4-mapped, or the token of such a one
  bool is_unspecified() const;  // 0.0.0.0 or ::
  bool is_loopback() const { return address_class() == AddressClass::kLoopback; }
  int family() const { return is_v4() ? 4 : 6; }
  AddressClass address_class() const;  // of a token: its original's

  // RFC 5952 for IPv6, dotted quad for IPv4; a token as "private-v4-1", "public-v6-3", "loopback-v4-1",
  // "link-local-v4-2". parse() takes back exactly these.
  std::string to_string() const;
  static std::optional<Address> parse(std::string_view text);

  // A token. family: 4 or 6.
  static Address redacted(AddressClass address_class, int family, std::uint32_t number);
  // All 16 bytes are a token's. A packet with a forged address may look so too: it is then shown like one, but where
  // addresses are replaced it is replaced like any other (redact::Redactor).
  bool is_redacted() const;
};

// An address block. prefix_length counts in the 128-bit form: an IPv4 /24 is 120. A block around a token stands for a
// block whose addresses are not told: what lies in it is not known, so it contains the token alone. And a token lies in
// no block but its own and those of a whole family (0.0.0.0/0, ::/0).
struct Cidr {
  Address address;
  int prefix_length = 128;

  auto operator<=>(const Cidr&) const = default;
  bool contains(const Address& a) const;
  Address first() const;  // the lowest address; of a token itself
  // As a person writes it: "10.0.0.0/24", "10.0.0.1", "private-v4-1/24".
  std::string to_string() const;
  static std::optional<Cidr> parse(std::string_view text);  // "10.0.0.0/24", "10.0.0.1", "fd00::/8"
};

struct SocketAddress {
  Address address;
  std::uint16_t port = 0;  // 0: not known yet

  auto operator<=>(const SocketAddress&) const = default;
  std::string to_string() const;  // "10.0.0.1:443", "[fd00::1]:443", "private-v6-1:443"
};

}  // namespace tcpdiag::model
