// SPDX-License-Identifier: Apache-2.0
// What one column, or one place in a JSON text, holds; and how the model's values become one and are read from one.
//
// Reading checks the range, whatever the file says: from_value() says what is wrong, in words that follow the value's
// name ("is not a port"), or nullptr.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "model/fields.h"
#include "source/recording/enum_names.h"

namespace tcpdiag::recording {

// Text is any bytes. A string_view refers to the record that is being written or to the row that is being read.
using Value = std::variant<std::monostate, std::int64_t, double, std::string_view, std::string>;

inline std::optional<std::string_view> text_of(const Value& value) {
  if (const auto* view = std::get_if<std::string_view>(&value)) return *view;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::nullopt;
}

// Bounds of times, so that differences of two, and a wall time plus such a difference, fit into 63 bits:
// CLOCK_MONOTONIC from -36 years to 109 years (until 2079, should a source count it from 1970), wall time until 2116.
inline constexpr std::int64_t kEarliestNs = -(std::int64_t{1} << 60);
inline constexpr std::int64_t kLatestNs = (std::int64_t{1} << 61) + (std::int64_t{1} << 60);
inline constexpr std::int64_t kLatestWallNs = std::int64_t{1} << 62;
inline constexpr std::int64_t kLongestNs = std::int64_t{1} << 61;

enum class ColumnType : std::uint8_t { kInteger, kReal, kText };

template <typename T>
inline constexpr bool kIsTime =
    std::is_same_v<T, model::MonoTime> || std::is_same_v<T, model::WallTime> || std::is_same_v<T, model::Duration>;

template <typename T>
concept Enum = std::is_enum_v<T>;

// --- what a value becomes ---

template <std::integral T>
Value to_value(T number) {
  return static_cast<std::int64_t>(number);  // 2^63 and more become negative, and come back as they were
}
inline Value to_value(double number) { return number; }
inline Value to_value(const std::string& text) { return std::string_view(text); }
inline Value to_value(const model::Address& address) { return address.to_string(); }
inline Value to_value(model::SocketId id) { return to_value(id.value); }
inline Value to_value(model::Duration duration) { return std::int64_t{duration.count()}; }
inline Value to_value(model::MonoTime time) { return std::int64_t{time.time_since_epoch().count()}; }
inline Value to_value(model::WallTime time) { return std::int64_t{time.time_since_epoch().count()}; }
template <Enum T>
Value to_value(T value) {
  static_assert(!kEnumNames<T>.empty());
  const auto index = static_cast<std::size_t>(value);
  return index < kEnumNames<T>.size() ? kEnumNames<T>[index] : std::string_view();
}
template <typename T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value();
}

// --- and what is read from one ---

template <std::integral T>
const char* from_value(const Value& value, T& number) {
  const auto* found = std::get_if<std::int64_t>(&value);
  if (found == nullptr) return "is not an integer";
  if constexpr (sizeof(T) < sizeof(std::int64_t)) {
    if (*found < std::numeric_limits<T>::min() || *found > std::numeric_limits<T>::max()) return "is out of range";
  }
  number = static_cast<T>(*found);
  return nullptr;
}

inline const char* from_value(const Value& value, double& number) {
  constexpr double kLargest = 1e15;  // nothing that is measured here comes near
  const auto* found = std::get_if<double>(&value);
  if (found == nullptr) return "is not a number";
  if (!(std::abs(*found) <= kLargest)) return "is out of range";
  number = *found;
  return nullptr;
}

inline const char* from_value(const Value& value, std::string& text) {
  const std::optional<std::string_view> found = text_of(value);
  if (!found) return "is not text";
  text = *found;
  return nullptr;
}

inline const char* from_value(const Value& value, model::Address& address) {
  const std::optional<std::string_view> text = text_of(value);
  const std::optional<model::Address> parsed = text ? model::Address::parse(*text) : std::nullopt;
  if (!parsed) return "is not an address";
  address = *parsed;
  return nullptr;
}

inline const char* from_value(const Value& value, model::SocketId& id) { return from_value(value, id.value); }

template <typename Time>
requires kIsTime<Time>
const char* from_value(const Value& value, Time& time) {
  constexpr bool kIsDuration = std::is_same_v<Time, model::Duration>;
  constexpr bool kIsWall = std::is_same_v<Time, model::WallTime>;
  constexpr std::int64_t kFrom = kIsDuration ? -kLongestNs : kIsWall ? 0 : kEarliestNs;
  constexpr std::int64_t kTo = kIsDuration ? kLongestNs : kIsWall ? kLatestWallNs : kLatestNs;
  const auto* found = std::get_if<std::int64_t>(&value);
  if (found == nullptr) return "is not an integer";
  if (*found < kFrom || *found >= kTo) return "is out of range";
  time = Time(model::Duration(*found));
  return nullptr;
}

template <Enum T>
const char* from_value(const Value& value, T& result) {
  const std::optional<std::string_view> text = text_of(value);
  for (std::size_t i = 0; text && i < kEnumNames<T>.size(); ++i) {
    if (kEnumNames<T>[i] != *text) continue;
    result = static_cast<T>(i);
    return nullptr;
  }
  return "is not one of the allowed words";
}

template <typename T>
const char* from_value(const Value& value, std::optional<T>& result) {
  result.reset();
  if (std::holds_alternative<std::monostate>(value)) return nullptr;
  return from_value(value, result.emplace());
}

// --- a condition of a field's name: microseconds become nanoseconds ---

template <typename T>
const char* wrong_unit(std::string_view, const T&) {
  return nullptr;
}
inline const char* wrong_unit(std::string_view name, const std::uint64_t& number) {
  return name.ends_with("_us") && number > model::kLongestUs ? "is longer than any trace" : nullptr;
}
inline const char* wrong_unit(std::string_view name, const std::optional<std::uint64_t>& number) {
  return number ? wrong_unit(name, *number) : nullptr;
}

// --- conditions between fields, checked when all of a struct has been read ---

template <typename T>
const char* wrong_in(const T&) {
  return nullptr;
}
inline const char* wrong_in(const model::Cidr& block) {
  return block.prefix_length >= 0 && block.prefix_length <= 128 ? nullptr : "has a prefix that no address has";
}
inline const char* wrong_in(const model::HostInfo& host) {
  constexpr int kDay = 86400;
  return std::abs(host.utc_offset_s) <= kDay && host.cpus >= 0 ? nullptr
                                                               : "has an offset or a number of CPUs that no host has";
}
const char* wrong_in(const model::Filters& filters);
const char* wrong_in(const model::Expression& expression);

}  // namespace tcpdiag::recording
