// SPDX-License-Identifier: Apache-2.0
#include "host/instance.h"

#include <algorithm>

#include "util/io.h"

namespace tcpdiag::host {
namespace {

constexpr std::size_t kLongestType = 64;  // the longest that exist have 20

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

std::string line_of(const std::string& path) {
  const std::string text = read_small_file(path).value_or(std::string{});
  return text.substr(0, text.find('\n'));
}

}  // namespace

bool is_instance_type(std::string_view text) {
  const auto fits = [](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kLongestType && is_lower(text.front()) && std::ranges::all_of(text, fits);
}

std::optional<std::string> instance_type_from_dmi(const std::string& dmi) {
  if (line_of(dmi + "/sys_vendor") != "Amazon EC2") return std::nullopt;
  std::string type = line_of(dmi + "/product_name");
  // Each type is family.size; another word would be the name of something else.
  if (!is_instance_type(type) || type.find('.') == std::string::npos) return std::nullopt;
  return type;
}

}  // namespace tcpdiag::host
