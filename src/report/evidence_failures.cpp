// SPDX-License-Identifier: Apache-2.0
// Evidence in words: resets, closes and connects that failed.
#include <fmt/format.h>

#include <utility>

#include "knowledge/reset_reasons.h"
#include "report/evidence.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using Lines = std::vector<EvidenceLine>;

std::string text_of(std::optional<std::uint64_t> n) { return n ? std::to_string(*n) : std::string(); }

// "all 12", "11 of 12"
std::string part_of(std::optional<std::uint64_t> part, std::optional<std::uint64_t> whole) {
  if (!part) return {};
  if (!whole) return std::to_string(*part);
  return *part == *whole ? fmt::format("all {}", *part) : fmt::format("{} of {}", *part, *whole);
}

// Counted from the request of the user for whom the call was made.
void since_inbound(EvidenceReader& e, Lines& out) {
  out.push_back({"user's request", with("", e.seconds("since_inbound_request_p50_s"), " before the end (p50)")});
}

void reset_awaiting_response(EvidenceReader& e, Lines& out) {
  const auto resets = e.count("reset_count");
  const auto response = e.count("response_bytes_before_reset_max");
  e.skip({"exchange_count"});  // in the impact
  // Waits are known only of requests without any response.
  const auto waits = response == 0U ? resets : std::nullopt;
  out.push_back(
      {"wait till reset", spread(e.number("wait_p50_s"), e.number("wait_min_s"), e.number("wait_max_s"), waits)});
  out.push_back({"request", list_of({with("acknowledged in full: ", part_of(e.count("request_acked_count"), resets)),
                                     with("retransmits ", text_of(e.count("request_retransmits")))})});
  if (response) {
    out.push_back({"response", *response == 0 ? "not one byte before the reset"
                                              : fmt::format("cut: at most {} before the reset", bytes(*response))});
  }
  out.push_back(
      {"RTT", with("", e.microseconds("rtt_during_wait_p50_us"), " at the last sample before the reset (p50)")});
  since_inbound(e, out);
}

void reset_after_idle(EvidenceReader& e, Lines& out) {
  const auto resets = e.count("reset_count");
  out.push_back(
      {"silence before", spread(e.number("idle_p50_s"), e.number("idle_min_s"), e.number("idle_max_s"), resets)});
  out.push_back({"write to reset", e.microseconds("write_to_reset_p50_us")});
  out.push_back(
      {"reused", with("", part_of(e.count("reused_count"), resets), " connections had carried exchanges before")});
  out.push_back({"TCP keepalive", with("on at ", part_of(e.count("keepalive_on_count"), resets))});
}

void closed_awaiting_response(EvidenceReader& e, Lines& out) {
  const auto n = e.count("close_count");
  e.skip({"exchange_count"});
  out.push_back({"wait till close", spread(e.number("wait_p50_s"), e.number("wait_min_s"), e.number("wait_max_s"), n)});
  out.push_back({"request", with("acknowledged in full: ", part_of(e.count("request_acked_count"), n))});
  since_inbound(e, out);
}

void closed_before_reuse(EvidenceReader& e, Lines& out) {
  const auto n = e.count("count");
  const auto s = [&](std::string_view key) -> std::optional<double> {
    const auto us = e.number(key);
    return us ? std::optional(*us / 1e6) : std::nullopt;
  };
  out.push_back(
      {"FIN to our write", spread(s("fin_to_write_p50_us"), s("fin_to_write_min_us"), s("fin_to_write_max_us"), n)});
  out.push_back({"idle at the FIN", e.seconds("idle_at_fin_p50_s")});
}

void local_reset(EvidenceReader& e, Lines& out) {
  const std::string cause = e.text("cause");
  const std::string reason = e.text("kernel_reason");
  const std::string_view reason_words = knowledge::reset_reason_words(reason);
  const bool only_reason = cause == "unknown" && !reason_words.empty();
  out.push_back({"why", std::string(only_reason ? reason_words : knowledge::local_reset_cause_words(cause))});
  const bool from_kernel = e.text("reason_source") == "kernel";
  out.push_back({"told by", !reason.empty() ? fmt::format("the kernel's reason {}", reason)
                            : from_kernel   ? "the kernel"
                                            : "the state of the socket (derived)"});
  out.push_back({"resets", e.text("count")});
  const auto unread = e.count("unread_bytes_max");
  if (unread && *unread > 0) out.push_back({"unread", "at most " + bytes(*unread)});
  out.push_back({"connection age", with("", e.seconds("reset_age_p50_s"), " at the reset (p50)")});
}

void connect_refused(EvidenceReader& e, Lines& out) {
  out.push_back({"refused", part_of(e.count("refused_count"), e.count("connect_count"))});
  out.push_back({"answer after", with("", e.microseconds("answer_p50_us"), " (p50)")});
  out.push_back({"asked by", e.text("sources")});
}

void connect_timeout(EvidenceReader& e, Lines& out) {
  const auto some = [&](std::string_view key, std::string_view words) {
    const auto n = e.count(key);
    return n && *n > 0 ? fmt::format("{} {}", *n, words) : std::string();
  };
  const std::string timed_out = some("timed_out_count", "given up by the kernel");
  const std::string abandoned = some("abandoned_count", "given up by the application");
  const std::string ongoing = some("ongoing_count", "still trying at the end");
  out.push_back({"no answer", list_of({timed_out, abandoned, ongoing})});
  e.skip({"connect_count"});  // in the impact
  out.push_back({"gave up after", with("", e.seconds("gave_up_after_p50_s"), " (p50)")});
  out.push_back({"SYNs sent", list_of({with("", e.text("syns_sent_p50_count"), " each (p50)"), "SYN-ACKs 0",
                                       with("ICMP errors ", e.text("icmp_errors"))})});
  out.push_back({"SYNs at", with("", e.text("syn_schedule_s"), " s (typical)")});
  since_inbound(e, out);
  out.push_back(
      {"other connects", with("", e.text("other_connects_ok_same_endpoint"), " to the same endpoint answered")});
  out.push_back({"own NIC limit", with("conntrack allowance exceeded +", e.text("conntrack_allowance_delta"))});
}

void connect_failed_locally(EvidenceReader& e, Lines& out) {
  out.push_back({"outcome", list_of({e.text("outcome"), e.text("errno_name")})});
  out.push_back({"connects", part_of(e.count("count"), e.count("connect_count"))});
  out.push_back({"ICMP errors", e.text("icmp_errors")});
}

void first_bytes_unanswered(EvidenceReader& e, Lines& out) {
  const auto n = e.count("count");
  out.push_back({"waited", with("", e.seconds("wait_p50_s"), " (p50) for the first byte ever")});
  const auto sent = e.count("first_sent_p50_bytes");
  out.push_back({"sent", sent ? bytes(*sent) + " (p50)" : std::string()});
  out.push_back({"acknowledged", part_of(e.count("acked_count"), n)});
  const auto segment = e.count("largest_unacked_segment_bytes");
  if (segment && *segment > 0) out.push_back({"not acknowledged", "segments of up to " + bytes(*segment)});
}

void response_timeout(EvidenceReader& e, Lines& out) {
  const auto n = e.count("count");
  e.skip({"exchange_count"});
  const std::string longest = e.seconds("wait_max_s");
  out.push_back({"given up after", list_of({with("", e.seconds("wait_p50_s"), " (p50)"), with("at most ", longest)})});
  out.push_back({"request", list_of({with("acknowledged by the peer: ", part_of(e.count("request_acked_count"), n)),
                                     with("not: ", text_of(e.count("unacked_count")))})});
  out.push_back({"timeouts (RTO)", with("", e.text("rto_during_wait"), " during the waits")});
  const std::string side = e.text("side");
  out.push_back({"side", side == "remote_slow" ? "the peer: it has the request and the path is well"
                         : side == "path"      ? "the path: the request did not get through"
                         : side == "mixed"     ? "mixed: some waits at the peer, some on the path"
                                               : side});
  since_inbound(e, out);
}

void peer_gave_up(EvidenceReader& e, Lines& out) {
  const auto n = e.count("count");
  e.skip({"exchange_count"});
  const std::string longest = e.seconds("wait_max_s");
  out.push_back({"waited", list_of({with("", e.seconds("wait_p50_s"), " (p50)"), with("at most ", longest)})});
  out.push_back({"ended with", list_of({with("RST: ", part_of(e.count("reset_count"), n)),
                                        with("FIN: ", part_of(e.count("fin_count"), n))})});
  out.push_back({"clients", e.text("peers")});
}

}  // namespace

std::span<const EvidenceWords> failure_words() {
  static constexpr std::array<EvidenceWords, 11> kWords = {{
      {"peer-reset-awaiting-response", reset_awaiting_response},
      {"peer-reset-after-idle", reset_after_idle},
      {"peer-closed-awaiting-response", closed_awaiting_response},
      {"peer-closed-before-reuse", closed_before_reuse},
      {"local-reset", local_reset},
      {"connect-refused", connect_refused},
      {"connect-timeout", connect_timeout},
      {"connect-failed-locally", connect_failed_locally},
      {"first-bytes-unanswered", first_bytes_unanswered},
      {"response-timeout", response_timeout},
      {"peer-gave-up", peer_gave_up},
  }};
  return kWords;
}

}  // namespace tcpdiag::report
