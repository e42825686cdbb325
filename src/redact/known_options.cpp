// SPDX-License-Identifier: Apache-2.0
#include "redact/known_options.h"

#include <algorithm>
#include <array>

namespace tcpdiag::redact {
namespace {

constexpr std::array<std::string_view, 7> kCommands{"trace", "report", "diff", "size", "doctor", "export", "top"};

constexpr auto kOptions = std::to_array<std::string_view>({
    "-h",
    "--help",
    "--version",
    // which sockets
    "-p",
    "--pid",
    "--children",
    "--comm",
    "--cgroup",
    "-L",
    "--local-port",
    "-D",
    "--remote-port",
    "-a",
    "--local",
    "-A",
    "--remote",
    "-4",
    "-6",
    "--netns",
    "--role",
    // how long, and the report
    "-d",
    "--duration",
    "--from",
    "--to",
    "--floor",
    "--format",
    "-o",
    "--output",
    "-w",
    "--write",
    "--force",
    "--max-size",
    "--fail-on",
    "--sockets",
    "--events",
    "--max-events-per-second",
    "--redact",
    // limits of the network
    "--peer-instance",
    "--instance-type",
    "--imds",
    // bounds, and where the events come from
    "--ring-size",
    "--max-endpoints",
    "--budget",
    "--source",
    "-i",
    "--interface",
    "--host-is",
    "--vni",
    "--write-suspects",
    "--with-payload",
    "--listen",
    // size
    "--baseline",
    "--instance",
    "--response",
    "--request",
    "--rate",
    "--clients",
    "--mss",
    "--endpoint",
});

constexpr std::string_view kProgram = "tcpdiag";

bool is_known(std::string_view word) { return std::ranges::find(kOptions, word) != kOptions.end(); }

std::string redacted_option(std::string_view word) {
  if (is_known(word)) return std::string(word);
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || !word.starts_with("--") || !is_known(word.substr(0, equals))) {
    return std::string(kRedactedWord);
  }
  return std::string(word.substr(0, equals + 1)).append(kRedactedWord);
}

}  // namespace

std::span<const std::string_view> known_options() { return kOptions; }

std::vector<std::string> redacted_command(const std::vector<std::string>& words) {
  std::vector<std::string> redacted;
  redacted.reserve(words.size());
  bool has_command = false;
  bool has_ended = false;  // "--" has passed
  for (const std::string_view word : words) {
    if (redacted.empty()) {
      const bool is_program = word.substr(word.find_last_of('/') + 1) == kProgram;
      redacted.emplace_back(is_program ? kProgram : kRedactedWord);
      continue;
    }
    // The first such word is the command; a later one may be somebody's name.
    const bool is_command = !has_command && !has_ended && std::ranges::find(kCommands, word) != kCommands.end();
    if (is_command || (word == "--" && !has_ended)) {
      redacted.emplace_back(word);
    } else {
      redacted.push_back(has_ended ? std::string(kRedactedWord) : redacted_option(word));
    }
    has_command = has_command || is_command;
    has_ended = has_ended || word == "--";
  }
  return redacted;
}

}  // namespace tcpdiag::redact
