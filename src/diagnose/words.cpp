// SPDX-License-Identifier: Apache-2.0
#include "diagnose/words.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/format.h"

namespace tcpdiag::diagnose {

std::string spread_words(const Durations& values, const std::optional<Timer>& timer) {
  if (values.empty()) return {};
  if (timer) return duration(timer->median);
  const auto us = [](model::Duration d) { return model::seconds(d) * 1e6; };
  return duration_range(us(*values.min()), us(*values.max()));
}

std::string syn_schedule(const model::SocketStory& story) {
  constexpr std::uint32_t kMostSyns = 128;
  if (story.syns_sent > kMostSyns) return {};
  std::string words;
  std::uint32_t n = 0;
  model::MonoTime first{};
  for (const model::TimelineMark& mark : story.timeline) {
    // One that did not leave (no neighbour yet) is no SynRetransmit.
    const bool is_syn = std::holds_alternative<model::mark::Connect>(mark.body) ||
                        std::holds_alternative<model::mark::SynRetransmit>(mark.body);
    if (!is_syn) continue;
    if (++n > story.syns_sent) return {};
    if (n == 1) first = mark.at;
    words += n == 1 ? "0" : fmt::format(", {:.1f}", model::seconds(mark.at - first));
  }
  return n == story.syns_sent ? words : std::string();
}

std::string capture_command(const model::EndpointKey& endpoint, CaptureOf what) {
  // libpcap's tcp[] offsets work for IPv4 only; for IPv6 without extension headers the TCP flags are byte 40 + 13.
  const bool v4 = endpoint.at.address.is_v4();
  const char* flags = "";
  switch (what) {
    case CaptureOf::kResets:
      flags = v4 ? "tcp[13] & 4 != 0" : "ip6[53] & 4 != 0";
      break;
    case CaptureOf::kSynAcks:
      flags = v4 ? "tcp[13] & 18 == 18" : "ip6[53] & 18 == 18";
      break;
  }
  return fmt::format("tcpdump -nvi any 'host {} and port {} and {}'", endpoint.at.address.to_string(), endpoint.at.port,
                     flags);
}

std::string allowance_command(std::string_view device) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == '@' || c == ':';
  };
  if (device.empty() || device.front() == '-' || !std::all_of(device.begin(), device.end(), plain)) return {};
  return fmt::format("ethtool -S {} | grep allowance", device);
}

}  // namespace tcpdiag::diagnose
