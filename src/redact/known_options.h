// SPDX-License-Identifier: Apache-2.0
// The words of a command line that are this program's own, and so tell nothing of who typed them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag::redact {

inline constexpr std::string_view kRedactedWord = "(redacted)";

// Every option of every command, with its dashes: "-A", "--remote".
std::span<const std::string_view> known_options();

// Keeps the program's name (without its path), the command and known options; of "--option=value" what stands before
// the value. Every other word becomes kRedactedWord: also short options with their value in the same word (-A10.0.0.1),
// and whatever follows "--". Doing it twice changes nothing more.
std::vector<std::string> redacted_command(const std::vector<std::string>& words);

}  // namespace tcpdiag::redact
