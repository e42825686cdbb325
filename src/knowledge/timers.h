// SPDX-License-Identifier: Apache-2.0
// Timers that end connections: those of common servers, proxies, middleboxes and clients as they are by default, and
// this host's own as its sysctls set them.
//
// A time that fits says which settings are worth a look, never who it was: most of them are multiples of 5 s that many
// programs share, and everybody can change his.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "knowledge/client_messages.h"
#include "model/sample.h"

namespace tcpdiag::knowledge {

// From when on it counts.
enum class TimerLimit : std::uint8_t {
  kConnect,    // the first SYN
  kRequest,    // a request's first byte: it must have arrived, or be answered, within this time
  kIdle,       // the last data either way, nothing being outstanding
  kKeepalive,  // the last data either way, while keepalive probes go unanswered
};

// Who acts when it runs out.
enum class TimerOwner : std::uint8_t {
  kServer,     // closes or resets towards its client
  kProxy,      // does so on both sides: towards its client, and as the client of what is behind it
  kMiddlebox,  // forgets the connection and answers its next packet with a RST; never a FIN
  kClient,     // gives up: closes or resets, having waited
  kKernel,     // of this host
};

enum class TimerOrigin : std::uint8_t {
  kDocDefault,      // its documentation or source
  kThisHostSysctl,  // read from this host's settings
  kExampleOnly,     // it has no default; its manual's example, which many copy
};
const char* to_string(TimerOrigin origin);  // "doc_default", "this_host_sysctl", "example_only"

struct KnownTimer {
  std::string_view name;
  double seconds = 0;
  TimerOrigin origin = TimerOrigin::kDocDefault;
  TimerLimit limit = TimerLimit::kRequest;
  TimerOwner owner = TimerOwner::kServer;
  Client kind = Client::kAny;  // the protocol that it speaks
};

// What drops silently (security groups, AWS Network Firewall, Google Cloud's firewall) is not in it: it ends nothing,
// and what happens then is the kernel's timer.
std::span<const KnownTimer> known_timers();

// Those that follow from a namespace's sysctls; a value that is not known gives none.
//   connecting     tcp_syn_retries and tcp_syn_linear_timeouts: 127 s, from Linux 6.5 on 131 s (ccce324dabfe)
//   a request      tcp_retries2, the kernel's own estimate (tcp_model_timeout): 924.6 s, at least so long
//   idle           tcp_keepalive_time: the first probe, which a middlebox that has forgotten answers with a RST
//   keepalive      tcp_keepalive_time + tcp_keepalive_intvl * tcp_keepalive_probes: the peer is taken for dead
// Sockets may have their own values (TCP_SYNCNT, TCP_USER_TIMEOUT, TCP_KEEPIDLE), which are not seen.
std::vector<KnownTimer> kernel_timers(const model::TcpSysctls& sysctls);

}  // namespace tcpdiag::knowledge
