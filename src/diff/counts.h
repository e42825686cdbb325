// SPDX-License-Identifier: Apache-2.0
// Shares and rates: what failed of what was tried, what was lost of what was sent, and how much there was.
#pragma once

#include <cstdint>
#include <vector>

#include "diff/collector.h"
#include "model/report.h"

namespace tcpdiag::diff {

// What was tried and what became of it, each counted once.
struct Attempts {
  std::uint64_t exchanges = 0;  // answered, failed and pending
  std::uint64_t exchanges_failed = 0;
  std::uint64_t connects = 0;  // decided ones
  std::uint64_t connects_failed = 0;
};
// For each endpoint of a report. A response that began and was cut is in Totals::exchanges and in exchanges_failed: how
// many were is known of the sockets that were kept.
std::vector<Attempts> attempts_of(const model::Report& report);
Attempts sum_of(const std::vector<Attempts>& attempts);
bool is_failure(model::ConnectOutcome outcome);

struct EndpointSide {
  const model::EndpointPicture& endpoint;
  const Attempts& attempts;
  double window_s = 0;  // of the run
};
bool has_rates(const EndpointSide& side);  // its seconds are enough for them
void compare_failures(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector);
void compare_loss(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector);
void compare_traffic(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector);

// Shares of the whole run, full accept queues, and allowances of network cards.
void compare_run(const model::Report& good, const model::Report& bad, Collector& collector);

// Two shares with the floors of failures; `effect`: how many failures are worth one. Nothing where they are alike.
void compare_failed_shares(std::string what, const Scope& scope, std::uint64_t good_failed, std::uint64_t good_of,
                           std::uint64_t bad_failed, std::uint64_t bad_of, double effect, Collector& collector);

}  // namespace tcpdiag::diff
