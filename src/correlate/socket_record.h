// SPDX-License-Identifier: Apache-2.0
// What the correlator keeps of one socket while it lives, and of the few that are reported whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/event.h"
#include "model/picture.h"

namespace tcpdiag::correlate {

// The newest request. It is kept as it was when the connection ended: later writes (a TLS goodbye) must not change it.
struct RequestMark {
  std::optional<model::MonoTime> first_at;
  std::optional<model::MonoTime> acked_at;
  std::optional<model::MonoTime> last_at;
  std::uint32_t bytes = 0;
  std::optional<model::MonoTime> response_first_at;
  std::optional<model::Duration> idle_before;
  bool answered = false;                         // the first byte of the response has passed
  std::optional<std::uint8_t> calls_since_read;  // inbound, see Flow
  std::optional<model::Duration> app_gap;        // outbound, see Flow; absent also where the "request" is a goodbye
};

RequestMark newest_request(const model::Flow& flow);

// What flows add up to.
struct FlowSums {
  std::uint64_t exchanges = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;

  FlowSums& operator+=(const FlowSums& other);
  FlowSums& operator-=(const FlowSums& other);
};

// Bytes that this host dropped on their way out, by their sequence numbers.
struct DroppedRange {
  model::MonoTime at{};
  std::uint32_t seq = 0;
  std::uint32_t end_seq = 0;
};

// Of one way.
struct SocketDropsRecord {
  model::SocketDrops seen;
  std::uint64_t retransmits = 0;     // that they explain
  std::uint64_t timeouts = 0;        // of them: RTO, SYN
  std::vector<DroppedRange> ranges;  // on the way out, the oldest first; at most kDroppedRangesKept
};

struct SocketRecord {
  model::SocketRef ref;
  std::size_t endpoint = 0;           // index into State::endpoints
  std::uint64_t endpoint_serial = 0;  // of a kept one: its place may be another endpoint's by now
  model::Flow flow;                   // the newest
  model::MonoTime flow_at{};          // when that was reported
  FlowSums flow_counted;              // of it, in the endpoint's sum
  std::optional<model::Owner> owner;
  model::MonoTime first_seen_at{};
  model::TcpState last_state = model::TcpState::kUnknown;  // as of the newest event, after it
  std::uint64_t tuple = 0;                                 // its key in State::by_tuple; 0: it is not there
  bool seen_at_end = false;                                // by the snapshot that closes a trace

  // Connecting. attempt: this host began to connect during the trace.
  bool attempt = false;
  bool reset_in_handshake = false;
  bool no_syn_left = false;
  std::optional<model::MonoTime> attempt_at;
  std::optional<model::ConnectOutcome> outcome;  // absent while it is open
  std::optional<model::Duration> connect_took;
  int connect_error = 0;
  std::uint32_t syn_retransmits = 0;
  int syn_error = 0;  // see SocketStory
  std::uint64_t syns_failed = 0;
  std::uint32_t icmp_errors = 0;
  bool served_elsewhere = false;  // see SocketStory
  bool slow_connect = false;      // see SlowConnects
  std::optional<model::Duration> late_syn_ack;
  std::optional<model::LookUpBefore> look_up;  // see SocketStory, as the next one
  std::optional<model::LookUpBefore> no_call_look_up;

  // Ending.
  std::optional<model::MonoTime> closed_at;
  bool counted_open = false;    // in the endpoint's and the trace's count of open sockets
  bool reset_expected = false;  // went to CLOSE by the application without a FIN: our RST follows
  std::optional<model::Duration> idle_at_fin;
  std::optional<model::SocketEnd> end;
  // Known of its endpoint when it ended.
  std::optional<double> usual_request_bytes;            // mean
  std::optional<std::uint32_t> smallest_request_bytes;  // of those that were answered
  bool answers_unheard_of = false;                      // no exchange of any socket
  // What was unanswered at the end was small and may have been a goodbye: it was one unless its process connected to
  // the same place again at once.
  bool maybe_goodbye = false;
  bool reconnected = false;
  RequestMark request_at_end;
  std::uint64_t bytes_sent_at_end = 0;

  model::RetransmitCounts retransmits{};
  std::uint64_t retransmit_failed_busy = 0;
  std::uint64_t retransmit_failed_other = 0;
  model::ResetCounts resets;
  std::uint64_t retransmitted_segments_told = 0;
  std::optional<model::MonoTime> last_retransmit_at;
  std::uint64_t stray_resets = 0;  // see SocketStory
  std::optional<model::MonoTime> stray_reset_at;
  std::optional<model::SocketAddress> stray_reset_to;
  std::vector<SocketDropsRecord> drops;            // by model::DropWay; empty: none, as nearly always
  std::optional<model::MonoTime> slowly_answered;  // the beginning of the newest request that was
  std::optional<model::Duration> no_call_wait;     // longest of slow answers during which no call was begun
  std::vector<model::TimelineMark> timeline;

  bool open() const { return !closed_at; }
  bool inbound() const { return ref.role == model::Role::kInbound; }
};

// Takes over what a newer event or snapshot says. Counters never go back, so one that is zeroed (a socket being torn
// down) or a little late does no harm; times once known stay known.
void merge_ref(model::SocketRef& into, const model::SocketRef& newer);
void merge_flow(model::Flow& into, const model::Flow& newer);
void merge_owner(std::optional<model::Owner>& into, const std::optional<model::Owner>& newer);

// Segments sent again that the kernel counts on the socket, beyond those told of.
std::uint64_t retransmits_unseen(const SocketRecord& socket);

// The start of the connection as far as it was seen.
std::optional<model::MonoTime> opened_at(const SocketRecord& socket);
// The newest payload either way.
std::optional<model::MonoTime> last_data_at(const model::Flow& flow);

// Adds a mark; beyond `limit` the ones in the middle go: how it began and how it ended matter most.
void add_mark(SocketRecord& socket, const model::TimelineMark& mark, std::size_t limit);

}  // namespace tcpdiag::correlate
