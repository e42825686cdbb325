// SPDX-License-Identifier: Apache-2.0
// path-reordering: the path changes the order of segments towards this host and loses none of them. By itself that
// costs little; senders that take it for loss send again and slow down (RFC 8985 section 1).
#include <fmt/format.h>

#include <array>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace path_reordering {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kReorderedSegments{"reordered_in"};
constexpr EvidenceKey kRecoveredSegments{"recovered_in"};
constexpr EvidenceKey kReceivedSegments{"received_segments"};
constexpr EvidenceKey kReorderedPct{"reordered_pct"};
constexpr EvidenceKey kOutOfOrderSegments{"out_of_order_segments"};
constexpr std::array kEvidence = {kReorderedSegments, kRecoveredSegments, kReceivedSegments, kReorderedPct,
                                  kOutOfOrderSegments};

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const model::Totals& totals = seconds.picture.totals;
  const std::uint64_t late = totals.reordered_in.value_or(0);
  const std::uint64_t received = totals.segments_received.value_or(0);
  const auto pct = share_pct(late, std::max(received, late));
  if (late < kLostSegments || pct.value_or(0) < kReorderedPctLeast) return std::nullopt;

  Judged judged = start_delay(kPathReordering.code, endpoint, seconds,
                              seconds.where([](const model::Second& s) { return s.out_of_order > 0; }));
  model::Finding& finding = judged.finding;
  finding.count = late;
  finding.severity = Severity::kNotice;
  judged.may_be_raised = false;
  add(finding, kReorderedSegments, late);
  add(finding, kRecoveredSegments, totals.recovered_in);
  add(finding, kReceivedSegments, totals.segments_received);
  add(finding, kReorderedPct, pct);
  add(finding, kOutOfOrderSegments, totals.out_of_order_segments);
  Grade grade(Confidence::kHigh);
  if (seconds.picture.path_queue_in_missing == "no_timestamps") {
    grade.at_most(Confidence::kMedium, "Without TCP timestamps it is told by time alone which copy came.");
  }
  common_steps(grade, seconds.facts, Feed::kDelays, late);
  grade.write_to(finding);

  const std::string name = seconds.picture.key.at.to_string();
  finding.title = fmt::format("the path from {} changes the order of segments{}", name,
                              pct ? fmt::format(" ({})", percent(*pct)) : std::string());
  finding.explanation = fmt::format(
      "{} from {} came late, after segments that were sent behind them: the path delivers out of order (several links "
      "or "
      "queues in parallel), and lost none of these.{}",
      number_of(late, "segment"), name,
      totals.recovered_in.value_or(0) == 0 ? std::string()
                                           : fmt::format(" Apart from them, sent again after a loss: {}.",
                                                         number_of(totals.recovered_in.value_or(0), "segment")));
  add_step(finding, Whose::kCloud,
           "look for per-packet load balancing, bonded links, or a queue for each CPU between the two hosts");
  finding.disproved_by = "a capture at both ends shows the segments leave in this order, or twice";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto pct = e.number(kReorderedPct);
  const auto received = e.count(kReceivedSegments);
  out.push_back({"late", with("", e.some(kReorderedSegments, "segments"),
                              fmt::format("{}{}", received ? fmt::format(" of {} received", *received) : "",
                                          pct ? fmt::format(" ({})", percent(*pct)) : ""))});
  out.push_back({"sent again", e.some(kRecoveredSegments, "segments had been lost before")});
  out.push_back({"out of order", e.some(kOutOfOrderSegments, "segments received")});
}

}  // namespace
}  // namespace path_reordering

const Rule kPathReordering{
    .code = "path-reordering",
    .family = model::Family::kPath,
    .may_be_raised = false,
    .judge_picture = path_reordering::judge_picture,
    .evidence = path_reordering::kEvidence,
    .word_evidence = path_reordering::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
