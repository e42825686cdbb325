// SPDX-License-Identifier: Apache-2.0
// Why this host sent a RST, and in which phase of the connection a RST fell.
#pragma once

#include <string>
#include <string_view>

#include "model/event.h"
#include "model/picture.h"

namespace tcpdiag::correlate {

struct ResetCause {
  model::LocalResetCause cause = model::LocalResetCause::kUnknown;
  bool from_kernel = false;  // false: derived from the socket's state
};

// The kernel's name without its common prefix: "SK_RST_REASON_TCP_STATE" -> "TCP_STATE".
std::string_view short_reason(std::string_view kernel_name);

// reason: the short name of the kernel's reason, empty where the kernel gives none (before 6.10, or NOT_SPECIFIED).
ResetCause local_reset_cause(std::string_view reason, const model::ResetSent& reset, const model::SocketRef& socket,
                             const model::Flow& flow);

// What a RST whose cause was still unknown turns out to be, from the error that the socket was closed with afterwards:
// a keepalive and an abort by an administrator send the RST first and set the error then.
model::LocalResetCause cause_from_error(int socket_error, bool keepalive_on);

// The phase, from the state before the RST (RFC 9293 section 3.3.2).
model::Phase phase_of(model::TcpState state);

}  // namespace tcpdiag::correlate
