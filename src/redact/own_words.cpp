// SPDX-License-Identifier: Apache-2.0
#include "redact/own_words.h"

#include <algorithm>

namespace tcpdiag::redact {
namespace {

constexpr std::string_view kProgram = "tcpdiag";

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// `before`: the option that this word may be the value of; empty: none.
std::string redacted_word(std::string_view word, std::string_view before, const OwnWords& own) {
  if (contains(own.options, word)) return std::string(word);
  if (!before.empty() && own.is_plain(before, word)) return std::string(word);
  const std::size_t equals = word.find('=');
  const std::string_view option = word.substr(0, equals);
  if (equals == std::string_view::npos || !word.starts_with("--") || !contains(own.options, option)) {
    return std::string(kRedactedWord);
  }
  const std::string_view value = word.substr(equals + 1);
  return std::string(word.substr(0, equals + 1)).append(own.is_plain(option, value) ? value : kRedactedWord);
}

}  // namespace

std::vector<std::string> redacted_command(const std::vector<std::string>& words, const OwnWords& own) {
  std::vector<std::string> redacted;
  redacted.reserve(words.size());
  bool has_command = false;
  bool has_ended = false;  // "--" has passed
  std::string_view before;
  for (const std::string_view word : words) {
    if (redacted.empty()) {
      const bool is_program = word.substr(word.find_last_of('/') + 1) == kProgram;
      redacted.emplace_back(is_program ? kProgram : kRedactedWord);
      continue;
    }
    // The first such word is the command; a later one may be somebody's name.
    const bool is_command = !has_command && !has_ended && contains(own.commands, word);
    if (is_command || (word == "--" && !has_ended)) {
      redacted.emplace_back(word);
    } else {
      redacted.push_back(has_ended ? std::string(kRedactedWord) : redacted_word(word, before, own));
    }
    before = contains(own.options, word) ? word : std::string_view();
    has_command = has_command || is_command;
    has_ended = has_ended || word == "--";
  }
  return redacted;
}

}  // namespace tcpdiag::redact
