// SPDX-License-Identifier: Apache-2.0
// window-limited: this host had data to send and was kept from it, by the peer's receive window or by its own send
// buffer, and the exchanges took longer for it. By the kernel's chronographs (tcp_info: tcpi_rwnd_limited).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/path_delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace window_limited {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kLimit{"limit"};
constexpr EvidenceKey kLimitedUs{"limited_us"};
constexpr EvidenceKey kBusyUs{"busy_us"};
constexpr EvidenceKey kLimitedPct{"limited_pct"};
constexpr EvidenceKey kLimitedSeconds{"limited_seconds"};
constexpr EvidenceKey kLimitedPerExchangeUs{"limited_per_exchange_us"};
constexpr EvidenceKey kLastByteMeanUs{"last_byte_mean_us"};
constexpr EvidenceKey kRatePerSocket{"socket_bytes_per_s"};
constexpr EvidenceKey kRttP50Us{"rtt_p50_us"};
constexpr EvidenceKey kBytesPerRtt{"bytes_per_rtt"};
constexpr std::array kEvidence = {
    kLimit,          kLimitedUs,     kBusyUs,   kLimitedPct, kLimitedSeconds, kLimitedPerExchangeUs,
    kLastByteMeanUs, kRatePerSocket, kRttP50Us, kBytesPerRtt};

struct Limit {
  bool by_peer;              // its window; else this host's send buffer
  std::uint64_t limited_us;  // all sockets together
  std::uint64_t busy_us;
  double pct() const { return 100.0 * static_cast<double>(limited_us) / static_cast<double>(busy_us); }
};

// While the window is closed the kernel's clock of a full window runs as well: that is the business of zero-window.
std::uint64_t without_closed(std::uint64_t limited_us, std::uint64_t closed_us) {
  return limited_us - std::min(limited_us, closed_us);
}

std::optional<Limit> limit_of(const model::EndpointPicture& picture, bool by_peer) {
  if (!picture.busy_us || !picture.rwnd_limited_us || !picture.sndbuf_limited_us) return std::nullopt;
  const std::uint64_t closed_us = picture.totals.zero_window_received_us.value_or(0);
  const Limit limit{by_peer, by_peer ? without_closed(*picture.rwnd_limited_us, closed_us) : *picture.sndbuf_limited_us,
                    *picture.busy_us};
  if (limit.limited_us < static_cast<std::uint64_t>(model::microseconds(kLimitedAtLeast))) return std::nullopt;
  return limit.pct() >= 100 * kLimitedShare ? std::optional(limit) : std::nullopt;
}

Marks seconds_of(const Seconds& seconds, bool by_peer) {
  return seconds.where([by_peer](const model::Second& s) {
    const std::uint64_t us =
        by_peer ? without_closed(s.rwnd_limited_us, s.zero_window_received_us) : s.sndbuf_limited_us;
    return us > 0 && static_cast<double>(us) >= kLimitedShare * static_cast<double>(s.busy_us);
  });
}

// What it costs an exchange; nullopt: there are none.
std::optional<std::uint64_t> per_exchange_us(const model::EndpointPicture& picture, const Limit& limit) {
  if (picture.totals.exchanges == 0) return std::nullopt;
  return limit.limited_us / picture.totals.exchanges;
}

bool slows(const Limit& limit, std::uint64_t per_exchange, std::optional<double> last_byte_us) {
  return per_exchange >= static_cast<std::uint64_t>(model::microseconds(kLimitedPerExchange)) && last_byte_us &&
         static_cast<double>(per_exchange) >= kLimitedShare * *last_byte_us && limit.limited_us > 0;
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint, bool by_peer) {
  const model::EndpointPicture& picture = seconds.picture;
  const auto limit = limit_of(picture, by_peer);
  if (!limit || is_bulk(picture)) return std::nullopt;  // a bulk transfer is always kept back by something
  const model::Histogram* last_byte = picture.measured(model::Measure::kLastByte);
  const auto mean_us = last_byte != nullptr ? last_byte->mean() : std::nullopt;
  const auto per_exchange = per_exchange_us(picture, *limit);
  if (!per_exchange || !slows(*limit, *per_exchange, mean_us)) return std::nullopt;

  const Marks marks = seconds_of(seconds, by_peer);
  Judged judged = start_delay(kWindowLimited.code, endpoint, seconds, marks);
  model::Finding& finding = judged.finding;
  judged.split = by_peer ? "peer" : "own";
  // Where the limit is most of an exchange, or is felt by itself, the late ones are late for it.
  const bool is_most = static_cast<double>(*per_exchange) >= kLimitedMost * *mean_us;
  const bool is_felt = *per_exchange >= static_cast<std::uint64_t>(model::microseconds(kDelayed));
  set_delayed(judged, endpoint, is_most || is_felt ? at_least(*last_byte, delayed_from_us(picture) + 1) : 0);
  finding.severity = users_wait(seconds, marks, judged.delayed) ? Severity::kCritical : Severity::kWarning;
  Grade grade(is_most ? Confidence::kHigh : Confidence::kMedium);
  if (!is_most) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("By the kernel's clock it is {} of a mean exchange of {}.", duration(*per_exchange),
                              duration(static_cast<std::uint64_t>(*mean_us))));
  }
  delay_steps(grade, seconds.facts, seconds.seconds_in(marks), "seconds with it");
  if (grade.exhausted()) return std::nullopt;
  grade.write_to(finding);

  const auto rtt = percentile(picture, model::Measure::kRtt, 0.5);
  const double busy_s = static_cast<double>(limit->busy_us) / 1e6;
  const double per_s = static_cast<double>(picture.totals.bytes_sent) / busy_s;
  std::optional<double> per_rtt;
  if (rtt) per_rtt = per_s * static_cast<double>(*rtt) / 1e6;
  add(finding, kLimit, std::string(by_peer ? "peer_window" : "send_buffer"));
  add(finding, kLimitedUs, limit->limited_us);
  add(finding, kBusyUs, limit->busy_us);
  add(finding, kLimitedPct, std::optional(limit->pct()));
  add(finding, kLimitedSeconds, seconds.seconds_in(marks));
  add(finding, kLimitedPerExchangeUs, *per_exchange);
  add(finding, kLastByteMeanUs, mean_us ? std::optional(static_cast<std::uint64_t>(*mean_us)) : std::nullopt);
  add(finding, kRatePerSocket, std::optional(per_s));
  add(finding, kRttP50Us, rtt);
  add(finding, kBytesPerRtt, per_rtt ? std::optional(static_cast<std::uint64_t>(*per_rtt)) : std::nullopt);

  const std::string name = picture.key.at.to_string();
  const bool outbound = endpoint.outbound();
  const std::string peer = outbound ? name : "the clients of " + name;
  const char* what = outbound ? "requests" : "responses";
  finding.title = by_peer ? fmt::format("{} to {} wait for its receive window", what, peer)
                          : fmt::format("{} to {} wait for room in this host's send buffer", what, peer);
  if (!outbound && by_peer) finding.title = fmt::format("{} to {} wait for their receive windows", what, peer);
  finding.explanation = fmt::format(
      "For {} of the time in which this host had data for {} it could not go on, as {}: {} of an exchange of {} "
      "(mean).",
      percent(limit->pct()), peer, by_peer ? "the peer's receive window was full" : "its own send buffer was full",
      duration(*per_exchange), duration(static_cast<std::uint64_t>(mean_us.value_or(0))));
  if (per_rtt) {
    finding.explanation += fmt::format(" A connection carried {} in a round trip of {}, that is {}/s.", bytes(*per_rtt),
                                       duration(*rtt), bytes(per_s));
  }
  if (by_peer) {
    finding.explanation +=
        " The peer's receive buffer is too small for this round trip, or its application reads slowly.";
    add_step(
        finding, Whose::kPeer,
        "there: does the program set SO_RCVBUF (it turns autotuning off), how large is net.ipv4.tcp_rmem, and does "
        "the application read as fast as it can",
        "sysctl net.ipv4.tcp_rmem");
    finding.disproved_by = "\"ss -ti\" here shows no rwnd_limited for these connections";
  } else {
    add_step(finding, Whose::kUs,
             "does the program set SO_SNDBUF (it turns autotuning off), and how large is net.ipv4.tcp_wmem",
             "sysctl net.ipv4.tcp_wmem");
    finding.disproved_by = "\"ss -ti\" here shows no sndbuf_limited for these connections";
  }
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const Seconds seconds(facts, endpoint);
    for (const bool by_peer : {true, false}) {
      if (auto judged = judge(seconds, endpoint, by_peer)) result.push_back(std::move(*judged));
    }
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string limit = e.text(kLimit);
  out.push_back({"limit", limit == "peer_window"   ? "the peer's receive window"
                          : limit == "send_buffer" ? "this host's send buffer"
                                                   : limit});
  const std::vector<std::string> times = e.together({kLimitedUs, kBusyUs});
  const auto pct = e.number(kLimitedPct);
  const auto seconds = e.count(kLimitedSeconds);
  out.push_back(
      {"kept back", list_of({times[0].empty() ? "" : with("", times[0], with(" of ", times[1], " with data to send")),
                             pct ? percent(*pct) : "", seconds ? fmt::format("in {} s", *seconds) : ""})});
  const std::vector<std::string> each = e.together({kLimitedPerExchangeUs, kLastByteMeanUs});
  out.push_back({"an exchange", with("", each[0], with(" of ", each[1], " (mean)"))});
  const auto rate = e.number(kRatePerSocket);
  const std::string rtt = e.microseconds(kRttP50Us);
  out.push_back({"a connection", list_of({rate ? bytes(*rate) + "/s" : "",
                                          with("", e.bytes(kBytesPerRtt), with(" in a round trip of ", rtt, ""))})});
}

}  // namespace
}  // namespace window_limited

const Rule kWindowLimited{
    .code = "window-limited",
    .family = model::Family::kPath,
    .judge_picture = window_limited::judge_picture,
    .evidence = window_limited::kEvidence,
    .word_evidence = window_limited::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
