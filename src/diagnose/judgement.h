// SPDX-License-Identifier: Apache-2.0
// What all rules have in common: severity, share, confidence with its reasons and the frame of a finding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/evidence.h"
#include "diagnose/rule.h"
#include "model/finding.h"

namespace tcpdiag::diagnose {

// What the failures are a part of.
enum class Of : std::uint8_t { kExchanges, kConnects };

// `failures` of the endpoint's attempts, in percent; an endpoint has at least as many attempts as failures.
std::uint64_t attempts_of(const EndpointFacts& endpoint, Of of, std::uint64_t failures);
std::optional<double> share_pct(std::uint64_t failures, std::uint64_t attempts);

// critical: at least 3 failures and 0.1 % of the attempts; warning: any failure; notice: none.
model::Severity common_severity(std::uint64_t failures, std::uint64_t attempts);

// Confidence with one sentence for each step down.
class Grade {
 public:
  explicit Grade(model::Confidence start) : value_(start) {}

  // The row of the rule allows no more than `limit` here.
  void at_most(model::Confidence limit, std::string reason);
  void step_down(std::string reason);
  void write_to(model::Finding& finding) const;
  model::Confidence value() const { return value_; }
  // A step down was due where there was none left: a finding about a delay is not emitted then.
  bool exhausted() const { return exhausted_; }

 private:
  model::Confidence value_;
  std::vector<std::string> reasons_;
  bool exhausted_ = false;
};

// The steps that hold for every rule: loss that feeds it, fewer than 3 observations.
void common_steps(Grade& grade, const Facts& facts, Feed feed, std::size_t observations);
// One step when `derived` of `total` observations rest on a value that was not read from the kernel.
void derived_step(Grade& grade, std::uint64_t derived, std::uint64_t total, std::string_view what);
// The role of a socket (which side connected, so which data is the request) was not seen.
std::uint64_t roles_derived(const Group& group);
// Medium at most where connections were open before the trace began.
void older_step(Grade& grade, const Group& group);

// A finding with the parts that follow from the group alone: code, endpoint, sockets, times, count, seconds.
Judged start_finding(const char* code, const Group& group);
// Severity, share and impact from the failures of a group.
void set_impact(Judged& judged, const Group& group, Of of, std::uint64_t failures);

// A notice: what failed did no harm that is known.
void make_notice(Judged& judged);

void add_step(model::Finding& finding, model::Whose whose, std::string text, std::string command = {});

}  // namespace tcpdiag::diagnose
