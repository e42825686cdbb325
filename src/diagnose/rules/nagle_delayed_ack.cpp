// SPDX-License-Identifier: Apache-2.0
// nagle-delayed-ack: one end writes a message in small pieces, and each piece but the first waits until the other end
// acknowledges the one before, which it delays (RFC 896, RFC 9293 section 3.8.6.3): 40 ms and more a call, for nothing.
#include <fmt/format.h>

#include <array>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace nagle_delayed_ack {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kWriter{"writer"};
constexpr EvidenceKey kWaitCount{"wait_count"};
constexpr EvidenceKey kWaitMeanUs{"wait_mean_us"};
constexpr std::array kEvidence = {kWriter, kWaitCount, kWaitMeanUs, kExchangeCount, kSharePct};

enum class Writer : std::uint8_t { kUs, kPeer };

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint, Writer writer) {
  const model::EndpointPicture& picture = seconds.picture;
  const bool ours = writer == Writer::kUs;
  const model::NagleWaits& waits = ours ? picture.nagle_own : picture.nagle_peer;
  const std::uint64_t exchanges = attempts_of(endpoint, Of::kExchanges, 0);
  if (waits.count < kNagleWaits || exchanges == 0) return std::nullopt;
  const double share = static_cast<double>(waits.count) / static_cast<double>(exchanges);
  if (share < kSlowUsersShare) return std::nullopt;

  Judged judged = start_delay(kNagleDelayedAck.code, endpoint, seconds,
                              seconds.where([](const model::Second& s) { return s.exchanges > 0; }));
  model::Finding& finding = judged.finding;
  judged.split = ours ? "own" : "peer";
  finding.count = waits.count;
  finding.severity = share >= kDelayedShare ? Severity::kWarning : Severity::kNotice;
  judged.may_be_raised = false;
  const std::uint64_t mean_us = waits.sum_us / waits.count;
  add(finding, kWriter, std::string(ours ? "us" : "peer"));
  add(finding, kWaitCount, waits.count);
  add(finding, kWaitMeanUs, mean_us);
  add(finding, kExchangeCount, exchanges);
  finding.share_pct = share_pct(std::min(waits.count, exchanges), exchanges);
  add(finding, kSharePct, finding.share_pct);
  // What the peer does is told by when its next bytes come after our ACK.
  Grade grade(ours ? Confidence::kHigh : Confidence::kMedium);
  if (!ours)
    grade.at_most(Confidence::kMedium, "That its next bytes waited for this host's ACK is told by their time.");
  common_steps(grade, seconds.facts, Feed::kDelays, waits.count);
  grade.write_to(finding);

  const std::string name = picture.key.at.to_string();
  const bool requests = endpoint.outbound() == ours;  // what is written in pieces
  const char* what = requests ? "requests" : "responses";
  const std::string who = ours ? "this host" : endpoint.outbound() ? name : "clients of " + name;
  const std::string other = ours ? (endpoint.outbound() ? name : "the clients of " + name) : std::string("this host");
  finding.title = fmt::format("calls {} {} wait {} for nothing: {} written in pieces (Nagle and delayed ACK)",
                              endpoint.outbound() ? "to" : "of", name, duration(mean_us), what);
  finding.explanation = fmt::format(
      "{} writes its {} in small pieces, and {} after a first piece waited {} on average until it was acknowledged, in "
      "{}: Nagle's algorithm holds the second piece back, and {} delays its ACK since it waits for that piece. The "
      "rest "
      "left as soon as the ACK came.",
      ours ? "This host" : who, what, number_of(waits.count, "time"), duration(mean_us),
      number_of(exchanges, "exchange"), other);
  add_step(finding, ours ? Whose::kUs : Whose::kPeer,
           "set TCP_NODELAY on the writer's sockets, or write head and body at once (one write, writev, TCP_CORK)",
           ours ? "ss -tino dst " + picture.key.at.address.to_string() : std::string());
  finding.disproved_by = "the sockets have TCP_NODELAY, or the pieces are written that far apart (strace -ttT)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const Seconds seconds(facts, endpoint);
    for (const Writer writer : {Writer::kUs, Writer::kPeer}) {
      if (auto judged = judge(seconds, endpoint, writer)) result.push_back(std::move(*judged));
    }
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  e.skip({kExchangeCount});
  const std::string writer = e.text(kWriter);
  out.push_back({"writer", writer == "us" ? "this host" : writer == "peer" ? "the other end" : writer});
  out.push_back({"waits", list_of({e.some(kWaitCount, "for a delayed ACK"),
                                   with("", e.microseconds(kWaitMeanUs), " on average")})});
}

}  // namespace
}  // namespace nagle_delayed_ack

const Rule kNagleDelayedAck{
    .code = "nagle-delayed-ack",
    .family = model::Family::kExchanges,
    .may_be_raised = false,
    .judge_picture = nagle_delayed_ack::judge_picture,
    .evidence = nagle_delayed_ack::kEvidence,
    .word_evidence = nagle_delayed_ack::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
