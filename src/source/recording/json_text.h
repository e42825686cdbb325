// SPDX-License-Identifier: Apache-2.0
// Lists and maps of a record as the JSON text of one column.
//
//   [1, 2]   ["a", "b"]   [{"name": "eth0", ...}]   {"bw_in": 12}
//
// Text that is no valid UTF-8 is {"hex": "c328"}. A map with such a key is a list of [key, value] instead.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tcpdiag::recording {

template <typename T>
inline constexpr bool kIsList = false;
template <typename T>
inline constexpr bool kIsList<std::vector<T>> = true;
template <typename T>
concept Map = requires {
  typename T::mapped_type;
};
template <typename T>
concept Container = kIsList<T> || Map<T>;

// Both are defined for the containers that the model has.
template <Container T>
std::string to_json_text(const T& container);
// What is wrong with it, in words that follow its name; nullptr: nothing.
template <Container T>
const char* from_json_text(std::string_view text, T& container);

// What is read at most, whatever the file claims: deeper than anything that is written, and more than the arguments
// that Linux gives to a program.
inline constexpr int kMaxJsonDepth = 8;
inline constexpr std::size_t kMaxJsonValues = 1'000'000;

}  // namespace tcpdiag::recording
