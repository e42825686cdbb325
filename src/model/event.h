// SPDX-License-Identifier: Apache-2.0
// Event: one rare thing that happened to one socket, as every source emits it (live kernel, capture, recording).
//
// Each event carries the socket's identity and figures, so that it can be understood although an earlier one was lost.
// Events of one socket come in the order in which they happened; events of different sockets may be a few microseconds
// out of order (they come from different CPUs).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "model/socket.h"

namespace tcpdiag::model {

enum class RetransmitKind : std::uint8_t { kSyn, kSynAck, kRto, kFast, kTlp, kOther };
inline constexpr std::size_t kRetransmitKinds = 6;
const char* to_string(RetransmitKind kind);  // "syn", "synack", "rto", "fast", "tlp", "other"

// In which phase of the connection a reset fell.
enum class Phase : std::uint8_t { kSynSent, kEstablished, kAfterLocalFin, kAfterRemoteFin, kTimeWait, kNoSocket };
inline constexpr std::size_t kPhases = 6;
const char* to_string(Phase phase);  // "syn_sent", "established", "after_local_fin", ...

// Which way a dropped packet went.
enum class DropWay : std::uint8_t { kOut, kIn };
inline constexpr std::size_t kDropWays = 2;
const char* to_string(DropWay way);  // "out", "in"

// Why this host reset a connection (evidence key "cause" of local-reset).
enum class LocalResetCause : std::uint8_t {
  kAppClosedUnread,
  kAppLinger0,
  kProcessKilled,
  kKeepaliveExpired,
  kOutOfMemory,
  kAbortedByAdmin,
  kListenerClosed,
  kNoSocket,
  kTimeWait,
  kUnknown,
};
const char* to_string(LocalResetCause cause);  // "app_closed_unread", ...

// --- What happens. kName: in recordings, and part of their format ---

// connect() began: CLOSE -> SYN_SENT. The owner is certain: the caller holds the socket lock. The local port is often
// 0.
struct ConnectStarted {
  static constexpr std::string_view kName = "connect_started";
};

// The three-way handshake ended. Outbound: SYN-ACK processed; flow.syn_at .. event = `connect`.
// Inbound: the last ACK of the handshake was processed, before accept().
struct Established {
  static constexpr std::string_view kName = "established";
};

// The socket changed state otherwise. to == kClose is its end as a connection; for a connection that goes to TIME_WAIT
// the kernel shows FIN_WAIT2 (or CLOSING) -> CLOSE here, which is a normal end.
struct StateChanged {
  static constexpr std::string_view kName = "state_changed";
  TcpState from = TcpState::kUnknown;
  TcpState to = TcpState::kUnknown;
  int socket_error = 0;         // sk_err, an errno, 0: none
  int soft_error = 0;           // sk_err_soft (ICMP), an errno
  bool by_application = false;  // in the context of a task that holds the socket's lock: close, shutdown, exit
  bool syn_was_sent = false;    // from SYN_SENT: a SYN had left (else no port, no route)
  bool process_exiting = false;
};

// A segment was retransmitted, or the attempt failed. The raw facts; what kind it was is decided by retransmit_kind().
struct Retransmitted {
  static constexpr std::string_view kName = "retransmitted";
  int error = 0;                   // 0 sent; negative errno or a qdisc code; absent in the kernel before 6.17: 0
  std::uint8_t timer_pending = 0;  // icsk_pending: 1 RETRANS, 3 PROBE0, 5 LOSS_PROBE, 6 REO_TIMEOUT
  std::uint8_t ca_state = 0;       // 0 Open 1 Disorder 2 CWR 3 Recovery 4 Loss
  bool is_syn = false;
  std::uint32_t segments = 1;  // tcp_gso_segs, at least 1
  std::uint32_t seq = 0;
  std::uint32_t end_seq = 0;
  // When the device got its first copy; absent: before the trace, or no longer known. It may have left up to
  // first_sent_bound earlier: 0 unless more than 16 packets were on their way, then the time that the packets took
  // which share one mark.
  std::optional<MonoTime> first_sent_at;
  Duration first_sent_bound{};
};

// A SYN-ACK was retransmitted: one segment. The socket of the event is the listener; remote is the client.
struct SynAckRetransmitted {
  static constexpr std::string_view kName = "synack_retransmitted";
  std::optional<MonoTime> first_sent_at;  // made by TCP (tcp_request_sock.snt_synack); absent with SYN cookies
};

// This host sent a RST. socket.id.value == 0: no socket of ours (no_socket, TIME_WAIT, request).
struct ResetSent {
  static constexpr std::string_view kName = "reset_sent";
  std::optional<std::uint32_t> reason;           // kernel's enum sk_rst_reason; names are in TraceStart::reset_reasons
  bool answers_packet = false;                   // sent in reply to a packet; false: active reset of this socket
  bool in_time_wait = false;                     // the socket was a TIME_WAIT one
  bool process_exiting = false;                  // the closing task is being killed or exits
  bool linger_zero = false;                      // SO_LINGER with 0 seconds was set on the socket
  bool unaccepted = false;                       // it waited in a listener's queue, no application had it
  TcpState previous_state = TcpState::kUnknown;  // before the close that caused it; flow.state is already CLOSE then
};

// A RST that TCP accepted was received. flow.state is the state before.
struct ResetReceived {
  static constexpr std::string_view kName = "reset_received";
};

// tcp_destroy_sock. The socket's record outlives it: a reset may still follow.
struct Destroyed {
  static constexpr std::string_view kName = "destroyed";
};

// The first task seen that truly owns the socket (accepted sockets, and sockets first seen without an owner), or
// another process was seen to use it too (owner.shared).
struct OwnerSeen {
  static constexpr std::string_view kName = "owner_seen";
};

// inet_sk_error_report: an error was put on the socket (ICMP, timeout).
struct ErrorReported {
  static constexpr std::string_view kName = "error_reported";
  int socket_error = 0;
  int soft_error = 0;
};

// Inbound: the first byte of an answer leaves kSlowAnswerAfter or more after its request began. The flow is that just
// before: the request is still outstanding.
struct SlowAnswer {
  static constexpr std::string_view kName = "slow_answer";
};
inline constexpr Duration kSlowAnswerAfter = std::chrono::seconds(5);

// This host dropped a packet of the connection: its filter, a queue, a missing route, no memory. One of which IP or TCP
// had not found the socket yet has socket.id.value == 0, and the role of the endpoint that it would have reached.
struct Dropped {
  static constexpr std::string_view kName = "dropped";
  bool incoming = false;     // received; else on its way out
  std::uint32_t reason = 0;  // kernel's enum skb_drop_reason; names are in TraceStart::drop_reasons
  bool is_syn = false;
  bool is_fin = false;
  bool is_rst = false;
  std::uint32_t segments = 1;  // that the device would have made of it
  std::uint32_t seq = 0;
  std::uint32_t end_seq = 0;  // SYN and FIN count as one each

  std::uint32_t bytes() const { return end_seq - seq - (is_syn ? 1 : 0) - (is_fin ? 1 : 0); }
};

using EventBody = std::variant<ConnectStarted, Established, StateChanged, Retransmitted, SynAckRetransmitted, ResetSent,
                               ResetReceived, Destroyed, OwnerSeen, ErrorReported, SlowAnswer, Dropped>;

struct Event {
  MonoTime at{};
  SocketRef socket;
  Flow flow;
  std::optional<Owner> owner;  // as far as it is known at this moment
  EventBody body;
};

// --- What a socket's timeline keeps: the figures that a story shows, in few bytes ---

// kName: in reports (docs/json.md). Absent and 0 are not known, where nothing else is said.
namespace mark {

struct Connect {
  static constexpr std::string_view kName = "connect";
  std::optional<Duration> syn_after = {};  // until the first SYN reached the device
};
// What its process waited for before the connect: names.
struct LookUp {
  static constexpr std::string_view kName = "look_up";
  std::uint32_t queries = 0;
  std::uint32_t repeats = 0;
  bool answered = false;
  Duration took{};
};
struct SynRetransmit {
  static constexpr std::string_view kName = "syn_retransmit";
  std::uint32_t retry = 0;             // the how many-th
  std::uint32_t bound_us = 0;          // the first one may have left so much earlier
  std::optional<Duration> delay = {};  // after the first one
};
struct Established {
  static constexpr std::string_view kName = "established";
  std::optional<Duration> took = {};
};
struct Accepted {
  static constexpr std::string_view kName = "accepted";
};
struct FirstSeen {
  static constexpr std::string_view kName = "first_seen";
};
struct Request {
  static constexpr std::string_view kName = "request";
  std::uint32_t bytes = 0;
};
struct RequestAcked {
  static constexpr std::string_view kName = "request_acked";
  std::optional<Duration> after = {};  // its last byte
};
struct Retransmit {
  static constexpr std::string_view kName = "retransmit";
  static constexpr std::string_view kFailedName = "retransmit_failed";
  RetransmitKind kind = RetransmitKind::kOther;
  bool failed = false;  // nothing reached the device
  std::uint32_t segments = 1;
  int error = 0;  // as Retransmitted::error
  std::uint32_t bound_us = 0;
  std::optional<Duration> delay = {};
};
struct FinReceived {
  static constexpr std::string_view kName = "fin_received";
};
struct FinSent {
  static constexpr std::string_view kName = "fin_sent";
};
struct ResetReceived {
  static constexpr std::string_view kName = "reset_received";
  Phase phase = Phase::kEstablished;
};
struct ResetSent {
  static constexpr std::string_view kName = "reset_sent";
  Phase phase = Phase::kEstablished;
  LocalResetCause cause = LocalResetCause::kUnknown;
  std::optional<std::uint32_t> reason = {};  // as ResetSent::reason
};
struct Error {
  static constexpr std::string_view kName = "error";
  int error = 0;  // errno
};
struct SlowAnswer {
  static constexpr std::string_view kName = "slow_answer";
  std::optional<Duration> wait = {};
  std::optional<std::uint8_t> calls = {};  // Flow::calls_since_read
};
struct Dropped {
  static constexpr std::string_view kName = "dropped";
  bool incoming = false;
  bool is_syn = false;
  bool is_fin = false;
  bool is_rst = false;
  std::uint32_t reason = 0;  // as Dropped::reason
  std::uint32_t segments = 1;
  std::uint32_t bytes = 0;
};
struct Closed {
  static constexpr std::string_view kName = "closed";
  int error = 0;  // errno
};

}  // namespace mark

using MarkBody =
    std::variant<mark::Connect, mark::SynRetransmit, mark::Established, mark::Accepted, mark::FirstSeen, mark::Request,
                 mark::RequestAcked, mark::Retransmit, mark::FinReceived, mark::FinSent, mark::ResetReceived,
                 mark::ResetSent, mark::Error, mark::SlowAnswer, mark::Dropped, mark::Closed, mark::LookUp>;

struct TimelineMark {
  MonoTime at{};
  MarkBody body;
};
static_assert(sizeof(TimelineMark) <= 48);  // there are 64 of each open socket

}  // namespace tcpdiag::model
