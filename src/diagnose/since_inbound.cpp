// SPDX-License-Identifier: Apache-2.0
#include "diagnose/since_inbound.h"

#include <fmt/format.h>

#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose {

std::optional<model::Duration> since_inbound_request(const model::SocketStory& story) {
  if (!story.end || !story.end->app_gap || story.end->app_gap_ambiguous) return std::nullopt;
  const bool connecting = story.end->kind == model::EndKind::kConnectFailed;
  if (!connecting && !story.end->outstanding) return std::nullopt;
  const auto took = connecting ? story.connect_took : story.end->wait;
  if (!took) return std::nullopt;
  return *story.end->app_gap + *took;
}

Durations since_inbound_request(const Group& group) {
  return Durations(group.collect([](const model::SocketStory& story) { return since_inbound_request(story); }));
}

std::string since_inbound_words(const Group& group, const Durations& since, std::string_view what) {
  const double needed = kSinceInboundShare * static_cast<double>(group.size());
  if (since.empty() || static_cast<double>(since.size()) < needed) return {};
  const std::string known =
      since.size() == group.size() ? std::string() : fmt::format("; known of {} of {}", since.size(), group.size());
  return fmt::format(" {} {} after the user's request had reached this process (p50{}).", what, duration(*since.p50()),
                     known);
}

void add_since_inbound_row(EvidenceReader& e, Rows& out) {
  out.push_back({"user's request", with("", e.seconds(kSinceInboundRequestP50S), " before the end (p50)")});
}

}  // namespace tcpdiag::diagnose
