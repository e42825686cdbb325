// SPDX-License-Identifier: Apache-2.0
// Evidence in words: what this host's own application did before a call, instead of one, or too slowly; and connects
// that pile up.
#include <fmt/format.h>

#include <array>

#include "report/evidence.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using Lines = std::vector<EvidenceLine>;

void app_gap(EvidenceReader& e, Lines& out) {
  const std::string p50 = e.seconds("app_gap_p50_s");
  const std::string p90 = e.seconds("app_gap_p90_s");
  out.push_back({"before the call", list_of({with("p50 ", p50), with("p90 ", p90)})});
  const std::string failed = e.seconds("app_gap_failed_p50_s");
  const std::string good = e.seconds("app_gap_ok_p50_s");
  if (!failed.empty()) {
    out.push_back({"failed calls", list_of({with("", failed, " (p50)"), with("good ones ", good)})});
  }
  const auto samples = e.count("samples");
  const auto threads = e.count("threads");
  const std::string all = with(" (", e.text("coverage_pct"), " of all)");
  out.push_back({"taken from", list_of({samples ? number_of(*samples, "call") + all : "",
                                        threads && *threads > 0 ? number_of(*threads, "thread") : ""})});
}

void no_outbound_attempt(EvidenceReader& e, Lines& out) {
  const auto n = e.count("count");
  const auto ongoing = e.count("ongoing_count");
  out.push_back({"no call", list_of({n ? number_of(*n, "request") : "",
                                     ongoing && *ongoing > 0 ? fmt::format("{} still waiting", *ongoing) : ""})});
  const std::string p50 = e.seconds("wait_p50_s");
  const std::string longest = e.seconds("wait_max_s");
  out.push_back({"waited", list_of({with("", p50, " (p50)"), with("at most ", longest)})});
  const std::string with_call = e.text("with_call_count");
  const std::string unknown = e.text("unknown_count");
  out.push_back({"others as slow", list_of({with("", with_call, " with a call"), with("", unknown, " not known")})});
  out.push_back({"read by", e.text("comm")});
}

void listen_overflow(EvidenceReader& e, Lines& out) {
  const auto overflows = e.count("listen_overflows_delta");
  const auto drops = e.count("listen_drops_delta");
  out.push_back({"counted", list_of({overflows ? fmt::format("ListenOverflows +{}", *overflows) : "",
                                     drops ? fmt::format("ListenDrops +{}", *drops) : ""})});
  out.push_back({"port", e.text("local_port")});
  const std::string backlog = e.text("ack_backlog_max");
  const std::string limit = e.text("backlog_limit");
  out.push_back({"accept queue", list_of({with("", backlog, " waiting at most"), with("limit ", limit)})});
  out.push_back({"net.core.somaxconn", e.text("somaxconn")});
  out.push_back({"accepted by", e.text("comm")});
}

void reconnect_storm(EvidenceReader& e, Lines& out) {
  const auto most = e.number("connects_max_per_s");
  const auto usual = e.number("connects_median_per_s");
  out.push_back({"connects a second", list_of({most ? fmt::format("{} at most", rate(*most)) : "",
                                               usual ? fmt::format("usual {}", rate(*usual)) : ""})});
  const auto seconds = e.count("storm_seconds");
  const auto connects = e.count("connect_count");
  const auto failed = e.count("connects_failed_count");
  const auto exchanges = e.count("exchange_count");
  out.push_back({"in the storm",
                 list_of({seconds ? fmt::format("{} s", *seconds) : "", connects ? number_of(*connects, "connect") : "",
                          failed && *failed > 0 ? fmt::format("{} failed", *failed) : "",
                          exchanges ? number_of(*exchanges, "exchange") : ""})});
  out.push_back({"timed out before", e.text("timeouts_count")});
  out.push_back({"open sockets", with("at most ", e.text("sockets_open_peak"))});
  out.push_back({"own NIC limit", with("conntrack allowance exceeded +", e.text("conntrack_allowance_delta"))});
}

}  // namespace

std::span<const EvidenceWords> application_words() {
  static constexpr std::array<EvidenceWords, 4> kWords = {{
      {"app-gap", app_gap},
      {"no-outbound-attempt", no_outbound_attempt},
      {"listen-overflow", listen_overflow},
      {"reconnect-storm", reconnect_storm},
  }};
  return kWords;
}

}  // namespace tcpdiag::report
