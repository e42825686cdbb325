// SPDX-License-Identifier: Apache-2.0
#include "diagnose/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose {

using model::Confidence;
using model::Finding;
using model::Severity;

std::uint64_t attempts_of(const EndpointFacts& endpoint, Of of, std::uint64_t failures) {
  const std::uint64_t attempts = of == Of::kExchanges ? endpoint.exchange_attempts : endpoint.picture->totals.connects;
  return std::max(attempts, failures);
}

std::optional<double> share_pct(std::uint64_t failures, std::uint64_t attempts) {
  if (attempts == 0) return std::nullopt;
  return 100.0 * static_cast<double>(failures) / static_cast<double>(attempts);
}

Severity common_severity(std::uint64_t failures, std::uint64_t attempts) {
  if (failures == 0) return Severity::kNotice;
  const auto share = share_pct(failures, attempts);
  const bool users_failed = failures >= kCriticalFailures && share && *share >= kCriticalSharePct;
  return users_failed ? Severity::kCritical : Severity::kWarning;
}

void Grade::at_most(Confidence limit, std::string reason) {
  reasons_.push_back(std::move(reason));
  value_ = std::min(value_, limit);
}

void Grade::step_down(std::string reason) {
  reasons_.push_back(std::move(reason));
  switch (value_) {
    case Confidence::kHigh:
      value_ = Confidence::kMedium;
      break;
    case Confidence::kMedium:
      value_ = Confidence::kLow;
      break;
    case Confidence::kLow:
      exhausted_ = true;  // a finding about a failure never drops below low
      break;
  }
}

void Grade::write_to(Finding& finding) const {
  finding.confidence = value_;
  finding.confidence_reasons = reasons_;
}

void common_steps(Grade& grade, const Facts& facts, Feed feed, std::size_t observations) {
  std::string lost;
  for (const LossShare& loss : facts.losses) {
    if (!loss.feeds(feed) || !loss.pct || *loss.pct <= kLossLowersConfidencePct) continue;
    lost += fmt::format("{}{} ({}, {})", lost.empty() ? "" : ", ", loss.cause, loss.lost, percent(*loss.pct));
  }
  if (!lost.empty()) {
    grade.step_down(fmt::format("Events were lost that could speak for or against this: {}.", lost));
  }
  if (observations < kEnoughObservations) {
    grade.step_down(fmt::format("Only {} seen; {} would show whether they are alike.",
                                number_of(observations, "case was", "cases were"), kEnoughObservations));
  }
}

void derived_step(Grade& grade, std::uint64_t derived, std::uint64_t total, std::string_view what) {
  if (total == 0 || static_cast<double>(derived) <= kDerivedShare * static_cast<double>(total)) return;
  grade.step_down(fmt::format("For {} of {} {}.", derived, total, what));
}

std::uint64_t roles_derived(const Group& group) {
  return group.count_if([](const model::SocketStory& story) {
    return story.socket.role_source == model::RoleSource::kDerived ||
           story.socket.role_source == model::RoleSource::kUnknown;
  });
}

void older_step(Grade& grade, const Group& group) {
  const auto is_older = [](const model::SocketStory& story) { return story.socket.older_than_trace; };
  const std::uint64_t older = group.count_if(is_older);
  if (older == 0) return;
  grade.at_most(model::Confidence::kMedium,
                fmt::format("{} of {} connections were open before the trace began.", older, group.size()));
}

void make_notice(Judged& judged) {
  judged.finding.severity = model::Severity::kNotice;
  judged.failures = 0;
  judged.may_be_raised = false;
}

Judged start_finding(const char* code, const Group& group) {
  Judged judged;
  Finding& finding = judged.finding;
  finding.code = code;
  finding.endpoint = group.endpoint.index;
  finding.sockets = group.sockets;
  finding.count = group.size();
  finding.first_at = finding.last_at = moment_of(group.story(0));
  for (std::size_t i = 0; i < group.size(); ++i) {
    const model::MonoTime at = moment_of(group.story(i));
    finding.first_at = std::min(finding.first_at, at);
    finding.last_at = std::max(finding.last_at, at);
    judged.seconds.push_back(group.facts.utc_second(at));
  }
  std::sort(judged.seconds.begin(), judged.seconds.end());
  judged.seconds.erase(std::unique(judged.seconds.begin(), judged.seconds.end()), judged.seconds.end());
  judged.split = group.split;
  return judged;
}

void set_impact(Judged& judged, const Group& group, Of of, std::uint64_t failures) {
  const std::uint64_t attempts = attempts_of(group.endpoint, of, failures);
  Finding& finding = judged.finding;
  finding.severity = common_severity(failures, attempts);
  finding.share_pct = share_pct(failures, attempts);
  finding.impact.share_pct = finding.share_pct;
  (of == Of::kExchanges ? finding.impact.exchanges_failed : finding.impact.connects_failed) = failures;
  judged.failures = failures;
}

void add_step(Finding& finding, model::Whose whose, std::string text, std::string command) {
  finding.next_steps.push_back({std::move(text), std::move(command), whose});
}

}  // namespace tcpdiag::diagnose
