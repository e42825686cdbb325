// SPDX-License-Identifier: Apache-2.0
// The detail of an event or of a socket's timeline in words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "knowledge/errno_names.h"
#include "report/event_facts.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

std::string spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

struct DurationWords {
  std::string_view key;
  std::string_view before;
  std::string_view after;
};
constexpr std::array<DurationWords, 6> kDurations = {{
    {"wait_us", "waited ", ""},
    {"idle_us", "idle ", ""},
    {"took_us", "took ", ""},
    {"after_us", "after ", ""},
    {"syn_after_us", "SYN left after ", ""},
    {"delay_us", "", " after the first"},
}};

std::string number_words(std::string_view key, std::int64_t n) {
  for (const DurationWords& words : kDurations) {
    if (words.key == key) return fmt::format("{}{}{}", words.before, duration(n), words.after);
  }
  // Only an attempt to send again gives it: __tcp_retransmit_skb().
  if (key == "errno" && n == EBUSY) return "the first copy has not left this host";
  if (key == "errno" || key == "soft_errno") return knowledge::errno_name(static_cast<int>(n));
  if (key == "bytes" && n >= 0) return bytes(n);
  if (key == "segments") return n == 1 ? std::string() : fmt::format("{} segments", n);
  if (key == "qdisc_code") return "dropped by the own queue";
  if (key == "bound_us") return {};  // how exact `delay_us` is
  return fmt::format("{} {}", spaced(std::string(key)), n);
}

std::string text_words(std::string_view key, const std::string& text) {
  if (key == "kind" || key == "phase" || key == "cause") return spaced(text);
  if (key == "state" || key == "reason") return text;
  return key == "to" ? "-> " + text : fmt::format("{} {}", spaced(std::string(key)), text);
}

}  // namespace

std::string detail_words(const Json& detail) {
  std::vector<std::string> words;
  for (const auto& [key, value] : detail.items()) {
    std::string entry;
    if (value.is_number_integer()) {
      entry = number_words(key, value.get<std::int64_t>());
    } else if (value.is_string()) {
      entry = text_words(key, value.get<std::string>());
    } else if (value == true) {
      entry = spaced(key);
    }
    if (!entry.empty()) words.push_back(std::move(entry));
  }
  return join(words, ", ");
}

}  // namespace tcpdiag::report
