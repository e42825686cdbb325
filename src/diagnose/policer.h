// SPDX-License-Identifier: Apache-2.0
// A policer drops where a shaper queues. What it leaves to see: the same rate every second, loss, no queue, and calls
// that wait for nothing but retransmissions.
#pragma once

#include <cstdint>
#include <optional>

#include "diagnose/path_delay.h"
#include "diagnose/seconds.h"
#include "diagnose/wire_rate.h"

namespace tcpdiag::diagnose {

struct Policed {
  SteadyRate rate;                 // of what passed
  double packets_per_s = 0;        // that passed, median
  bool counts_packets = false;     // packets a second were steady, and bytes were not
  std::optional<double> loss_pct;  // of the segments of these seconds: out of order (in), sent again (out)
};

// That a rate is steady proves no limit: a closed loop over a path with random loss, a server or a client that is busy,
// and a steady demand are steady, too. So all of these must hold in 8 s and more:
//
// 1. 1 % of the segments was lost in every one of them, and nothing waited in a queue.
//
// 2. (p90 - p10) / p50 of what passed in two seconds together is at most 8 %, and no second was above 1.05 of the
// median, but after one with less (a full bucket).
//
// 3. The sum is steadier than its parts allow. Calls that wait for timers make a rate that scatters: were the
// connections independent, the calls of a second would have the variance n * CV^2 (renewal theory; CV: of the calls'
// durations). At most a ninth of it: something that they share limits them.
//
// 4. It is not the application: a quarter of the calls has its first byte in a fiftieth of a mean call, besides the
// round trip. Nor the demand: by Little's law four fifths of the connections are in a call at any time.
std::optional<Policed> policed(const Seconds& seconds, const PathDelay& delay);

// What this host sends: bursts are lost, and what is sent again gets through, where chance takes the same share of
// both. A policer with a small bucket does that, long before its rate is the average. Of segments that were sent again
// by a timer (tail loss probe, RTO): each is alone then, and a timeout much later than a probe is the second one.
struct BurstLoss {
  std::uint64_t sent_again = 0;
  std::uint64_t lost_again = 0;
};
// `loss_pct`: of what was sent first.
std::optional<BurstLoss> burst_loss(const model::EndpointPicture& picture, double loss_pct);

}  // namespace tcpdiag::diagnose
