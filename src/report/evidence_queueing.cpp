// SPDX-License-Identifier: Apache-2.0
// Evidence in words: what waits in which queue - the path's, this host's, this application's, the peer's - and the rate
// at which that queue is served.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "report/evidence.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using Lines = std::vector<EvidenceLine>;

std::string mean_bytes(std::string_view what, std::optional<double> value) {
  return value ? fmt::format("mean {} {}", what, bytes(*value)) : std::string();
}

// "p50 186 ms, p99 203 ms"
std::string p50_p99(EvidenceReader& e, std::string_view p50, std::string_view p99) {
  const auto low = e.number(p50);
  const auto high = e.number(p99);
  if (!low || !high) return list_of({with("p50 ", e.microseconds(p50)), with("p99 ", e.microseconds(p99))});
  const std::vector<std::string> both = durations({*low, *high});
  return fmt::format("p50 {}, p99 {}", both[0], both[1]);
}

// At most so many bytes: "6.0 MiB".
std::string bytes_of(EvidenceReader& e, std::string_view key) {
  const auto n = e.count(key);
  return n ? bytes(*n) : std::string();
}

// "sustained (58 of 60 s)", "microburst (9 of 60 s, 2 s in a row)"
std::string pattern_words(EvidenceReader& e) {
  const std::string pattern = e.text("pattern");
  const auto queued = e.number("queued_seconds");
  const auto busy = e.count("busy_seconds");
  const auto run = e.number("longest_run_s");
  const std::string of = busy ? fmt::format(" of {}", *busy) : "";
  const std::string seconds = queued ? fmt::format("{:.0f}{} s", *queued, of) : "";
  const std::string in_a_row = run && queued && *run < *queued ? fmt::format("{:.0f} s in a row", *run) : "";
  if (pattern.empty()) return list_of({with("in ", seconds), in_a_row});
  return pattern + with(" (", list_of({seconds, in_a_row}), ")");
}

void path_queue_lines(EvidenceReader& e, Lines& out) {
  const std::string queue = p50_p99(e, "path_queue_p50_us", "path_queue_p99_us");
  const std::string pattern = pattern_words(e);
  out.push_back({"path queue", list_of({queue, pattern})});
  const auto floor = e.number("rtt_floor_us");
  out.push_back({"RTT floor", floor_words(floor, e.text("rtt_floor_source"))});
}

void throughput_ceiling(EvidenceReader& e, Lines& out) {
  const model::Finding* queueing = e.beside("path-queueing");
  std::optional<EvidenceReader> queue;
  if (queueing != nullptr) queue.emplace(*queueing);

  const auto wire = e.number("ceiling_wire_bit_per_s");
  const auto payload = e.number("ceiling_payload_bit_per_s");
  const auto spread = e.number("spread_pct");
  const auto full = e.count("ceiling_seconds");
  const auto busy = queue ? queue->count("busy_seconds") : std::nullopt;
  if (wire) {
    const std::string of = busy && full && *busy >= *full ? fmt::format(" of {}", *busy) : "";
    const std::string inside = payload ? fmt::format(" ({} payload)", bit_rate(*payload)) : "";
    const std::string steady = spread ? ", steady within " + percent(*spread) : "";
    const std::string time = full ? fmt::format(" in {}{} s while the queue was full", *full, of) : "";
    out.push_back({e.text("direction") == "out" ? "sent" : "received",
                   fmt::format("{} with headers{}{}{}", bit_rate(*wire), inside, steady, time)});
  }

  const auto served = e.number("exchanges_per_s");
  const auto response = e.number("mean_response_bytes");
  const model::EndpointPicture* endpoint = e.endpoint();
  out.push_back(
      {"exchanges", list_of({served ? rate(*served) + " /s" : "",
                             mean_bytes("request", endpoint == nullptr ? std::nullopt : endpoint->mean_request_bytes),
                             mean_bytes("response", response)})});
  if (queue) {
    path_queue_lines(*queue, out);
  } else if (endpoint != nullptr && endpoint->rtt_floor_us) {
    out.push_back({"RTT floor", floor_words(static_cast<double>(*endpoint->rtt_floor_us), endpoint->rtt_floor_source)});
  }

  out.push_back({"fits baseline", e.text("baseline_candidates")});
  const auto deviation = e.number("peer_type_deviation_pct");
  out.push_back(
      {"peer's type", with("", e.text("peer_type_given"),
                           deviation ? fmt::format(", as given; the rate is {:+.1f} % from its baseline", *deviation)
                                     : std::string(", as given"))});
  if (const auto possible = e.number("possible_exchanges_per_s")) {
    out.push_back({"carries", fmt::format("{} responses/s of this size{}", rate(*possible),
                                          served ? fmt::format("; {} were served", rate(*served)) : "")});
  }
}

void path_queueing(EvidenceReader& e, Lines& out) {
  path_queue_lines(e, out);
  const std::string in = p50_p99(e, "path_queue_in_p50_us", "path_queue_in_p99_us");
  out.push_back({"one way in", with("", in, ", by the peer's TCP timestamps")});
  out.push_back({"SYN RTT", with("p50 ", e.microseconds("syn_rtt_p50_us"), " in these seconds")});
  const auto flows = e.count("flows");
  const auto agree = e.number("flows_agree_pct");
  out.push_back({"sockets", list_of({flows ? fmt::format("{} measured", *flows) : "",
                                     agree ? percent(*agree) + " of them see the same queue" : ""})});
  const std::string direction = e.text("direction");
  out.push_back({"direction", direction == "in"    ? "towards this host"
                              : direction == "out" ? "from this host"
                                                   : direction});
}

void local_queueing(EvidenceReader& e, Lines& out) {
  const std::string queue = p50_p99(e, "host_queue_p50_us", "host_queue_p99_us");
  out.push_back({"host queue", list_of({queue, pattern_words(e)})});
  const std::string device = e.text("device");
  const std::string qdisc = e.text("qdisc");
  out.push_back({"device", list_of({device, with("qdisc ", qdisc)})});
  const auto busy = e.count("retransmit_failures_busy");
  if (busy && *busy > 0) {
    out.push_back({"never left here", fmt::format("{} retransmissions found the first copy still here", *busy)});
  }
  if (e.is_set("in_container")) out.push_back({"not seen", "the host's own uplink: this is a container's namespace"});
}

void allowance_exceeded(EvidenceReader& e, Lines& out) {
  const std::string device = e.text("device");
  const std::string limit = e.text("limit");
  const auto packets = e.count("delta_packets");
  out.push_back({"counter", packets ? fmt::format("{} {}_allowance_exceeded +{}", device, limit, *packets) : ""});
  const auto seconds = e.count("seconds_with_delta");
  const auto most = e.number("max_per_s");
  out.push_back({"pattern", list_of({e.text("pattern"), seconds ? fmt::format("it rose in {} s", *seconds) : "",
                                     most ? fmt::format("at most {} packets a second", rate(*most)) : ""})});
  // Only where the table was full does its room matter.
  const std::string room = e.text("conntrack_available_min");
  if (limit == "conntrack") out.push_back({"room left", with("for ", room, " more tracked connections at the least")});
  if (e.is_set("driver_reset")) out.push_back({"driver", "reset during the trace: its counters began anew"});
}

void slow_reader(EvidenceReader& e, Lines& out) {
  out.push_back({"read wait", with("", p50_p99(e, "read_wait_p50_us", "read_wait_p99_us"), ", from arrival to read")});
  const auto closed = e.number("zero_window_sent_us");
  if (closed && *closed > 0) {
    out.push_back({"window closed", fmt::format("for {} in total: the peer had to stop", duration(*closed))});
  }
  out.push_back({"unread", with("at most ", bytes_of(e, "unread_bytes_max"))});
  const std::string comm = e.text("comm");
  const std::string pid = e.text("pid");
  const std::string reader = comm.empty() ? with("pid ", pid) : comm + with(" (pid ", pid, ")");
  const bool stopped = e.is_set("stopped");
  out.push_back({"reader", reader.empty() ? (stopped ? "stopped by a signal" : "")
                                          : reader + (stopped ? ", stopped by a signal" : "")});
}

void zero_window(EvidenceReader& e, Lines& out) {
  const std::string total = e.microseconds("zero_window_received_us");
  const auto stalls = e.count("stalls");
  const std::string longest = e.seconds("longest_stall_s");
  out.push_back({"window closed", list_of({with("for ", total, " in total"), stalls ? number_of(*stalls, "stall") : "",
                                           with("the longest ", longest)})});
  out.push_back({"waiting", with("at most ", bytes_of(e, "bytes_waiting_max"), " to be sent")});
  const auto probes = e.count("probes_sent");
  out.push_back({"probes", probes ? fmt::format("{} sent, to ask whether it is open", *probes) : ""});
}

}  // namespace

std::span<const EvidenceWords> queueing_words() {
  static constexpr std::array<EvidenceWords, 6> kWords = {{
      {"throughput-ceiling", throughput_ceiling},
      {"path-queueing", path_queueing},
      {"local-queueing", local_queueing},
      {"slow-reader", slow_reader},
      {"allowance-exceeded", allowance_exceeded},
      {"zero-window", zero_window},
  }};
  return kWords;
}

}  // namespace tcpdiag::report
