// SPDX-License-Identifier: Apache-2.0
#include "diagnose/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
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
    case Family::kDrops:
    case Family::kLookUps:
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

// Anything that a peer or an application did. A socket that ended did so by packets.
bool has_traffic(const model::Totals& t) {
  const bool sockets_moved = t.connects > 0 || t.sockets_seen > t.sockets_open_at_end || t.bytes_sent > 0 ||
                             t.bytes_received > 0 || t.exchanges > 0 || t.exchanges_failed > 0 ||
                             t.exchanges_pending > 0;
  const std::uint64_t kinds = std::accumulate(t.retransmits.begin(), t.retransmits.end(), std::uint64_t{0});
  const bool dropped = std::ranges::any_of(t.drops, [](const auto& way) { return !way.empty(); });
  return sockets_moved || kinds > 0 || t.retransmits_unseen > 0 || t.retransmitted_segments > 0 || t.resets.sent > 0 ||
         t.resets.received > 0 || dropped || t.listen_overflows.value_or(0) > 0 || t.listen_drops.value_or(0) > 0;
}

std::string impact_words(const Facts& facts, const Finding& finding) {
  const bool is_drops = finding.family == Family::kDrops;  // may be of both
  const bool of_connects = finding.family == Family::kConnects || (is_drops && finding.impact.connects_failed > 0);
  const std::uint64_t failed = !of_connects ? finding.impact.exchanges_failed
                               : is_drops   ? finding.impact.connects_failed
                                            : finding.count;
  const auto attempts_at_all = [&](Of of, std::uint64_t at_least) {
    std::uint64_t sum = 0;
    for (const std::size_t endpoint : finding.endpoints()) sum += attempts_of(facts.endpoints[endpoint], of, 0);
    return std::max(sum, at_least);
  };
  std::string words;
  if (failed > 0 && finding.endpoint) {
    const std::uint64_t attempts = attempts_at_all(of_connects ? Of::kConnects : Of::kExchanges, failed);
    words = fmt::format("Impact: {} of {}", failed,
                        of_connects ? number_of(attempts, "connect") : number_of(attempts, "exchange"));
    if (const auto share = share_pct(failed, attempts)) words += fmt::format(" ({})", percent(*share));
  } else if (finding.impact.exchanges_delayed > 0 && finding.endpoint) {
    const std::uint64_t delayed = finding.impact.exchanges_delayed;
    const std::uint64_t attempts = attempts_at_all(Of::kExchanges, delayed);
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
  if (totals.exchanges_failed > 0 && totals.exchanges_failed <= explained) {
    words = fmt::format("No cause found: {} of {} failed, as the {} below {}",
                        number_of(totals.exchanges_failed, "exchange"), seen,
                        notices.size() == 1 ? "notice" : "notices", notices.size() == 1 ? "tells" : "tell");
  } else if (totals.exchanges_failed > explained) {
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
    words += fmt::format(" {} below{}.", number_of(notices.size(), "notice"),
                         totals.exchanges_failed == 0 ? ", without harm" : "");
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

std::string elsewhere_words(const std::vector<model::OtherNetns>& others) {
  std::string words;
  for (const model::OtherNetns& one : others) {
    const std::string has = one.established > 0 ? number_of(one.established, "established connection")
                                                : fmt::format("{}, none connected", number_of(one.sockets, "socket"));
    words += fmt::format("{}{} (pid {}, {}): --netns {}", words.empty() ? "" : "; ", one.comm, one.pid, has, one.pid);
  }
  return words;
}

std::string nothing_seen_words(const Picture& picture, std::size_t notices) {
  const std::size_t traced = picture.start.netns.size();
  const std::string where =
      traced > 1 ? fmt::format("these {}", number_of(traced, "namespace")) : std::string("this namespace");
  std::string words = fmt::format("No TCP traffic was seen in {} in {}", where, duration(picture.window.length()));
  const std::uint64_t sockets = picture.totals.sockets_seen;
  if (sockets > 0) words += fmt::format(", with {} open", number_of(sockets, "idle socket"));
  if (picture.start.filters.limits_sockets()) words += fmt::format(" (filter: {})", picture.start.filters.describe());
  words += ", so this says nothing about how TCP works here.";
  if (notices > 0) words += fmt::format(" {} below, without harm.", number_of(notices, "notice"));
  const std::string elsewhere = elsewhere_words(picture.start.other_netns);
  words += elsewhere.empty() ? std::string(" Trace while there is traffic.")
                             : fmt::format(" Other namespaces have TCP sockets; what traces them: {}.", elsewhere);
  return words;
}

// A failure that no finding above a notice speaks of is still one. Connects that were given up have a finding where
// they count.
bool something_failed(const Facts& facts) {
  using enum model::ConnectOutcome;
  const model::Totals& totals = facts.picture.totals;
  std::uint64_t failed = totals.exchanges_failed;
  for (const auto outcome : {kRefused, kReset, kTimedOut, kUnreachable, kLocalError}) {
    failed += totals.connect_outcomes[static_cast<std::size_t>(outcome)];
  }
  const auto served = std::count(facts.served_elsewhere.begin(), facts.served_elsewhere.end(), true);
  return failed > static_cast<std::uint64_t>(served);
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
  if (anything || something_failed(facts)) return Verdict::kSymptomsOnly;
  if (nothing_matched(facts.picture)) return Verdict::kNothingMatched;
  return has_traffic(facts.picture.totals) ? Verdict::kNothingFound : Verdict::kNothingSeen;
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
    if (verdict == Verdict::kNothingSeen) return words + nothing_seen_words(facts.picture, notices.size());
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
  const bool has_look_ups = std::ranges::any_of(
      picture.start.abilities, [](const model::Feature& one) { return one.name == "dns" && one.available; });
  std::vector<std::string> ids;
  for (const knowledge::NotVisible& row : knowledge::not_visible_table()) {
    if (row.id == "resets_without_socket" && resets_without_socket) continue;
    if (row.id == "reset_reasons" && picture.totals.reset_reasons_known) continue;
    if (row.id == "dns" && has_look_ups) continue;
    if (row.id == "packet_drops" && picture.totals.drops_known) continue;
    if (row.id == "calls_of_other_threads" && !has_calls) continue;
    ids.emplace_back(row.id);
  }
  return ids;
}

}  // namespace tcpdiag::diagnose
