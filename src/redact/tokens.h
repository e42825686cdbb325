// SPDX-License-Identifier: Apache-2.0
// Originals and their tokens: the same original always the same token, counted up in the order of appearance.
//
// Memory is bounded: originals beyond kMost get number 0, all of them together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "model/address.h"

namespace tcpdiag::redact {

// Where the originals come from. kRedacted: from a Redactor before this one, so what has the form of a token is one and
// stays. What is met beside them is counted from kBeside (count_beside()), above all numbers that the first one can
// have given.
enum class Origin : std::uint8_t { kRaw, kRedacted };
inline constexpr std::uint32_t kBeside = 1'000'001;

class AddressTokens {
 public:
  static constexpr std::size_t kMost = 262'144;

  // From now on numbers are counted from kBeside, whatever the origin.
  void count_beside() { beside_ = true; }
  // Of 0.0.0.0 and :: itself: "any" tells nothing.
  model::Address token(const model::Address& original, Origin origin);

 private:
  std::map<model::Address, model::Address> tokens_;
  std::array<std::array<std::uint32_t, 2>, 5> counts_{};  // by class and family
  bool beside_ = false;
};

class NameTokens {
 public:
  static constexpr std::size_t kMost = 65'536;

  explicit NameTokens(std::string_view prefix) : prefix_(prefix) {}  // "process-": a static text
  void count_beside() { beside_ = true; }
  // "process-1"; of an empty name (not known) the empty one.
  std::string token(std::string_view original, Origin origin);

 private:
  std::string_view prefix_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  bool beside_ = false;
};

}  // namespace tcpdiag::redact
