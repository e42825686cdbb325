// SPDX-License-Identifier: Apache-2.0
// dns-slow: a resolver's answers took long, some of them so long that who asked sent the query again.
//
// From the moment that the query was handed to the device to the answer's arrival: the application's own time is not in
// it. Whether the resolver or the way to it is slow cannot be told apart; that it often is quick shows that it can be.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "diagnose/delay.h"
#include "diagnose/look_ups.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace dns_slow {
namespace {

using model::Confidence;
using model::ResolverPicture;
using model::Severity;

// Evidence, in this order.
constexpr EvidenceKey kResolver{"resolver"};
constexpr EvidenceKey kQueryCount{"query_count"};
constexpr EvidenceKey kAnsweredCount{"answered_count"};
constexpr EvidenceKey kSlowCount{"slow_count"};
constexpr EvidenceKey kSlowFromUs{"slow_from_us"};
constexpr EvidenceKey kP10Us{"dns_p10_us"};
constexpr EvidenceKey kP50Us{"dns_p50_us"};
constexpr EvidenceKey kP99Us{"dns_p99_us"};
constexpr EvidenceKey kMaxUs{"dns_max_us"};
constexpr EvidenceKey kAfterRepeat{"answered_after_repeat_count"};
constexpr EvidenceKey kRepeatAfterS{"repeat_after_s"};
constexpr EvidenceKey kUsers{"processes"};
constexpr EvidenceKey kNames{"names"};
constexpr std::array kEvidence = {kResolver, kQueryCount, kAnsweredCount, kSlowCount,    kSlowFromUs, kP10Us, kP50Us,
                                  kP99Us,    kMaxUs,      kAfterRepeat,   kRepeatAfterS, kUsers,      kNames};

std::optional<Duration> as_time(std::optional<std::uint64_t> us) {
  if (!us) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*us));
}

// What is slow: noticed by people, and far above what this resolver mostly does; from a second on in any case.
std::uint64_t slow_from_us(const model::Histogram& took) {
  const auto noticed = static_cast<std::uint64_t>(model::microseconds(model::kSlowLookUp));
  const auto any = static_cast<std::uint64_t>(model::microseconds(kSlowLookUpAnyway));
  return std::min(std::max(noticed, model::kSlowLookUpBests * took.percentile(0.1).value_or(0)), any);
}

std::optional<Judged> judge(const Facts& facts, const ResolverPicture& resolver) {
  const model::Histogram& took = resolver.took_us;
  if (took.count() == 0) return std::nullopt;
  const std::uint64_t from = slow_from_us(took);
  const std::uint64_t slow = at_least(took, from);
  const bool is_many =
      slow >= kEnoughObservations || static_cast<double>(slow) >= kSlowLookUpsShare * static_cast<double>(took.count());
  if (slow == 0 || !is_many) return std::nullopt;

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kDnsSlow.code;
  finding.count = slow;
  finding.share_pct = share_pct(slow, took.count());
  finding.sockets = sockets_behind(facts, resolver, as_time(from).value_or(model::kSlowLookUp));
  place_look_ups(judged, facts, resolver, resolver.slow);
  const bool is_felt = took.max().value_or(0) >= static_cast<std::uint64_t>(model::microseconds(kSlowLookUpAnyway));
  finding.severity = slow >= kEnoughObservations || is_felt ? Severity::kWarning : Severity::kNotice;
  judged.delayed = slow;
  judged.may_be_raised = finding.severity > Severity::kNotice;
  Grade grade(Confidence::kHigh);
  common_steps(grade, facts, Feed::kSockets, slow);
  grade.write_to(finding);

  const auto again = repeat_after(resolver);
  const std::string name = resolver_name(resolver.at);
  const Names names =
      worst_names(resolver, [from](const model::NameTrouble& one) { return at_least(one.slow_us, from); });
  add(finding, kResolver, resolver.at.to_string());
  add(finding, kQueryCount, resolver.queries);
  add(finding, kAnsweredCount, resolver.answered);
  add(finding, kSlowCount, slow);
  add_microseconds(finding, kSlowFromUs, as_time(from));
  add_microseconds(finding, kP10Us, as_time(took.percentile(0.1)));
  add_microseconds(finding, kP50Us, as_time(took.percentile(0.5)));
  add_microseconds(finding, kP99Us, as_time(took.percentile(0.99)));
  add_microseconds(finding, kMaxUs, as_time(took.max()));
  add(finding, kAfterRepeat, resolver.answered_after_repeat);
  add_seconds(finding, kRepeatAfterS, again);
  add(finding, kUsers, user_list(resolver));
  add_names(finding, kNames, names);

  finding.title = fmt::format("{} took {} or more for {} of {} look-ups of names", name,
                              duration(static_cast<double>(from)), slow, took.count());
  finding.explanation = fmt::format(
      "The resolver {} answered {} of {} after {} or more, {} at most; a tenth of its answers took no longer "
      "than {}.",
      name, slow, number_of(took.count(), "query", "queries"), duration(static_cast<double>(from)),
      duration(static_cast<double>(took.max().value_or(0))),
      duration(static_cast<double>(took.percentile(0.1).value_or(0))));
  if (resolver.answered_after_repeat > 0 && again) {
    finding.explanation += fmt::format(
        " {} had been sent again before the answer came, {} later: that is the wait of the resolver library (timeout "
        "in "
        "resolv.conf), and a query or its answer was lost or late.",
        number_of(resolver.answered_after_repeat, "query", "queries"), duration(*again));
  }
  finding.explanation +=
      " A timeout for opening a connection counts from before the look-up: TCP may not have had its turn.";
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kNoAttempt, 0);
  add_resolver_steps(finding, resolver, names);
  finding.disproved_by =
      "the same resolver, asked from this host again and again, never takes long (then it was one name, whose own "
      "servers are slow), or its log has each answer at once (then the way there and back is slow)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_resolver(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string slow = e.text(kSlowCount);
  const std::string from = e.microseconds(kSlowFromUs);
  const std::string answered = e.text(kAnsweredCount);
  const std::string queries = e.text(kQueryCount);
  out.push_back({"resolver", e.text(kResolver)});
  out.push_back({"slow", slow.empty() ? "" : fmt::format("{} of {} answers took {} or more", slow, answered, from)});
  out.push_back({"queries", queries});
  const std::vector<std::string> times = e.together({kP10Us, kP50Us, kP99Us, kMaxUs});
  out.push_back({"answered after", list_of({with("p10 ", times[0]), with("p50 ", times[1]), with("p99 ", times[2]),
                                            with("max ", times[3])})});
  const std::string again = e.some(kAfterRepeat, "answered only after that");
  const std::string after = e.seconds(kRepeatAfterS);
  out.push_back({"sent again", list_of({with("after ", after), again})});
  out.push_back({"names", e.text(kNames)});
  out.push_back({"asked by", e.text(kUsers)});
}

constexpr std::array kEffects = {Effect{&kNoOutboundAttempt, Shared::kSockets}};

}  // namespace
}  // namespace dns_slow

const Rule kDnsSlow{
    .code = "dns-slow",
    .family = model::Family::kLookUps,
    .judge_picture = dns_slow::judge_picture,
    .evidence = dns_slow::kEvidence,
    .word_evidence = dns_slow::word_evidence,
    .effects = dns_slow::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
