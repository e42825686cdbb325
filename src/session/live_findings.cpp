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

// Of a finding about many endpoints: one for each, since any of them may stand for the others the next time.
std::vector<std::string> subjects_of(const model::Finding& finding, const model::Picture& picture) {
  std::vector<std::string> subjects;
  const char* const many = finding.more_endpoints.empty() ? "" : "\nmany";
  for (const std::size_t endpoint : finding.endpoints()) {
    if (endpoint >= picture.endpoints.size()) continue;
    const model::EndpointKey& key = picture.endpoints[endpoint].key;
    subjects.push_back(fmt::format("{}\n{}\n{}\n{}{}", finding.code, static_cast<int>(key.role), key.at.to_string(),
                                   key.netns_inode, many));
  }
  if (subjects.empty()) subjects.push_back(finding.code + '\n' + finding.device);
  return subjects;
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
    bool is_new = true;
    for (std::string& subject : subjects_of(finding, picture)) {
      is_new = reported_.insert(std::move(subject)).second && is_new;
    }
    if (is_new) lines.push_back(finding_line(finding, picture));
  }
  return lines;
}

}  // namespace tcpdiag::session
