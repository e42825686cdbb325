// SPDX-License-Identifier: Apache-2.0
// The words of a command line that are this program's own, and so tell nothing of who typed them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag::redact {

inline constexpr std::string_view kRedactedWord = "(redacted)";

// What the command line's tables say; whoever parses it knows.
struct OwnWords {
  std::vector<std::string> commands;
  std::vector<std::string> options;  // with their dashes: "-A", "--remote"
  // Whether a value of this option names nothing and nobody: a time, a size, a word that the program gave.
  std::function<bool(std::string_view option, std::string_view value)> is_plain;
};

// Keeps the program's name (without its path), the command, options and their plain values. Every other word becomes
// kRedactedWord: also short options with their value in the same word (-A10.0.0.1), and whatever follows "--". Doing it
// twice changes nothing more.
std::vector<std::string> redacted_command(const std::vector<std::string>& words, const OwnWords& own);

}  // namespace tcpdiag::redact
