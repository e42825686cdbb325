// SPDX-License-Identifier: Apache-2.0
// peer-unreachable: several connections of one endpoint stopped getting ACKs within a second, and nothing of it has
// answered since.
//
// A host that lost its power, a failover that left the address to nobody, a path that broke: no FIN and no RST tells
// of it, TCP repeats (RFC 6298 section 5) until the application gives up, or the kernel after tcp_retries2 repetitions
// or TCP_USER_TIMEOUT (RFC 5482).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "knowledge/timers.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_unreachable {
namespace {

using model::Confidence;
using model::Duration;
using model::EndKind;
using model::MonoTime;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kOnsetSpreadS{"onset_spread_s"};
constexpr EvidenceKey kLastHeardS{"last_heard_before_onset_s"};
constexpr EvidenceKey kSilentForS{"silent_for_s"};
constexpr EvidenceKey kUnackedBytes{"unacked_bytes"};
constexpr EvidenceKey kRtoCount{"rto_count"};
constexpr EvidenceKey kOngoingCount{"ongoing_count"};
constexpr EvidenceKey kKernelGivesUpAfterS{"kernel_gives_up_after_s"};
constexpr std::array kEvidence = {kCount,        kExchangeCount, kOnsetSpreadS, kLastHeardS,         kSilentForS,
                                  kUnackedBytes, kRtoCount,      kOngoingCount, kKernelGivesUpAfterS};

bool claims(const Case& socket) { return socket.peer_vanished; }

bool waits_on(const SocketStory& story) { return story.exchange_pending; }

// tcp_retries2 of the endpoint's namespace; nullopt: it could not be read.
std::optional<double> kernel_gives_up_after_s(const Group& group) {
  const model::NetnsInfo* netns = group.facts.picture.start.netns_of(group.endpoint.picture->key.netns_inode);
  if (netns == nullptr) return std::nullopt;
  for (const knowledge::KnownTimer& timer : knowledge::kernel_timers(netns->sysctls)) {
    if (timer.limit == knowledge::TimerLimit::kRequest) return timer.seconds;
  }
  return std::nullopt;
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kPeerUnreachable.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  const std::uint64_t ongoing = group.count_if(waits_on);
  set_impact(judged, group, Of::kExchanges, n);
  finding.impact.exchanges_failed = group.count_if(lost_exchange);
  finding.ongoing = ongoing > 0;

  const Values<MonoTime> since(group.collect([](const SocketStory& s) { return s.request_at; }));
  const Values<MonoTime> heard(group.collect([](const SocketStory& s) { return s.heard_at; }));
  const MonoTime onset = *since.min();
  MonoTime until = onset;
  std::uint64_t unacked = 0;
  std::uint64_t rtos = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const SocketStory& story = group.story(i);
    until = std::max(until, story.end ? story.end->at : group.facts.picture.window.end);
    unacked += story.request_unacked_bytes;
    rtos += story.request_rtos;
  }
  finding.first_at = onset;
  finding.last_at = std::max(until, onset);
  judged.seconds.clear();
  for (std::int64_t s = group.facts.utc_second(onset); s <= group.facts.utc_second(until); ++s) {
    judged.seconds.push_back(s);
  }

  const Duration spread = *since.max() - onset;
  const auto gives_up_s = kernel_gives_up_after_s(group);
  add(finding, kCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add_seconds(finding, kOnsetSpreadS, spread);
  add_seconds(finding, kLastHeardS,
              heard.empty() ? std::nullopt : std::optional(std::max(Duration::zero(), onset - *heard.max())));
  add_seconds(finding, kSilentForS, until - onset);
  add(finding, kUnackedBytes, unacked);
  add(finding, kRtoCount, rtos);
  add(finding, kOngoingCount, ongoing);
  add(finding, kKernelGivesUpAfterS, gives_up_s);

  Grade grade(Confidence::kHigh);
  grade.at_most(Confidence::kMedium,
                "The peer's host and the path to it look alike from here: neither has sent anything.");
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  const std::string at = clock_time(group.facts.picture.start.clock.to_wall(onset));
  finding.title = fmt::format("{} vanished at {} UTC: no ACK on {} since", name, at, number_of(n, "connection"));
  finding.explanation = fmt::format(
      "From {} UTC on {} acknowledged nothing: {} lost it within {}, {} of theirs are unacknowledged, and neither a "
      "FIN "
      "nor a reset came in {}.",
      at, name, number_of(n, "connection"), duration(spread), bytes(unacked), duration(until - onset));
  finding.explanation += " Its host, or the path to it, was gone: not its application, whose host would acknowledge.";
  finding.explanation +=
      fmt::format(" This host repeated {} in its own schedule (RTO, doubled each time){}.", number_of(rtos, "time"),
                  gives_up_s ? fmt::format(" and gives up by itself after {:.0f} s "
                                           "(net.ipv4.tcp_retries2), unless TCP_USER_TIMEOUT is set",
                                           *gives_up_s)
                             : std::string());
  const bool by_kernel =
      2 * group.count_if([](const SocketStory& s) { return s.end && s.end->kind == EndKind::kTimedOut; }) > n;
  finding.app_messages = knowledge::client_messages(
      by_kernel ? knowledge::CallFailure::kKernelTimedOut : knowledge::CallFailure::kReadGaveUp, group.port());
  const auto& key = group.endpoint.picture->key;
  add_step(finding, Whose::kPeer, fmt::format("did the host of {} stop, move or fail over at {} UTC", name, at));
  add_step(finding, Whose::kUs, "does it answer now, and on which way",
           fmt::format("nc -vz -w 3 {} {}; ip route get {}", key.at.address.to_string(), key.at.port,
                       key.at.address.to_string()));
  add_step(finding, Whose::kUs,
           "let the client close a connection whose call has timed out, and set TCP_USER_TIMEOUT: such a connection "
           "looks open to it for many minutes");
  finding.disproved_by = "packets of the peer for these ports reach this host's network card in this time";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  e.skip({kExchangeCount});
  const auto n = e.count(kCount);
  out.push_back({"connections", list_of({e.text(kCount), with("lost within ", e.seconds(kOnsetSpreadS))})});
  out.push_back({"silent for", e.seconds(kSilentForS)});
  out.push_back({"last heard", with("", e.seconds(kLastHeardS), " before")});
  out.push_back({"not acknowledged", e.bytes(kUnackedBytes)});
  out.push_back({"timeouts (RTO)", with("", e.text(kRtoCount), " of this host")});
  out.push_back({"still waiting", part_words(e.count(kOngoingCount), n)});
  out.push_back({"kernel gives up", with("after ", e.seconds(kKernelGivesUpAfterS), " (net.ipv4.tcp_retries2)")});
}

constexpr std::array kEffects = {Effect{&kRetransmitLoss, Shared::kSockets},
                                 Effect{&kConnectTimeout, Shared::kEndpoint},
                                 Effect{&kResponseTimeout, Shared::kEndpoint}};

}  // namespace
}  // namespace peer_unreachable

const Rule kPeerUnreachable{
    .code = "peer-unreachable",
    .family = model::Family::kExchanges,
    .claims = peer_unreachable::claims,
    .judge = peer_unreachable::judge,
    .evidence = peer_unreachable::kEvidence,
    .word_evidence = peer_unreachable::word_evidence,
    .effects = peer_unreachable::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
