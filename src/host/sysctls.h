// SPDX-License-Identifier: Apache-2.0
// The sysctls of a network namespace that a diagnosis needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host/netns.h"
#include "model/sample.h"

namespace tcpdiag::host {

struct NetnsSysctls {
  std::optional<std::uint32_t> somaxconn;   // net.core.somaxconn
  std::optional<std::uint32_t> timestamps;  // net.ipv4.tcp_timestamps
  model::TcpSysctls tcp;                    // net.ipv4.tcp_*
};

// Nothing of what cannot be read, is no number or is below 0; all of it where the namespace may not be entered. `root`
// is /proc/sys/net, which shows the namespace of whoever opens a file of it.
NetnsSysctls read_netns_sysctls(const Netns& netns, const std::string& root = "/proc/sys/net");

}  // namespace tcpdiag::host
