// SPDX-License-Identifier: Apache-2.0
// no-outbound-attempt: requests waited long for this host's application, and the thread that had read them began no
// call meanwhile: no connect, no request on an idle connection.
//
// It is the one shape of "execution expired" that leaves no trace in TCP: a name that resolves slowly, a pool that is
// waited for, a lock, CPU. Long polling and a websocket look the same, and so does work that takes its time, so that
// the finding is more than a notice only where the same process makes calls for other requests.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "diagnose/delay.h"
#include "diagnose/look_ups.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "model/event.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace no_outbound_attempt {
namespace {

using model::Confidence;
using model::EndpointPicture;
using model::Severity;
using model::SlowAnswers;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kWithCallCount{"with_call_count"};
constexpr EvidenceKey kUnknownCount{"unknown_count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kOngoingCount{"ongoing_count"};
constexpr EvidenceKey kLookUpCount{"look_up_count"};
constexpr EvidenceKey kLookUpMaxS{"look_up_max_s"};
constexpr std::array kEvidence = {kCount,        kWithCallCount, kUnknownCount, kWaitP50S, kWaitMaxS,
                                  kOngoingCount, kLookUpCount,   kLookUpMaxS,   kComm};

bool share_a_process(const EndpointPicture& a, const EndpointPicture& b) {
  return std::any_of(a.processes.begin(), a.processes.end(), [&](const model::ProcessShare& mine) {
    return std::any_of(b.processes.begin(), b.processes.end(), [&](const model::ProcessShare& other) {
      return !mine.pids.empty() && !mine.comm.empty() && mine.comm == other.comm;  // "others" has no pids
    });
  });
}

// For other requests the same process does make calls.
bool calls_otherwise(const Facts& facts, const EndpointPicture& picture) {
  if (picture.slow_answers.with_call > 0) return true;
  return std::any_of(facts.endpoints.begin(), facts.endpoints.end(), [&](const EndpointFacts& other) {
    return other.outbound() && other.picture->key.netns_inode == picture.key.netns_inode &&
           other.picture->app_gap.with_gap > 0 && share_a_process(picture, *other.picture);
  });
}

// Sockets on which such a request waited; of these, the client gave up.
struct Waiting {
  std::vector<std::size_t> sockets;
  std::uint64_t given_up = 0;
  std::uint64_t for_a_name = 0;  // the process looked a name up for most of the wait
  std::optional<model::LookUpBefore> longest_name = {};
};

Waiting waiting_sockets(const Facts& facts, const EndpointFacts& endpoint) {
  Waiting waiting;
  for (std::size_t i = 0; i < facts.picture.sockets.size(); ++i) {
    const model::SocketStory& story = facts.picture.sockets[i];
    if (story.endpoint != endpoint.index || !story.no_call_wait) continue;
    waiting.sockets.push_back(i);
    waiting.given_up += lost_exchange(story) ? 1U : 0U;
    const auto& name = story.no_call_look_up;
    if (!name || static_cast<double>(name->took.count()) <
                     kLookUpShareOfWait * static_cast<double>(story.no_call_wait->count())) {
      continue;
    }
    ++waiting.for_a_name;
    if (!waiting.longest_name || name->took > waiting.longest_name->took) waiting.longest_name = name;
  }
  return waiting;
}

std::optional<Duration> wait_at(const SlowAnswers& answers, double q) {
  const auto us = answers.no_call_wait_us.percentile(q);
  if (!us) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*us));
}

void place(Judged& judged, const Facts& facts, const SlowAnswers& answers) {
  const model::Window& window = facts.picture.window;
  judged.finding.first_at = answers.first_at.value_or(window.start);
  judged.finding.last_at = std::max(judged.finding.first_at, answers.last_at.value_or(window.end));
  judged.finding.ongoing = answers.ongoing > 0;
}

std::optional<Judged> judge(const Facts& facts, const EndpointFacts& endpoint) {
  const EndpointPicture& picture = *endpoint.picture;
  const SlowAnswers& answers = picture.slow_answers;
  if (endpoint.outbound() || answers.no_call == 0) return std::nullopt;
  const Waiting waiting = waiting_sockets(facts, endpoint);
  const bool unusual = calls_otherwise(facts, picture);
  // One or two slow requests of an application that never calls anybody are its own affair.
  if (answers.no_call < kEnoughObservations && waiting.given_up == 0 && !unusual) return std::nullopt;

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kNoOutboundAttempt.code;
  finding.endpoint = endpoint.index;
  finding.sockets = waiting.sockets;
  finding.count = answers.no_call;
  place(judged, facts, answers);

  Grade grade(Confidence::kMedium);
  if (unusual) {
    grade.at_most(Confidence::kMedium, "That no call began is seen; why not is inside of the process.");
  } else {
    grade.at_most(Confidence::kLow,
                  "No other request to this process was seen to lead to a call: it may never make one, and long "
                  "polling, a websocket or long work look the same.");
  }
  common_steps(grade, facts, Feed::kSockets, answers.no_call);
  grade.write_to(finding);
  finding.severity = grade.value() == Confidence::kLow ? Severity::kNotice : Severity::kWarning;

  const OnlyProcess process = only_process(picture);
  const auto p50 = wait_at(answers, 0.5);
  const auto longest = wait_at(answers, 1.0);
  add(finding, kCount, answers.no_call);
  add(finding, kWithCallCount, answers.with_call);
  add(finding, kUnknownCount, answers.unknown);
  add_seconds(finding, kWaitP50S, p50);
  add_seconds(finding, kWaitMaxS, longest);
  add(finding, kOngoingCount, answers.ongoing);
  add(finding, kLookUpCount, waiting.for_a_name);
  add_seconds(finding, kLookUpMaxS, waiting.longest_name ? std::optional(waiting.longest_name->took) : std::nullopt);
  add_comm(finding, process);

  const bool is_name = waiting.for_a_name > 0 && 2 * waiting.for_a_name >= waiting.sockets.size();
  const std::string who = process.comm.empty() ? "this host's application" : process.comm;
  const std::string name = picture.key.at.to_string();
  const std::string requests = number_of(answers.no_call, "request");
  finding.title = fmt::format("{} held {} to {} for {} or more and began no call", who, requests, name,
                              duration(model::kSlowAnswerAfter));
  if (is_name) finding.title += ": a name did not resolve";
  finding.explanation = fmt::format("{} to {} had been read by {} and waited", requests, name, who);
  if (p50 && longest) {
    finding.explanation += fmt::format(" {} (p50), {} at most,", duration(*p50), duration(*longest));
  }
  finding.explanation += " while the thread that had read them began no connect and sent no request. ";
  if (is_name) {
    finding.explanation +=
        fmt::format("On {} of {} the same process waited for the answer to a query for {} meanwhile, {} at most.",
                    waiting.for_a_name, number_of(waiting.sockets.size(), "connection"),
                    name_words(*waiting.longest_name), duration(waiting.longest_name->took));
  } else {
    finding.explanation +=
        "TCP had nothing to do with it: a name that does not resolve, a wait for a pooled connection, thread or lock, "
        "or work on the CPU; a local socket to a database is not seen.";
  }
  if (answers.with_call > 0) {
    finding.explanation += fmt::format(" For {} that waited as long a call was made.",
                                       number_of(answers.with_call, "other request", "other requests"));
  }
  if (answers.ongoing > 0) {
    finding.explanation += fmt::format(" {} still waited when the trace ended.", answers.ongoing);
  }
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kNoAttempt, picture.key.at.port);
  add_step(finding, Whose::kUs, "does name resolution hang: are DNS queries answered, and after how long",
           "tcpdump -ni any udp port 53");
  add_step(finding, Whose::kUs, "which name servers, timeout and attempts are set", "cat /etc/resolv.conf");
  add_step(finding, Whose::kUs, "does the thread wait for a pooled connection, a lock or CPU: take a thread dump",
           pidstat_command(process));
  finding.disproved_by =
      "such a request is long polling, a websocket or a long computation, and is meant to wait; or the call is made by "
      "another thread";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    if (auto judged = judge(facts, endpoint)) result.push_back(std::move(*judged));
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  const auto ongoing = e.count(kOngoingCount);
  out.push_back({"no call", list_of({n ? number_of(*n, "request") : "",
                                     ongoing && *ongoing > 0 ? fmt::format("{} still waiting", *ongoing) : ""})});
  const std::vector<std::string> waits = e.together({kWaitP50S, kWaitMaxS});
  out.push_back({"waited", list_of({with("", waits[0], " (p50)"), with("at most ", waits[1])})});
  const std::string with_call = e.text(kWithCallCount);
  const std::string unknown = e.text(kUnknownCount);
  out.push_back({"others as slow", list_of({with("", with_call, " with a call"), with("", unknown, " not known")})});
  const std::string names = e.some(kLookUpCount, "for a name");
  const std::string longest = e.seconds(kLookUpMaxS);
  out.push_back({"meanwhile", names.empty() ? "" : list_of({"waited " + names, with("at most ", longest)})});
  out.push_back({"read by", e.text(kComm)});
}

}  // namespace
}  // namespace no_outbound_attempt

const Rule kNoOutboundAttempt{
    .code = "no-outbound-attempt",
    .family = model::Family::kExchanges,
    .may_be_raised = false,  // a client that gave up is counted by peer-gave-up
    .judge_picture = no_outbound_attempt::judge_picture,
    .evidence = no_outbound_attempt::kEvidence,
    .word_evidence = no_outbound_attempt::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
