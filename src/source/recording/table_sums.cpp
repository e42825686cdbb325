// SPDX-License-Identifier: Apache-2.0
#include "source/recording/table_sums.h"

#include <algorithm>
#include <bit>
#include <variant>

namespace tcpdiag::recording {
namespace {

enum Kind : std::uint64_t { kNull = 0, kInteger = 1, kReal = 2, kText = 3 };

}  // namespace

// One to one in each of its arguments: no single value can change and leave the hash as it was.
void RowHash::mix(std::uint64_t kind, std::uint64_t word) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  state_ = ((state_ + kind) ^ word) * kOdd;
  state_ ^= state_ >> 32U;
}

void RowHash::add(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    mix(kInteger, static_cast<std::uint64_t>(*number));
  } else if (const auto* real = std::get_if<double>(&value)) {
    mix(kReal, std::bit_cast<std::uint64_t>(*real));
  } else if (const auto text = text_of(value)) {
    mix(kText, text->size());
    for (std::size_t at = 0; at < text->size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      const std::size_t end = std::min(text->size(), at + sizeof(word));
      for (std::size_t i = end; i > at; --i) word = word << 8U | static_cast<unsigned char>((*text)[i - 1]);
      mix(kText, word);
    }
  } else {
    mix(kNull, 0);
  }
}

std::uint64_t hash_of_row(const Statement& row) {
  RowHash hash;
  for (std::size_t column = 0; column < row.columns(); ++column) hash.add(row.at(column));
  return hash.value();
}

}  // namespace tcpdiag::recording
