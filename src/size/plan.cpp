// SPDX-License-Identifier: Apache-2.0
#include "size/plan.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tcpdiag::size {
namespace {

constexpr double kBitsPerByte = 8;
// Rows of the answer, beside the number of clients that was asked.
constexpr std::array<std::uint64_t, 7> kClients = {1, 2, 5, 10, 20, 50, 100};

double segments_of(double payload_bytes, std::uint32_t mss) {
  return payload_bytes > 0 ? std::ceil(payload_bytes / mss) : 0;
}

// One direction: its own payload, and the ACKs of `acknowledged` segments that go the other way.
Direction direction_of(double payload, double acknowledged, const std::optional<double>& measured,
                       const Traffic& traffic) {
  Direction direction;
  direction.payload_bytes = payload;
  direction.segments = measured.value_or(segments_of(payload, traffic.mss_bytes));
  if (!measured) direction.acks = std::floor(acknowledged / 2);
  const double packets = direction.segments + direction.acks.value_or(0);
  direction.wire_bytes = payload + packets * traffic.header_bytes;
  if (traffic.rate_per_s) {
    direction.wire_bit_per_s = kBitsPerByte * direction.wire_bytes * *traffic.rate_per_s;
    direction.packets_per_s = packets * *traffic.rate_per_s;
  }
  return direction;
}

void set_limit(Direction& direction, double bit_per_s) {
  if (direction.payload_bytes > 0) direction.by_payload_per_s = bit_per_s / (kBitsPerByte * direction.payload_bytes);
  if (direction.wire_bytes > 0) direction.on_wire_per_s = bit_per_s / (kBitsPerByte * direction.wire_bytes);
}

Queueing queueing_of(std::uint64_t clients, double capacity_per_s, double rtt_floor_s) {
  const double others = static_cast<double>(clients - 1) / capacity_per_s;
  const double wait = std::max(0.0, others - rtt_floor_s);
  return {.clients = clients, .delay_s = std::min(wait, kQueueLimitS), .drops = wait > kQueueLimitS};
}

void add_queueing(Plan& plan) {
  const double capacity = *plan.capacity_per_s;
  const double rtt = plan.traffic.rtt_floor_s.value_or(0);
  std::vector<std::uint64_t> rows(kClients.begin(), kClients.end());
  if (plan.traffic.clients && *plan.traffic.clients > 0) rows.push_back(*plan.traffic.clients);
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  for (const std::uint64_t clients : rows) plan.queueing.push_back(queueing_of(clients, capacity, rtt));
  plan.clients_without_drops = static_cast<std::uint64_t>(capacity * (kQueueLimitS + rtt)) + 1;
}

void compare(Plan& plan, bool own_rate) {
  const double rate = *plan.traffic.rate_per_s;
  const double capacity = *plan.capacity_per_s;
  plan.used_pct = 100 * rate / capacity;
  if (own_rate && std::abs(rate - capacity) <= kNearLimit * capacity) {
    plan.verdict = Fit::kAtLimit;
    return;
  }
  plan.verdict = rate <= capacity ? Fit::kCarries : Fit::kTooMuch;
  if (rate > capacity) plan.full_after_s = kQueueLimitS * capacity / (rate - capacity);
}

}  // namespace

const char* to_string(LimitSource source) {
  switch (source) {
    case LimitSource::kBaseline:
      return "baseline";
    case LimitSource::kInstance:
      return "instance";
    case LimitSource::kTraceHost:
      return "trace_host";
    case LimitSource::kCeiling:
      return "trace_ceiling";
  }
  return "baseline";
}

const char* to_string(Fit verdict) {
  switch (verdict) {
    case Fit::kCarries:
      return "carries";
    case Fit::kAtLimit:
      return "at_limit";
    case Fit::kTooMuch:
      return "too_much";
    case Fit::kNotCompared:
      return "not_compared";
  }
  return "not_compared";
}

double capacity_of(const Plan& plan, double bit_per_s) {
  const double most = std::max(plan.out.wire_bytes, plan.in ? plan.in->wire_bytes : 0);
  return bit_per_s / (kBitsPerByte * most);
}

Plan make_plan(const Traffic& traffic, const std::optional<Limit>& limit, const Table& table,
               const std::optional<Measured>& measured) {
  Plan plan;
  plan.traffic = traffic;
  plan.limit = limit;
  plan.measured = measured;
  plan.table_date = table.date;
  const double response_segments = segments_of(traffic.response_bytes, traffic.mss_bytes);
  const double request_segments = segments_of(traffic.request_bytes.value_or(0), traffic.mss_bytes);
  plan.out = direction_of(traffic.response_bytes, request_segments, traffic.segments_out, traffic);
  if (traffic.request_bytes) {
    plan.in = direction_of(*traffic.request_bytes, response_segments, traffic.segments_in, traffic);
  }
  if (limit) {
    set_limit(plan.out, limit->bit_per_s);
    if (plan.in) set_limit(*plan.in, limit->bit_per_s);
    plan.in_fills_first = plan.in && plan.in->wire_bytes > plan.out.wire_bytes;
    plan.by_payload_per_s = plan.in_fills_first ? plan.in->by_payload_per_s : plan.out.by_payload_per_s;
    plan.capacity_per_s = capacity_of(plan, limit->bit_per_s);
    add_queueing(plan);
  }
  if (traffic.rate_per_s) {
    const bool own_rate = measured && measured->mean_per_s == traffic.rate_per_s;
    if (limit) compare(plan, own_rate);
    plan.rate_is_cut = plan.verdict == Fit::kAtLimit || (own_rate && measured->ceiling_bit_per_s);
    find_types(plan, table);
  }
  return plan;
}

}  // namespace tcpdiag::size
