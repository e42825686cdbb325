// SPDX-License-Identifier: Apache-2.0
// How a connection ended, and whether an exchange failed by it.
//
// The first of these makes the end: a RST received or sent, a FIN of either side, the kernel giving up. Later ones are
// counted and shown in the timeline, but change the end in two cases only: the peer's FIN is not the end of the story
// when a write of ours was under way or follows (the keep-alive race), and an abortive close shows the state change
// first and the RST right after it.
#pragma once

#include "correlate/socket_record.h"

namespace tcpdiag::correlate {

struct EndFacts {
  model::EndKind kind = model::EndKind::kClosedLocally;
  model::MonoTime at{};
  model::TcpState state = model::TcpState::kEstablished;  // before the end
  bool by_application = false;
  bool process_exiting = false;
  int socket_error = 0;
};

// Makes (or remakes) the socket's end from its newest flow.
void end_socket(SocketRecord& socket, const EndFacts& facts);

// A RST, or the kernel giving up, in `state` is what became of a write around the peer's FIN: it replaces that end. The
// application may have read that FIN and closed before the RST comes (LAST_ACK).
bool meets_write_after_fin(const SocketRecord& socket, model::TcpState state);

// Our own close, with a write after the peer's FIN unanswered: it read end of file instead of an answer.
bool closes_after_write(const SocketRecord& socket);

// The exchange that was under way when the socket ended did not get its response. What looks alike and is none:
// a goodbye (TLS close_notify, QUIT) written with the close; a half-close by one side whose answer came all the same; a
// close after the response, which may have been complete (no payload is read, so its length is not known).
bool exchange_failed(const SocketRecord& socket);

// A request is outstanding on a connection that can still answer it.
bool exchange_pending(const SocketRecord& socket);

// Who ended it, and with what; kNone while open.
model::Terminator ended_by(const SocketRecord& socket);
std::optional<model::EndedWith> ended_with(const SocketRecord& socket);

}  // namespace tcpdiag::correlate
