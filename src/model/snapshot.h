// SPDX-License-Identifier: Apache-2.0
// Snapshot: what a trace that goes on looks like now, in counts and rates; made once a second, so it holds no sockets.
// A Picture says why things are as they are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/endpoint.h"
#include "model/measure.h"
#include "model/picture.h"
#include "model/sample.h"
#include "model/time.h"

namespace tcpdiag::model {

// What was counted in a stretch of time.
struct Activity {
  std::uint64_t connects = 0;                                      // begun
  std::array<std::uint64_t, kConnectOutcomes> connect_outcomes{};  // of those decided in it: never kPending
  std::uint64_t exchanges = 0;                                     // responses begun
  std::uint64_t exchanges_failed = 0;                              // known up to 1.5 s after their end
  std::uint64_t retransmits = 0;
  std::uint64_t retransmits_rto = 0;
  std::uint64_t resets = 0;  // either way
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;

  Activity& operator+=(const Activity& other);
};

// A delay within the window. path_queue still holds the floor; connect is the RTT of the handshake.
struct WindowDelay {
  Measure measure = Measure::kConnect;
  std::uint64_t count = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
};

struct EndpointSnapshot {
  EndpointKey key;
  MonoTime last_seen_at{};
  std::uint64_t open_sockets = 0;
  Activity total;                   // since the trace began, or since the endpoint came again after it was evicted
  Activity window;                  // without exchanges and bytes where the source does not sum them up
  std::vector<WindowDelay> delays;  // those measured in the window
};

struct Snapshot {
  MonoTime at{};
  // The window: whole UTC seconds that are over. Shorter at the beginning of a trace, empty in its first second.
  MonoTime window_start{};
  MonoTime window_end{};
  std::uint64_t open_sockets = 0;
  std::uint64_t endpoints_known = 0;
  std::uint64_t endpoints_evicted = 0;
  Activity total;                           // of all endpoints that ever were, and of resets without a connection
  Activity window;                          // of all endpoints that are known
  Loss loss;                                // of what was seen; a source knows more of it
  std::vector<EndpointSnapshot> endpoints;  // with open sockets, or with activity in the window; by key

  double window_s() const { return seconds(window_end - window_start); }
  double per_second(std::uint64_t count) const { return window_s() > 0 ? static_cast<double>(count) / window_s() : 0; }
};

}  // namespace tcpdiag::model
