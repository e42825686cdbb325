// SPDX-License-Identifier: Apache-2.0
// Event: one rare thing that happened to one socket, as every source tells it (live kernel, capture, recording).
//
// Each event carries the socket's identity and figures, so that it can be understood although an earlier one was lost.
// Events of one socket come in the order in which they happened; events of different sockets may be a few microseconds
// out of order (they come from different CPUs).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>

#include "model/socket.h"

namespace tcpdiag::model {

// connect() began: CLOSE -> SYN_SENT. The owner is certain: the caller holds the socket lock. The local port is often
// 0.
struct ConnectStarted {};

// The three-way handshake ended. Outbound: SYN-ACK processed; flow.syn_at .. event = `connect`.
// Inbound: the last ACK of the handshake was processed, before accept().
struct Established {};

// The socket changed state otherwise. to == kClose is its end as a connection; for a connection that goes to TIME_WAIT
// the kernel shows FIN_WAIT2 (or CLOSING) -> CLOSE here, which is a normal end.
struct StateChanged {
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
  std::optional<MonoTime> first_sent_at;  // made by TCP (tcp_request_sock.snt_synack); absent with SYN cookies
};

// This host sent a RST. socket.id.value == 0: no socket of ours (no_socket, TIME_WAIT, request).
struct ResetSent {
  std::optional<std::uint32_t> reason;           // kernel's enum sk_rst_reason; names are in TraceStart::reset_reasons
  bool answers_packet = false;                   // sent in reply to a packet; false: active reset of this socket
  bool in_time_wait = false;                     // the socket was a TIME_WAIT one
  bool process_exiting = false;                  // the closing task is being killed or exits
  bool linger_zero = false;                      // SO_LINGER with 0 seconds was set on the socket
  TcpState previous_state = TcpState::kUnknown;  // before the close that caused it; flow.state is already CLOSE then
};

// A RST that TCP accepted was received. flow.state is the state before.
struct ResetReceived {};

// tcp_destroy_sock. The socket's record outlives it: a reset may still follow.
struct Destroyed {};

// The first task seen that truly owns the socket (accepted sockets, and sockets first seen without an owner), or
// another process was seen to use it too (owner.shared).
struct OwnerSeen {};

// inet_sk_error_report: an error was put on the socket (ICMP, timeout).
struct ErrorReported {
  int socket_error = 0;
  int soft_error = 0;
};

// Inbound: the first byte of an answer leaves kSlowAnswerAfter or more after its request began. The flow is that just
// before: the request is still outstanding.
struct SlowAnswer {};
inline constexpr Duration kSlowAnswerAfter = std::chrono::seconds(5);

using EventBody = std::variant<ConnectStarted, Established, StateChanged, Retransmitted, SynAckRetransmitted, ResetSent,
                               ResetReceived, Destroyed, OwnerSeen, ErrorReported, SlowAnswer>;

struct Event {
  MonoTime at{};
  SocketRef socket;
  Flow flow;
  std::optional<Owner> owner;  // as far as it is known at this moment
  EventBody body;
};

}  // namespace tcpdiag::model
