// SPDX-License-Identifier: Apache-2.0
// Bounds of memory that are nobody's choice: no host should ever meet them. Those that may be met are in Limits.
#pragma once

#include <cstddef>

namespace tcpdiag::correlate {

// --- in each endpoint ---
// Only the top 10 clients are shown. Beyond the first bound the smallest are forgotten, down to the second: a client
// that is large only in many small parts may be missed.
inline constexpr std::size_t kEndpointPeersMax = 512;
inline constexpr std::size_t kEndpointPeersKept = 256;
// More processes than that are reported by name only, and of those no more than so many by their names.
inline constexpr std::size_t kEndpointProcessesMax = 1024;
inline constexpr std::size_t kEndpointNamesMax = 64;
// Threads told apart.
inline constexpr std::size_t kCallThreadsMax = 4096;
// Reasons of resets told apart; no kernel has so many.
inline constexpr std::size_t kReasonsKept = 128;

// --- in each socket ---
// Stretches of bytes that this host dropped, told apart: those of a burst lie side by side.
inline constexpr std::size_t kDroppedRangesKept = 16;

// --- of all sockets ---
// For which there was no room: told apart, so that each is counted once. Beyond, each of their events counts.
inline constexpr std::size_t kLeftOutKept = 65536;

// --- of look-ups of names ---
inline constexpr std::size_t kQueriesKept = 16384;  // that wait for their answer
inline constexpr std::size_t kResolversKept = 256;  // the others are one
inline constexpr std::size_t kAskingProcessesKept = 4096;
inline constexpr std::size_t kLookUpsOfProcess = 16;  // the newest; the slow ones longer
inline constexpr std::size_t kNamesOfResolver = 64;   // with trouble; the others are one
inline constexpr std::size_t kNameKept = 512;         // characters: what the source reads, and no more of a recording's

// --- of all endpoints ---
// Sums of endpoints that gave way: more than the source counts at once, so that those which it forgot go first.
inline constexpr std::size_t kEvictedSums = 8192;

// --- of all endpoints, within the newest second ---
inline constexpr std::size_t kEstablishedKept = 4096;  // processes and ports that connected
inline constexpr std::size_t kFailedKept = 16384;      // connects that failed; connections that ended with a goodbye

}  // namespace tcpdiag::correlate
