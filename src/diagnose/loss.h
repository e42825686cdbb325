// SPDX-License-Identifier: Apache-2.0
// What was not seen, by cause: how large a part it is of what it was taken from, and which findings rest on that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/picture.h"

namespace tcpdiag::diagnose {

// What a claim is made of; a loss cause spoils some of them. kSockets: how single sockets ended. kDelays: histograms
// and series. kCounters: the kernel's own counters, of which nothing is lost here. kCoverage: that nothing else
// happened, so that "nothing wrong was seen" means something.
enum class Feed : std::uint8_t { kSockets, kDelays, kCounters, kCoverage };

struct LossShare {
  std::string_view cause;  // the key in the report's "loss"
  std::string_view words;  // completes "123 ...": "events did not fit into the ring buffer"
  std::uint64_t lost = 0;
  std::optional<std::uint64_t> seen;  // of the same things; absent: not counted
  std::optional<double> pct;          // lost of lost + seen
  std::vector<std::string> measures_affected;
  bool feeds_sockets = false;
  bool feeds_delays = false;
  bool feeds_coverage = false;

  bool feeds(Feed feed) const;
};

// Those with something lost, in the order of the report's "loss".
std::vector<LossShare> loss_shares(const model::Picture& picture);

}  // namespace tcpdiag::diagnose
