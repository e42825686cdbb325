// SPDX-License-Identifier: Apache-2.0
// app-gap: much time passed in this host's own application between the user's request and the call that it led to.
//
// Idea: a thread reads a request from an inbound socket, and later the same thread connects or sends on an idle
// outbound one. What lies between is the application's: a queue for a worker or a pooled connection, a lock, a
// database, code, or a call that the thread made before. A call that fails after 60 s fails later still for the user.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace app_gap {
namespace {

using model::AppGap;
using model::Confidence;
using model::Duration;
using model::Severity;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kAppGapP50S{"app_gap_p50_s"};
constexpr EvidenceKey kAppGapP90S{"app_gap_p90_s"};
constexpr EvidenceKey kAppGapFailedP50S{"app_gap_failed_p50_s"};
constexpr EvidenceKey kAppGapOkP50S{"app_gap_ok_p50_s"};
constexpr EvidenceKey kSamples{"samples"};
constexpr EvidenceKey kThreads{"threads"};
constexpr EvidenceKey kCoveragePct{"coverage_pct"};
constexpr std::array kEvidence = {kAppGapP50S, kAppGapP90S, kAppGapFailedP50S, kAppGapOkP50S,
                                  kSamples,    kThreads,    kCoveragePct};

constexpr auto kLongAppGapUs = static_cast<std::uint64_t>(model::microseconds(kLongAppGap));

// Calls that failed and whose gap is known.
struct FailedCalls {
  Durations gaps;
  std::uint64_t exchanges = 0;
  std::uint64_t connects = 0;
  double gap_share = 0;  // of the time from the user's request to the failure

  std::uint64_t size() const { return exchanges + connects; }
};

FailedCalls failed_calls(const Facts& facts, const EndpointFacts& endpoint) {
  FailedCalls failed;
  std::vector<Duration> gaps;
  double gap_s = 0;
  double total_s = 0;
  for (const SocketStory& story : facts.picture.sockets) {
    if (story.endpoint != endpoint.index || !story.end || !story.end->app_gap) continue;
    const bool connecting = story.end->kind == model::EndKind::kConnectFailed;
    if (!connecting && !lost_exchange(story)) continue;
    ++(connecting ? failed.connects : failed.exchanges);
    gaps.push_back(*story.end->app_gap);
    if (const auto took = connecting ? story.connect_took : story.end->wait) {
      gap_s += model::seconds(*story.end->app_gap);
      total_s += model::seconds(*story.end->app_gap + *took);
    }
  }
  failed.gaps = Durations(std::move(gaps));
  failed.gap_share = total_s > 0 ? gap_s / total_s : 0;
  return failed;
}

// Most of what the users of failed calls waited had passed before the call.
bool mostly_before_the_call(const FailedCalls& failed) {
  return failed.size() >= kEnoughObservations && *failed.gaps.p50() >= kLongAppGap &&
         failed.gap_share >= kAppGapShareOfFailed;
}

bool failed_differ(const AppGap& known, const FailedCalls& failed) {
  const auto good = known.good_us.percentile(0.5);
  if (!good || failed.size() < kEnoughObservations || *failed.gaps.p50() < kLongAppGap) return false;
  return static_cast<double>(model::microseconds(*failed.gaps.p50())) >= kAppGapDiffers * static_cast<double>(*good);
}

std::optional<double> in_seconds(std::optional<std::uint64_t> us) {
  if (!us) return std::nullopt;
  return static_cast<double>(*us) / 1e6;
}

Grade grade_of(const Facts& facts, const AppGap& known, std::uint64_t samples) {
  Grade grade(Confidence::kHigh);
  const auto coverage = known.coverage_pct();
  if (!coverage || *coverage < kAppGapCoveragePct) {
    grade.at_most(
        Confidence::kMedium,
        coverage ? fmt::format("Only {} of the calls can be followed back to a user's request.", percent(*coverage))
                 : std::string("How many of the calls can be followed back to a user's request is not known."));
  }
  if (static_cast<double>(known.ambiguous) >=
      kAppGapAmbiguous * static_cast<double>(std::max(known.with_gap, samples))) {
    grade.at_most(Confidence::kLow,
                  fmt::format("In {} of {} cases the thread had several requests open (an event loop): which of them "
                              "the call belongs to is not known.",
                              known.ambiguous, std::max(known.with_gap, samples)));
  }
  delay_steps(grade, facts, samples, samples == 1 ? "call has a known gap" : "calls have a known gap");
  return grade;
}

std::string explanation(const model::EndpointPicture& picture, const model::Histogram& gaps,
                        const FailedCalls& failed) {
  const OnlyProcess process = only_process(picture);
  std::string text = fmt::format(
      "Between reading a user's request and beginning the call to {} {} let {} pass in half of {}, and {} in one of "
      "ten "
      "(p90).",
      picture.key.at.to_string(), process.comm.empty() ? "this host's application" : process.comm,
      duration(*gaps.percentile(0.5)), number_of(gaps.count(), "call"), duration(*gaps.percentile(0.9)));
  const auto good = picture.app_gap.good_us.percentile(0.5);
  if (failed.size() > 0) {
    text += fmt::format(" {} that failed began {} after the user's request (p50){}.", number_of(failed.size(), "call"),
                        duration(*failed.gaps.p50()),
                        good ? fmt::format(", good ones after {}", duration(*good)) : std::string());
  }
  if (mostly_before_the_call(failed)) {
    text +=
        fmt::format(" {} of the time until their failure had passed before the call.", percent(100 * failed.gap_share));
  }
  text +=
      " That time was spent in this host, before TCP had anything to do: code, locks, a queue, a database, or other "
      "calls of the same thread.";
  return text;
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  if (!endpoint.outbound()) return std::nullopt;
  const model::EndpointPicture& picture = seconds.picture;
  const model::Histogram* gaps = picture.measured(model::Measure::kAppGap);
  if (gaps == nullptr) return std::nullopt;
  const FailedCalls failed = failed_calls(seconds.facts, endpoint);
  const bool late = gaps->count() >= kAppGapCalls && *gaps->percentile(0.9) >= kLongAppGapUs;
  if (!late && !mostly_before_the_call(failed)) return std::nullopt;

  const AppGap& known = picture.app_gap;
  const Grade grade = grade_of(seconds.facts, known, gaps->count());
  if (grade.exhausted()) return std::nullopt;

  Judged judged = start_delay(kAppGap.code, endpoint, seconds, seconds.none());
  model::Finding& finding = judged.finding;
  finding.device.clear();  // nothing of it happened there
  finding.count = std::max<std::uint64_t>(at_least(*gaps, kLongAppGapUs), 1);
  finding.severity = Severity::kWarning;
  if (failed_differ(known, failed)) {
    const std::uint64_t attempts = std::max(known.calls, failed.size());
    finding.severity = std::max(Severity::kWarning, common_severity(failed.size(), attempts));
    finding.impact.exchanges_failed = failed.exchanges;
    finding.impact.connects_failed = failed.connects;
    finding.share_pct = finding.impact.share_pct = share_pct(failed.size(), attempts);
    judged.failures = failed.size();
  }
  grade.write_to(finding);

  add(finding, kAppGapP50S, in_seconds(gaps->percentile(0.5)));
  add(finding, kAppGapP90S, in_seconds(gaps->percentile(0.9)));
  add_seconds(finding, kAppGapFailedP50S, failed.gaps.p50());
  add(finding, kAppGapOkP50S, in_seconds(known.good_us.percentile(0.5)));
  add(finding, kSamples, gaps->count());
  add(finding, kThreads, known.threads);
  add(finding, kCoveragePct, known.coverage_pct());

  const OnlyProcess process = only_process(picture);
  finding.title = fmt::format("{} begins its calls to {} late: {} after the user's request (p90)",
                              process.comm.empty() ? "this host's application" : process.comm,
                              picture.key.at.to_string(), duration(*gaps->percentile(0.9)));
  finding.explanation = explanation(picture, *gaps, failed);
  add_step(finding, Whose::kUs, "do requests queue for a thread or a worker: compare their number with the load");
  add_step(finding, Whose::kUs, "what runs before this call: database, locks, other calls, a pool that is waited for");
  add_step(finding, Whose::kUs, "is the process short of CPU, or collecting garbage", pidstat_command(process));
  finding.disproved_by = failed.size() > 0
                             ? "calls whose gap is short fail as often"
                             : "the application does at these times what it is meant to do before the call";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::vector<std::string> gaps = e.together({kAppGapP50S, kAppGapP90S});
  out.push_back({"before the call", list_of({with("p50 ", gaps[0]), with("p90 ", gaps[1])})});
  const std::vector<std::string> typical = e.together({kAppGapFailedP50S, kAppGapOkP50S});
  if (!typical[0].empty()) {
    out.push_back({"failed calls", list_of({with("", typical[0], " (p50)"), with("good ones ", typical[1])})});
  }
  const auto samples = e.count(kSamples);
  const auto threads = e.count(kThreads);
  const std::string all = with(" (", e.text(kCoveragePct), " of all)");
  out.push_back({"taken from", list_of({samples ? number_of(*samples, "call") + all : "",
                                        threads && *threads > 0 ? number_of(*threads, "thread") : ""})});
}

// Who calls this host waits for its calls.
constexpr std::array kEffects = {Effect{&kDelayUnattributed, Shared::kProcess}};

}  // namespace
}  // namespace app_gap

const Rule kAppGap{
    .code = "app-gap",
    .family = model::Family::kCallGaps,
    .judge_picture = app_gap::judge_picture,
    .evidence = app_gap::kEvidence,
    .word_evidence = app_gap::word_evidence,
    .effects = app_gap::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
