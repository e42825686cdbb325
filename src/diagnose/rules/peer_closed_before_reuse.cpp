// SPDX-License-Identifier: Apache-2.0
// peer-closed-before-reuse: the peer had closed the idle connection, then the application wrote on it and was reset.
//
// The keep-alive race: a server drops idle connections after N s, a client's pool does not notice and reuses one. The
// first write succeeds, the answer is a RST (RFC 9293 section 3.10.7.1: no connection there any more), which the kernel
// turns into EPIPE because the peer's FIN had come before (CLOSE_WAIT). A client that looks for its answer at once
// reads that FIN instead, end of file, and closes before the RST is there. Where the round trip is long, the request
// may be on its way while the FIN is: they cross.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_closed_before_reuse {
namespace {

using model::Confidence;
using model::EndKind;
using model::SocketEnd;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kFinToWriteP50Us{"fin_to_write_p50_us"};
constexpr EvidenceKey kFinToWriteMinUs{"fin_to_write_min_us"};
constexpr EvidenceKey kFinToWriteMaxUs{"fin_to_write_max_us"};
constexpr EvidenceKey kIdleAtFinP50S{"idle_at_fin_p50_s"};
constexpr std::array kEvidence = {kCount,           kFinToWriteP50Us, kFinToWriteMinUs,
                                  kFinToWriteMaxUs, kIdleAtFinP50S,   kTimerCandidates};

model::Duration round_trip(const SocketEnd& end) {
  return std::chrono::microseconds(end.rtt_us.value_or(end.srtt_us.value_or(0)));
}

// Nothing was outstanding when the FIN came: the silence before the request is that before the FIN and that after it.
bool was_idle_at_fin(const SocketEnd& end) {
  if (!end.idle_before_request || !end.idle_at_fin || !end.fin_to_write) return true;
  return *end.idle_before_request + kFinSeenBeforeWrite >= *end.idle_at_fin + *end.fin_to_write &&
         *end.idle_before_request <= *end.idle_at_fin + *end.fin_to_write + kFinSeenBeforeWrite;
}

// The FIN had been on its way for one RTT when it arrived.
bool application_could_know(const SocketEnd& end) {
  return end.fin_to_write && *end.fin_to_write >= kFinSeenBeforeWrite + round_trip(end);
}

// The request left before the FIN came, and less than a round trip before: the FIN was no answer to it.
bool overtaken(const SocketStory& story) {
  const SocketEnd& end = *story.end;
  if (!end.outstanding || !story.request_at) return false;
  const model::MonoTime fin = end.fin_at.value_or(end.at);
  if (*story.request_at > fin) return false;
  // A RST behind the FIN answers the request: it met a socket that was closed.
  if (end.kind == EndKind::kResetReceived) return true;
  return fin - *story.request_at < round_trip(end) - round_trip(end) / 8;
}

// The peer closed right behind its own last data, and the answer to that was a goodbye: so ends a conversation that
// both sides end at once (iperf3's last byte, QUIT). A server that closes after every response looks the same, but
// repeats.
bool ended_by_both(const SocketEnd& end) {
  return end.idle_at_fin && *end.idle_at_fin < kFinSeenBeforeWrite && end.request_bytes <= model::kGoodbyeBytes;
}

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !story.end || !lost_exchange(story)) return false;
  const SocketEnd& end = *story.end;
  if (end.answered_early_bytes > 0) return false;  // an upload that went on, no new request
  if (end.kind == EndKind::kClosedByPeer) return end.fin_to_write ? was_idle_at_fin(end) : overtaken(story);
  if (end.kind != EndKind::kResetReceived || !end.after_peer_fin) return false;
  if (end.fin_to_write) return was_idle_at_fin(end);
  return end.phase == model::Phase::kAfterRemoteFin ? died_while_idle(story) || overtaken(story) : overtaken(story);
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kPeerClosedBeforeReuse.code, group);
  model::Finding& finding = judged.finding;
  set_impact(judged, group, Of::kExchanges, group.size());

  const Durations late(group.collect([](const SocketStory& s) { return s.end->fin_to_write; }));
  const Durations known_late(group.collect(
      [](const SocketStory& s) { return application_could_know(*s.end) ? s.end->fin_to_write : std::nullopt; }));
  const Durations idle(group.collect([](const SocketStory& s) { return s.end->idle_at_fin; }));
  const auto timer = find_timer(group.timed([](const SocketStory& s) { return s.end->idle_at_fin; },
                                            [](const SocketStory& s) { return s.end->fin_at; }));
  const std::uint64_t crossed = group.count_if([](const SocketStory& s) { return !application_could_know(*s.end); });
  const std::uint64_t n = group.size();
  const bool goodbye =
      n < kEnoughObservations && group.count_if([](const SocketStory& s) { return ended_by_both(*s.end); }) == n;
  if (goodbye) finding.severity = model::Severity::kNotice;

  add(finding, kCount, n);
  add_microseconds(finding, kFinToWriteP50Us, late.p50());
  add_microseconds(finding, kFinToWriteMinUs, late.min());
  add_microseconds(finding, kFinToWriteMaxUs, late.max());
  add_seconds(finding, kIdleAtFinP50S, idle.p50());
  const TimerMatch known = match_timers(group, {{timer, "last_data", closes_idle}});
  add(finding, kTimerCandidates, known.candidates);

  Grade grade(Confidence::kHigh);
  if (static_cast<double>(crossed) > kDerivedShare * static_cast<double>(n)) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("In {} of {} cases the peer's FIN and the write crossed: the application could not have "
                              "known.",
                              crossed, n));
  }
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  const std::string when = spread_words(idle, timer);
  const std::string connections =
      number_of(n, goodbye ? "connection" : "idle connection", goodbye ? "connections" : "idle connections");
  finding.title =
      goodbye
          ? fmt::format("{} closed {} right behind its last data, and a goodbye to that was reset", name, connections)
      : when.empty()
          ? fmt::format("{} had closed {} before they were used again", name, number_of(n, "connection"))
          : fmt::format("{} had closed {} after {} of silence, then they were used again", name, connections, when);
  finding.explanation = fmt::format("{} closed {} in an orderly way (FIN){}.", name, connections,
                                    when.empty() ? "" : fmt::format(" {} after the last data", when));
  if (goodbye) {
    finding.explanation += fmt::format(
        " At most {} bytes were written after that and were reset: the end of a conversation. If they were a "
        "request, its call has failed.",
        model::kGoodbyeBytes);
  } else if (crossed == n) {
    finding.explanation +=
        " The request and the FIN crossed on the wire: it met a connection that was closed already, and failed.";
  } else {
    finding.explanation += fmt::format(
        " The application did not take notice and wrote a request {} later, which failed: a reset is its "
        "answer, or end of file where the client reads first.",
        spread_words(known_late, std::nullopt));
    if (crossed > 0) finding.explanation += fmt::format(" In {} of them FIN and request crossed.", crossed);
  }
  if (timer)
    finding.explanation += fmt::format(" The silence was the same in {} of {}: a keep-alive timer of the peer.",
                                       timer->members, timer->total);

  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kWriteAfterClose, group.port());
  add_step(finding, Whose::kUs,
           timer ? fmt::format("let the client drop idle connections earlier than after {}", duration(timer->median))
                 : std::string("let the client drop idle connections earlier than the server does"));
  add_step(finding, Whose::kUs,
           "let the pool drop connections that are readable while idle, and retry idempotent calls");
  add_step(finding, Whose::kPeer, "ask for the server's keep-alive time and for its limit of requests per connection");
  finding.disproved_by = "the FIN reached this host after the write: then both crossed, and no client can avoid it";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  const auto s = [&](EvidenceKey key) -> std::optional<double> {
    const auto us = e.number(key);
    return us ? std::optional(*us / 1e6) : std::nullopt;
  };
  out.push_back({"FIN to our write", spread_of(s(kFinToWriteP50Us), s(kFinToWriteMinUs), s(kFinToWriteMaxUs), n)});
  out.push_back({"idle at the FIN", e.seconds(kIdleAtFinP50S)});
}

}  // namespace
}  // namespace peer_closed_before_reuse

const Rule kPeerClosedBeforeReuse{
    .code = "peer-closed-before-reuse",
    .family = model::Family::kExchanges,
    .claims = peer_closed_before_reuse::claims,
    .judge = peer_closed_before_reuse::judge,
    .evidence = peer_closed_before_reuse::kEvidence,
    .word_evidence = peer_closed_before_reuse::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
