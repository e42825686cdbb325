// SPDX-License-Identifier: Apache-2.0
// What the correlator keeps of one endpoint. Counts of what happened are added at once; what a socket adds up to is
// added when it is folded, and for a picture the sockets still alive are added to a copy.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "correlate/series.h"
#include "correlate/socket_record.h"
#include "model/picture.h"
#include "model/snapshot.h"

namespace tcpdiag::correlate {

// pid 0: the table of processes is full, so only the name is known.
using ProcessKey = std::pair<std::uint32_t, std::string>;
// The name of all for whose names there is no room either.
inline constexpr const char* kOtherProcesses = "others";

struct ProcessTally {
  std::uint64_t sockets_seen = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t sockets_open = 0;
  std::uint64_t cgroup_id = 0;
};

struct PeerTally {
  std::uint64_t sockets_seen = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

struct RequestTally {
  model::Histogram bytes;
  model::Histogram idle_before_us;
};

// Sockets that failed in one way.
struct FailedTally {
  std::uint64_t count = 0;
  std::uint64_t reused = 0;
  RequestTally requests;
  model::Histogram app_gap_us;
  model::Histogram first_byte_us;  // of responses that began and were cut
};

// Sockets whose own path RTT rose alike.
struct RiseTally {
  std::uint64_t sockets = 0;
  std::uint64_t samples = 0;
};

// The sum over sockets.
struct Tally {
  model::Totals totals;  // the counts that sockets have; optional ones are made when a picture is
  std::uint64_t retransmit_failed_busy = 0;
  std::uint64_t retransmit_failed_other = 0;
  std::uint64_t out_of_order_segments = 0;
  std::uint64_t spurious_retransmits = 0;
  std::uint64_t segments_sent = 0;
  std::uint64_t segments_received = 0;
  std::uint64_t reused_exchanges = 0;  // not the first one of their connection
  std::uint64_t responses_cut = 0;     // failed, but counted in totals.exchanges
  std::uint64_t zero_window_received_us = 0;
  std::uint64_t unread_bytes_max = 0;
  std::map<std::size_t, RiseTally> rises;  // by the bucket of the rise; of sockets with enough samples
  std::optional<std::uint32_t> handshake_rtt_us;
  std::optional<std::uint32_t> kernel_rtt_us;
  model::RoleSource role_source = model::RoleSource::kUnknown;
  std::map<ProcessKey, ProcessTally> processes;
  std::map<model::Address, PeerTally> peers;
  std::map<std::string, FailedTally> failed;  // by the name of their outcome
  // Of the good ones the newest answered request of each socket, as it was when the connection ended: the kernel sums
  // up requests, and of a single one only a socket's newest is known. A sample of the good exchanges, not all of them.
  RequestTally good;
  std::vector<std::uint32_t> call_threads;  // ascending
  std::array<model::DropImpact, model::kDropWays> drop_impact{};
  model::SlowAnswers slow_answers;  // answered ones are added as their events come
};

// Where the endpoint counts a process: by itself, by its name only, or among the others.
ProcessKey place_of(const Tally& tally, const ProcessKey& counted_as);

// counted_as: the owner as the table of processes has it. until: the end of the trace so far, for what is under way.
void add_socket(Tally& tally, const SocketRecord& socket, const std::optional<ProcessKey>& counted_as,
                model::MonoTime until);

struct EndpointRecord {
  model::EndpointKey key;
  std::uint64_t serial = 0;                   // of all endpoints that ever were
  std::uint64_t sockets = 0;                  // that are in State::sockets, also those that are over
  std::optional<model::MonoTime> idle_since;  // there is none
  model::MonoTime first_seen_at{};
  model::MonoTime last_seen_at{};
  std::uint64_t open_now = 0;
  std::uint64_t open_peak = 0;
  std::uint64_t synack_retransmits = 0;
  std::array<std::uint64_t, model::kPhases> reset_phases{};
  std::map<std::string, std::uint64_t> reset_reasons;
  model::DropCounts drops;
  model::HistogramMap histograms;  // filled by events; only those with values
  SecondSeries series;
  model::Activity counts;                                 // of all its seconds, without bytes
  FlowSums flows;                                         // of all its sockets
  std::optional<model::EndpointSample> sample;            // the newest sums, as sums_of() makes them
  std::unique_ptr<model::EndpointSample> earlier;         // sums of generations that the source no longer counts
  std::unique_ptr<model::EndpointSample> counted_before;  // of the source's sums, before this record began
  model::SlowConnects slow_connects;
  model::ProbeCounts probes;
  Tally folded;
};

}  // namespace tcpdiag::correlate
