// SPDX-License-Identifier: Apache-2.0
#include "diagnose/mtu.h"

#include <fmt/format.h>

#include <numeric>
#include <string>

#include "diagnose/delay.h"

namespace tcpdiag::diagnose {
namespace {

// Of a full segment: options differ from packet to packet.
constexpr double kNearlyFull = 0.97;
constexpr std::uint32_t kSegmentsStuck = 2;

}  // namespace

bool no_full_segment_came(const model::SocketStory& story) {
  return story.end && story.end->mss > 0 && story.end->largest_received > 0 &&
         story.end->largest_received < kNearlyFull * story.end->mss;
}

bool no_full_segment_arrived(const Facts& facts, const model::SocketStory& story) {
  if (!story.end || story.end->mss == 0) return false;
  const model::SocketEnd& end = *story.end;
  const std::uint64_t again = std::accumulate(story.retransmits.begin(), story.retransmits.end(), std::uint64_t{0});
  if (story.socket.older_than_trace || end.full_segment_acked || again < kSegmentsStuck || !story.request_at) {
    return false;
  }
  return end.unacked_bytes >= kSegmentsStuck * end.mss &&
         answered_between(facts.picture, facts.picture.endpoints[story.endpoint], *story.request_at, end.at);
}

void add_full_size_step(model::Finding& finding, const Facts& facts, const EndpointFacts& endpoint) {
  constexpr double kTcpOverIcmp = 24;  // TCP's header with timestamps is 32 bytes, that of an echo request 8
  std::string ping;
  if (endpoint.outbound()) {
    ping = fmt::format("ping -M do -c 3 -s {:.0f} {}", mss_of(facts, endpoint) + kTcpOverIcmp,
                       endpoint.picture->key.at.address.to_string());
  }
  add_step(finding, model::Whose::kUs,
           "do packets of full size pass? If not: the MTU of tunnels on the path, a clamped MSS", ping);
}

}  // namespace tcpdiag::diagnose
