// SPDX-License-Identifier: Apache-2.0
// local-reset: this host sent the RST. One finding an endpoint and cause; resets without a socket only as a storm.
//
// The causes are the kernel's (enum sk_rst_reason, 6.12 on) or derived from the socket: unread data at close,
// SO_LINGER, a dying task. A reset with which the application ended its own timeout is response-timeout, which goes
// first.
//
// A reset without a socket whose addresses are those of a live connection of this host killed that connection: the
// peer's packet did not come to its socket (conntrack took it for invalid and left the address as it was, an address
// was taken away), so the kernel answered it by a reset. Such a connection belongs here whatever ended it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "knowledge/reset_reasons.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace local_reset {
namespace {

using model::Confidence;
using model::EndKind;
using model::LocalResetCause;
using model::Phase;
using model::Severity;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCause{"cause"};
constexpr EvidenceKey kKernelReason{"kernel_reason"};
constexpr EvidenceKey kReasonSource{"reason_source"};
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kUnreadBytesMax{"unread_bytes_max"};
constexpr EvidenceKey kResetAgeP50S{"reset_age_p50_s"};
constexpr std::array kEvidence = {kCause,          kKernelReason, kReasonSource,   kCount,
                                  kUnreadBytesMax, kResetAgeP50S, kTimerCandidates};

// The connection ended, badly, soon after this host had reset its peer without knowing it.
bool killed_by_stray_reset(const SocketStory& story) {
  return story.stray_resets > 0 && story.end && lost_exchange(story) &&
         story.end->at - *story.stray_reset_at <= kStrayKills;
}

// So many local ports are named.
constexpr std::size_t kPortsShown = 6;

LocalResetCause cause_of(const SocketStory& story) {
  if (killed_by_stray_reset(story)) return LocalResetCause::kNoSocket;
  return story.end->cause.value_or(LocalResetCause::kUnknown);
}

bool claims_first(const Case& socket) { return killed_by_stray_reset(socket.story); }

// The connection died under its user, whatever was on it.
bool kernel_ended_it(LocalResetCause cause) {
  return cause == LocalResetCause::kKeepaliveExpired || cause == LocalResetCause::kOutOfMemory;
}

bool lost_something(const SocketStory& story) {
  return lost_exchange(story) || story.end->unread_bytes > kHarmlessUnreadBytes;
}

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!story.end || story.end->kind != EndKind::kResetSent) return false;
  switch (cause_of(story)) {
    case LocalResetCause::kAppClosedUnread:
    case LocalResetCause::kProcessKilled:
      return story.end->outstanding || lost_exchange(story) || story.end->unread_bytes > 0;
    case LocalResetCause::kNoSocket:
    case LocalResetCause::kTimeWait:
      return false;  // of no connection: only their rate counts
    default:
      return true;
  }
}

std::string split(const SocketStory& story) { return model::to_string(cause_of(story)); }

void add_next_steps(model::Finding& finding, LocalResetCause cause, const std::string& name) {
  switch (cause) {
    case LocalResetCause::kKeepaliveExpired:
      add_step(finding, Whose::kUs, "the peer is gone or the path drops packets: test it",
               "sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes");
      add_step(finding, Whose::kPeer, fmt::format("was {} restarted or cut off without closing its connections", name));
      break;
    case LocalResetCause::kOutOfMemory:
      add_step(finding, Whose::kUs, "compare TCP memory and orphans with their limits",
               "cat /proc/net/sockstat; sysctl net.ipv4.tcp_mem net.ipv4.tcp_max_orphans");
      break;
    case LocalResetCause::kAppClosedUnread:
      add_step(finding, Whose::kUs, "look in the process's own log for a timeout, an error or a limit at these times");
      break;
    case LocalResetCause::kProcessKilled:
      add_step(finding, Whose::kUs, "was the process stopped, deployed or killed (OOM killer) at these times",
               "journalctl -k --grep 'Out of memory|oom-kill'");
      break;
    case LocalResetCause::kAppLinger0:
      add_step(finding, Whose::kUs,
               "look for SO_LINGER (linger 0, \"abortive close\") in the application and its client library");
      break;
    case LocalResetCause::kListenerClosed:
      add_step(finding, Whose::kUs,
               "was the server stopped or restarted at these times, and does it stop accepting before it has accepted "
               "what waits");
      break;
    case LocalResetCause::kNoSocket:
      add_step(finding, Whose::kUs, "does connection tracking call packets of these connections invalid",
               "conntrack -S; nft list ruleset | grep -i invalid");
      add_step(finding, Whose::kUs,
               "drop invalid packets before they reach the host (ct state invalid drop), or set "
               "nf_conntrack_tcp_be_liberal",
               "sysctl net.netfilter.nf_conntrack_tcp_be_liberal");
      add_step(finding, Whose::kUs, "was an address of this host taken away, or its NAT changed, at these times",
               "ip -ts monitor address");
      break;
    case LocalResetCause::kAbortedByAdmin:
      add_step(finding, Whose::kUs, "who ran ss -K, or which daemon destroys sockets (SOCK_DESTROY) here");
      break;
    default:
      add_step(finding, Whose::kUs, "look in the process's own log at these times");
      break;
  }
}

std::vector<std::string> app_messages(LocalResetCause cause, std::uint16_t port) {
  switch (cause) {
    case LocalResetCause::kKeepaliveExpired:
      return knowledge::client_messages(knowledge::CallFailure::kKernelTimedOut, port);
    case LocalResetCause::kAbortedByAdmin:
      return knowledge::client_messages(knowledge::CallFailure::kAborted, port);
    case LocalResetCause::kNoSocket:
      return knowledge::client_messages(knowledge::CallFailure::kReset, port);
    default:
      return {};  // nothing here; the peer's log has "Connection reset by peer"
  }
}

std::optional<std::string> kernel_reasons(const Group& group) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!group.story(i).end->kernel_reason.empty()) names.insert(group.story(i).end->kernel_reason);
  }
  if (names.empty()) return std::nullopt;
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

void add_evidence(model::Finding& finding, LocalResetCause cause, const std::optional<std::string>& reason,
                  bool from_kernel, std::uint64_t count, std::optional<std::uint64_t> unread_max,
                  std::optional<model::Duration> age, std::vector<model::TimerCandidate> timers) {
  add(finding, kCause, std::string(model::to_string(cause)));
  if (reason) {
    add(finding, kKernelReason, *reason);
  } else {
    add_null(finding, kKernelReason);
  }
  add(finding, kReasonSource, std::string(from_kernel ? "kernel" : "derived"));
  add(finding, kCount, count);
  add(finding, kUnreadBytesMax, unread_max);
  add_seconds(finding, kResetAgeP50S, age);
  add(finding, kTimerCandidates, std::move(timers));
}

// Of the causes only keepalive has a clock: probes that nobody answered after a silence.
TimerMatch keepalive_timers(const Group& group, LocalResetCause cause) {
  if (cause != LocalResetCause::kKeepaliveExpired) return {};
  return match_timers(
      group, {{find_timer(group.timed([](const SocketStory& s) { return s.end->idle; })), "last_data",
               [](const knowledge::KnownTimer& timer) { return timer.limit == knowledge::TimerLimit::kKeepalive; }}});
}

Grade grade_of(const Group& group, bool from_kernel) {
  Grade grade(from_kernel ? Confidence::kHigh : Confidence::kMedium);
  if (!from_kernel) {
    grade.at_most(
        Confidence::kMedium,
        "The kernel's own reason does not tell, or was not given: the cause is derived from the socket's state.");
  }
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

void explain_stray(model::Finding& finding, const Group& group) {
  const std::uint64_t n = group.size();
  const std::string name = group.name();
  std::uint64_t resets = 0;
  std::string ports;
  std::set<std::string> to;
  for (std::size_t i = 0; i < n; ++i) {
    const SocketStory& story = group.story(i);
    resets += story.stray_resets;
    if (i < kPortsShown) ports += fmt::format("{}{}", i == 0 ? "" : ", ", story.socket.local.port);
    if (story.stray_reset_to && *story.stray_reset_to != story.socket.remote) {
      to.insert(story.stray_reset_to->to_string());
    }
  }
  if (n > kPortsShown) ports += ", ...";
  const bool translated = !to.empty();
  finding.title = fmt::format("this host's own kernel reset {} to {}: packets came that it took for none of its own",
                              number_of(n, "connection"), name);
  finding.explanation = fmt::format(
      "This host sent {} to {}, because packets came for which it found no socket (NO_SOCKET), to the very ports of {} "
      "to {} that failed then ({}).",
      number_of(resets, "reset"), translated ? *to.begin() : name, number_of(n, "live connection"), name,
      group.endpoint.outbound() ? fmt::format("local {} {}", n == 1 ? "port" : "ports", ports) : "of this host");
  finding.explanation +=
      translated ? " The packets kept an address that NAT should have changed: connection tracking took them for "
                   "invalid and left them as they were."
                 : " Connection tracking or a change of addresses kept the packets from their sockets.";
  finding.disproved_by = "no reset leaves this host for these ports (tcpdump), or the failures come without one";
}

std::optional<Judged> judge(const Group& group) {
  const std::uint64_t n = group.size();
  const LocalResetCause cause = cause_of(group.story(0));
  const std::uint64_t lost = group.count_if(lost_something);
  const bool stray = cause == LocalResetCause::kNoSocket;
  const std::uint64_t failures = kernel_ended_it(cause) ? n : lost;
  if (failures == 0 && n < kEnoughObservations) return std::nullopt;

  Judged judged = start_finding(kLocalReset.code, group);
  model::Finding& finding = judged.finding;
  set_impact(judged, group, Of::kExchanges, failures);
  finding.impact.exchanges_failed = group.count_if(lost_exchange);
  finding.impact.share_pct = share_pct(finding.impact.exchanges_failed,
                                       attempts_of(group.endpoint, Of::kExchanges, finding.impact.exchanges_failed));
  // What an application or a person did on purpose is no outage by itself.
  if (!kernel_ended_it(cause) && !stray) finding.severity = std::min(finding.severity, Severity::kWarning);

  std::uint64_t unread = 0;
  for (std::size_t i = 0; i < n; ++i) unread = std::max<std::uint64_t>(unread, group.story(i).end->unread_bytes);
  const Durations ages(group.collect([](const SocketStory& s) { return s.end->age; }));
  // The kernel tells that there was no socket; that it killed the connection is concluded from the addresses.
  const bool from_kernel = !stray && group.count_if([](const SocketStory& s) { return s.end->cause_from_kernel; }) == n;
  const TimerMatch known = keepalive_timers(group, cause);
  add_evidence(finding, cause, kernel_reasons(group), from_kernel, n, unread, ages.p50(), known.candidates);
  grade_of(group, from_kernel).write_to(finding);

  const std::string name = group.name();
  const std::string what =
      fmt::format("{} {} {}", number_of(n, "connection"), group.endpoint.outbound() ? "to" : "accepted on", name);
  const auto because = knowledge::local_reset_cause_words(cause);
  finding.title = fmt::format("this host reset {}: {}", what, because);
  finding.explanation = fmt::format("This host, not the peer, reset {}: {}.", what, because);
  if (finding.impact.exchanges_failed > 0) {
    finding.explanation += fmt::format(" On {} of them a request was unanswered or its answer under way.",
                                       finding.impact.exchanges_failed);
  } else if (failures == 0) {
    finding.explanation += " Nothing was outstanding on them.";
  }
  if (unread > 0) finding.explanation += fmt::format(" Up to {} received bytes had not been read.", unread);
  finding.explanation += known.words;
  finding.app_messages = app_messages(cause, group.port());
  add_next_steps(finding, cause, name);
  if (stray) {
    explain_stray(finding, group);
    return judged;
  }
  finding.disproved_by = cause == LocalResetCause::kAppClosedUnread || cause == LocalResetCause::kProcessKilled
                             ? "the process ends as planned at these times (deploy, rotation of workers)"
                             : "no such close is in the application's or the kernel's log at these times";
  return judged;
}

// --- storms of resets that belong to no connection ---

struct Storm {
  LocalResetCause cause;
  Phase phase;
  const char* kernel_reason;
};
constexpr std::array kStorms = {
    Storm{LocalResetCause::kNoSocket, Phase::kNoSocket, "NO_SOCKET"},
    Storm{LocalResetCause::kTimeWait, Phase::kTimeWait, "TCP_TIMEWAIT_SOCKET"},
};

std::optional<Judged> judge_storm(const Facts& facts, const Storm& storm) {
  const model::Picture& picture = facts.picture;
  const auto count = picture.totals.reset_phases[static_cast<std::size_t>(storm.phase)];
  if (!count || *count == 0) return std::nullopt;
  // A trace of less than a second does not make a rate out of a few.
  const double length_s = std::max(1.0, model::seconds(picture.window.length()));
  const double per_second = static_cast<double>(*count) / length_s;
  if (per_second < kResetStormPerSecond) return std::nullopt;

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kLocalReset.code;
  finding.severity = Severity::kNotice;
  finding.first_at = picture.window.start;
  finding.last_at = picture.window.end;
  finding.count = *count;
  judged.split = model::to_string(storm.cause);
  const auto& reasons = picture.totals.reset_reasons;
  const bool from_kernel = picture.totals.reset_reasons_known && reasons.contains(storm.kernel_reason);
  add_evidence(finding, storm.cause, from_kernel ? std::optional<std::string>(storm.kernel_reason) : std::nullopt,
               from_kernel, *count, std::nullopt, std::nullopt, {});
  Grade grade(from_kernel ? Confidence::kHigh : Confidence::kMedium);
  if (!from_kernel) grade.at_most(Confidence::kMedium, "The kernel gave no reason for these resets.");
  common_steps(grade, facts, Feed::kSockets, *count);
  grade.write_to(finding);

  finding.title = fmt::format("this host sent {:.0f} resets a second: {}", per_second,
                              knowledge::local_reset_cause_words(storm.cause));
  finding.explanation =
      fmt::format("In {} this host sent {} resets that belong to no connection of it: {}.",
                  duration(picture.window.length()), *count, knowledge::local_reset_cause_words(storm.cause));
  add_step(finding, Whose::kUs,
           "who sends these packets: a scanner, a health check on a closed port, clients of a "
           "restarted process",
           "tcpdump -ni any 'tcp[13] & 4 != 0'");
  finding.disproved_by = "the senders are known and expected to meet a closed port";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const Storm& storm : kStorms) {
    if (auto judged = judge_storm(facts, storm)) result.push_back(std::move(*judged));
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string cause = e.text(kCause);
  const std::string reason = e.text(kKernelReason);
  const std::string_view reason_words = knowledge::reset_reason_words(reason);
  const bool only_reason = cause == "unknown" && !reason_words.empty();
  out.push_back({"why", std::string(only_reason ? reason_words : knowledge::local_reset_cause_words(cause))});
  const bool from_kernel = e.text(kReasonSource) == "kernel";
  out.push_back({"told by", !reason.empty() ? fmt::format("the kernel's reason {}", reason)
                            : from_kernel   ? "the kernel"
                                            : "the state of the socket (derived)"});
  out.push_back({"resets", e.text(kCount)});
  const auto unread = e.count(kUnreadBytesMax);
  if (unread && *unread > 0) out.push_back({"unread", "at most " + bytes(*unread)});
  out.push_back({"connection age", with("", e.seconds(kResetAgeP50S), " at the reset (p50)")});
}

// A peer that was reset sends nothing more, and what this host sends meets no connection there.
constexpr std::array kEffects = {Effect{&kRetransmitLoss, Shared::kSockets}};

}  // namespace
}  // namespace local_reset

const Rule kLocalReset{
    .code = "local-reset",
    .family = model::Family::kExchanges,
    .claims = local_reset::claims,
    .claims_first = local_reset::claims_first,
    .split = local_reset::split,
    .judge = local_reset::judge,
    .judge_picture = local_reset::judge_picture,
    .evidence = local_reset::kEvidence,
    .word_evidence = local_reset::word_evidence,
    .effects = local_reset::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
