// SPDX-License-Identifier: Apache-2.0
// slow-reader: data had arrived, and the application of this host did not fetch it.
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
namespace slow_reader {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kReadWaitP50Us{"read_wait_p50_us"};
constexpr EvidenceKey kReadWaitP99Us{"read_wait_p99_us"};
constexpr EvidenceKey kZeroWindowSentUs{"zero_window_sent_us"};
constexpr EvidenceKey kUnreadBytesMax{"unread_bytes_max"};
constexpr EvidenceKey kPid{"pid"};
constexpr EvidenceKey kStopped{"stopped"};
constexpr std::array kEvidence = {kReadWaitP50Us, kReadWaitP99Us, kZeroWindowSentUs, kUnreadBytesMax,
                                  kPid,           kComm,          kStopped};

bool reads_late(const model::EndpointPicture& picture) {
  const model::Histogram* waits = picture.measured(model::Measure::kReadWait);
  if (waits == nullptr || waits->count() < kReads) return false;
  return *waits->percentile(0.99) >= us(kReadWait) && at_least(*waits, us(kReadWait)) >= kLateReads;
}

// A process that is held up once is late at all of its connections: that is one late read, however many it makes.
bool is_one_hiccup(const model::EndpointPicture& picture, std::uint64_t late_seconds) {
  const model::Histogram* waits = picture.measured(model::Measure::kReadWait);
  return late_seconds == 1 && at_least(*waits, us(kLongPause)) == 0;
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const model::EndpointPicture& picture = seconds.picture;
  const Marks marks = seconds.series_where(
      model::SeriesId::kReadWaitP99, [](std::int64_t wait_us) { return wait_us >= model::microseconds(kReadWait); });
  const bool late = reads_late(picture) && !is_one_hiccup(picture, seconds.seconds_in(marks));
  const std::uint64_t closed_us = picture.totals.zero_window_sent_us.value_or(0);
  const bool closed = closed_us >= us(kZeroWindow);
  if (!late && !closed) return std::nullopt;

  Judged judged = start_delay(kSlowReader.code, endpoint, seconds, marks);
  model::Finding& finding = judged.finding;
  const model::Histogram* waits = picture.measured(model::Measure::kReadWait);
  finding.count = std::max<std::uint64_t>(waits != nullptr ? at_least(*waits, us(kReadWait)) : 0, 1);
  finding.severity = Severity::kWarning;

  const OnlyProcess reader = only_process(picture);
  Grade grade(Confidence::kHigh);
  if (!reader.pid) {
    grade.at_most(Confidence::kMedium, picture.processes.size() > 1 || !reader.comm.empty()
                                           ? "More than one process reads here; which of them is slow is not known."
                                           : "The process that reads is not known.");
  }
  delay_steps(grade, seconds.facts, late && !closed ? finding.count : kEnoughObservations, "late reads");
  if (grade.exhausted()) return std::nullopt;
  grade.write_to(finding);

  add(finding, kReadWaitP50Us, percentile(picture, model::Measure::kReadWait, 0.50));
  add(finding, kReadWaitP99Us, percentile(picture, model::Measure::kReadWait, 0.99));
  add(finding, kZeroWindowSentUs, picture.totals.zero_window_sent_us);
  add(finding, kUnreadBytesMax, picture.unread_bytes_max);
  add(finding, kPid, reader.pid);
  add_comm(finding, reader);
  add_null(finding, kStopped);

  const std::string name = picture.key.at.to_string();
  std::string facts;
  if (late) {
    facts = fmt::format("Data of {} lay unread for {} and more (p99)", name,
                        duration(*percentile(picture, model::Measure::kReadWait, 0.99)));
  }
  if (closed) {
    facts += fmt::format("{}this host told the peer to stop sending for {} in total, since its buffer was full",
                         late ? "; " : "", duration(closed_us));
  }
  finding.title = late ? fmt::format("an application of this host reads data of {} late", name)
                       : fmt::format("an application of this host does not read what {} sends", name);
  if (!facts.empty() && facts[0] == 't') facts[0] = 'T';
  finding.explanation = facts + ". The data had arrived: the application of this host" +
                        (reader.comm.empty() ? std::string() : fmt::format(" ({})", reader.comm)) +
                        " did not fetch it.";
  add_step(finding, Whose::kUs, "what does the process do instead: CPU, garbage collection, locks, a stopped process",
           pidstat_command(reader));
  add_step(finding, Whose::kUs, "is the host short of CPU (run queue, steal)", "vmstat 1");
  finding.disproved_by = "the process waits in recv() or poll() for these sockets at that time";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"read wait", with("", e.p50_p99(kReadWaitP50Us, kReadWaitP99Us), ", from arrival to read")});
  const auto closed = e.number(kZeroWindowSentUs);
  if (closed && *closed > 0) {
    out.push_back({"window closed", fmt::format("for {} in total: the peer had to stop", duration(*closed))});
  }
  out.push_back({"unread", with("at most ", e.bytes(kUnreadBytesMax))});
  const std::string comm = e.text(kComm);
  const std::string pid = e.text(kPid);
  const std::string reader = comm.empty() ? with("pid ", pid) : comm + with(" (pid ", pid, ")");
  const bool stopped = e.is_set(kStopped);
  out.push_back({"reader", reader.empty() ? (stopped ? "stopped by a signal" : "")
                                          : reader + (stopped ? ", stopped by a signal" : "")});
}

// Who does not read does not answer.
constexpr std::array kEffects = {Effect{&kResponseTimeout, Shared::kEndpoint}, Effect{&kPeerGaveUp, Shared::kEndpoint}};

}  // namespace
}  // namespace slow_reader

const Rule kSlowReader{
    .code = "slow-reader",
    .family = model::Family::kReading,
    .judge_picture = slow_reader::judge_picture,
    .evidence = slow_reader::kEvidence,
    .word_evidence = slow_reader::word_evidence,
    .effects = slow_reader::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
