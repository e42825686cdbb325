// SPDX-License-Identifier: Apache-2.0
// local-queueing: segments waited between this host's TCP and its driver: a shaper or a full device of this host.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace local_queueing {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kHostQueueP50Us{"host_queue_p50_us"};
constexpr EvidenceKey kHostQueueP99Us{"host_queue_p99_us"};
constexpr EvidenceKey kQueuedSeconds{"queued_seconds"};
constexpr EvidenceKey kRetransmitFailuresBusy{"retransmit_failures_busy"};
constexpr EvidenceKey kDevice{"device"};
constexpr EvidenceKey kQdisc{"qdisc"};
constexpr EvidenceKey kInContainer{"in_container"};
constexpr std::array kEvidence = {kHostQueueP50Us, kHostQueueP99Us, kQueuedSeconds, kRetransmitFailuresBusy,
                                  kDevice,         kQdisc,          kInContainer};

Marks queued_above(const Seconds& seconds, model::Duration limit,
                   std::optional<std::uint64_t> model::Second::*percentile_of) {
  const auto us = static_cast<std::uint64_t>(model::microseconds(limit));
  Marks marks = seconds.none();
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    marks[i] = seconds.busy(i) && (seconds[i].*percentile_of).value_or(0) >= us;
  }
  return marks;
}

// The kernel found the earlier copy still in this host when it wanted to retransmit, in seconds with a slow tail.
Marks failing(const Seconds& seconds) {
  const auto& busy = seconds.picture.totals.retransmit_failures.busy;
  if (!busy || *busy < kBusyFailures) return seconds.none();
  return queued_above(seconds, kHostQueue, &model::Second::host_queue_p99_us);
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  Marks queued = queued_above(seconds, kHostQueue, &model::Second::host_queue_p50_us);
  if (static_cast<double>(seconds.seconds_in(queued)) < kHostQueueSeconds) queued = failing(seconds);
  if (!any(queued)) return std::nullopt;

  const model::EndpointPicture& picture = seconds.picture;
  const bool bulk = is_bulk(picture);
  const bool container = in_container(seconds.facts.picture, picture);
  Judged judged = start_delay(kLocalQueueing.code, endpoint, seconds, queued);
  model::Finding& finding = judged.finding;
  judged.may_be_raised = !bulk;
  judged.explains_splits = {kDroppedByOwnQueue};

  // first_byte begins at the device, so it does not contain this. Where half of the segments waited for 100 ms, at
  // least half of the exchanges did.
  const Marks waited =
      queued_above(seconds, std::max(kDelayed, model::Duration(std::chrono::microseconds(delayed_from_us(picture)))),
                   &model::Second::host_queue_p50_us);
  const std::uint64_t delayed = bulk ? 0 : (seconds.sum(waited, &model::Second::exchanges) + 1) / 2;
  set_delayed(judged, endpoint, delayed);
  finding.severity = Severity::kWarning;
  if (users_wait(seconds, waited, delayed)) finding.severity = Severity::kCritical;
  if (bulk) finding.severity = Severity::kNotice;

  Grade grade(Confidence::kHigh);
  delay_steps(grade, seconds.facts, seconds.seconds_in(queued), "queued seconds");
  if (grade.exhausted()) return std::nullopt;
  grade.write_to(finding);

  add(finding, kHostQueueP50Us, percentile(picture, model::Measure::kHostQueue, 0.50));
  add(finding, kHostQueueP99Us, percentile(picture, model::Measure::kHostQueue, 0.99));
  add(finding, kQueuedSeconds, seconds.seconds_in(queued));
  add(finding, kRetransmitFailuresBusy, picture.totals.retransmit_failures.busy);
  if (picture.device.empty()) {
    add_null(finding, kDevice);
  } else {
    add(finding, kDevice, picture.device);
  }
  add_null(finding, kQdisc);
  add(finding, kInContainer, std::uint64_t{container ? 1U : 0U});

  const std::string name = picture.key.at.to_string();
  const std::string device = picture.device.empty() ? std::string("its device") : picture.device;
  const auto typical = seconds.p50(queued, &model::Second::host_queue_p50_us);
  const std::string wait = duration(typical.value_or(0));
  finding.title = fmt::format("segments to {} wait about {} inside this host, before {}", name, wait, device);
  finding.explanation = fmt::format(
      "Segments of {} waited about {} between this host's TCP and {}, in {}: in the queue of this host's own device, "
      "not on the network.",
      name, wait, device, number_of(seconds.seconds_in(queued), "second"));
  if (container) finding.explanation += " This is a container's device; the queue of the host's uplink is not seen.";
  if (bulk) finding.explanation += " It is a bulk transfer, which fills its own queue.";
  add_step(finding, Whose::kUs, "look at backlog and drops of the device's queue",
           picture.device.empty() ? "tc -s qdisc show" : fmt::format("tc -s qdisc show dev {}", picture.device));
  add_step(finding, Whose::kUs, "is a bandwidth limit set on this host or its container (tc, CNI plugin, systemd)");
  add_step(finding, Whose::kUs, "is the link full, or its queue too long (txqueuelen)");
  finding.disproved_by = "no backlog and no drops in that queue in these seconds";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string queue = e.p50_p99(kHostQueueP50Us, kHostQueueP99Us);
  out.push_back({"host queue", list_of({queue, with("in ", e.text(kQueuedSeconds), " s")})});
  const std::string device = e.text(kDevice);
  const std::string qdisc = e.text(kQdisc);
  out.push_back({"device", list_of({device, with("qdisc ", qdisc)})});
  const auto busy = e.count(kRetransmitFailuresBusy);
  if (busy && *busy > 0) {
    out.push_back({"never left here", fmt::format("{} retransmissions found the first copy still here", *busy)});
  }
  if (e.is_set(kInContainer)) out.push_back({"not seen", "the host's own uplink: this is a container's namespace"});
}

// A full queue drops.
constexpr std::array kEffects = {Effect{&kDroppedByThisHost, Shared::kSplit},
                                 Effect{&kRetransmitLoss, Shared::kEndpoint}};

}  // namespace
}  // namespace local_queueing

const Rule kLocalQueueing{
    .code = "local-queueing",
    .family = model::Family::kHostQueue,
    .judge_picture = local_queueing::judge_picture,
    .evidence = local_queueing::kEvidence,
    .word_evidence = local_queueing::word_evidence,
    .effects = local_queueing::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
