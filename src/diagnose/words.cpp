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
