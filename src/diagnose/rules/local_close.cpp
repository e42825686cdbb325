// SPDX-License-Identifier: Apache-2.0
// local-close: a process of this host ended a client's connection in an orderly way (FIN) instead of answering it.
//
// The server's end of peer-closed-awaiting-response: a worker that ends, a limit or a timeout of the server, a handler
// that fails. A close with data unread becomes a RST and is a local-reset.
#include <fmt/format.h>

#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace local_close {
namespace {

using model::Confidence;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMinS{"wait_min_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kProcessExitingCount{"process_exiting_count"};
constexpr std::array kEvidence = {kCount,    kExchangeCount,       kSharePct,       kWaitP50S, kWaitMinS,
                                  kWaitMaxS, kProcessExitingCount, kTimerCandidates};

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  return !socket.endpoint.outbound() && story.end && story.end->kind == EndKind::kClosedLocally &&
         story.end->outstanding && story.end->wait && lost_exchange(story);
}

Grade grade_of(const Group& group, bool known_why) {
  Grade grade(Confidence::kHigh);
  if (!known_why) {
    grade.at_most(Confidence::kMedium,
                  "No timer and no end of the process shows; a server that need not answer a message closes like this, "
                  "too.");
  }
  older_step(grade, group);
  derived_step(grade, roles_derived(group), group.size(),
               "it was derived which side had connected, and so which data is a request");
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

void add_next_steps(model::Finding& finding, std::uint64_t exiting, const std::optional<Timer>& timer) {
  if (exiting > 0) {
    add_step(finding, Whose::kUs, "was the process stopped, deployed or killed (OOM killer) at these times",
             "journalctl -k --grep 'Out of memory|oom-kill'");
  }
  if (exiting < finding.count) {
    add_step(finding, Whose::kUs,
             timer ? fmt::format("look in the server's configuration for a timeout of {}", duration(timer->median))
                   : std::string("look in the process's own log for an error, a limit or a timeout at these times"));
  }
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kLocalClose.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);
  // Where nobody was ever answered, none may have waited for it (logs, metrics).
  const bool answers =
      group.endpoint.has_good_exchange() || group.count_if([](const SocketStory& s) { return s.exchanges > 0; }) > 0;
  if (!answers) make_notice(judged);
  const Durations waits(group.collect([](const SocketStory& s) { return s.end->wait; }));
  const auto timer = find_timer(group.timed([](const SocketStory& s) { return s.end->wait; }));
  const std::uint64_t exiting = group.count_if([](const SocketStory& s) { return s.end->process_exiting; });

  add(finding, kCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kWaitP50S, waits.p50());
  add_seconds(finding, kWaitMinS, waits.min());
  add_seconds(finding, kWaitMaxS, waits.max());
  add(finding, kProcessExitingCount, exiting);
  const TimerMatch known = match_timers(group, {{timer, "request", closes_request}});
  add(finding, kTimerCandidates, known.candidates);
  grade_of(group, timer || exiting == n).write_to(finding);

  const std::string when = spread_words(waits, timer);
  finding.title = fmt::format("this host closed {} to {} {} after a request, without an answer",
                              number_of(n, "connection"), group.name(), when);
  finding.explanation = fmt::format(
      "A process of this host closed {} to {} in an orderly way (FIN) {} after a client's request, with no byte of a "
      "response.",
      number_of(n, "connection"), group.name(), when);
  if (exiting == n) {
    finding.explanation += " The process was ending: it had exited, or was killed.";
  } else if (exiting > 0) {
    finding.explanation += fmt::format(" On {} of them the process was ending: it had exited, or was killed.", exiting);
  }
  if (timer) {
    finding.explanation += fmt::format(" {} of {} waits lie within {} of each other: a timer, not load.",
                                       timer->members, timer->total, duration(timer->spread()));
  }
  if (!answers) finding.explanation += " No answer of this port was seen at all: it may be one that only reads.";
  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kEndOfFile, group.port());
  add_next_steps(finding, exiting, timer);
  finding.disproved_by = "the service has no answer to such a message by its design";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  e.skip({kExchangeCount});
  out.push_back({"wait till close", spread_of(e.number(kWaitP50S), e.number(kWaitMinS), e.number(kWaitMaxS), n)});
  out.push_back({"process", with("ending: ", part_words(e.count(kProcessExitingCount), n))});
}

}  // namespace
}  // namespace local_close

const Rule kLocalClose{
    .code = "local-close",
    .family = model::Family::kExchanges,
    .claims = local_close::claims,
    .judge = local_close::judge,
    .evidence = local_close::kEvidence,
    .word_evidence = local_close::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
