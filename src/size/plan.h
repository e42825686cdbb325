// SPDX-License-Identifier: Apache-2.0
// How many exchanges a second a bandwidth allowance carries, what queues when more are asked for, and which instance
// types would carry them.
//
// The computation is that of a token bucket with a queue behind it, which is what clouds and tc(8)'s tbf are:
//   bytes on the wire   payload and one header for each segment of `mss_bytes`; one ACK for every second segment the
//   other
//                       way (RFC 1122 section 4.2.3.2, RFC 5681 section 4.2; receivers with GRO send fewer)
//   capacity            allowance / (8 * bytes on the wire of one exchange), in the direction that fills first: what a
//   node
//                       sends and what it receives have an allowance each
//   queueing delay      N clients, one request outstanding each and no pause (a closed loop): each waits N / capacity
//   in
//                       all, of which its own response takes 1 / capacity (Little's law; an upper bound where clients
//                       pause)
//   full queue          a cloud queues for a little under 200 ms and drops what comes then
// Measured against the incident in scripts/lab (64 Mbit/s, responses of 32 KiB): 224 to 243 exchanges a second, 39 ms
// with 10 clients, a p50 of 182 to 197 ms with 50.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/baselines.h"
#include "model/address.h"
#include "model/socket.h"

namespace tcpdiag::size {

inline constexpr std::uint32_t kDefaultMss = 1448;  // Ethernet's 1500 less IPv4, TCP and its timestamps (RFC 7323)
inline constexpr std::uint32_t kDefaultMssIpv6 = 1428;
inline constexpr std::uint32_t kHeaderBytes = 66;          // of a segment: Ethernet 14, IPv4 20, TCP 20, timestamps 12
inline constexpr std::uint32_t kHeaderBytesIpv6 = 86;      // IPv6: 40 instead of 20
inline constexpr double kQueueLimitS = 0.2;                // how long a cloud's shaper queues, then it drops
inline constexpr std::uint64_t kConnectionLimit = 65'000;  // of an ElastiCache node (maxclients)
inline constexpr double kNearLimit = 0.05;
inline constexpr std::size_t kTypesShown = 6;

// Exchanges of one kind with one node. "Out" is what the node that serves sends, "in" what it receives.
struct Traffic {
  double response_bytes = 0;             // payload, mean; more than 0
  std::optional<double> request_bytes;   // payload, mean; absent: unknown, and so is the direction in
  std::optional<double> rate_per_s;      // exchanges a second, more than 0; absent: not asked
  std::optional<std::uint64_t> clients;  // connections with one request outstanding each
  std::uint32_t mss_bytes = kDefaultMss;
  std::uint32_t header_bytes = kHeaderBytes;
  // Measured, per exchange, with pure ACKs and retransmissions; absent: computed.
  std::optional<double> segments_out;
  std::optional<double> segments_in;
  std::optional<double> rtt_floor_s;  // the path's, without a queue; absent: taken as 0
};

enum class LimitSource : std::uint8_t {
  kBaseline,   // --baseline
  kInstance,   // --instance
  kTraceHost,  // the type of the host that was traced, which serves
  kCeiling,    // the ceiling that the trace found
};
const char* to_string(LimitSource source);  // "baseline", "instance", "trace_host", "trace_ceiling"

struct Limit {
  double bit_per_s = 0;  // on the wire, in each direction; more than 0
  LimitSource source = LimitSource::kBaseline;
  std::string instance_type;                     // empty: none named
  std::optional<std::uint64_t> burst_bit_per_s;  // of the type
};

// What a trace saw, for the parts of Traffic that come from there.
struct Measured {
  model::SocketAddress endpoint;
  model::Role role = model::Role::kOutbound;
  std::size_t endpoints_in_report = 0;
  std::uint64_t exchanges = 0;
  std::optional<double> mean_per_s;     // over `seconds`; absent: the trace is too short to tell
  std::optional<double> busiest_per_s;  // most in one interval of the series
  double seconds = 0;                   // whole seconds between the first and the last exchange
  std::optional<double> ceiling_bit_per_s;
  std::string instance_type;  // of the host that was traced; empty: unknown
};

struct Direction {
  double payload_bytes = 0;    // of one exchange, as are the next three
  double segments = 0;         // with payload; measured ones with ACKs and retransmissions
  std::optional<double> acks;  // pure ACKs; absent: measured, they are in `segments`
  double wire_bytes = 0;
  std::optional<double> by_payload_per_s;  // exchanges a second that the limit would carry without headers
  std::optional<double> on_wire_per_s;     // and with them
  std::optional<double> wire_bit_per_s;    // at the rate asked
  std::optional<double> packets_per_s;     // at the rate asked
};

struct Queueing {
  std::uint64_t clients = 0;
  double delay_s = 0;  // at most kQueueLimitS
  bool drops = false;  // the queue is full
};

struct TypeFit {
  knowledge::Baseline type;
  double carries_per_s = 0;
  double used_pct = 0;  // at the rate asked
};

// At the limit is a rate that was measured, and is within kNearLimit of it: what got through, not what was asked for.
enum class Fit : std::uint8_t { kCarries, kAtLimit, kTooMuch, kNotCompared };
const char* to_string(Fit verdict);  // "carries", "at_limit", "too_much", "not_compared"

struct Plan {
  Traffic traffic;
  std::optional<Limit> limit;
  std::optional<Measured> measured;
  Direction out;
  std::optional<Direction> in;             // absent: the requests' size is unknown
  std::optional<double> by_payload_per_s;  // with a limit: of the direction that fills first
  std::optional<double> capacity_per_s;
  bool in_fills_first = false;
  Fit verdict = Fit::kNotCompared;
  std::optional<double> used_pct;  // of the capacity, at the rate asked; more than 100: too much
  bool rate_is_cut = false;        // the rate was measured at the limit: more may have been asked for
  std::vector<Queueing> queueing;  // by clients; empty: no limit
  std::optional<std::uint64_t> clients_without_drops;
  std::optional<double> full_after_s;  // at the rate asked: until the queue is full
  std::vector<TypeFit> types;          // smallest first, at most kTypesShown; empty: no rate, or none carries it
  std::size_t types_omitted = 0;       // that carry it too
  std::optional<TypeFit> same_family;  // the smallest of the limit's own family that carries it
  std::string table_date;              // of the types
};

// What the answer rests on: the types to choose from, in any order, and when their source was read.
struct Table {
  std::span<const knowledge::Baseline> types;
  std::string_view date;
};
Table compiled_table();

// Of a named type, in any case; absent: not in the table.
std::optional<Limit> limit_of(std::string_view instance_type, LimitSource source);

// `measured`: where the traffic comes from, absent: from the command line.
Plan make_plan(const Traffic& traffic, const std::optional<Limit>& limit, const Table& table,
               const std::optional<Measured>& measured = std::nullopt);

// types.cpp: fills in `types`, `types_omitted` and `same_family` of a plan with a rate.
void find_types(Plan& plan, const Table& table);
// Exchanges a second that `bit_per_s` in each direction carries.
double capacity_of(const Plan& plan, double bit_per_s);

}  // namespace tcpdiag::size
