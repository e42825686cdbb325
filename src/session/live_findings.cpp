// SPDX-License-Identifier: Apache-2.0
#include "session/live_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "session/announce.h"

namespace tcpdiag::session {
namespace {

constexpr model::Duration kBetween = std::chrono::seconds{1};
constexpr int kShare = 20;

std::string subject_of(const model::Finding& finding, const model::Picture& picture) {
  if (!finding.endpoint || *finding.endpoint >= picture.endpoints.size()) return finding.code + '\n' + finding.device;
  const model::EndpointKey& key = picture.endpoints[*finding.endpoint].key;
  return fmt::format("{}\n{}\n{}\n{}", finding.code, static_cast<int>(key.role), key.at.to_string(), key.netns_inode);
}

}  // namespace

bool LiveFindings::due(std::uint64_t failures, model::MonoTime now) const {
  return failures != failures_ && now >= not_before_;
}

std::vector<std::string> LiveFindings::take(const model::Picture& picture, const std::vector<model::Finding>& findings,
                                            std::uint64_t failures, model::MonoTime began, model::MonoTime ended) {
  failures_ = failures;
  not_before_ = ended + std::max(kBetween, kShare * (ended - began));
  std::vector<std::string> lines;
  for (const model::Finding& finding : findings) {
    if (reported_.insert(subject_of(finding, picture)).second) lines.push_back(finding_line(finding, picture));
  }
  return lines;
}

}  // namespace tcpdiag::session
