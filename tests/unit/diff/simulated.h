// SPDX-License-Identifier: Apache-2.0
// Runs of a made-up service, from a seed: what the correlator would have made of its traffic.
#pragma once

#include <cstdint>

#include "model/report.h"

namespace tcpdiag::diff::testing {

// A load as healthy services have it: requests come at random, and the seconds differ, for they share their neighbours,
// their garbage collection, their queue.
struct Load {
  int seconds = 60;
  double per_second = 50;
  double median_us = 8'000;
  double spread = 0.5;         // sigma of the logarithm
  double second_spread = 0.1;  // sigma of the logarithm of a second's factor, which hangs together over seconds
  int slow_start_s = 0;        // seconds at the beginning in which everything takes four times as long
  int slow_end_s = 0;          // seconds at the end in which everything takes ten times as long
  int pauses = 0;              // half seconds in which nobody is answered
  double failed_share = 0;
  double slow_share = 0;  // of answers that take slow_us longer
  double slow_us = 200'000;
  double lost_share = 0;  // of segments
  int idle_before_s = 0;  // the load starts so long after the trace
  int idle_after_s = 0;
};

// The inode of its only namespace differs from seed to seed, as it does between runs.
model::Report run_of(const Load& load, std::uint64_t seed);

}  // namespace tcpdiag::diff::testing
