// SPDX-License-Identifier: Apache-2.0
// Where TCP is used besides the traced namespaces: what to name when the traced ones turn out to be silent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/sample.h"

namespace tcpdiag::host {

// What a look may cost; whatever it does not reach is not named.
struct OtherNetnsLimits {
  std::size_t processes = 4096;
  std::chrono::milliseconds time{50};  // of the processor; on a busy host up to four times as long passes
};

// Network namespaces of processes, without the `traced` inodes, that have TCP sockets: at most model::kOtherNetnsShown,
// the most established connections first. A process in each stands for it, if possible one that holds such a
// connection. Processes that vanish or may not be looked into are passed over.
std::vector<model::OtherNetns> other_netns(const std::vector<std::uint32_t>& traced, const std::string& proc = "/proc",
                                           const OtherNetnsLimits& limits = {});

// Local inodes of the sockets in `table`, the text of /proc/PID/net/tcp or tcp6: of established ones, or where there is
// none of all others. A line that is cut off or makes no sense is left out.
std::vector<std::uint64_t> socket_inodes(std::string_view table);

}  // namespace tcpdiag::host
