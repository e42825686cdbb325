// SPDX-License-Identifier: Apache-2.0
#include "diagnose/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "diagnose/judgement.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/not_visible.h"
#include "util/format.h"

namespace tcpdiag::diagnose {
namespace {

using model::Confidence;
using model::Family;
using model::Finding;
using model::Picture;
using model::Severity;
using model::Verdict;

bool is_loss(const Finding& finding) { return finding.family == Family::kLosses; }

// The finding that the report opens with; nullptr: only losses, or nothing.
const Finding* top_of(const std::vector<Finding>& findings) {
  return findings.empty() || is_loss(findings.front()) ? nullptr : &findings.front();
}

// What the finding rests on: histograms and series, the kernel's own counters, or how sockets ended.
Feed feed_of(const Finding& finding) {
  switch (finding.family) {
    case Family::kListening:
    case Family::kAllowance:
      return Feed::kCounters;
    case Family::kPath:
    case Family::kHostQueue:
    case Family::kReading:
    case Family::kCallGaps:
      return Feed::kDelays;
    case Family::kConnects:
    case Family::kReconnects:
    case Family::kExchanges:
    case Family::kLosses:
      break;
  }
  return Feed::kSockets;
}

// "Nothing wrong was seen" rests on having seen everything.
bool is_spoilt(const Facts& facts, const Finding* top) {
  const Feed feed = top == nullptr ? Feed::kCoverage : feed_of(*top);
  return std::any_of(facts.losses.begin(), facts.losses.end(), [feed](const LossShare& loss) {
    return loss.feeds(feed) && loss.pct && *loss.pct > kLossSpoilsVerdictPct;
  });
}

bool nothing_matched(const Picture& picture) {
  if (picture.totals.sockets_seen > 0) return false;
  return picture.start.filters.limits_sockets() || picture.sockets_filtered_out.value_or(0) > 0;
}

std::string impact_words(const Facts& facts, const Finding& finding) {
  const bool of_connects = finding.family == Family::kConnects;
  const std::uint64_t failed = of_connects ? finding.count : finding.impact.exchanges_failed;
  std::string words;
  if (failed > 0 && finding.endpoint) {
    const auto of = of_connects ? Of::kConnects : Of::kExchanges;
    const std::uint64_t attempts = attempts_of(facts.endpoints[*finding.endpoint], of, failed);
    words = fmt::format("Impact: {} of {}", failed,
                        of_connects ? number_of(attempts, "connect") : number_of(attempts, "exchange"));
    if (const auto share = share_pct(failed, attempts)) words += fmt::format(" ({})", percent(*share));
  } else if (finding.impact.exchanges_delayed > 0 && finding.endpoint) {
    const std::uint64_t delayed = finding.impact.exchanges_delayed;
    const std::uint64_t attempts = attempts_of(facts.endpoints[*finding.endpoint], Of::kExchanges, delayed);
    words = fmt::format("Impact: {} of {} delayed", delayed, number_of(attempts, "exchange"));
    if (const auto share = share_pct(delayed, attempts)) words += fmt::format(" ({})", percent(*share));
  } else {
    words = fmt::format("Seen {}", number_of(finding.count, "time"));
  }
  const model::ClockPair& clock = facts.picture.start.clock;
  const std::string first = clock_time(clock.to_wall(finding.first_at));
  const std::string last = clock_time(clock.to_wall(finding.last_at));
  words += first == last ? fmt::format(", at {} UTC", first) : fmt::format(", {} to {} UTC", first, last);
  if (finding.ongoing) words += ", still going on when the trace ended";
  return words + ".";
}

// The endpoint whose answers took longest, by p99 of first_byte (its median would hide what users notice).
std::string slowest_endpoint(const Picture& picture) {
  const model::EndpointPicture* slowest = nullptr;
  std::uint64_t slowest_p99 = 0;
  for (const model::EndpointPicture& endpoint : picture.endpoints) {
    const model::Histogram* first_byte = endpoint.measured(model::Measure::kFirstByte);
    if (first_byte == nullptr) continue;
    const auto p99 = first_byte->percentile(0.99);
    const bool slower =
        slowest == nullptr || *p99 > slowest_p99 || (*p99 == slowest_p99 && endpoint.key < slowest->key);
    if (!slower) continue;
    slowest = &endpoint;
    slowest_p99 = *p99;
  }
  if (slowest == nullptr) return {};
  return fmt::format("; slowest endpoint {}, first byte after {} (p99)", slowest->key.to_string(),
                     duration(slowest_p99));
}

std::string not_visible_words(const Picture& picture) {
  std::string words;
  for (const std::string& id : not_visible_in(picture)) {
    const knowledge::NotVisible* row = knowledge::find_not_visible(id);
    words += fmt::format("{}{}", words.empty() ? "" : ", ", row != nullptr ? row->words : std::string_view(id));
  }
  return fmt::format(" Not visible from here: {}.", words);
}

std::string nothing_found_words(const Facts& facts, const std::vector<Finding>& notices) {
  const model::Totals& totals = facts.picture.totals;
  std::uint64_t explained = 0;  // failed exchanges that did no harm
  for (const Finding& notice : notices) explained += notice.impact.exchanges_failed;
  const std::string seen =
      fmt::format("{} and {}", number_of(totals.exchanges, "exchange"), number_of(totals.connects, "connect"));
  std::string words;
  if (totals.exchanges_failed > explained) {
    words = fmt::format("No cause found: {} of {} failed, in ways that no rule explains",
                        number_of(totals.exchanges_failed, "exchange"), seen);
  } else {
    words = fmt::format("Nothing wrong seen in {}", seen);
  }
  words += slowest_endpoint(facts.picture) + ".";
  if (totals.exchanges_pending > 0) {
    words += fmt::format(" {} still waited for an answer when the trace ended.",
                         number_of(totals.exchanges_pending, "exchange"));
  }
  if (!notices.empty()) {
    words += fmt::format(" {} below, without harm.", number_of(notices.size(), "notice"));
  }
  return words + not_visible_words(facts.picture);
}

std::string nothing_matched_words(const Picture& picture) {
  std::string words = fmt::format("No socket matched the filter ({})", picture.start.filters.describe());
  if (picture.sockets_filtered_out) {
    words += fmt::format("; {} of this namespace did not match", number_of(*picture.sockets_filtered_out, "socket"));
  }
  if (!picture.busiest_filtered_out.empty()) {
    words += ". Busiest of them: ";
    for (std::size_t i = 0; i < picture.busiest_filtered_out.size(); ++i) {
      words += (i == 0 ? "" : ", ") + picture.busiest_filtered_out[i].key.to_string();
    }
  }
  return words + ".";
}

}  // namespace

Verdict verdict_of(const Facts& facts, const std::vector<Finding>& findings) {
  const Finding* top = top_of(findings);
  if (is_spoilt(facts, top)) return Verdict::kNotTrustworthy;
  if (top != nullptr && top->severity > Severity::kNotice) {
    const bool sure = top->confidence >= Confidence::kMedium && top->caused_by.empty();
    return sure ? Verdict::kCauseFound : Verdict::kSymptomsOnly;
  }
  const bool anything = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return !is_loss(finding) && finding.severity > Severity::kNotice;
  });
  if (anything) return Verdict::kSymptomsOnly;
  return nothing_matched(facts.picture) ? Verdict::kNothingMatched : Verdict::kNothingFound;
}

std::string summary_of(const Facts& facts, const std::vector<Finding>& findings, Verdict verdict) {
  std::string words;
  if (verdict == Verdict::kNotTrustworthy) words = "Too much was lost to trust this report (see events-lost). ";
  const Finding* top = top_of(findings);
  if (top == nullptr || top->severity == Severity::kNotice) {
    if (nothing_matched(facts.picture)) return words + nothing_matched_words(facts.picture);
    std::vector<Finding> notices;
    std::copy_if(findings.begin(), findings.end(), std::back_inserter(notices),
                 [](const Finding& finding) { return !is_loss(finding); });
    return words + nothing_found_words(facts, notices);
  }
  words += top->explanation + " " + impact_words(facts, *top);
  const auto more = std::count_if(findings.begin() + 1, findings.end(), [](const Finding& finding) {
    return !is_loss(finding) && finding.severity > Severity::kNotice;
  });
  if (more > 0) {
    words +=
        fmt::format(" {} below.", number_of(static_cast<std::uint64_t>(more), "further finding", "further findings"));
  }
  return words;
}

std::vector<std::string> not_visible_in(const Picture& picture) {
  const auto& phases = picture.totals.reset_phases;
  const bool resets_without_socket = phases[static_cast<std::size_t>(model::Phase::kNoSocket)].has_value();
  const bool has_calls = std::any_of(picture.endpoints.begin(), picture.endpoints.end(),
                                     [](const model::EndpointPicture& e) { return e.app_gap.calls > 0; });
  std::vector<std::string> ids;
  for (const knowledge::NotVisible& row : knowledge::not_visible_table()) {
    if (row.id == "resets_without_socket" && resets_without_socket) continue;
    if (row.id == "reset_reasons" && picture.totals.reset_reasons_known) continue;
    if (row.id == "calls_of_other_threads" && !has_calls) continue;
    ids.emplace_back(row.id);
  }
  return ids;
}

}  // namespace tcpdiag::diagnose
