// SPDX-License-Identifier: Apache-2.0
#include "source/recording/json_text.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "source/recording/value.h"
#include "util/escape.h"
#include "util/number.h"

namespace tcpdiag::recording {
namespace {

using Json = nlohmann::json;  // not ordered_json: its search for a key is linear, and a file may hold a million

// --- text ---

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Json text_json(std::string_view text) {
  if (is_valid_utf8(text)) return text;
  std::string hex;
  for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return {{"hex", std::move(hex)}};
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return std::nullopt;
}

std::optional<std::string> json_to_text(const Json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>();
  if (!json.is_object() || json.size() != 1 || json.begin().key() != "hex" || !json.begin()->is_string()) return {};
  const auto& hex = json.begin()->get_ref<const std::string&>();
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto high = hex_digit(hex[i]);
    const auto low = hex_digit(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    text += static_cast<char>(*high << 4 | *low);
  }
  return hex.size() % 2 == 0 ? std::optional(std::move(text)) : std::nullopt;
}

// --- values ---

Json value_json(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto text = text_of(value)) return text_json(*text);
  return nullptr;
}

std::optional<Value> json_to_value(const Json& json) {
  if (json.is_null()) return Value();
  if (json.is_number_unsigned()) {  // which is what a positive integer is parsed as
    const auto number = json.get<std::uint64_t>();
    if (number > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (auto text = json_to_text(json)) return Value(std::move(*text));
  return std::nullopt;
}

// A flag is true or false in JSON, but 0 or 1 in a column.
Json to_json(bool flag) { return flag; }
template <typename T>
Json to_json(const T& value) {
  if constexpr (Map<T>) {
    constexpr bool kTextKeys = std::is_same_v<typename T::key_type, std::string>;
    Json object = Json::object();
    Json pairs = Json::array();
    bool as_object = true;
    for (const auto& [key, mapped] : value) {
      if constexpr (kTextKeys) {
        as_object = as_object && is_valid_utf8(key);
        if (as_object) object[key] = to_json(mapped);
        pairs.push_back({text_json(key), to_json(mapped)});
      } else {
        object[std::to_string(key)] = to_json(mapped);
      }
    }
    return as_object ? object : pairs;
  } else if constexpr (kIsList<T>) {
    Json list = Json::array();
    for (const auto& each : value) list.push_back(to_json(each));
    return list;
  } else if constexpr (model::HasFields<T>) {
    Json object = Json::object();
    model::for_each_field<T>(
        [&](const auto& field) { object[std::string(field.name)] = to_json(value.*field.member); });
    return object;
  } else {
    return value_json(to_value(value));
  }
}

template <typename T>
const char* from_json(const Json& json, T& value);

constexpr const char* kNoMap = "is not a map";

template <Map T>
const char* pair_from_json(const Json& key, const Json& mapped, T& map) {
  typename T::key_type name{};
  if constexpr (std::is_same_v<typename T::key_type, std::string>) {
    auto text = json_to_text(key);
    if (!text) return kNoMap;
    name = std::move(*text);
  } else {
    const auto number = parse_number<typename T::key_type>(key.get_ref<const std::string&>());
    if (!number) return kNoMap;
    name = *number;
  }
  typename T::mapped_type content{};
  if (const char* wrong = from_json(mapped, content)) return wrong;
  return map.emplace(std::move(name), std::move(content)).second ? nullptr : "has a key twice";
}

template <Map T>
const char* map_from_json(const Json& json, T& map) {
  if (json.is_object()) {
    for (const auto& [key, mapped] : json.items()) {
      if (const char* wrong = pair_from_json(Json(key), mapped, map)) return wrong;
    }
    return nullptr;
  }
  if (!json.is_array() || !std::is_same_v<typename T::key_type, std::string>) return kNoMap;
  for (const Json& pair : json) {
    if (!pair.is_array() || pair.size() != 2) return kNoMap;
    if (const char* wrong = pair_from_json(pair[0], pair[1], map)) return wrong;
  }
  return nullptr;
}

template <typename T>
const char* from_json(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return "holds something else than true and false";
    value = json.get<bool>();
    return nullptr;
  } else if constexpr (Map<T>) {
    return map_from_json(json, value);
  } else if constexpr (kIsList<T>) {
    if (!json.is_array()) return "is not a list";
    value.reserve(json.size());
    for (const Json& each : json) {
      if (const char* wrong = from_json(each, value.emplace_back())) return wrong;
    }
    return nullptr;
  } else if constexpr (model::HasFields<T>) {
    if (!json.is_object()) return "holds something else than objects";
    const char* wrong = nullptr;
    model::for_each_field<T>([&](const auto& field) {
      if (wrong != nullptr) return;
      const auto found = json.find(std::string(field.name));
      wrong = found == json.end() ? "lacks a key" : from_json(*found, value.*field.member);
      if (wrong == nullptr) wrong = wrong_unit(field.name, value.*field.member);
    });
    return wrong != nullptr ? wrong : wrong_in(value);
  } else {
    const std::optional<Value> found = json_to_value(json);
    return found ? from_value(*found, value) : "holds something of the wrong type";
  }
}

// Before anything is allocated for it.
bool is_bounded(std::string_view text) {
  int depth = 0;
  std::size_t values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++values;
      if (++depth > kMaxJsonDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',') {
      ++values;
    }
  }
  return values <= kMaxJsonValues;
}

}  // namespace

template <Container T>
std::string to_json_text(const T& container) {
  return to_json(container).dump();
}

template <Container T>
const char* from_json_text(std::string_view text, T& container) {
  if (!is_bounded(text)) return "is nested too deeply or too long";
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return "is not JSON";
  return from_json(json, container);
}

#define TCPDIAG_JSON_TEXT(...)                           \
  template std::string to_json_text(const __VA_ARGS__&); \
  template const char* from_json_text(std::string_view, __VA_ARGS__&)

TCPDIAG_JSON_TEXT(std::vector<std::string>);
TCPDIAG_JSON_TEXT(std::vector<std::uint16_t>);
TCPDIAG_JSON_TEXT(std::vector<std::uint32_t>);
TCPDIAG_JSON_TEXT(std::vector<int>);
TCPDIAG_JSON_TEXT(std::vector<model::Feature>);
TCPDIAG_JSON_TEXT(std::vector<model::BusyEndpoint>);
TCPDIAG_JSON_TEXT(std::vector<model::CgroupFilter>);
TCPDIAG_JSON_TEXT(std::vector<model::Cidr>);
TCPDIAG_JSON_TEXT(std::vector<model::ExpressionStep>);
TCPDIAG_JSON_TEXT(std::vector<model::ListenQueue>);
TCPDIAG_JSON_TEXT(std::vector<model::NetnsInfo>);
TCPDIAG_JSON_TEXT(std::vector<model::OtherNetns>);
TCPDIAG_JSON_TEXT(std::map<std::uint32_t, std::string>);
TCPDIAG_JSON_TEXT(std::map<std::string, std::uint64_t>);

#undef TCPDIAG_JSON_TEXT

}  // namespace tcpdiag::recording
