// SPDX-License-Identifier: Apache-2.0
#include "correlate/totals.h"

#include <algorithm>

#include "correlate/drops.h"
#include "correlate/features.h"
#include "correlate/keep_limits.h"
#include "correlate/measures.h"

namespace tcpdiag::correlate {
namespace {

using model::Totals;

void add_optional(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& value) {
  if (value) sum = sum.value_or(0) + *value;
}

// Sockets tell of their end, samples of every second, also of sockets that found no room here. Each is at most a little
// late, so the larger one is the newer.
void count_sampled(Totals& totals, const model::EndpointSample& sample) {
  totals.exchanges = sample.exchanges;
  const auto keep_larger = [](auto& sum, std::uint64_t sampled) { sum = std::max<std::uint64_t>(*sum, sampled); };
  totals.bytes_sent = std::max(totals.bytes_sent, sample.bytes_sent);
  totals.bytes_received = std::max(totals.bytes_received, sample.bytes_received);
  keep_larger(totals.segments_sent, sample.segments_sent);
  keep_larger(totals.segments_received, sample.segments_received);
  keep_larger(totals.out_of_order_segments, sample.out_of_order_segments);
  totals.recovered_in = sample.recovered_in;
  totals.reordered_in = sample.reordered_in;
}

void count_zero_windows(const State& state, const EndpointRecord& record, const Tally& tally, Totals& totals) {
  if (record.sample) {
    totals.zero_window_sent_us = record.sample->zero_window_sent_us;
    totals.zero_window_received_us = std::max(record.sample->zero_window_received_us, tally.zero_window_received_us);
    return;
  }
  const bool had_none = !had_data(tally) && !are_sums_withheld(state, record);
  if (had_none) totals.zero_window_sent_us = 0;
  if (had_none || tally.zero_window_received_us > 0) {
    totals.zero_window_received_us = tally.zero_window_received_us;
  }
}

}  // namespace

Totals known_zeros(const State& state) {
  Totals totals;
  totals.spurious_retransmits = 0;
  totals.out_of_order_segments = 0;
  totals.recovered_in = 0;
  totals.reordered_in = 0;
  totals.segments_sent = 0;
  totals.segments_received = 0;
  if (has_feature(state, "retransmit_failures")) totals.retransmit_failures = {0, 0};
  for (const auto phase : {model::Phase::kSynSent, model::Phase::kEstablished, model::Phase::kAfterLocalFin,
                           model::Phase::kAfterRemoteFin}) {
    totals.reset_phases[static_cast<std::size_t>(phase)] = 0;
  }
  totals.reset_reasons_known = state.start && !state.start->reset_reasons.empty();
  totals.drops_known = state.start && !state.start->drop_reasons.empty();
  return totals;
}

Totals totals_of(const State& state, const EndpointRecord& record, const Tally& tally, const Totals& zeros) {
  model::Totals totals = tally.totals;
  totals.sockets_open_peak = record.open_peak;
  totals.retransmits[static_cast<std::size_t>(model::RetransmitKind::kSynAck)] += record.synack_retransmits;
  totals.retransmitted_segments += record.synack_retransmits;  // as RetransSegs; no socket counts them
  totals.spurious_retransmits = tally.spurious_retransmits;
  totals.out_of_order_segments = tally.out_of_order_segments;
  totals.segments_sent = tally.segments_sent;
  totals.segments_received = tally.segments_received;
  if (zeros.retransmit_failures.busy) {
    totals.retransmit_failures = {tally.retransmit_failed_busy, tally.retransmit_failed_other};
  }
  totals.reset_reasons = record.reset_reasons;
  totals.reset_reasons_known = zeros.reset_reasons_known;
  totals.drops = record.drops;
  totals.drops_known = zeros.drops_known;
  for (std::size_t i = 0; i < model::kPhases; ++i) {
    if (zeros.reset_phases[i]) totals.reset_phases[i] = record.reset_phases[i];
  }
  if (record.sample) count_sampled(totals, *record.sample);
  count_zero_windows(state, record, tally, totals);
  return totals;
}

void add_totals(Totals& sum, const Totals& totals) {
  sum.sockets_seen += totals.sockets_seen;
  sum.sockets_open_at_end += totals.sockets_open_at_end;
  sum.connects += totals.connects;
  for (std::size_t i = 0; i < model::kConnectOutcomes; ++i) sum.connect_outcomes[i] += totals.connect_outcomes[i];
  for (std::size_t i = 0; i < model::kRetransmitKinds; ++i) sum.retransmits[i] += totals.retransmits[i];
  sum.retransmits_unseen += totals.retransmits_unseen;
  sum.retransmitted_segments += totals.retransmitted_segments;
  add_optional(sum.spurious_retransmits, totals.spurious_retransmits);
  add_optional(sum.retransmit_failures.busy, totals.retransmit_failures.busy);
  add_optional(sum.retransmit_failures.other, totals.retransmit_failures.other);
  add_optional(sum.out_of_order_segments, totals.out_of_order_segments);
  add_optional(sum.recovered_in, totals.recovered_in);
  add_optional(sum.reordered_in, totals.reordered_in);
  sum.resets.sent += totals.resets.sent;
  sum.resets.received += totals.resets.received;
  for (const auto& [name, count] : totals.reset_reasons) add_reason(sum.reset_reasons, name, count);
  for (std::size_t way = 0; way < model::kDropWays; ++way) {
    for (const auto& [name, count] : totals.drops[way]) add_drop(sum.drops[way], name, count);
  }
  for (std::size_t i = 0; i < model::kPhases; ++i) add_optional(sum.reset_phases[i], totals.reset_phases[i]);
  sum.bytes_sent += totals.bytes_sent;
  sum.bytes_received += totals.bytes_received;
  add_optional(sum.segments_sent, totals.segments_sent);
  add_optional(sum.segments_received, totals.segments_received);
  sum.exchanges += totals.exchanges;
  sum.exchanges_failed += totals.exchanges_failed;
  sum.exchanges_pending += totals.exchanges_pending;
  add_optional(sum.zero_window_sent_us, totals.zero_window_sent_us);
  add_optional(sum.zero_window_received_us, totals.zero_window_received_us);
}

void add_reason(std::map<std::string, std::uint64_t>& reasons, const std::string& name, std::uint64_t count) {
  const bool has_room = reasons.size() < kReasonsKept || reasons.contains(name);
  reasons[has_room ? name : "others"] += count;
}

}  // namespace tcpdiag::correlate
