// SPDX-License-Identifier: Apache-2.0
// The sockets that are reported whole after their end: of failed ones the newest, of healthy ones the slowest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "correlate/correlator.h"
#include "correlate/socket_record.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

// Why a socket is reported whole. kSlow: healthy, but a request waited long while the thread that read it called
// nobody.
enum class Worth { kFailed, kNotable, kSlow, kHealthy };
Worth worth_of(const SocketRecord& socket);

// Order of healthy sockets: the slowest first, then any fixed order.
bool more_interesting(const SocketRecord& a, const SocketRecord& b);
// Of the failed and notable records, how many may be kept of the latter.
std::size_t notable_limit(const Limits& limits);
// Of those, how many may be kept for being slow. Beyond it they are healthy ones, of which the slowest stay anyway.
std::size_t slow_limit(const Limits& limits);

struct KeptSockets {
  std::deque<SocketRecord> failed;    // in the order of their ends
  std::deque<SocketRecord> notable;   // reset or timed out, but no exchange was lost; and slow ones
  std::vector<SocketRecord> healthy;  // a heap with the least interesting one at the front
  std::uint64_t failed_omitted = 0;   // of failed and notable ones
  std::uint64_t healthy_omitted = 0;
};

// Takes in a socket that is over. Failed ones have the room of notable ones, never the other way round; within each the
// oldest gives way.
void keep(KeptSockets& kept, SocketRecord&& socket, const Limits& limits, model::Loss& loss);

}  // namespace tcpdiag::correlate
