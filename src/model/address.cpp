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
constexpr Address kAnyV4{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};

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

// --- tokens ---

constexpr std::array<std::uint8_t, 10> kTokenPrefix{0x01, 0, 0, 0, 0, 0, 0, 0, 't', 'd'};
constexpr std::size_t kClassByte = kTokenPrefix.size();
constexpr std::size_t kFamilyByte = kClassByte + 1;
constexpr std::size_t kNumberByte = kFamilyByte + 1;

struct ClassName {
  AddressClass address_class;
  std::string_view name;
};
constexpr std::array kClassNames{
    ClassName{AddressClass::kPublic, "public"}, ClassName{AddressClass::kPrivate, "private"},
    ClassName{AddressClass::kLoopback, "loopback"}, ClassName{AddressClass::kLinkLocal, "link-local"}};

std::string_view name_of(AddressClass address_class) {
  const auto found = std::ranges::find(kClassNames, address_class, &ClassName::address_class);
  return found == kClassNames.end() ? std::string_view() : found->name;
}

std::string token_to_string(const std::array<std::uint8_t, 16>& bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = kNumberByte; i < bytes.size(); ++i) number = number << 8 | bytes[i];
  return fmt::format("{}-v{}-{}", name_of(static_cast<AddressClass>(bytes[kClassByte])), bytes[kFamilyByte], number);
}

// "private-v4-1". The number is written in one way only.
std::optional<Address> parse_token(std::string_view text) {
  for (const ClassName& known : kClassNames) {
    if (!text.starts_with(known.name)) continue;
    std::string_view rest = text.substr(known.name.size());
    if (!rest.starts_with("-v4-") && !rest.starts_with("-v6-")) continue;
    const int family = rest[2] - '0';
    rest.remove_prefix(4);
    std::uint32_t number = 0;
    const char* const end = rest.data() + rest.size();
    const auto [stopped_at, error] = std::from_chars(rest.data(), end, number);
    if (error != std::errc{} || stopped_at != end || (rest.size() > 1 && rest.front() == '0')) return std::nullopt;
    return Address::redacted(known.address_class, family, number);
  }
  return std::nullopt;
}

Address masked(Address address, int prefix_length) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const int bits = std::clamp(prefix_length - static_cast<int>(8 * i), 0, 8);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00 >> bits));
  }
  return address;
}

}  // namespace

bool Address::is_v4() const {
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) return true;
  return bytes[0] == kTokenPrefix[0] && is_redacted() && bytes[kFamilyByte] == 4;
}

AddressClass Address::address_class() const {
  if (is_redacted()) return static_cast<AddressClass>(bytes[kClassByte]);
  if (is_v4()) {
    const std::uint8_t* const v4 = &bytes[kMappedPrefixBytes];
    if (v4[0] == 127) return AddressClass::kLoopback;
    if (v4[0] == 169 && v4[1] == 254) return AddressClass::kLinkLocal;
    const bool is_private = v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168) ||
                            (v4[0] == 100 && (v4[1] & 0xc0) == 64);
    return is_private ? AddressClass::kPrivate : AddressClass::kPublic;
  }
  const bool all_but_last_zero = std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
  if (all_but_last_zero && bytes.back() == 1) return AddressClass::kLoopback;
  if ((bytes[0] & 0xfe) == 0xfc) return AddressClass::kPrivate;
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return AddressClass::kLinkLocal;
  return AddressClass::kPublic;
}

Address Address::redacted(AddressClass address_class, int family, std::uint32_t number) {
  Address token;
  std::ranges::copy(kTokenPrefix, token.bytes.begin());
  token.bytes[kClassByte] = static_cast<std::uint8_t>(address_class);
  token.bytes[kFamilyByte] = family == 4 ? 4 : 6;
  for (std::size_t i = token.bytes.size(); i-- > kNumberByte; number >>= 8) {
    token.bytes[i] = static_cast<std::uint8_t>(number & 0xff);
  }
  return token;
}

bool Address::is_redacted() const {
  if (!std::equal(kTokenPrefix.begin(), kTokenPrefix.end(), bytes.begin())) return false;
  const bool has_family = bytes[kFamilyByte] == 4 || bytes[kFamilyByte] == 6;
  return has_family && !name_of(static_cast<AddressClass>(bytes[kClassByte])).empty();
}

bool Address::is_unspecified() const {
  const std::size_t from = is_v4() ? kMappedPrefixBytes : 0;
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), [](auto b) { return b == 0; });
}

std::string Address::to_string() const {
  if (is_redacted()) return token_to_string(bytes);
  if (is_v4()) return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return v6_to_string(bytes);
}

std::optional<Address> Address::parse(std::string_view text) {
  if (const std::optional<Address> token = parse_token(text)) return token;
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

bool Cidr::contains(const Address& a) const {
  if (address.is_redacted()) return a == address;
  if (a.is_redacted()) {
    if (prefix_length <= 0) return true;
    return a.is_v4() && prefix_length <= kMappedPrefixBits &&
           masked(kAnyV4, prefix_length) == masked(address, prefix_length);
  }
  return masked(a, prefix_length) == masked(address, prefix_length);
}

Address Cidr::first() const { return address.is_redacted() ? address : masked(address, prefix_length); }

std::string Cidr::to_string() const {
  if (address.is_redacted()) {
    if (prefix_length >= kAddressBits) return address.to_string();
    const int shown = address.is_v4() ? std::max(prefix_length - kMappedPrefixBits, 0) : prefix_length;
    return fmt::format("{}/{}", address.to_string(), shown);
  }
  const Address block = first();
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
  const bool is_token = address->is_redacted() && address_text.find(':') == std::string_view::npos;
  const bool written_as_v4 = is_token ? address->is_v4() : address_text.find(':') == std::string_view::npos;
  const int longest = written_as_v4 ? kAddressBits - kMappedPrefixBits : kAddressBits;
  unsigned length = 0;
  const char* const end = length_text.data() + length_text.size();
  const auto [stopped_at, error] = std::from_chars(length_text.data(), end, length);
  if (error != std::errc{} || stopped_at != end || length > static_cast<unsigned>(longest)) return std::nullopt;
  const int prefix_length = static_cast<int>(length) + (kAddressBits - longest);
  return Cidr{is_token ? *address : masked(*address, prefix_length), prefix_length};
}

std::string SocketAddress::to_string() const {
  const bool has_colons = !address.is_v4() && !address.is_redacted();
  const std::string host = has_colons ? "[" + address.to_string() + "]" : address.to_string();
  return port == 0 ? host + ":?" : fmt::format("{}:{}", host, port);
}

}  // namespace tcpdiag::model
