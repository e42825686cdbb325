// SPDX-License-Identifier: Apache-2.0
// Evidence in words: loss, delays without a proof, and what this tool did not see.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "report/evidence.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using Lines = std::vector<EvidenceLine>;

std::string of_kind(EvidenceReader& e, std::string_view key, std::string_view words) {
  const auto n = e.count(key);
  return n && *n > 0 ? fmt::format("{} {}", *n, words) : std::string();
}

// Loss towards this host: what it sent again itself says nothing of it.
void loss_in(EvidenceReader& e, Lines& out) {
  const auto out_of_order = e.count("out_of_order_segments");
  const auto loss = e.number("loss_pct");
  out.push_back({"direction", "towards this host"});
  if (out_of_order) {
    out.push_back({"out of order", fmt::format("{} segments received{}", *out_of_order,
                                               loss ? fmt::format(" ({})", percent(*loss)) : "")});
  }
  e.skip({"retransmitted_segments", "sent_segments", "rto_count", "fast_count", "tlp_count", "syn_count",
          "spurious_count", "retransmit_failures_busy", "retransmit_delay_p50_us", "recovery_p99_us"});
}

void loss_out(EvidenceReader& e, Lines& out) {
  const auto lost = e.count("retransmitted_segments");
  const auto sent = e.count("sent_segments");
  const auto loss = e.number("loss_pct");
  const std::string direction = e.text("direction");
  out.push_back({"direction", direction == "out" ? "from this host" : direction});
  if (lost) {
    out.push_back({"retransmitted", fmt::format("{}{}{}", *lost, sent ? fmt::format(" of {} segments", *sent) : "",
                                                loss ? fmt::format(" ({})", percent(*loss)) : "")});
  }
  const std::string rto = of_kind(e, "rto_count", "by timeout");
  const std::string fast = of_kind(e, "fast_count", "fast");
  const std::string tlp = of_kind(e, "tlp_count", "tail probes");
  const std::string syn = of_kind(e, "syn_count", "SYN");
  out.push_back({"kinds", list_of({rto, fast, tlp, syn})});
  out.push_back({"spurious", of_kind(e, "spurious_count", "had arrived after all (DSACK)")});
  out.push_back(
      {"never left here", of_kind(e, "retransmit_failures_busy", "retransmissions found the first copy still here")});
  out.push_back({"out of order", of_kind(e, "out_of_order_segments", "segments received")});
  const std::string delay = e.microseconds("retransmit_delay_p50_us");
  const std::string recovery = e.microseconds("recovery_p99_us");
  out.push_back({"delay", list_of({delay.empty() ? "" : delay + " till the retransmission (p50)",
                                   recovery.empty() ? "" : recovery + " till repaired (p99)"})});
}

void retransmit_loss(EvidenceReader& e, Lines& out) {
  if (e.text("direction") == "in") {
    loss_in(e, out);
  } else {
    loss_out(e, out);
  }
}

void delay_unattributed(EvidenceReader& e, Lines& out) {
  const auto floor = e.number("rtt_floor_us");
  out.push_back({"RTT floor", floor_words(floor, e.text("rtt_floor_source"))});
  const std::string queue = e.microseconds("path_queue_p50_us");
  const auto ambiguous = e.number("ambiguous_pct");
  out.push_back(
      {"above the floor", list_of({queue.empty() ? "" : queue + " (p50)",
                                   ambiguous ? percent(*ambiguous) + " of the ACKs rode on responses" : ""})});
  out.push_back({"first byte", e.microseconds("first_byte_p50_us")});
}

void events_lost(EvidenceReader& e, Lines& out) {
  const auto lost = e.count("lost");
  const auto seen = e.count("seen");
  const auto pct = e.number("lost_pct");
  if (lost) {
    out.push_back({"lost", fmt::format("{}{}{}", *lost, pct ? fmt::format(" ({})", percent(*pct)) : "",
                                       seen ? fmt::format(", seen {}", *seen) : "")});
  }
  out.push_back({"because", e.text("cause")});
  out.push_back({"too low or missing", e.text("measures_affected")});
  e.skip({"first_at"});
}

}  // namespace

std::span<const EvidenceWords> delay_words() {
  static constexpr std::array<EvidenceWords, 3> kWords = {{
      {"retransmit-loss", retransmit_loss},
      {"delay-unattributed", delay_unattributed},
      {"events-lost", events_lost},
  }};
  return kWords;
}

}  // namespace tcpdiag::report
