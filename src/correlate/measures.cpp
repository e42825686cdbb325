// SPDX-License-Identifier: Apache-2.0
#include "correlate/measures.h"

#include <algorithm>
#include <numeric>

#include "correlate/features.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointPicture;
using model::EndpointSample;
using model::Histogram;
using model::Measure;

// Was there, as far as the sockets tell, anything that the measure could have been of?
bool was_there(const Tally& tally, Measure which) {
  switch (model::info_of(which).needs) {
    case model::Traffic::kExchanges:
      return tally.totals.exchanges > 0;
    case model::Traffic::kSegments:  // SYN and FIN too
      return had_data(tally) || tally.segments_sent > 0;
    case model::Traffic::kRetransmits:
      return std::accumulate(tally.totals.retransmits.begin(), tally.totals.retransmits.end(), std::uint64_t{0}) > 0;
    case model::Traffic::kCalls:
      return had_data(tally) || tally.totals.connects > 0;
    case model::Traffic::kData:
      break;
  }
  return had_data(tally);
}

// Why the one-way measure cannot be shown; empty: it can, if only as "no data came". It stands for the path if it comes
// from a fifth of the data segments, or from a hundred: fewer may be of one quiet socket.
const char* path_queue_in_missing(const EndpointSample& sample, const Tally& tally) {
  constexpr std::uint64_t kEnough = 100;
  constexpr std::uint64_t kOneOf = 5;
  const std::uint64_t measured = sample.of(Measure::kPathQueueIn).count();
  const std::uint64_t excluded = sample.no_timestamps + sample.no_own_floor;
  if (measured >= kEnough || (measured > 0 && measured * kOneOf >= measured + excluded)) return "";
  if (sample.no_timestamps > 0 && sample.no_timestamps >= sample.no_own_floor) return "no_timestamps";
  if (measured == 0 && sample.tick_unknown) {
    const bool any =
        excluded > 0 || sample.bytes_received > 0 || sample.exchanges > 0 || tally.totals.bytes_received > 0;
    return any ? "tick_unknown" : "";
  }
  return sample.no_own_floor > 0 ? "no_own_floor" : "";
}

void set_histograms(const State& state, const EndpointRecord& record, const Tally& tally, EndpointPicture& endpoint) {
  const EndpointSample nothing;
  const EndpointSample& sample = record.sample ? *record.sample : nothing;
  // Without a sample although there was something to measure, the source had no room for this endpoint.
  const bool are_withheld = are_sums_withheld(state, record);
  const auto is_measured = [&](Measure which) { return record.sample || (!are_withheld && !was_there(tally, which)); };
  endpoint.path_queue_in_missing =
      is_measured(Measure::kPathQueueIn) ? path_queue_in_missing(sample, tally) : "not_measured";
  for (const Measure which : model::kKernelMeasures) {
    if (!is_measured(which) || !model::is_of_role(which, record.key.role)) continue;
    if (lacks_feature(state, model::to_string(which))) continue;
    if (which == Measure::kPathQueueIn && !endpoint.path_queue_in_missing.empty()) continue;
    if (!model::info_of(which).is_above_floor) {
      endpoint.histograms[which] = sample.of(which);
    } else if (endpoint.rtt_floor_us) {
      endpoint.histograms[which] = sample.of(which).lowered_by(*endpoint.rtt_floor_us);
    }
  }
  endpoint.path_queue_ambiguous = sample.path_signs.ambiguous;
}

// Ethernet 14, IP 20 or 40, TCP 20 or (with timestamps, as RFC 7323 section 3.2 has them in every segment) 32.
std::uint32_t wire_header_bytes(const EndpointRecord& record) {
  std::uint32_t bytes = 14 + (record.key.at.address.is_v4() ? 20 : 40) + 20;
  bool has_timestamps = true;  // nearly every host has them
  if (record.sample) {
    const EndpointSample& sample = *record.sample;
    has_timestamps = sample.no_timestamps <= sample.of(Measure::kPathQueueIn).count() + sample.no_own_floor;
  }
  if (has_timestamps) bytes += 12;
  return bytes;
}

// Do all sockets see the same path? Each one's own rise against that of the endpoint: the median of its sockets' rises,
// each counted with its samples. Not the endpoint's histogram: that is of the whole trace, a socket's of its latest
// time. Rises of less than a millisecond are all alike. To the 7 % of a histogram's bucket.
void set_flows(const Tally& tally, EndpointPicture& endpoint) {
  constexpr std::uint64_t kAlikeUs = 1000;
  std::uint64_t samples = 0;
  for (const auto& [bucket, rise] : tally.rises) {
    endpoint.flows += rise.sockets;
    samples += rise.samples;
  }
  if (endpoint.flows == 0) return;
  std::uint64_t seen = 0;
  std::uint64_t typical = 0;
  for (const auto& [bucket, rise] : tally.rises) {
    seen += rise.samples;
    typical = Histogram::middle_of(bucket);
    if (seen >= Histogram::rank_of(0.5, samples)) break;
  }
  std::uint64_t agree = 0;
  for (const auto& [bucket, rise] : tally.rises) {
    const std::uint64_t own = Histogram::middle_of(bucket);
    const auto [small, large] = std::minmax(own, typical);
    if (large <= 2 * small || large <= kAlikeUs) agree += rise.sockets;
  }
  endpoint.flows_agree_pct = 100.0 * static_cast<double>(agree) / static_cast<double>(endpoint.flows);
}

}  // namespace

bool had_data(const Tally& tally) {
  return (tally.totals.exchanges | tally.totals.bytes_sent | tally.totals.bytes_received) != 0;
}

void set_measures(const State& state, const EndpointRecord& record, const Tally& tally, EndpointPicture& endpoint) {
  set_histograms(state, record, tally, endpoint);
  set_flows(tally, endpoint);
  endpoint.wire_header_bytes = wire_header_bytes(record);
  endpoint.unread_bytes_max = tally.unread_bytes_max;
  endpoint.probes = record.probes;
  if (!record.sample) return;
  endpoint.device = record.sample->device;
  endpoint.recovery_unfinished = record.sample->recovery_unfinished;
  endpoint.nagle_own = {record.sample->nagle_own, record.sample->nagle_own_us};
  endpoint.nagle_peer = {record.sample->nagle_peer, record.sample->nagle_peer_us};
  endpoint.zero_window_stalls = record.sample->zero_window_stalls;
  endpoint.zero_window_longest_us = record.sample->zero_window_longest_us;
  if (record.sample->limits_unknown > 0) return;
  endpoint.busy_us = record.sample->busy_us;
  endpoint.rwnd_limited_us = record.sample->rwnd_limited_us;
  endpoint.sndbuf_limited_us = record.sample->sndbuf_limited_us;
}

}  // namespace tcpdiag::correlate
