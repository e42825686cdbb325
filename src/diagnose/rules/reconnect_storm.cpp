// SPDX-License-Identifier: Apache-2.0
// reconnect-storm: after timeouts, calls that would reuse a connection open new ones, many a second.
//
// A client that gives up on a request must drop its connection, for the answer may still come. Behind a queue that
// makes many time out this turns each exchange into a connect (and TLS handshake): more packets for the same limit,
// and conntrack entries that are a limit of their own.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/nics.h"
#include "diagnose/registry.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace reconnect_storm {
namespace {

using model::Confidence;
using model::MonoTime;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kConnectsMaxPerS{"connects_max_per_s"};
constexpr EvidenceKey kConnectsMedianPerS{"connects_median_per_s"};
constexpr EvidenceKey kStormSeconds{"storm_seconds"};
constexpr EvidenceKey kConnectsFailedCount{"connects_failed_count"};
constexpr EvidenceKey kTimeoutsCount{"timeouts_count"};
constexpr EvidenceKey kSocketsOpenPeak{"sockets_open_peak"};
constexpr EvidenceKey kConntrackAllowanceDelta{"conntrack_allowance_delta"};
constexpr std::array kEvidence = {kConnectsMaxPerS, kConnectsMedianPerS,  kStormSeconds,
                                  kConnectCount,    kConnectsFailedCount, kExchangeCount,
                                  kTimeoutsCount,   kSocketsOpenPeak,     kConntrackAllowanceDelta};

// One number for each cell; 0 where the series has none.
std::vector<std::uint64_t> counts_of(const Seconds& seconds, model::SeriesId id) {
  std::vector<std::uint64_t> counts(seconds.size(), 0);
  const model::Series::Values* array = seconds.picture.series.find(id);
  if (array == nullptr) return counts;
  for (std::size_t i = 0; i < std::min(counts.size(), array->size()); ++i) {
    counts[i] = static_cast<std::uint64_t>(std::max<std::int64_t>((*array)[i].value_or(0), 0));
  }
  return counts;
}

std::uint64_t sum_of(const std::vector<std::uint64_t>& counts, const Marks& marks) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) sum += marks[i] ? counts[i] : 0U;
  return sum;
}

// When calls to this endpoint timed out, ascending.
std::vector<MonoTime> timeouts_of(const Facts& facts, const EndpointFacts& endpoint) {
  std::vector<MonoTime> times;
  for (std::size_t i = 0; i < facts.picture.sockets.size(); ++i) {
    const model::SocketStory& story = facts.picture.sockets[i];
    if (story.endpoint != endpoint.index || !story.end) continue;
    const Rule* rule = rule_for(facts.case_of(i));
    if (rule == &kResponseTimeout || rule == &kFirstBytesUnanswered || rule == &kConnectTimeout) {
      times.push_back(story.end->at);
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

struct Storm {
  std::vector<std::uint64_t> connects;  // by cell
  std::vector<MonoTime> timeouts;
  double usual_per_s = 0;
  double most_per_s = 0;
  Marks marks;
};

// Connects a second in the calm before the first timeout; where that was too short, in the whole trace.
double usual_rate(const Seconds& seconds, const Storm& storm) {
  std::vector<std::uint64_t> all;
  std::vector<std::uint64_t> calm;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!seconds[i].whole) continue;
    all.push_back(storm.connects[i]);
    const bool before = i + 1 < seconds.size() && seconds.begin_of(i + 1) <= storm.timeouts.front();
    if (before) calm.push_back(storm.connects[i]);
  }
  const bool enough = static_cast<double>(calm.size()) * seconds.cell_s() >= static_cast<double>(kStormCalmSeconds);
  const Values<std::uint64_t> counts(enough ? std::move(calm) : std::move(all));
  return static_cast<double>(counts.p50().value_or(0)) / seconds.cell_s();
}

std::optional<Storm> find_storm(const Seconds& seconds, const EndpointFacts& endpoint) {
  Storm storm;
  storm.connects = counts_of(seconds, model::SeriesId::kConnects);
  storm.marks = seconds.none();
  const double least = kStormConnectsPerSecond * seconds.cell_s();
  const bool any_many = std::any_of(storm.connects.begin(), storm.connects.end(),
                                    [&](std::uint64_t n) { return static_cast<double>(n) >= least; });
  if (!any_many) return std::nullopt;
  storm.timeouts = timeouts_of(seconds.facts, endpoint);
  if (storm.timeouts.size() < kStormTimeouts) return std::nullopt;
  storm.usual_per_s = usual_rate(seconds, storm);

  const MonoTime enough_timeouts = storm.timeouts[kStormTimeouts - 1];
  const double needed = std::max(kStormConnectsPerSecond, kStormFactor * storm.usual_per_s);
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const bool after = i + 1 == seconds.size() || seconds.begin_of(i + 1) > enough_timeouts;
    const double per_s = static_cast<double>(storm.connects[i]) / seconds.cell_s();
    const double exchanges = static_cast<double>(seconds[i].exchanges);
    storm.marks[i] = seconds[i].whole && after && per_s >= needed &&
                     static_cast<double>(storm.connects[i]) >= kStormConnectsPerExchange * exchanges;
    if (storm.marks[i]) storm.most_per_s = std::max(storm.most_per_s, per_s);
  }
  if (!any(storm.marks)) return std::nullopt;
  return storm;
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  if (!endpoint.outbound()) return std::nullopt;
  const auto storm = find_storm(seconds, endpoint);
  if (!storm) return std::nullopt;
  const model::EndpointPicture& picture = seconds.picture;
  const std::uint64_t connects = sum_of(storm->connects, storm->marks);
  const std::uint64_t failed =
      std::min(sum_of(counts_of(seconds, model::SeriesId::kConnectFailures), storm->marks), connects);
  const std::uint64_t exchanges = seconds.sum(storm->marks, &model::Second::exchanges);
  const std::uint64_t storm_s = seconds.seconds_in(storm->marks);

  Judged judged = start_delay(kReconnectStorm.code, endpoint, seconds, storm->marks);
  model::Finding& finding = judged.finding;
  finding.count = connects;
  finding.severity = static_cast<double>(storm_s) < kStormSecondsForWarning ? Severity::kNotice : Severity::kWarning;
  finding.severity = std::max(finding.severity, common_severity(failed, connects));
  finding.impact.connects_failed = failed;
  if (failed > 0) finding.share_pct = finding.impact.share_pct = share_pct(failed, connects);
  judged.failures = failed;

  Grade grade(Confidence::kMedium);
  grade.at_most(Confidence::kMedium, "That the timeouts made the clients connect anew is inferred from their order.");
  common_steps(grade, seconds.facts, Feed::kSockets, connects);
  grade.write_to(finding);

  add(finding, kConnectsMaxPerS, std::optional<double>(storm->most_per_s));
  add(finding, kConnectsMedianPerS, std::optional<double>(storm->usual_per_s));
  add(finding, kStormSeconds, storm_s);
  add(finding, kConnectCount, connects);
  add(finding, kConnectsFailedCount, failed);
  add(finding, kExchangeCount, exchanges);
  add(finding, kTimeoutsCount, std::uint64_t{storm->timeouts.size()});
  add(finding, kSocketsOpenPeak, picture.totals.sockets_open_peak);
  add(finding, kConntrackAllowanceDelta, conntrack_exceeded(seconds.facts.picture, picture));

  const std::string name = picture.key.at.to_string();
  finding.title = fmt::format("this host connects to {} anew instead of reusing connections: up to {:.0f} a second",
                              name, storm->most_per_s);
  finding.explanation = fmt::format(
      "After {} to {} had timed out, this host opened {} to it in {} (up to {:.0f} a second, usual are {:.1f}), for "
      "{}: "
      "what times out is closed and connected anew. Each handshake adds packets, and a connection to be tracked, to "
      "the "
      "load that made the calls time out.",
      number_of(storm->timeouts.size(), "call"), name, number_of(connects, "connection"), number_of(storm_s, "second"),
      storm->most_per_s, storm->usual_per_s, number_of(exchanges, "exchange"));
  if (failed > 0) finding.explanation += fmt::format(" {} of these connects failed.", failed);
  add_step(finding, Whose::kUs, "why do the calls time out: see the findings of this endpoint that come before");
  add_step(finding, Whose::kUs,
           "let the client wait before it connects again (exponential backoff with jitter), and bound its pool");
  add_step(finding, Whose::kCloud, "is the limit of tracked connections reached (conntrack_allowance_exceeded)",
           allowance_command(picture.device));
  if (near_connection_limit(picture)) add_connection_limit_step(finding, picture);
  finding.disproved_by = "the new connections come from programs that were started in these seconds";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto most = e.number(kConnectsMaxPerS);
  const auto usual = e.number(kConnectsMedianPerS);
  out.push_back({"connects a second", list_of({most ? fmt::format("{} at most", rate(*most)) : "",
                                               usual ? fmt::format("usual {}", rate(*usual)) : ""})});
  const auto seconds = e.count(kStormSeconds);
  const auto connects = e.count(kConnectCount);
  const auto failed = e.count(kConnectsFailedCount);
  const auto exchanges = e.count(kExchangeCount);
  out.push_back({"in the storm",
                 list_of({seconds ? fmt::format("{} s", *seconds) : "", connects ? number_of(*connects, "connect") : "",
                          failed && *failed > 0 ? fmt::format("{} failed", *failed) : "",
                          exchanges ? number_of(*exchanges, "exchange") : ""})});
  out.push_back({"timed out before", e.text(kTimeoutsCount)});
  out.push_back({"open sockets", with("at most ", e.text(kSocketsOpenPeak))});
  out.push_back({"own NIC limit", with("conntrack allowance exceeded +", e.text(kConntrackAllowanceDelta))});
}

}  // namespace
}  // namespace reconnect_storm

const Rule kReconnectStorm{
    .code = "reconnect-storm",
    .family = model::Family::kReconnects,
    .judge_picture = reconnect_storm::judge_picture,
    .evidence = reconnect_storm::kEvidence,
    .word_evidence = reconnect_storm::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
