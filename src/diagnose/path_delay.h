// SPDX-License-Identifier: Apache-2.0
// Slow network or slow server: which seconds of an endpoint were queued on the path, and how that is known.
//
// Idea. A response carries the ACK of its request, so the time from a segment to its ACK contains whatever the peer's
// application took, up to the peer's delayed ACK. Such a sample is ambiguous, and alone it proves nothing.
//  1. path_queue_in (the peer's TCP timestamps, one way) has no application in it: where it is known it decides.
//  2. Else a rise of path_queue is believed with a clean sample or a SYN round trip that rose alike in the same seconds
//     (a kernel answers both without its application), or beyond what any kernel delays an ACK.
//     Or with absent ACKs: a Linux peer acknowledges a request apart within 40 ms where its application takes longer
//     (bpf/engine/path.h); where hardly any ACK came apart, and the rise is beyond that, it is the path.
//     Or with trains: what the peer sent at once comes at the rate at which everything comes (bpf/engine/train.h).
//  3. Else with loss that came and went with it, or over a pipe that is full to the byte and loses segments; both only
//     beyond the delayed ACK of a Linux peer.
// Steady throughput alone is never enough: one thread that serves one request after the other is steady, too.
// What stays is `unproven`. docs/findings.md says why a slow server cannot pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/evidence.h"
#include "diagnose/seconds.h"
#include "diagnose/wire_rate.h"

namespace tcpdiag::diagnose {

struct PathDelay {
  Marks queued;    // proven to be the path
  Marks unproven;  // risen by as much, and nothing says where
  std::uint64_t queued_s = 0;
  std::uint64_t busy_s = 0;
  std::optional<std::uint64_t> rise_p50_us;  // typical in the queued seconds
  std::optional<std::uint64_t> syn_rtt_p50_us;

  // What proved it, in at least one second.
  bool one_way = false;
  bool clean = false;
  bool syn = false;
  bool beyond_delayed_ack = false;
  bool absent_acks = false;
  bool trains = false;
  bool loss_alike = false;
  bool full_pipe = false;

  model::PathSigns signs;  // in the queued seconds

  // Seconds in which the path is full, with or without a queue that is felt: trains came as fast as everything
  // together, or a short queue stood and dropped. Empty of marks unless nearly all the seconds that can tell agree.
  Marks full;
  bool full_by_trains = false;
  bool standing_queue = false;  // not looked for where trains tell

  bool floor_trusted = false;  // not the smallest sample of this trace alone
  bool syn_flat = false;       // SYN round trips stayed at the floor in these seconds
  std::optional<Way> way;      // in: towards this host

  bool found() const { return queued_s > 0; }
  bool by_trains_alone() const { return trains && !one_way && !clean && !syn && !absent_acks; }
};

PathDelay path_delay(const Seconds& seconds);

// Many were awaited, and the peer's clock ticks as Linux's does: another system may delay its ACKs for longer.
bool absent_acks_are_sure(const Seconds& seconds, const PathDelay& delay);

// Each of the proofs above with what became of it: "absent_acks: decided", "one_way: no_own_floor".
std::vector<std::string> proofs_of(const Seconds& seconds, const PathDelay& delay);

// Evidence of more than one of the rules that rest on this.
inline constexpr EvidenceKey kProofs{"proofs"};
inline constexpr EvidenceKey kRttFloorUs{"rtt_floor_us"};
inline constexpr EvidenceKey kRttFloorSource{"rtt_floor_source"};
inline constexpr EvidenceKey kPathQueueP50Us{"path_queue_p50_us"};
inline constexpr EvidenceKey kBusySeconds{"busy_seconds"};

// What path-queueing says of its queue: a ceiling above it tells that, too.
namespace rules {
void word_path_queue(EvidenceReader& e, Rows& out);
void word_proofs(EvidenceReader& e, Rows& out);
}  // namespace rules

// Where the floor comes from the smallest sample alone, one of them must be below a third of the median.
bool floor_is_trusted(const Seconds& seconds);

}  // namespace tcpdiag::diagnose
