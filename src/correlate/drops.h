// SPDX-License-Identifier: Apache-2.0
// Packets that this host dropped, and what they explain of the same socket: retransmissions of the same bytes, connects
// and exchanges that failed.
#pragma once

#include <array>
#include <map>
#include <string>

#include "correlate/endpoint_record.h"
#include "correlate/socket_record.h"
#include "model/event.h"
#include "model/picture.h"

namespace tcpdiag::correlate {

model::DropWay way_of(const model::Dropped& dropped);

// Beyond kReasonsKept names they are "others".
void add_drop(std::map<std::string, model::DropCount>& by_reason, const std::string& reason,
              const model::DropCount& count);
// One more, of which the endpoint is known.
void count_drop(model::DropCounts& counts, const std::string& reason, model::MonoTime at,
                const model::Dropped& dropped);
// ... and the socket.
void note_drop(SocketRecord& socket, model::MonoTime at, const model::Dropped& dropped);

// A retransmission, sent or tried: was its first copy dropped here, or the answer to it?
void explain_retransmit(SocketRecord& socket, model::MonoTime at, const model::Retransmitted& again);

// With whether they explain that its connect or its exchange failed, or that it still tries to connect.
model::SocketDrops story_of_drops(const SocketRecord& socket, model::DropWay way, bool exchange_lost);

void add_drop_impact(std::array<model::DropImpact, model::kDropWays>& sums, const SocketRecord& socket,
                     bool exchange_lost);

}  // namespace tcpdiag::correlate
