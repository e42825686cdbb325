// SPDX-License-Identifier: Apache-2.0
// What a queue on the path leaves besides delays, as sums of one endpoint (bpf/engine/path.h, bpf/engine/train.h).
#pragma once

#include <cstdint>

namespace tcpdiag::model {

struct PathSigns {
  std::uint64_t ambiguous = 0;  // of path_queue: the ACK rode on a response, so it may have waited for the application
  std::uint64_t acks_awaited = 0;  // of path_queue: of segments that left at most 40 ms after the peer's newest data,
                                   // so that a Linux peer acknowledges them before an answer that takes longer
  std::uint64_t acks_apart = 0;    // of those, acknowledged without data
  std::uint64_t trains = 0;        // segments that the peer's TCP sent at once and that came one by one
  std::uint64_t train_bytes = 0;   // payload of them, without the first segment of each
  std::uint64_t train_us = 0;      // from the first to the last: as they came,
  std::uint64_t train_sender_us = 0;  // and as the peer's timestamps say that they were sent
  std::uint64_t trains_unused = 0;    // of too few segments, or not sent at once

  // Of the trains; only where train_us > 0.
  double bytes_per_us() const { return static_cast<double>(train_bytes) / static_cast<double>(train_us); }

  PathSigns& operator+=(const PathSigns& other);
  // Never below 0.
  PathSigns since(const PathSigns& before) const;
};

}  // namespace tcpdiag::model
