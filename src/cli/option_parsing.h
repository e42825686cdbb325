// SPDX-License-Identifier: Apache-2.0
// What the options of all commands have in common: how often they may be given, how many values they take, and the
// errors (kUsage), which name the option, the value and what would have been right.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/escape.h"
#include "util/number.h"
#include "util/result.h"

namespace tcpdiag::cli {

// As CLI11 collected them: one string for each time that the option was given.
using Typed = std::vector<std::string>;

inline auto wrong_value(std::string_view option, std::string_view value, std::string_view noun, std::string_view hint) {
  return fail(ExitCode::kUsage, fmt::format("{}: invalid {} '{}'", option, noun, escape_terminal(value)),
              std::string(hint));
}

inline auto contradiction(std::string what, std::string hint) {
  return fail(ExitCode::kUsage, std::move(what), std::move(hint));
}

// "-D --force" is an option whose value was forgotten, not a value that begins with a dash.
inline Result<> check_present(std::string_view option, std::string_view value) {
  if (value.empty()) return fail(ExitCode::kUsage, fmt::format("{} needs a value", option), "see --help");
  if (value.size() > 1 && value.front() == '-') {
    return fail(ExitCode::kUsage, fmt::format("{} needs a value, not '{}'", option, escape_terminal(value)),
                "see --help");
  }
  return {};
}

// All values of an option that may be repeated and takes lists; each once, in the order typed.
template <typename T, typename Parse>
Result<std::vector<T>> list_of(std::string_view option, const Typed& typed, Parse parse, std::string_view noun,
                               std::string_view hint) {
  std::vector<T> values;
  for (const std::string& text : typed) {
    if (const Result<> present = check_present(option, text); !present) return tl::unexpected(present.error());
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const std::string_view part = std::string_view(text).substr(begin, end - begin);
      std::optional<T> value = parse(part);
      if (!value) return wrong_value(option, part, noun, hint);
      if (std::ranges::find(values, *value) == values.end()) values.push_back(std::move(*value));
      begin = end + 1;
    }
  }
  return values;
}

// The value of an option that takes one.
template <typename T, typename Parse>
Result<std::optional<T>> one_of(std::string_view option, const Typed& typed, Parse parse, std::string_view noun,
                                std::string_view hint) {
  if (typed.empty()) return std::optional<T>();
  if (typed.size() > 1) return contradiction(fmt::format("{} is given twice", option), "give it once");
  if (const Result<> present = check_present(option, typed[0]); !present) return tl::unexpected(present.error());
  std::optional<T> value = parse(typed[0]);
  if (!value) return wrong_value(option, typed[0], noun, hint);
  return value;
}

template <typename T>
auto number_from_to(T low, T high) {
  return [low, high](std::string_view text) {
    const std::optional<T> value = parse_number<T>(text);
    return value && *value >= low && *value <= high ? value : std::nullopt;
  };
}

template <typename T>
auto one_word_of(std::vector<std::pair<std::string_view, T>> words) {
  return [words = std::move(words)](std::string_view text) -> std::optional<T> {
    for (const auto& [word, value] : words) {
      if (text == word) return value;
    }
    return std::nullopt;
  };
}

}  // namespace tcpdiag::cli
