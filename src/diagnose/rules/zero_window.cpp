// SPDX-License-Identifier: Apache-2.0
// zero-window: the peer told this host to stop sending, because its application does not read (RFC 9293 section 3.8.6).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace zero_window {
namespace {

using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kZeroWindowReceivedUs{"zero_window_received_us"};
constexpr EvidenceKey kStalls{"stalls"};
constexpr EvidenceKey kLongestStallS{"longest_stall_s"};
constexpr EvidenceKey kBytesWaitingMax{"bytes_waiting_max"};
constexpr EvidenceKey kProbesSent{"probes_sent"};
constexpr std::array kEvidence = {kZeroWindowReceivedUs, kStalls, kLongestStallS, kBytesWaitingMax, kProbesSent};

// Opens within about a round trip each time: the receiver paces its sender, as it should.
bool is_pacing(const model::EndpointPicture& picture) {
  if (picture.zero_window_longest_us == 0) return false;  // not measured
  const auto least = static_cast<std::uint64_t>(model::microseconds(kShortStall));
  return picture.zero_window_longest_us < std::max(least, 2 * picture.rtt_floor_us.value_or(0));
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const model::EndpointPicture& picture = seconds.picture;
  const std::uint64_t closed_us = picture.totals.zero_window_received_us.value_or(0);
  if (closed_us < static_cast<std::uint64_t>(model::microseconds(kZeroWindow)) || is_pacing(picture)) {
    return std::nullopt;
  }
  const double lifetime_us =
      static_cast<double>(std::max<std::int64_t>(model::microseconds(picture.last_seen_at - picture.first_seen_at), 0));
  if (static_cast<double>(closed_us) < kZeroWindowShare * lifetime_us) return std::nullopt;

  const Marks marks = seconds.where([](const model::Second& s) { return s.zero_window_received_us > 0; });
  Judged judged = start_delay(kPeerZeroWindow.code, endpoint, seconds, marks);
  model::Finding& finding = judged.finding;
  finding.count = std::max<std::uint64_t>(picture.zero_window_stalls, 1);
  finding.severity = Severity::kWarning;
  Grade grade(model::Confidence::kHigh);
  delay_steps(grade, seconds.facts, kEnoughObservations, "stalls");  // one long stall is as good as many
  grade.write_to(finding);

  const model::Duration longest = std::chrono::microseconds(static_cast<std::int64_t>(picture.zero_window_longest_us));
  add(finding, kZeroWindowReceivedUs, closed_us);
  add(finding, kStalls, picture.zero_window_stalls);
  add_seconds(finding, kLongestStallS, picture.zero_window_longest_us > 0 ? std::optional(longest) : std::nullopt);
  add_null(finding, kBytesWaitingMax);
  add_null(finding, kProbesSent);

  const std::string name = picture.key.at.to_string();
  const bool outbound = endpoint.outbound();
  finding.title = fmt::format("{} {} not read what this host sends", outbound ? name : "a client of " + name, "does");
  finding.explanation = fmt::format(
      "{} had its receive window closed for {} in total while data of this host waited ({}{}). Its kernel is there, "
      "and "
      "its application does not read.",
      outbound ? name : "A client of " + name, duration(closed_us), number_of(finding.count, "stall"),
      picture.zero_window_longest_us > 0 ? fmt::format(", the longest {}", duration(longest)) : std::string());
  add_step(finding, Whose::kPeer, "why does the peer's process not read: its CPU, garbage collection, disk, locks");
  finding.disproved_by = "the window opens again within one round trip each time";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::vector<std::string> times = e.together({kZeroWindowReceivedUs, kLongestStallS});
  const auto stalls = e.count(kStalls);
  out.push_back(
      {"window closed", list_of({with("for ", times[0], " in total"), stalls ? number_of(*stalls, "stall") : "",
                                 with("the longest ", times[1])})});
  out.push_back({"waiting", with("at most ", e.bytes(kBytesWaitingMax), " to be sent")});
  const auto probes = e.count(kProbesSent);
  out.push_back({"probes", probes ? fmt::format("{} sent, to ask whether it is open", *probes) : ""});
}

// A reader that is slow keeps its window small before it closes it.
constexpr std::array kEffects = {Effect{&kWindowLimited, Shared::kEndpoint}};

}  // namespace
}  // namespace zero_window

const Rule kPeerZeroWindow{
    .code = "zero-window",
    .family = model::Family::kPath,
    .judge_picture = zero_window::judge_picture,
    .evidence = zero_window::kEvidence,
    .word_evidence = zero_window::word_evidence,
    .effects = zero_window::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
