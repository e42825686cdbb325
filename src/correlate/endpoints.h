// SPDX-License-Identifier: Apache-2.0
// Endpoints come and go. Where the table is full, the one that has been without a socket for longest gives way: its
// counts stay in the totals, and should it come again, it begins anew.
#pragma once

#include <cstddef>
#include <optional>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// The endpoint's index, made where there is none; nullopt: no room (not counted here). To be called also where
// something happens in an endpoint without sockets, so that it does not pass for idle. may_fold: sockets that are over
// may be folded for it.
std::optional<std::size_t> find_or_make_endpoint(State& state, const model::EndpointKey& key, model::MonoTime at,
                                                 bool may_fold);

// A socket comes to this endpoint, or leaves it.
void enter_endpoint(State& state, SocketRecord& socket, std::size_t index);
void leave_endpoint(State& state, const SocketRecord& socket, model::MonoTime at);

// The endpoint of a socket that is over; null: it gave way since.
const EndpointRecord* endpoint_of_kept(const State& state, const SocketRecord& socket);

// A sample of the source as the sums of this record: with those of earlier generations of the endpoint, without what
// was counted before it gave way.
model::EndpointSample sums_of(EndpointRecord& endpoint, const model::EndpointSample& sample);

}  // namespace tcpdiag::correlate
