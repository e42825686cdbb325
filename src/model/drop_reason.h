// SPDX-License-Identifier: Apache-2.0
// Why this host dropped a packet: the kernel's enum skb_drop_reason (include/net/dropreason-core.h, from 5.17 on).
//
// Always by name, without the prefix SKB_DROP_REASON_: the numbers differ between kernel versions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "model/sample.h"

namespace tcpdiag::model {

// Does a packet that is freed for this reason count as dropped by this host: by its filters, queues, routes,
// neighbours, memory or checks? What TCP lays aside in its ordinary work (old or duplicate segments, what comes beyond
// a window or for a closed connection, what is answered with a RST) does not.
bool is_drop(std::string_view reason);

// "NETFILTER_DROP"; "reason_99" where the recording has no name for it.
std::string drop_reason(const TraceStart& start, std::uint32_t reason);

}  // namespace tcpdiag::model
