// SPDX-License-Identifier: Apache-2.0
// dns-unanswered: queries for names that a resolver left without any answer, or answered by an error of its own
// (SERVFAIL, REFUSED).
//
// Without an answer is a query for which none came although who asked had waited: it was followed by the same question
// to somebody else, or is 5 s old (resolv.conf(5)). One that was answered after it had been sent again is dns-slow.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "diagnose/judgement.h"
#include "diagnose/look_ups.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace dns_unanswered {
namespace {

using model::Confidence;
using model::ResolverPicture;
using model::Severity;

// Evidence, in this order.
constexpr EvidenceKey kResolver{"resolver"};
constexpr EvidenceKey kQueryCount{"query_count"};
constexpr EvidenceKey kAnsweredCount{"answered_count"};
constexpr EvidenceKey kUnansweredCount{"unanswered_count"};
constexpr EvidenceKey kLostCount{"by_nobody_count"};
constexpr EvidenceKey kRescuedCount{"by_another_count"};
constexpr EvidenceKey kWaitingCount{"waiting_count"};
constexpr EvidenceKey kRepeatedCount{"repeated_count"};
constexpr EvidenceKey kRepeatAfterS{"repeat_after_s"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kRefusedCount{"error_answer_count"};
constexpr EvidenceKey kRefusedLostCount{"error_by_all_count"};
constexpr EvidenceKey kRcodes{"rcodes"};
constexpr EvidenceKey kUsers{"processes"};
constexpr EvidenceKey kNames{"names"};
constexpr std::array kEvidence = {kResolver,         kQueryCount,   kAnsweredCount, kUnansweredCount,
                                  kLostCount,        kRescuedCount, kWaitingCount,  kRepeatedCount,
                                  kRepeatAfterS,     kWaitP50S,     kWaitMaxS,      kRefusedCount,
                                  kRefusedLostCount, kRcodes,       kUsers,         kNames};

std::optional<Duration> wait_at(const ResolverPicture& resolver, double q) {
  const auto us = resolver.wait_us.percentile(q);
  if (!us) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*us));
}

// An error tells of one name as often as of the resolver, so that it is grave only if it is the rule.
Severity severity_of(const ResolverPicture& resolver) {
  const std::uint64_t failures = resolver.lost + resolver.refused_lost;
  if (failures == 0) return resolver.unanswered.count > 0 ? Severity::kWarning : Severity::kNotice;
  const Severity severity = common_severity(failures, resolver.queries);
  if (resolver.unanswered.count == 0 && 2 * resolver.refused.count < resolver.answered) {
    return std::min(severity, Severity::kWarning);
  }
  return severity;
}

// SERVFAIL, REFUSED: those that came
std::string error_names(const ResolverPicture& resolver) {
  std::vector<std::string> names;
  for (const char* name : {"SERVFAIL", "REFUSED"}) {
    if (resolver.rcodes.contains(name)) names.emplace_back(name);
  }
  return join(names, " or ");
}

std::string explanation(const ResolverPicture& resolver, const std::string& name) {
  std::string text;
  const std::uint64_t unanswered = resolver.unanswered.count;
  if (unanswered > 0) {
    text = fmt::format("To {} of {} for names no answer came from the resolver {}.", unanswered,
                       number_of(resolver.queries, "query", "queries"), name);
    const auto again = repeat_after(resolver);
    if (resolver.repeated > 0 && again) {
      text +=
          fmt::format(" {} sent again, {} later (the resolver library's own wait: `timeout:` in resolv.conf).",
                      resolver.repeated == 1 ? "1 was" : fmt::format("{} were", resolver.repeated), duration(*again));
    }
    if (const auto longest = wait_at(resolver, 1.0)) {
      text += fmt::format(" Who asked waited {} at most.", duration(*longest));
    }
    if (resolver.rescued > 0) {
      text += fmt::format(" {} answered by another resolver in the end.",
                          resolver.rescued == 1 ? "1 was" : fmt::format("{} were", resolver.rescued));
    }
    if (resolver.lost > 0) {
      text += fmt::format(" {} answered by nobody: the name did not resolve.",
                          resolver.lost == 1 ? "1 was" : fmt::format("{} were", resolver.lost));
    }
  }
  if (resolver.refused.count > 0) {
    text += fmt::format("{}{} answered {} by {}: it is there, and could not or would not find the name out.",
                        text.empty() ? "" : " ", unanswered > 0 ? "It" : fmt::format("The resolver {}", name),
                        number_of(resolver.refused.count, "query", "queries"), error_names(resolver));
    if (resolver.refused_lost < resolver.refused.count) {
      text +=
          fmt::format(" Another resolver had an answer to {} of them.", resolver.refused.count - resolver.refused_lost);
    }
  }
  return text;
}

std::optional<Judged> judge(const Facts& facts, const ResolverPicture& resolver) {
  const std::uint64_t unanswered = resolver.unanswered.count;
  if (unanswered + resolver.refused.count == 0) return std::nullopt;
  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kDnsUnanswered.code;
  finding.count = unanswered > 0 ? unanswered : resolver.refused.count;
  finding.share_pct = share_pct(finding.count, resolver.queries);
  finding.sockets = sockets_behind(facts, resolver, model::kSlowLookUp);
  place_look_ups(judged, facts, resolver, unanswered > 0 ? resolver.unanswered : resolver.refused);
  finding.severity = severity_of(resolver);
  judged.failures = resolver.lost + resolver.refused_lost;
  judged.delayed = resolver.rescued;
  judged.may_be_raised = finding.severity > Severity::kNotice;
  Grade grade(Confidence::kHigh);
  if (resolver.answered == 0 && unanswered > 0) {
    grade.at_most(Confidence::kMedium,
                  "It answered nothing at all in this time: whether it runs, or a filter on the way drops the queries "
                  "or the answers, cannot be told from here.");
  }
  common_steps(grade, facts, Feed::kSockets, finding.count);
  grade.write_to(finding);

  std::vector<std::string> rcodes;
  for (const auto& [name, count] : resolver.rcodes) rcodes.push_back(fmt::format("{} {}", name, count));
  const Names names =
      worst_names(resolver, unanswered > 0 ? &model::NameTrouble::unanswered : &model::NameTrouble::refused);
  add(finding, kResolver, resolver.at.to_string());
  add(finding, kQueryCount, resolver.queries);
  add(finding, kAnsweredCount, resolver.answered);
  add(finding, kUnansweredCount, unanswered);
  add(finding, kLostCount, resolver.lost);
  add(finding, kRescuedCount, resolver.rescued);
  add(finding, kWaitingCount, resolver.waiting);
  add(finding, kRepeatedCount, resolver.repeated);
  add_seconds(finding, kRepeatAfterS, repeat_after(resolver));
  add_seconds(finding, kWaitP50S, wait_at(resolver, 0.5));
  add_seconds(finding, kWaitMaxS, wait_at(resolver, 1.0));
  add(finding, kRefusedCount, resolver.refused.count);
  add(finding, kRefusedLostCount, resolver.refused_lost);
  add(finding, kRcodes, rcodes);
  add(finding, kUsers, user_list(resolver));
  add_names(finding, kNames, names);

  const std::string name = resolver_name(resolver.at);
  finding.title = unanswered > 0 ? fmt::format("{} did not answer {} of {} for names", name, unanswered,
                                               number_of(resolver.queries, "query", "queries"))
                                 : fmt::format("{} answered {} of {} for names by {}", name, resolver.refused.count,
                                               number_of(resolver.queries, "query", "queries"), error_names(resolver));
  finding.explanation = explanation(resolver, name);
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kNoAttempt, 0);
  add_resolver_steps(finding, resolver, names);
  finding.disproved_by = unanswered > 0
                             ? "a capture on this host shows the answers (then something else on it drops them before "
                               "they are received), or on the resolver shows no such query (then it is lost on the way)"
                             : "the same name, asked of the same resolver, is answered without an error";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_resolver(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string queries = e.text(kQueryCount);
  const std::string answered = e.text(kAnsweredCount);
  out.push_back({"resolver", e.text(kResolver)});
  out.push_back({"queries", list_of({queries, with("", answered, " answered")})});
  const std::string unanswered = e.some(kUnansweredCount, "by this resolver");
  const std::string lost = e.some(kLostCount, "by nobody");
  const std::string rescued = e.some(kRescuedCount, "by another one instead");
  const std::string waiting = e.some(kWaitingCount, "still waiting");
  out.push_back({"not answered", list_of({unanswered, lost, waiting})});
  out.push_back({"answered", rescued});
  const std::string repeated = e.some(kRepeatedCount, "queries");
  const std::string after = e.seconds(kRepeatAfterS);
  out.push_back({"sent again", list_of({repeated, with("after ", after)})});
  const std::vector<std::string> waits = e.together({kWaitP50S, kWaitMaxS});
  out.push_back({"waited", list_of({with("", waits[0], " (p50)"), with("at most ", waits[1])})});
  const std::string refused = e.some(kRefusedCount, "answers");
  const std::string by_all = e.some(kRefusedLostCount, "for which nobody had better");
  out.push_back({"errors", list_of({refused, by_all})});
  out.push_back({"answer codes", e.text(kRcodes)});
  out.push_back({"names", e.text(kNames)});
  out.push_back({"asked by", e.text(kUsers)});
}

constexpr std::array kEffects = {Effect{&kNoOutboundAttempt, Shared::kSockets}};

}  // namespace
}  // namespace dns_unanswered

const Rule kDnsUnanswered{
    .code = "dns-unanswered",
    .family = model::Family::kLookUps,
    .judge_picture = dns_unanswered::judge_picture,
    .evidence = dns_unanswered::kEvidence,
    .word_evidence = dns_unanswered::word_evidence,
    .effects = dns_unanswered::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
