// SPDX-License-Identifier: Apache-2.0
// What a socket is known by, and its figures at one moment. Shared by events and samples.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "model/address.h"
#include "model/time.h"

namespace tcpdiag::model {

// One TCP socket of this host for the whole trace: the kernel's socket cookie, or (kernels before 5.12) the tracer's
// own birth number, which has the top bit set. Never a 4-tuple: those are reused.
struct SocketId {
  std::uint64_t value = 0;
  auto operator<=>(const SocketId&) const = default;
};

enum class Role : std::uint8_t { kUnknown, kOutbound, kInbound };
const char* to_string(Role role);  // "outbound", "inbound", "unknown"

// How the role is known: this host's connect or accept was seen, or it was derived from listening ports.
enum class RoleSource : std::uint8_t { kUnknown, kConnect, kAccept, kDerived };

// The kernel's numbers (include/net/tcp_states.h); they are part of its user ABI.
enum class TcpState : std::uint8_t {
  kUnknown = 0,
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
  kNewSynRecv = 12,
};

struct SocketRef {
  SocketId id;
  std::optional<std::uint64_t> cookie;
  Role role = Role::kUnknown;
  RoleSource role_source = RoleSource::kUnknown;
  bool older_than_trace = false;
  SocketAddress local;  // port 0 until the first SYN left
  SocketAddress remote;
  std::uint32_t netns_inode = 0;
  // Of our SYN or SYN-ACK, and of the peer's (RFC 9293 section 3.4.1): with both a connection is known again in what
  // was seen of it elsewhere. Absent: that packet was not seen yet, or went before the trace.
  std::optional<std::uint32_t> initial_seq_local = {};
  std::optional<std::uint32_t> initial_seq_remote = {};
};

// Where the owner of a socket was learnt. kOwner: the task that held the socket's lock in connect() or send();
// kReader: the first reader of an accepted socket; kTable: the process table, at the start of the trace.
enum class OwnerSource : std::uint8_t { kUnknown, kOwner, kReader, kTable };

struct Owner {
  std::uint32_t pid = 0;        // thread group id in the initial namespace
  std::uint32_t tid = 0;        // 0: not known (table)
  std::uint32_t ns_pid = 0;     // thread group id in the process's own pid namespace; 0: not known
  std::string comm;             // of the thread group's leader, untrusted bytes
  std::uint64_t cgroup_id = 0;  // cgroup v2 id; 0: not known
  OwnerSource source = OwnerSource::kUnknown;
  bool shared = false;  // more than one process holds the socket
};

// The figures of a socket at the moment of an event or snapshot. Times are absent where the thing has not happened or
// was not seen. "Request" is data in the direction that opens an exchange: sent by us when outbound, received by us
// when inbound; "response" is the other direction.
struct Flow {
  TcpState state = TcpState::kUnknown;  // before the event
  std::optional<MonoTime> opened_at;  // SYN_SENT (outbound), or birth of the accepted socket; absent: before the trace
  std::optional<MonoTime> syn_at;     // first SYN handed to the device
  std::optional<MonoTime> established_at;
  std::optional<MonoTime> last_sent_at;      // last payload handed to the device
  std::optional<MonoTime> last_received_at;  // last payload processed by TCP
  std::optional<MonoTime> heard_at;          // newest segment of the peer in ESTABLISHED, with or without payload
  std::optional<MonoTime> fin_received_at;
  std::optional<MonoTime> fin_sent_at;  // shutdown or close by the application

  // The newest exchange. outstanding: the request has begun and no byte of the response has come.
  bool outstanding = false;
  bool in_response = false;                  // response has begun and no newer request
  std::optional<MonoTime> request_first_at;  // first byte of the newest request
  std::optional<MonoTime> request_last_at;   // last byte of it so far
  std::optional<MonoTime> request_acked_at;  // the ACK that covered all of it (outbound)
  std::optional<MonoTime> response_first_at;
  std::optional<Duration> idle_before_request;  // silence both ways before its first byte
  std::uint32_t request_bytes = 0;              // stops at 2^32 - 1
  std::uint32_t response_bytes = 0;             // received (outbound) or sent (inbound) since the request
  // Outbound: of the response that began while at least a segment of the request was not acknowledged, or not sent, and
  // that this request goes on behind: an upload that was refused. Stops at 65,535; 0: none, and once it is answered.
  std::uint32_t answered_early_bytes = 0;
  std::uint32_t request_retransmits = 0;  // retransmit events since its first byte
  std::uint32_t request_rtos = 0;         // those of them that were timeouts (RTO)
  bool request_acked = false;             // snd_una covers everything sent (outbound)

  std::uint64_t exchanges = 0;             // exchanges begun that got a first response byte, since tracked
  std::uint64_t bytes_sent = 0;            // acknowledged payload bytes (tp->bytes_acked), since tracked
  std::uint64_t bytes_received = 0;        // tp->bytes_received, since tracked
  std::uint64_t bytes_received_total = 0;  // in the socket's whole life
  std::uint64_t bytes_sent_total = 0;
  std::uint32_t segments_sent = 0;  // since tracked
  std::uint32_t segments_received = 0;
  std::uint32_t retransmitted_segments = 0;  // tp->total_retrans, since tracked
  std::uint32_t out_of_order_segments = 0;   // tp->rcv_ooopack, since tracked
  std::uint32_t spurious_retransmits = 0;    // tp->dsack_dups, since tracked
  std::uint32_t unacked_bytes = 0;           // snd_nxt - snd_una, without SYN and FIN
  std::uint32_t unread_bytes = 0;            // rcv_nxt - copied_seq, without FIN
  std::uint32_t srtt_us = 0;                 // 0: no sample yet
  std::uint32_t rtt_us = 0;                  // newest sample (rack.rtt_us)
  std::uint32_t rtt_min_us = 0;              // tp->rtt_min, a window of 300 s by default
  std::uint32_t mss = 0;
  std::uint32_t first_byte_max_us = 0;  // largest first_byte of this socket's exchanges
  bool keepalive_on = false;            // SO_KEEPALIVE
  std::uint8_t probes_unanswered = 0;   // of keepalive, or into a zero window (icsk_probes_out)
  std::uint32_t path_rise_p50_us =
      0;                           // typical path RTT of this socket above the endpoint's floor (EWMA); 0: no sample
  std::uint32_t path_samples = 0;  // path RTT samples of this socket
  std::uint64_t zero_window_received_us = 0;  // while data waited to be sent
  std::uint32_t unread_bytes_max = 0;         // most bytes that ever waited for the application
  // Bytes of the peer that are missing while later ones have come, and since when.
  std::optional<MonoTime> hole_at;
  std::uint32_t hole_bytes = 0;
  std::uint32_t largest_received = 0;  // payload of one packet of the peer; of merged ones (GRO) together
  bool full_segment_acked = false;     // since tracked: an ACK covered as much as a full segment has, at least
  std::uint32_t response_gap_us = 0;   // longest silence within the newest response
  // From the newest byte of a response that is not followed by another request to the newest look at which a thread
  // still waited to read (outbound, once a second); 0: none did, or it waits in a way that cannot be seen (epoll).
  std::uint32_t reader_waited_us = 0;

  // Outbound. The newest call (the newest request, or the connect where no request has followed yet) and the thread
  // that made it: that thread's last read from an inbound socket -> its connect (first request of a connection), or its
  // first send on this idle socket. Absent: the thread had read from no inbound socket, had answered what it read, or
  // was not seen.
  std::optional<Duration> app_gap;
  bool app_gap_ambiguous = false;  // the thread had more than one inbound request open: an event loop
  std::uint32_t call_tid = 0;      // that thread, 0: not seen
  // Inbound. When the application first read of the newest request, and how many calls (as above) the thread that read
  // it has begun since, at most 255; absent: nobody read it, or the thread has read another request since.
  std::optional<MonoTime> request_read_at;
  std::optional<std::uint8_t> calls_since_read;
};

}  // namespace tcpdiag::model
