// SPDX-License-Identifier: Apache-2.0
#include "diagnose/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tcpdiag::diagnose {

std::string duration_words(model::Duration d) {
  const double ms = model::seconds(d) * 1e3;
  const double size = std::abs(ms);
  if (size >= 999.5) return fmt::format("{:.1f} s", ms / 1e3);
  if (size >= 9.95) return fmt::format("{:.0f} ms", ms);
  if (size >= 0.995) return fmt::format("{:.1f} ms", ms);
  return fmt::format("{:.2f} ms", ms);
}

std::string count_words(std::uint64_t n, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", n, n == 1 ? singular : plural);
}

std::string share_words(double pct) {
  if (pct >= 99.95) return "100 %";
  if (pct >= 0.095) return fmt::format("{:.1f} %", pct);
  return fmt::format("{:.2g} %", pct);
}

std::string spread_words(const Durations& values, const std::optional<Timer>& timer) {
  if (values.empty()) return {};
  if (timer) return duration_words(timer->median);
  const std::string low = duration_words(*values.min());
  const std::string high = duration_words(*values.max());
  return low == high ? low : fmt::format("{} to {}", low, high);
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
