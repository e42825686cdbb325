// SPDX-License-Identifier: Apache-2.0
#include "redact/tokens.h"

#include <fmt/format.h>

#include <algorithm>

namespace tcpdiag::redact {
namespace {

std::uint32_t number_after(std::size_t count, bool beside) {
  return static_cast<std::uint32_t>(count) + (beside ? kBeside : 1);
}

// Digits behind the prefix, in the one way in which they are written.
bool is_token(std::string_view text, std::string_view prefix) {
  constexpr std::size_t kLongest = 10;
  if (!text.starts_with(prefix)) return false;
  const std::string_view number = text.substr(prefix.size());
  const bool is_number =
      !number.empty() && number.size() <= kLongest && number.find_first_not_of("0123456789") == std::string_view::npos;
  return is_number && (number.size() == 1 || number.front() != '0');
}

}  // namespace

model::Address AddressTokens::token(const model::Address& original, Origin origin) {
  if (original.is_unspecified()) return original;
  if (origin == Origin::kRedacted && original.is_redacted()) return original;
  if (const auto known = tokens_.find(original); known != tokens_.end()) return known->second;
  // In a raw stream a token's bytes are an address that somebody forged: inside 0100::/64.
  const bool is_forged = original.is_redacted();
  const model::AddressClass address_class = is_forged ? model::AddressClass::kPublic : original.address_class();
  const int family = is_forged ? 6 : original.family();
  if (tokens_.size() >= kMost) return model::Address::redacted(address_class, family, 0);
  std::uint32_t& count = counts_[static_cast<std::size_t>(address_class)][family == 4 ? 0 : 1];
  const auto token = model::Address::redacted(address_class, family, number_after(count, beside_));
  ++count;
  return tokens_.emplace(original, token).first->second;
}

std::string NameTokens::token(std::string_view original, Origin origin) {
  if (original.empty() || (origin == Origin::kRedacted && is_token(original, prefix_))) return std::string(original);
  auto known = numbers_.find(original);
  if (known == numbers_.end()) {
    if (numbers_.size() >= kMost) return fmt::format("{}0", prefix_);
    known = numbers_.emplace(std::string(original), number_after(numbers_.size(), beside_)).first;
  }
  return fmt::format("{}{}", prefix_, known->second);
}

}  // namespace tcpdiag::redact
