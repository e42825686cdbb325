// SPDX-License-Identifier: Apache-2.0
// Writes JSON for people and programs alike: indented by one blank, but what is short, and lists of plain values
// however long (a series, a histogram's buckets), on one line. Only ASCII leaves here, so the file is safe to show on a
// terminal.
#include <algorithm>
#include <utility>

#include "report/json.h"

namespace tcpdiag::report {
namespace {

constexpr std::size_t kShort = 96;  // characters

std::string dump(const Json& value) { return value.dump(-1, ' ', true, Json::error_handler_t::replace); }

// Appends `value` on one line; false, with `out` in any state, as soon as it takes more than `limit` characters.
bool write_short(const Json& value, std::size_t limit, std::string& out) {
  if (!value.is_structured()) {
    out += dump(value);
    return out.size() <= limit;
  }
  out += value.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) out += ", ";
    first = false;
    if (value.is_object()) out += dump(item.key()) + ": ";
    if (!write_short(item.value(), limit, out)) return false;
  }
  out += value.is_object() ? '}' : ']';
  return out.size() <= limit;
}

bool is_plain_list(const Json& value) {
  return value.is_array() && std::none_of(value.begin(), value.end(), [](const Json& v) { return v.is_structured(); });
}

bool is_list_of_numbers(const Json& value) {
  return is_plain_list(value) && std::none_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
}

// Lists of numbers, and lists of such lists: a line however long.
bool belongs_on_one_line(const Json& value) {
  return is_list_of_numbers(value) || (value.is_array() && std::all_of(value.begin(), value.end(), is_list_of_numbers));
}

void write(const Json& value, std::size_t depth, std::string& out) {
  if (!value.is_structured() || belongs_on_one_line(value)) {
    out += dump(value);
    return;
  }
  std::string one_line;
  if (write_short(value, kShort, one_line)) {
    out += one_line;
    return;
  }
  out += value.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) out += ',';
    first = false;
    out += '\n';
    out.append(depth + 1, ' ');
    if (value.is_object()) out += dump(item.key()) + ": ";
    write(item.value(), depth + 1, out);
  }
  out += '\n';
  out.append(depth, ' ');
  out += value.is_object() ? '}' : ']';
}

}  // namespace

void JsonDocument::begin_member(std::string_view key) {
  text_ += text_.empty() ? "{\n " : ",\n ";
  text_ += dump(Json(key)) + ": ";
}

void JsonDocument::add(std::string_view key, const Json& value) {
  begin_member(key);
  write(value, 1, text_);
}

void JsonDocument::add_list(std::string_view key, std::size_t n, const std::function<Json(std::size_t)>& entry) {
  begin_member(key);
  text_ += '[';
  for (std::size_t i = 0; i < n; ++i) {
    text_ += i == 0 ? "\n  " : ",\n  ";
    write(entry(i), 2, text_);
  }
  text_ += n == 0 ? "]" : "\n ]";
}

std::string JsonDocument::take() {
  text_ += text_.empty() ? "{}\n" : "\n}\n";
  return std::move(text_);
}

std::string json_line(const Json& value) { return dump(value); }

void JsonLine::begin_member(std::string_view key) {
  text_ += text_.empty() ? '{' : ',';
  text_ += dump(Json(key)) + ':';
}

void JsonLine::add(std::string_view key, const Json& value) {
  begin_member(key);
  text_ += dump(value);
}

void JsonLine::add_list(std::string_view key, std::size_t n, const std::function<Json(std::size_t)>& entry) {
  begin_member(key);
  text_ += '[';
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) text_ += ',';
    text_ += dump(entry(i));
  }
  text_ += ']';
}

std::string JsonLine::take() {
  text_ += text_.empty() ? "{}" : "}";
  return std::move(text_);
}

}  // namespace tcpdiag::report
