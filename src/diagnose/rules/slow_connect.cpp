// SPDX-License-Identifier: Apache-2.0
// slow-connect: connects that succeeded late: after a repeated SYN, or after max(250 ms, 5 x floor).
//
// Nothing fails, and users wait 1 s and more: the first SYN is repeated after 1 s (RFC 6298 section 2), then after
// further 1 s steps (since Linux 6.5, tcp_syn_linear_timeouts) or 2, 4 s. It was swallowed on the way (port reuse in a
// load balancer, a race of connection tracking) or by a full accept queue at the peer.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "diagnose/delay.h"
#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace slow_connect {
namespace {

using model::Confidence;
using model::Severity;
using model::SlowConnects;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kSlowCount{"slow_count"};
constexpr EvidenceKey kEstablishedCount{"established_count"};
constexpr EvidenceKey kSlowPct{"slow_pct"};
constexpr EvidenceKey kResentCount{"resent_count"};
constexpr EvidenceKey kResentSyns{"resent_syns"};
constexpr EvidenceKey kTookP50Us{"took_p50_us"};
constexpr EvidenceKey kTookMaxUs{"took_max_us"};
constexpr EvidenceKey kConnectP50Us{"connect_p50_us"};
constexpr EvidenceKey kSynScheduleS{"syn_schedule_s"};
constexpr std::array kEvidence = {kSlowCount, kEstablishedCount, kSlowPct,      kResentCount, kResentSyns,
                                  kTookP50Us, kTookMaxUs,        kConnectP50Us, kSynScheduleS};

bool is_slow(const SocketStory& story) {
  return story.outcome == model::ConnectOutcome::kEstablished && story.connect_took &&
         (story.syns_sent > 1 || *story.connect_took >= model::kSlowConnect);
}

// Of the first one that has it whole: "0, 1.0, 2.1".
std::string schedule_of(const model::Picture& picture, const std::vector<std::size_t>& sockets) {
  for (const std::size_t i : sockets) {
    const SocketStory& story = picture.sockets[i];
    if (story.syns_sent < 2) continue;
    if (std::string words = syn_schedule(story); !words.empty()) return words;
  }
  return {};
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const model::EndpointPicture& picture = seconds.picture;
  const SlowConnects& slow = picture.slow_connects;
  if (slow.count == 0 || !slow.first_at) return std::nullopt;
  const std::uint64_t established = std::max(
      slow.count, picture.totals.connect_outcomes[static_cast<std::size_t>(model::ConnectOutcome::kEstablished)]);
  const double share = 100.0 * static_cast<double>(slow.count) / static_cast<double>(established);

  Judged judged = start_delay(kSlowConnect.code, endpoint, seconds, seconds.none());
  model::Finding& finding = judged.finding;
  const model::Picture& all = seconds.facts.picture;
  judged.seconds.clear();
  for (std::size_t i = 0; i < all.sockets.size(); ++i) {
    const SocketStory& story = all.sockets[i];
    if (story.endpoint != endpoint.index || !is_slow(story)) continue;
    finding.sockets.push_back(i);
    const std::int64_t from = seconds.facts.utc_second(story.opened_at.value_or(story.first_seen_at));
    const std::int64_t to = seconds.facts.utc_second(*connected_at(story));
    for (std::int64_t s = from; s <= to; ++s) judged.seconds.push_back(s);
  }
  std::sort(judged.seconds.begin(), judged.seconds.end());
  judged.seconds.erase(std::unique(judged.seconds.begin(), judged.seconds.end()), judged.seconds.end());
  finding.first_at = *slow.first_at;
  finding.last_at = *slow.last_at;
  finding.count = slow.count;
  finding.share_pct = share;
  finding.impact.share_pct = share;
  judged.delayed = slow.count;
  // One lost SYN happens everywhere; from then on users wait.
  const bool counts = slow.count >= kEnoughObservations || share >= kSlowConnectPct;
  finding.severity = counts ? Severity::kWarning : Severity::kNotice;
  judged.may_be_raised = counts;

  const std::string schedule = schedule_of(all, finding.sockets);
  const model::Histogram* connects = picture.measured(model::Measure::kConnect);
  add(finding, kSlowCount, slow.count);
  add(finding, kEstablishedCount, established);
  add(finding, kSlowPct, std::optional<double>(share));
  add(finding, kResentCount, slow.resent);
  add(finding, kResentSyns, slow.resent_syns);
  add(finding, kTookP50Us, slow.took_us.percentile(0.5));
  add(finding, kTookMaxUs, slow.took_us.percentile(1.0));
  add(finding, kConnectP50Us, connects != nullptr ? connects->percentile(0.5) : std::nullopt);
  if (schedule.empty()) {
    add_null(finding, kSynScheduleS);
  } else {
    add(finding, kSynScheduleS, schedule);
  }

  Grade grade(Confidence::kHigh);
  if (slow.resent < slow.count) {
    grade.at_most(Confidence::kMedium, fmt::format("In {} of {} cases no SYN was repeated: the answer itself was late.",
                                                   slow.count - slow.resent, slow.count));
  }
  common_steps(grade, seconds.facts, Feed::kSockets, slow.count);
  grade.write_to(finding);

  const std::string name = picture.key.at.to_string();
  const std::string took = duration_range(static_cast<double>(slow.took_us.percentile(0.0).value_or(0)),
                                          static_cast<double>(slow.took_us.percentile(1.0).value_or(0)));
  finding.title =
      fmt::format("{} of {} to {} succeeded late, after {}", slow.count, number_of(established, "connect"), name, took);
  finding.explanation = fmt::format("{} of {} to {} ({}) took {}", slow.count, number_of(established, "connect"), name,
                                    percent(share), took);
  if (slow.resent > 0) {
    finding.explanation += fmt::format(
        ": {} only after this host had sent the SYN again ({} repeated{}), because nothing had answered the first one",
        slow.resent == slow.count ? std::string("all") : std::to_string(slow.resent),
        number_of(slow.resent_syns, "SYN"), schedule.empty() ? "" : fmt::format(", typical: at {} s", schedule));
  }
  finding.explanation += ". Nothing failed, and every such call waited.";
  if (slow.resent > 0) {
    finding.explanation +=
        " SYNs are swallowed on the way, or by a full accept queue of the peer; the steps are this host's own.";
  }
  add_step(finding, Whose::kPeer, "on that host: does its listen queue overflow", "nstat -az TcpExtListenOverflows");
  add_step(
      finding, Whose::kCloud,
      "does a load balancer, NAT or firewall in between drop SYNs (reused ports, a full table, a race of connection "
      "tracking)");
  add_step(finding, Whose::kUs, "does a SYN-ACK reach this host", capture_command(picture.key, CaptureOf::kSynAcks));
  add_step(finding, Whose::kUs, "reuse connections, so that fewer calls wait for one");
  finding.disproved_by = "SYN-ACKs reach this host's network card within a round trip (then this host drops them)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"slow connects", list_of({part_words(e.count(kSlowCount), e.count(kEstablishedCount)),
                                           with("", e.number(kSlowPct) ? percent(*e.number(kSlowPct)) : "")})});
  out.push_back({"SYNs sent again", list_of({e.some(kResentCount, "connects"), e.some(kResentSyns, "SYNs")})});
  const std::vector<std::string> took = e.together({kTookP50Us, kTookMaxUs});
  out.push_back({"took", list_of({with("", took[0], " (p50)"), with("at most ", took[1])})});
  out.push_back({"all connects", with("", e.microseconds(kConnectP50Us), " (p50)")});
  out.push_back({"SYNs at", with("", e.text(kSynScheduleS), " s (typical)")});
}

// Who calls this host waits for its calls.
constexpr std::array kEffects = {Effect{&kDelayUnattributed, Shared::kProcess}};

}  // namespace
}  // namespace slow_connect

const Rule kSlowConnect{
    .code = "slow-connect",
    .family = model::Family::kConnects,
    .judge_picture = slow_connect::judge_picture,
    .evidence = slow_connect::kEvidence,
    .word_evidence = slow_connect::word_evidence,
    .effects = slow_connect::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
