// SPDX-License-Identifier: Apache-2.0
// The fields of events and samples, each listed once, so that code which has to treat every one of them (storing,
// comparing, making up test data) forgets none: a struct that gains a field no longer compiles until it is listed here.
//
//   for_each_field<Owner>([&](const auto& field) { show(field.name, owner.*field.member); });
//
// A type without a list is a value (number, text, time, address) or a standard container, optional or variant.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>

#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::model {

template <typename S, typename V>
struct Field {
  using Struct = S;
  using Value = V;

  std::string_view name;
  V S::*member;
};

template <typename S, typename V>
constexpr Field<S, V> field(std::string_view name, V S::*member) {
  return {name, member};
}

template <typename S>
struct Fields;  // kAll: a tuple of Field

template <typename S>
concept HasFields = requires {
  Fields<S>::kAll;
};

template <HasFields S, typename Function>
constexpr void for_each_field(Function&& function) {
  std::apply([&function](const auto&... each) { (function(each), ...); }, Fields<S>::kAll);
}

// TCPDIAG_EACH(M, a, b, c) is M(a), M(b), M(c), up to 85 of them.
#define TCPDIAG_PARENTHESES ()
#define TCPDIAG_SCAN(...) TCPDIAG_SCAN_3(TCPDIAG_SCAN_3(TCPDIAG_SCAN_3(TCPDIAG_SCAN_3(__VA_ARGS__))))
#define TCPDIAG_SCAN_3(...) TCPDIAG_SCAN_2(TCPDIAG_SCAN_2(TCPDIAG_SCAN_2(TCPDIAG_SCAN_2(__VA_ARGS__))))
#define TCPDIAG_SCAN_2(...) TCPDIAG_SCAN_1(TCPDIAG_SCAN_1(TCPDIAG_SCAN_1(TCPDIAG_SCAN_1(__VA_ARGS__))))
#define TCPDIAG_SCAN_1(...) __VA_ARGS__
#define TCPDIAG_EACH(M, ...) TCPDIAG_SCAN(TCPDIAG_EACH_STEP(M, __VA_ARGS__))
#define TCPDIAG_EACH_STEP(M, first, ...) M(first) __VA_OPT__(, TCPDIAG_EACH_AGAIN TCPDIAG_PARENTHESES(M, __VA_ARGS__))
#define TCPDIAG_EACH_AGAIN() TCPDIAG_EACH_STEP

#define TCPDIAG_FIELD(name) field(#name, &Struct::name)

// The binding compiles only with one name for each member, and no name twice.
#define TCPDIAG_FIELDS(Type, ...)                                                                           \
  template <>                                                                                               \
  struct Fields<Type> {                                                                                     \
    using Struct = Type;                                                                                    \
    static constexpr auto kAll = std::tuple{TCPDIAG_EACH(TCPDIAG_FIELD, __VA_ARGS__)};                      \
    static void each_is_listed(const Struct& value) { [[maybe_unused]] const auto& [__VA_ARGS__] = value; } \
  }

#define TCPDIAG_NO_FIELDS(Type)              \
  template <>                                \
  struct Fields<Type> {                      \
    static_assert(std::is_empty_v<Type>);    \
    static constexpr std::tuple<> kAll = {}; \
  }

// --- socket.h, endpoint.h, address.h, time.h ---

TCPDIAG_FIELDS(SocketAddress, address, port);
TCPDIAG_FIELDS(Cidr, address, prefix_length);
TCPDIAG_FIELDS(EndpointKey, role, at, netns_inode);
TCPDIAG_FIELDS(ClockPair, mono_at, wall_at);
TCPDIAG_FIELDS(SocketRef, id, cookie, role, role_source, older_than_trace, local, remote, netns_inode,
               initial_seq_local, initial_seq_remote);
TCPDIAG_FIELDS(Owner, pid, tid, ns_pid, comm, cgroup_id, source, shared);
TCPDIAG_FIELDS(Flow, state, opened_at, syn_at, established_at, last_sent_at, last_received_at, heard_at,
               fin_received_at, fin_sent_at, outstanding, in_response, request_first_at, request_last_at,
               request_acked_at, response_first_at, idle_before_request, request_bytes, response_bytes,
               answered_early_bytes, request_retransmits, request_rtos, request_acked, exchanges, bytes_sent,
               bytes_received, bytes_received_total, bytes_sent_total, segments_sent, segments_received,
               retransmitted_segments, out_of_order_segments, spurious_retransmits, unacked_bytes, unread_bytes,
               srtt_us, rtt_us, rtt_min_us, mss, first_byte_max_us, keepalive_on, probes_unanswered, path_rise_p50_us,
               path_samples, zero_window_received_us, unread_bytes_max, hole_at, hole_bytes, largest_received,
               full_segment_acked, response_gap_us, reader_waited_us, app_gap, app_gap_ambiguous, call_tid,
               request_read_at, calls_since_read);

// --- event.h ---

TCPDIAG_NO_FIELDS(ConnectStarted);
TCPDIAG_NO_FIELDS(Established);
TCPDIAG_FIELDS(StateChanged, from, to, socket_error, soft_error, by_application, syn_was_sent, process_exiting);
TCPDIAG_FIELDS(Retransmitted, error, timer_pending, ca_state, is_syn, segments, seq, end_seq, first_sent_at,
               first_sent_bound);
TCPDIAG_FIELDS(SynAckRetransmitted, first_sent_at);
TCPDIAG_FIELDS(ResetSent, reason, answers_packet, in_time_wait, process_exiting, linger_zero, previous_state,
               unaccepted);
TCPDIAG_NO_FIELDS(ResetReceived);
TCPDIAG_NO_FIELDS(Destroyed);
TCPDIAG_NO_FIELDS(OwnerSeen);
TCPDIAG_FIELDS(ErrorReported, socket_error, soft_error);
TCPDIAG_NO_FIELDS(SlowAnswer);
TCPDIAG_FIELDS(Dropped, incoming, reason, is_syn, is_fin, is_rst, segments, seq, end_seq);
TCPDIAG_FIELDS(Event, at, socket, flow, owner, body);

// --- filters.h, expression.h ---

TCPDIAG_FIELDS(ExpressionStep, op, side, net, port_low, port_high);
TCPDIAG_FIELDS(Expression, text, steps);
TCPDIAG_FIELDS(CgroupFilter, path, id, below);
TCPDIAG_FIELDS(Filters, pids, children, descendants, comms, cgroups, local_ports, remote_ports, local, remote, families,
               netns_inodes, role, expression, netns_as_given);

// --- sample.h ---

TCPDIAG_FIELDS(Feature, name, available, reason);
TCPDIAG_FIELDS(TcpSysctls, syn_retries, synack_retries, retries2, orphan_retries, fin_timeout_s, keepalive_time_s,
               keepalive_intvl_s, keepalive_probes, rto_min_us, rto_max_ms, syn_linear_timeouts, syncookies);
TCPDIAG_FIELDS(NetnsInfo, inode, name, is_self, is_initial, somaxconn, sysctls);
TCPDIAG_FIELDS(OtherNetns, inode, pid, comm, established, sockets);
TCPDIAG_FIELDS(HostInfo, hostname, kernel, arch, utc_offset_s, utc_offset_name, cpus, instance_type,
               instance_type_source);
TCPDIAG_FIELDS(TraceStart, clock, origin, recording_id, tool_version, tool_git, command, peer_instance, filters, host,
               netns, abilities, reset_reasons, drop_reasons, requested_duration, floor, probe_pids, other_netns);
TCPDIAG_FIELDS(SocketSnapshot, at, moment, socket, flow, owner);
TCPDIAG_FIELDS(PathSigns, ambiguous, acks_awaited, acks_apart, trains, train_bytes, train_us, train_sender_us,
               trains_unused);
TCPDIAG_FIELDS(EndpointSample, at, key, generation, exchanges, exchanges_without_delay, request_bytes, response_bytes,
               bytes_sent, bytes_received, segments_sent, segments_received, out_of_order_segments, path_signs,
               zero_window_sent_us, zero_window_received_us, zero_window_stalls, zero_window_longest_us, busy_us,
               rwnd_limited_us, sndbuf_limited_us, limits_unknown, floor_handshake_us, floor_kernel_us, floor_window_us,
               no_timestamps, no_own_floor, recovery_unfinished, calls, calls_with_gap, calls_gap_ambiguous,
               survived_silence_us, smallest_request_bytes, recovered_in, reordered_in, nagle_own, nagle_own_us,
               nagle_peer, nagle_peer_us, device, tick_unknown, measures);
TCPDIAG_FIELDS(ProcessInfo, pid, comm, cgroup_id, cgroup_path);
TCPDIAG_FIELDS(DnsMessage, at, netns_inode, local, resolver, id, flags, is_answer, first_sent_at, owner, name);
TCPDIAG_FIELDS(ListenQueue, local, backlog, limit);
TCPDIAG_FIELDS(NetnsSample, at, netns_inode, counters, full_listeners, gone);
TCPDIAG_FIELDS(NicSample, at, device, netns_inode, driver, driver_version, counters_supported, exceeded,
               conntrack_available);
TCPDIAG_FIELDS(Loss, ring_full, sockets_full, endpoints_full, processes_full, undecodable, rate_limited,
               samples_thinned, disk_full, unseen_retransmits, unseen_resets, unseen_connects, unseen_reset_ends);
TCPDIAG_FIELDS(Cost, bpf_cpu_s, user_cpu_s, system_cpu_s, peak_rss_bytes, attach_us);
TCPDIAG_FIELDS(BusyEndpoint, key, sockets, bytes);
TCPDIAG_FIELDS(TraceEnd, at, ended_by, partial, loss, cost, sockets_filtered_out, busiest_filtered_out);

#undef TCPDIAG_NO_FIELDS
#undef TCPDIAG_FIELDS
#undef TCPDIAG_FIELD
#undef TCPDIAG_EACH_AGAIN
#undef TCPDIAG_EACH_STEP
#undef TCPDIAG_EACH
#undef TCPDIAG_SCAN_1
#undef TCPDIAG_SCAN_2
#undef TCPDIAG_SCAN_3
#undef TCPDIAG_SCAN
#undef TCPDIAG_PARENTHESES

}  // namespace tcpdiag::model
