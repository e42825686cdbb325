// SPDX-License-Identifier: Apache-2.0
// The sockets by their addresses: for packets that met no socket here, be it that this host dropped them before it
// looked for one, or that it found none and answered by a reset.
#pragma once

#include "correlate/state.h"

namespace tcpdiag::correlate {

// As soon as both ports are known.
void index_tuple(State& state, SocketRecord& socket);
void forget_tuple(State& state, const SocketRecord& socket);
// nullptr: none that is remembered.
SocketRecord* find_by_tuple(State& state, const model::SocketRef& ref);
// The newest outbound socket with this local address, whatever it is connected to: NAT may have left a peer's address
// as it was. nullptr: none that is remembered.
SocketRecord* find_by_local(State& state, const model::SocketRef& ref);

}  // namespace tcpdiag::correlate
