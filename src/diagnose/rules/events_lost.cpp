// SPDX-License-Identifier: Apache-2.0
// events-lost: something was not seen. One finding a cause; it is last in the report, never critical, and lowers the
// confidence of what it feeds.
#include <fmt/format.h>

#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace events_lost {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCause{"cause"};
constexpr EvidenceKey kLost{"lost"};
constexpr EvidenceKey kSeen{"seen"};
constexpr EvidenceKey kLostPct{"lost_pct"};
constexpr EvidenceKey kFirstAt{"first_at"};
constexpr EvidenceKey kMeasuresAffected{"measures_affected"};
constexpr std::array kEvidence = {kCause, kLost, kSeen, kLostPct, kFirstAt, kMeasuresAffected};

void add_hint(model::Finding& finding, std::string_view cause) {
  if (cause == "disk_full") {
    add_step(finding, Whose::kUs, "write the recording to a disk with more space, or trace with a narrower filter");
    return;
  }
  if (cause == "ring_full" || cause == "samples_thinned") {
    add_step(finding, Whose::kUs, "give the ring more memory (--ring-size), or write to a faster disk (-w)");
  }
  if (cause == "rate_limited") {
    add_step(finding, Whose::kUs, "allow more events a second (--max-events-per-second; 0: any number)");
  }
  add_step(finding, Whose::kUs, "trace with a narrower filter: a port, a process, an address");
}

Judged judge_loss(const Facts& facts, const LossShare& loss) {
  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kEventsLost.code;
  finding.severity = loss.pct && *loss.pct > kLossSpoilsVerdictPct ? Severity::kWarning : Severity::kNotice;
  finding.confidence = Confidence::kHigh;
  finding.first_at = facts.picture.window.start;
  finding.last_at = facts.picture.window.end;
  finding.count = loss.lost;
  finding.share_pct = loss.pct;
  judged.split = loss.cause;

  add(finding, kCause, std::string(loss.cause));
  add(finding, kLost, loss.lost);
  add(finding, kSeen, loss.seen);
  add(finding, kLostPct, loss.pct);
  add_null(finding, kFirstAt);
  add(finding, kMeasuresAffected, loss.measures_affected);

  finding.title = fmt::format("{} {}", loss.lost, loss.words);
  if (loss.pct) finding.title += fmt::format(" ({})", percent(*loss.pct));
  finding.explanation = fmt::format("{} {}.", loss.lost, loss.words);
  if (loss.feeds_sockets) finding.explanation += " Resets and failures may be missing from this report.";
  add_hint(finding, loss.cause);
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const LossShare& loss : facts.losses) result.push_back(judge_loss(facts, loss));
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto lost = e.count(kLost);
  const auto seen = e.count(kSeen);
  const auto pct = e.number(kLostPct);
  if (lost) {
    out.push_back({"lost", fmt::format("{}{}{}", *lost, pct ? fmt::format(" ({})", percent(*pct)) : "",
                                       seen ? fmt::format(", seen {}", *seen) : "")});
  }
  out.push_back({"because", e.text(kCause)});
  out.push_back({"too low or missing", e.text(kMeasuresAffected)});
  e.skip({kFirstAt});
}

}  // namespace
}  // namespace events_lost

const Rule kEventsLost{
    .code = "events-lost",
    .family = model::Family::kLosses,
    .may_be_raised = false,
    .judge_picture = events_lost::judge_picture,
    .evidence = events_lost::kEvidence,
    .word_evidence = events_lost::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
