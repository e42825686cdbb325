// SPDX-License-Identifier: Apache-2.0
#include "correlate/unseen.h"

#include <algorithm>
#include <optional>

namespace tcpdiag::correlate {
namespace {

// Of all traced namespaces; nullopt: that of one is not known.
std::optional<std::uint64_t> counted(const model::Picture& picture, const char* counter) {
  std::uint64_t sum = 0;
  for (const model::NetnsPicture& netns : picture.netns) {
    const auto found = netns.counters.find(counter);
    if (found == netns.counters.end()) return std::nullopt;
    sum += found->second;
  }
  return sum;
}

}  // namespace

void set_unseen(model::Picture& picture, const Told& told) {
  model::Loss& loss = picture.loss;
  const std::uint64_t explained =
      loss.ring_full + loss.rate_limited + loss.undecodable + loss.sockets_full + loss.endpoints_full + loss.disk_full;
  const auto beyond = [explained](std::uint64_t all, std::uint64_t seen) {
    return all > seen + explained ? all - seen - explained : 0;
  };
  const model::Totals& totals = picture.totals;
  loss.unseen_retransmits = beyond(totals.retransmitted_segments, told.retransmitted_segments);
  if (picture.start.filters.limits_sockets() || picture.netns.empty()) return;
  const auto unseen = [&](const char* counter, std::uint64_t seen) {
    return beyond(counted(picture, counter).value_or(0), seen);
  };
  loss.unseen_retransmits = std::max(loss.unseen_retransmits, unseen("RetransSegs", told.retransmitted_segments));
  // Before Linux 6.10 resets without a socket are not visible; the report says so.
  if (totals.reset_phases[static_cast<std::size_t>(model::Phase::kNoSocket)]) {
    loss.unseen_resets = unseen("OutRsts", totals.resets.sent);
  }
  loss.unseen_connects = unseen("ActiveOpens", totals.connects + told.probes);
  loss.unseen_reset_ends = unseen("EstabResets", told.reset_ends);
}

}  // namespace tcpdiag::correlate
