// SPDX-License-Identifier: Apache-2.0
// Why this host sent a RST, and in which phase of the connection a RST fell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::model {

struct ResetCause {
  LocalResetCause cause = LocalResetCause::kUnknown;
  bool from_kernel = false;  // false: derived from the socket's state
};

// The kernel's name of a reason without its common prefix: "SK_RST_REASON_TCP_STATE" -> "TCP_STATE"; "reason_7" of one
// that has no name; empty: it gives none.
std::string reset_reason(const TraceStart& start, std::optional<std::uint32_t> reason);

// reason: the short name of the kernel's reason, empty where the kernel gives none (before 6.10, or NOT_SPECIFIED).
ResetCause local_reset_cause(std::string_view reason, const ResetSent& reset, const SocketRef& socket,
                             const Flow& flow);

// What a RST whose cause was still unknown turns out to be, from the error that the socket was closed with afterwards:
// a keepalive and an abort by an administrator send the RST first and set the error then.
LocalResetCause cause_from_error(int socket_error, bool keepalive_on);

// The phase, from the state before the RST (RFC 9293 section 3.3.2).
Phase phase_of(TcpState state);

}  // namespace tcpdiag::model
