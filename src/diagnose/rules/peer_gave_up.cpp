// SPDX-License-Identifier: Apache-2.0
// peer-gave-up: a client of this host closed or reset while its request was unanswered.
//
// The mirror of response-timeout: the client's own timeout fired, or its user left. What it waited for is this host's
// application. Clients that stop at once, without having waited (a benchmark at its end, a page that is closed),
// are told as a notice: their requests fail, and nobody misses the answers.
//
// The rule also owns accepted sockets whose client left in the middle of an answer (a notice): they say nothing about
// this host, and a reset of ours that follows is not reported on its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_gave_up {
namespace {

using model::Confidence;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kResetCount{"reset_count"};
constexpr EvidenceKey kFinCount{"fin_count"};
constexpr EvidenceKey kPeers{"peers"};
constexpr std::array kEvidence = {kCount,           kExchangeCount, kSharePct, kWaitP50S, kWaitMaxS,
                                  kTimerCandidates, kResetCount,    kFinCount, kPeers};

constexpr std::size_t kPeersShown = 10;

bool claims(const Case& socket) {
  const auto& end = socket.story.end;
  if (socket.endpoint.outbound() || !end) return false;
  return (end->kind == EndKind::kResetReceived || end->kind == EndKind::kClosedByPeer) && lost_exchange(socket.story);
}

template <typename Test>
Group part_of(const Group& group, Test test) {
  Group part{group.facts, group.endpoint, {}, group.split};
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (test(group.story(i))) part.sockets.push_back(group.sockets[i]);
  }
  return part;
}

Durations waits_of(const Group& group) {
  return Durations(group.collect([](const SocketStory& s) { return s.end->wait; }));
}

std::vector<Timed> timed_waits(const Group& group) {
  return group.timed([](const SocketStory& s) { return s.end->wait; });
}

// Protocols in which the server never answers end like this every time. Answers are the rule where the endpoint, or
// this connection, has given one; else only clients that all waited the same time are known to have waited for
// something.
Group where_answers_are_due(const Group& group) {
  if (group.endpoint.has_good_exchange() || find_timer(timed_waits(group))) return group;
  return part_of(group, [](const SocketStory& s) { return s.exchanges > 0; });
}

// By number of cases, then address.
std::vector<std::string> peers_of(const Group& group) {
  std::map<model::Address, std::uint64_t> counts;
  for (std::size_t i = 0; i < group.size(); ++i) ++counts[group.story(i).socket.remote.address];
  std::vector<std::pair<model::Address, std::uint64_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  rows.resize(std::min(rows.size(), kPeersShown));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const auto& [address, count] : rows) names.push_back(address.to_string());
  return names;
}

std::uint64_t resets_in(const Group& group) {
  return group.count_if([](const SocketStory& s) { return s.end->kind == EndKind::kResetReceived; });
}

void add_evidence(model::Finding& finding, const Group& group, const TimerMatch& known) {
  const Durations waits = waits_of(group);
  const std::uint64_t resets = resets_in(group);
  add(finding, kCount, group.size());
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, group.size()));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kWaitP50S, waits.p50());
  add_seconds(finding, kWaitMaxS, waits.max());
  add(finding, kTimerCandidates, known.candidates);
  add(finding, kResetCount, resets);
  add(finding, kFinCount, group.size() - resets);
  add(finding, kPeers, peers_of(group));
}

Grade grade_of(const Group& group, const std::optional<Timer>& timer) {
  Grade grade(Confidence::kHigh);
  if (!timer) {
    grade.at_most(Confidence::kMedium,
                  "No timer shows in the waits: users who leave end their requests like this, too.");
  }
  older_step(grade, group);
  derived_step(grade, roles_derived(group), group.size(),
               "it was derived which side had connected, and so which data is a request");
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

// "with a FIN", "with a RST", "10 with a FIN, 2 with a RST"
std::string how(const Group& group) {
  const std::uint64_t resets = resets_in(group);
  if (resets == 0) return "with a FIN";
  if (resets == group.size()) return "with a RST";
  return fmt::format("{} with a FIN, {} with a RST", group.size() - resets, resets);
}

Judged judge_gave_up(const Group& group, std::uint64_t left_early) {
  Judged judged = start_finding(kPeerGaveUp.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);
  finding.ongoing = someone_still_waits(group.facts, group.endpoint);
  const Durations waits = waits_of(group);
  const auto timer = find_timer(timed_waits(group));
  const TimerMatch known = match_timers(group, {{timer, "request", client_gives_up}});
  add_evidence(finding, group, known);
  grade_of(group, timer).write_to(finding);

  const std::string when = spread_words(waits, timer);
  finding.title =
      fmt::format("clients of {} gave up {} after {} without an answer", group.name(), number_of(n, "request"), when);
  finding.explanation = fmt::format(
      "Clients ended {} to {} ({}) {} after a request to which this host had not sent one byte of an answer.",
      number_of(n, "connection"), group.name(), how(group), when);
  if (timer) {
    finding.explanation += fmt::format(" {} of {} waits lie within {} of each other: a timer of the client.",
                                       timer->members, timer->total, duration(timer->spread()));
  }
  const std::uint64_t unread = group.count_if([](const SocketStory& s) { return s.end->unread_bytes > 0; });
  if (unread > 0) {
    finding.explanation += fmt::format(" On {} of them the application had not even read all of the request.", unread);
  } else {
    finding.explanation += " The requests had arrived: the application of this host, or what it waits for, was late.";
  }
  if (left_early > 0) {
    finding.explanation +=
        fmt::format(" {} left without having waited for {}; they are not counted.",
                    number_of(left_early, "more client", "more clients"), duration(group.endpoint.gave_up_after));
  }
  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReadGaveUp, group.port());
  add_step(finding, Whose::kUs,
           "look at the application's own log of slow requests, and at its threads, at these times");
  add_step(finding, Whose::kUs, "what does it wait for: see its own calls in this report (response-timeout, app-gap)");
  if (timer) {
    add_step(finding, Whose::kPeer,
             fmt::format("the client waits {}: a request that may take longer needs a longer timeout there",
                         duration(timer->median)));
  }
  finding.disproved_by =
      "the application's log shows that it had sent its answer before; or the client's last message expects none";
  return judged;
}

// Requests that were left unanswered, and no harm is proven.
Judged start_notice(const Group& group) {
  Judged judged = start_finding(kPeerGaveUp.code, group);
  model::Finding& finding = judged.finding;
  set_impact(judged, group, Of::kExchanges, group.size());
  make_notice(judged);
  add_evidence(finding, group, {});  // nobody's patience is known
  grade_of(group, find_timer(timed_waits(group))).write_to(finding);
  return judged;
}

// Clients that may have meant to.
Judged leavers(const Group& group, std::string title, const std::string& explanation) {
  Judged judged = start_notice(group);
  model::Finding& finding = judged.finding;
  finding.title = std::move(title);
  finding.explanation = fmt::format("Clients ended {} to {} ({}) {}", number_of(group.size(), "connection"),
                                    group.name(), how(group), explanation);
  add_step(finding, Whose::kPeer, "nothing, where these clients are meant to end at these times");
  finding.disproved_by = "the clients' logs show errors at these times";
  return judged;
}

// They had not waited for longer than good answers take.
Judged judge_left(const Group& group) {
  const Durations waits = waits_of(group);
  const std::string when = waits.empty()
                               ? std::string("how long after it is not known")
                               : fmt::format("{} after it at most: not longer than answers take here (less than {})",
                                             duration(*waits.max()), duration(group.endpoint.gave_up_after));
  return leavers(
      group, fmt::format("clients of {} left {} unanswered behind", group.name(), number_of(group.size(), "request")),
      fmt::format("with a request under way, {}. A program that ends, a benchmark that has seen enough, or a user who "
                  "goes on.",
                  when));
}

// Nobody was answered, and no timer says that anybody waited.
Judged judge_never_answers(const Group& group) {
  Judged judged = start_notice(group);
  model::Finding& finding = judged.finding;
  finding.title = fmt::format("{} has answered none of {}", group.name(), number_of(group.size(), "request"));
  finding.explanation = fmt::format(
      "Clients sent to {} and ended {} ({}) {} later without one byte of an answer; no answer of this port was seen "
      "at all. That is how protocols end in which a server only reads (logs, metrics), and how clients leave a server "
      "that is stuck.",
      group.name(), number_of(group.size(), "connection"), how(group), spread_words(waits_of(group), std::nullopt));
  add_step(finding, Whose::kUs, "if this service answers requests: look at what its threads wait for");
  finding.disproved_by = "the service answers no requests by its design";
  return judged;
}

Judged judge_left_in_answer(const Group& group) {
  return leavers(
      group, fmt::format("clients of {} left {} in the middle", group.name(), number_of(group.size(), "answer")),
      "while an answer was on its way to them. A user who goes on, a program that has seen enough, or a client whose "
      "own timeout for the whole answer passed.");
}

std::optional<Judged> judge(const Group& all) {
  const Group asking = part_of(all, [](const SocketStory& s) { return s.end->outstanding && s.end->wait; });
  if (asking.sockets.empty()) {
    const Group answered = part_of(all, [](const SocketStory& s) { return !s.end->outstanding; });
    return answered.sockets.empty() ? judge_left(all) : judge_left_in_answer(answered);
  }
  const Group waiting = where_answers_are_due(asking);
  if (waiting.sockets.empty()) return judge_never_answers(asking);
  const auto is_late = [&](const SocketStory& s) { return *s.end->wait >= all.endpoint.gave_up_after; };
  const Group late = part_of(waiting, is_late);
  if (!late.sockets.empty()) return judge_gave_up(late, waiting.size() - late.size());
  return judge_left(waiting);
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  e.skip({kExchangeCount});
  const std::vector<std::string> waits = e.together({kWaitP50S, kWaitMaxS});
  out.push_back({"waited", list_of({with("", waits[0], " (p50)"), with("at most ", waits[1])})});
  out.push_back({"ended with", list_of({with("RST: ", part_words(e.count(kResetCount), n)),
                                        with("FIN: ", part_words(e.count(kFinCount), n))})});
  out.push_back({"clients", e.text(kPeers)});
}

}  // namespace
}  // namespace peer_gave_up

const Rule kPeerGaveUp{
    .code = "peer-gave-up",
    .family = model::Family::kExchanges,
    .claims = peer_gave_up::claims,
    .judge = peer_gave_up::judge,
    .evidence = peer_gave_up::kEvidence,
    .word_evidence = peer_gave_up::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
