// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "source/bpf/dns_name.h"

namespace tcpdiag::bpf {

namespace {

using model::Duration;
using model::MonoTime;

static_assert(model::Histogram::kSubBits == TCPD_HIST_SUB_BITS);
static_assert(model::Histogram::kBuckets == TCPD_HIST_BUCKETS);
static_assert(model::kKernelMeasures.size() == TCPD_MEASURES);  // both from model/measures.def
static_assert(TCPD_SLOW_ANSWER_NS == std::uint64_t{model::Duration(model::kSlowAnswerAfter).count()});

// RFC 9293 section 3.1
constexpr std::uint8_t kFinFlag = 0x01;
constexpr std::uint8_t kSynFlag = 0x02;
constexpr std::uint8_t kRstFlag = 0x04;

MonoTime time_of(std::uint64_t ns) { return MonoTime(Duration(static_cast<std::int64_t>(ns))); }

std::optional<MonoTime> time_or_none(std::uint64_t ns) {
  if (ns == 0) return std::nullopt;
  return time_of(ns);
}

// A time the kernel can have meant: not negative when read as signed.
bool plausible(std::uint64_t ns) { return ns >> 63 == 0; }

std::optional<model::Role> role_of(std::uint8_t wire) {
  switch (wire) {
    case TCPD_ROLE_UNKNOWN:
      return model::Role::kUnknown;
    case TCPD_ROLE_OUTBOUND:
      return model::Role::kOutbound;
    case TCPD_ROLE_INBOUND:
      return model::Role::kInbound;
    default:
      return std::nullopt;
  }
}

std::optional<model::RoleSource> role_source_of(std::uint8_t wire) {
  switch (wire) {
    case TCPD_ROLE_BY_NOTHING:
      return model::RoleSource::kUnknown;
    case TCPD_ROLE_BY_CONNECT:
      return model::RoleSource::kConnect;
    case TCPD_ROLE_BY_ACCEPT:
      return model::RoleSource::kAccept;
    case TCPD_ROLE_BY_LISTENERS:
      return model::RoleSource::kDerived;
    default:
      return std::nullopt;
  }
}

std::optional<model::OwnerSource> owner_source_of(std::uint8_t wire) {
  switch (wire) {
    case TCPD_OWNER_UNKNOWN:
      return model::OwnerSource::kUnknown;
    case TCPD_OWNER_CALLER:
      return model::OwnerSource::kOwner;
    case TCPD_OWNER_READER:
      return model::OwnerSource::kReader;
    case TCPD_OWNER_TABLE:
      return model::OwnerSource::kTable;
    default:
      return std::nullopt;
  }
}

bool is_state(std::uint8_t wire) { return wire <= static_cast<std::uint8_t>(model::TcpState::kNewSynRecv); }

model::Address address_of(const std::uint8_t (&bytes)[16]) {
  model::Address address;
  std::copy(std::begin(bytes), std::end(bytes), address.bytes.begin());
  return address;
}

std::optional<model::SocketRef> ref_of(const tcpd_wire_sock& wire) {
  const auto role = role_of(wire.role);
  const auto source = role_source_of(wire.role_source);
  if (!role || !source || wire.older_than_trace > 1 || wire.has_initial_seq_local > 1 ||
      wire.has_initial_seq_remote > 1) {
    return std::nullopt;
  }
  model::SocketRef ref;
  ref.id.value = wire.id;
  if (wire.cookie != 0) ref.cookie = wire.cookie;
  ref.role = *role;
  ref.role_source = *source;
  ref.older_than_trace = wire.older_than_trace != 0;
  ref.local = {address_of(wire.laddr), wire.lport};
  ref.remote = {address_of(wire.raddr), wire.rport};
  ref.netns_inode = wire.netns;
  if (wire.has_initial_seq_local != 0) ref.initial_seq_local = wire.initial_seq_local;
  if (wire.has_initial_seq_remote != 0) ref.initial_seq_remote = wire.initial_seq_remote;
  return ref;
}

// Outer optional: whether the bytes make sense. Inner: whether an owner is known.
std::optional<std::optional<model::Owner>> owner_of(const tcpd_wire_owner& wire) {
  const auto source = owner_source_of(wire.source);
  if (!source) return std::nullopt;
  if (wire.tgid == 0) return std::optional<model::Owner>{};
  model::Owner owner;
  owner.pid = wire.tgid;
  owner.tid = wire.tid;
  owner.ns_pid = wire.ns_tgid;
  owner.comm.assign(wire.comm, strnlen(wire.comm, sizeof(wire.comm)));
  owner.cgroup_id = wire.cgroup_id;
  owner.source = *source;
  owner.shared = wire.shared != 0;
  return std::optional<model::Owner>{owner};
}

std::optional<model::Flow> flow_of(const tcpd_wire_flow& wire) {
  const std::array times{wire.opened_ns,        wire.syn_ns,          wire.established_ns,   wire.last_sent_ns,
                         wire.last_received_ns, wire.heard_ns,        wire.fin_received_ns,  wire.fin_sent_ns,
                         wire.request_first_ns, wire.request_last_ns, wire.request_acked_ns, wire.response_first_ns,
                         wire.request_read_ns};
  if (!std::all_of(times.begin(), times.end(), plausible) || !is_state(wire.state)) return std::nullopt;
  const bool idle_known = wire.idle_before_request_ns != TCPD_UNKNOWN_NS;
  if (idle_known && !plausible(wire.idle_before_request_ns)) return std::nullopt;

  model::Flow flow;
  flow.state = static_cast<model::TcpState>(wire.state);
  flow.opened_at = time_or_none(wire.opened_ns);
  flow.syn_at = time_or_none(wire.syn_ns);
  flow.established_at = time_or_none(wire.established_ns);
  flow.last_sent_at = time_or_none(wire.last_sent_ns);
  flow.last_received_at = time_or_none(wire.last_received_ns);
  flow.heard_at = time_or_none(wire.heard_ns);
  flow.fin_received_at = time_or_none(wire.fin_received_ns);
  flow.fin_sent_at = time_or_none(wire.fin_sent_ns);
  flow.outstanding = wire.outstanding != 0;
  flow.in_response = wire.in_response != 0;
  flow.request_first_at = time_or_none(wire.request_first_ns);
  flow.request_last_at = time_or_none(wire.request_last_ns);
  flow.request_acked_at = time_or_none(wire.request_acked_ns);
  flow.response_first_at = time_or_none(wire.response_first_ns);
  if (idle_known) flow.idle_before_request = Duration(static_cast<std::int64_t>(wire.idle_before_request_ns));
  flow.request_bytes = wire.request_bytes;
  flow.response_bytes = wire.response_bytes;
  if (flow.outstanding) flow.answered_early_bytes = wire.answered_early_bytes;
  flow.request_retransmits = wire.request_retransmits;
  flow.request_rtos = wire.request_rtos;
  flow.request_acked = wire.request_acked != 0;
  flow.exchanges = wire.exchanges;
  flow.bytes_sent = wire.bytes_acked;
  flow.bytes_received = wire.bytes_received;
  flow.bytes_sent_total = wire.bytes_acked_total;
  flow.bytes_received_total = wire.bytes_received_total;
  flow.segments_sent = wire.segments_sent;
  flow.segments_received = wire.segments_received;
  flow.retransmitted_segments = wire.retransmitted_segments;
  flow.out_of_order_segments = wire.out_of_order_segments;
  flow.spurious_retransmits = wire.spurious_retransmits;
  flow.unacked_bytes = wire.unacked_bytes;
  flow.unread_bytes = wire.unread_bytes;
  flow.srtt_us = wire.srtt_us;
  flow.rtt_us = wire.rtt_us;
  flow.rtt_min_us = wire.rtt_min_us;
  flow.mss = wire.mss;
  flow.first_byte_max_us = wire.first_byte_max_us;
  flow.keepalive_on = wire.keepalive_on != 0;
  flow.probes_unanswered = wire.probes_unanswered;
  flow.path_rise_p50_us = wire.path_rise_us;
  flow.path_samples = wire.path_samples;
  flow.zero_window_received_us = wire.zero_window_received_us;
  flow.unread_bytes_max = wire.unread_bytes_max;
  flow.hole_at = time_or_none(wire.hole_ns);
  flow.hole_bytes = wire.hole_bytes;
  flow.largest_received = wire.largest_received;
  flow.full_segment_acked = wire.full_acked != 0;
  flow.response_gap_us = wire.response_gap_us;
  flow.reader_waited_us = wire.reader_waited_us;
  if (wire.app_gap_us != TCPD_UNKNOWN_US) flow.app_gap = std::chrono::microseconds(wire.app_gap_us);
  flow.app_gap_ambiguous = wire.app_gap_ambiguous != 0;
  flow.call_tid = wire.call_tid;
  flow.request_read_at = time_or_none(wire.request_read_ns);
  if (wire.calls_since_read != TCPD_UNKNOWN_CALLS) {
    flow.calls_since_read = static_cast<std::uint8_t>(std::min<std::uint16_t>(wire.calls_since_read, 255));
  }
  return flow;
}

std::optional<model::EventBody> body_of(const tcpd_wire_event& wire) {
  switch (wire.kind) {
    case TCPD_EVENT_CONNECT:
      return model::ConnectStarted{};
    case TCPD_EVENT_ESTABLISHED:
      return model::Established{};
    case TCPD_EVENT_STATE: {
      const tcpd_body_state& b = wire.body.state;
      if (!is_state(b.from) || !is_state(b.to)) return std::nullopt;
      model::StateChanged body;
      body.from = static_cast<model::TcpState>(b.from);
      body.to = static_cast<model::TcpState>(b.to);
      body.socket_error = b.socket_error;
      body.soft_error = b.soft_error;
      body.by_application = b.by_application != 0;
      body.syn_was_sent = b.syn_was_sent != 0;
      body.process_exiting = b.process_exiting != 0;
      return body;
    }
    case TCPD_EVENT_RETRANSMIT: {
      const tcpd_body_retrans& b = wire.body.retrans;
      if (!plausible(b.first_sent_ns)) return std::nullopt;
      model::Retransmitted body;
      body.error = b.error;
      body.timer_pending = b.timer_pending;
      body.ca_state = b.ca_state;
      body.is_syn = b.is_syn != 0;
      body.segments = b.segments;
      body.seq = b.seq;
      body.end_seq = b.end_seq;
      body.first_sent_at = time_or_none(b.first_sent_ns);
      body.first_sent_bound = std::chrono::microseconds(b.first_bound_us);
      return body;
    }
    case TCPD_EVENT_SYNACK:
      if (!plausible(wire.body.synack.first_sent_ns)) return std::nullopt;
      return model::SynAckRetransmitted{time_or_none(wire.body.synack.first_sent_ns)};
    case TCPD_EVENT_RESET_SENT: {
      const tcpd_body_reset& b = wire.body.reset;
      if (!is_state(b.previous_state)) return std::nullopt;
      model::ResetSent body;
      if (b.reason >= 0) body.reason = static_cast<std::uint32_t>(b.reason);
      body.answers_packet = b.answers_packet != 0;
      body.in_time_wait = b.in_time_wait != 0;
      body.process_exiting = b.process_exiting != 0;
      body.linger_zero = b.linger_zero != 0;
      body.unaccepted = b.unaccepted != 0;
      body.previous_state = static_cast<model::TcpState>(b.previous_state);
      return body;
    }
    case TCPD_EVENT_RESET_RECEIVED:
      return model::ResetReceived{};
    case TCPD_EVENT_DESTROYED:
      return model::Destroyed{};
    case TCPD_EVENT_OWNER:
      return model::OwnerSeen{};
    case TCPD_EVENT_ERROR:
      return model::ErrorReported{wire.body.error.socket_error, wire.body.error.soft_error};
    case TCPD_EVENT_SLOW_ANSWER:
      return model::SlowAnswer{};
    case TCPD_EVENT_DROPPED: {
      const tcpd_body_dropped& b = wire.body.dropped;
      if (b.incoming > 1) return std::nullopt;
      model::Dropped body;
      body.incoming = b.incoming != 0;
      body.reason = b.reason;
      body.is_syn = (b.flags & kSynFlag) != 0;
      body.is_fin = (b.flags & kFinFlag) != 0;
      body.is_rst = (b.flags & kRstFlag) != 0;
      body.segments = b.segments;
      body.seq = b.seq;
      body.end_seq = b.end_seq;
      return body;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<model::Event> decode_event(std::span<const std::byte> bytes) {
  tcpd_wire_event wire;
  if (bytes.size() < sizeof(wire)) return std::nullopt;
  std::memcpy(&wire, bytes.data(), sizeof(wire));
  if (wire.size != sizeof(wire) || !plausible(wire.at_ns)) return std::nullopt;
  const auto ref = ref_of(wire.sock);
  const auto owner = owner_of(wire.owner);
  const auto flow = flow_of(wire.flow);
  const auto body = body_of(wire);
  if (!ref || !owner || !flow || !body) return std::nullopt;
  return model::Event{time_of(wire.at_ns), *ref, *flow, *owner, *body};
}

bool is_dns(std::span<const std::byte> bytes) {
  std::uint16_t kind = 0;
  if (bytes.size() < sizeof(kind)) return false;
  std::memcpy(&kind, bytes.data(), sizeof(kind));
  return kind == TCPD_RECORD_DNS;
}

std::optional<model::DnsMessage> decode_dns(std::span<const std::byte> bytes) {
  tcpd_wire_dns_named named{};
  if (bytes.size() < sizeof(named.dns)) return std::nullopt;
  std::memcpy(&named, bytes.data(), std::min(bytes.size(), sizeof(named)));
  const tcpd_wire_dns& wire = named.dns;
  const bool has_name = wire.size == sizeof(named);
  if (wire.kind != TCPD_RECORD_DNS || wire.is_answer > 1) return std::nullopt;
  if (has_name ? bytes.size() < sizeof(named) : wire.size != sizeof(wire)) return std::nullopt;
  if (has_name && (wire.is_answer != 0 || named.octets > sizeof(named.name))) return std::nullopt;
  if (!plausible(wire.at_ns) || !plausible(wire.first_sent_ns) || wire.first_sent_ns > wire.at_ns) return std::nullopt;
  const auto owner = owner_of(wire.owner);
  if (!owner) return std::nullopt;
  model::DnsMessage message;
  message.at = time_of(wire.at_ns);
  message.netns_inode = wire.netns;
  message.local = {address_of(wire.laddr), wire.lport};
  message.resolver = {address_of(wire.raddr), wire.rport};
  message.id = wire.id;
  message.flags = wire.flags;
  message.is_answer = wire.is_answer != 0;
  message.first_sent_at = time_of(wire.first_sent_ns);
  message.owner = *owner;
  if (has_name) {
    const auto name = std::as_bytes(std::span(named.name)).first(named.octets);
    message.name = dns_name(name, named.octets == sizeof(named.name));
  }
  return message;
}

std::optional<DecodedSnapshot> decode_snapshot(std::span<const std::byte> bytes, model::SnapshotMoment moment) {
  tcpd_wire_snapshot wire;
  if (bytes.size() < sizeof(wire)) return std::nullopt;
  std::memcpy(&wire, bytes.data(), sizeof(wire));
  if (wire.size != sizeof(wire) || wire.tracked > 1 || !plausible(wire.at_ns)) return std::nullopt;
  const auto ref = ref_of(wire.sock);
  const auto owner = owner_of(wire.owner);
  const auto flow = flow_of(wire.flow);
  if (!ref || !owner || !flow) return std::nullopt;
  return DecodedSnapshot{{time_of(wire.at_ns), moment, *ref, *flow, *owner}, wire.tracked != 0};
}

std::optional<model::EndpointKey> decode_endpoint(const tcpd_endpoint_key& key) {
  const auto role = role_of(key.role);
  if (!role || *role == model::Role::kUnknown) return std::nullopt;
  return model::EndpointKey{*role, {address_of(key.addr), key.port}, key.netns};
}

model::EndpointSample decode_stats(const model::EndpointKey& key, std::span<const tcpd_endpoint_stats> each,
                                   const tcpd_endpoint_shared& shared, model::MonoTime at) {
  model::EndpointSample sample;
  sample.at = at;
  sample.key = key;
  if (shared.floor_handshake_us != 0) sample.floor_handshake_us = shared.floor_handshake_us;
  if (shared.floor_kernel_us != 0) sample.floor_kernel_us = shared.floor_kernel_us;
  if (shared.floor_window_us != 0) sample.floor_window_us = shared.floor_window_us;
  sample.tick_unknown = shared.tick != TCPD_TICK_1MS;
  sample.device.assign(shared.device, strnlen(shared.device, sizeof(shared.device)));
  std::uint64_t late_copies = 0;
  for (const tcpd_endpoint_stats& cpu : each) {
    sample.exchanges += cpu.exchanges;
    sample.exchanges_without_delay += cpu.exchanges_without_delay;
    sample.request_bytes += cpu.request_bytes;
    sample.response_bytes += cpu.response_bytes;
    sample.bytes_sent += cpu.bytes_sent;
    sample.bytes_received += cpu.bytes_received;
    sample.segments_sent += cpu.segments_sent;
    sample.segments_received += cpu.segments_received;
    sample.out_of_order_segments += cpu.out_of_order_segments;
    sample.path_signs += {.ambiguous = cpu.path_ambiguous,
                          .acks_awaited = cpu.acks_awaited,
                          .acks_apart = cpu.acks_apart,
                          .trains = cpu.trains,
                          .train_bytes = cpu.train_bytes,
                          .train_us = cpu.train_us,
                          .train_sender_us = cpu.train_sender_us,
                          .trains_unused = cpu.trains_unused};
    sample.zero_window_sent_us += cpu.zero_window_sent_us;
    sample.zero_window_received_us += cpu.zero_window_received_us;
    sample.zero_window_stalls += cpu.zero_window_stalls;
    sample.zero_window_longest_us = std::max<std::uint64_t>(sample.zero_window_longest_us, cpu.zero_window_longest_us);
    sample.busy_us += cpu.busy_us;
    sample.rwnd_limited_us += cpu.rwnd_limited_us;
    sample.sndbuf_limited_us += cpu.sndbuf_limited_us;
    sample.limits_unknown += cpu.limits_unknown;
    sample.no_timestamps += cpu.no_timestamps;
    sample.no_own_floor += cpu.no_own_floor;
    sample.recovery_unfinished += cpu.recovery_unfinished;
    if (cpu.smallest_request_bytes != 0) {
      sample.smallest_request_bytes =
          std::min(sample.smallest_request_bytes.value_or(cpu.smallest_request_bytes), cpu.smallest_request_bytes);
    }
    sample.calls += cpu.calls;
    sample.calls_with_gap += cpu.calls_with_gap;
    sample.calls_gap_ambiguous += cpu.calls_gap_ambiguous;
    sample.survived_silence_us = std::max<std::uint64_t>(sample.survived_silence_us, cpu.survived_silence_us);
    sample.recovered_in += cpu.recovered_in;
    sample.reordered_in += cpu.reordered_in + cpu.late_copies;
    late_copies += cpu.late_copies;
    sample.nagle_own += cpu.nagle_own;
    sample.nagle_own_us += cpu.nagle_own_us;
    sample.nagle_peer += cpu.nagle_peer;
    sample.nagle_peer_us += cpu.nagle_peer_us;
    for (std::size_t m = 0; m < model::MeasureHistograms::size(); ++m) {
      std::array<std::uint64_t, TCPD_HIST_BUCKETS> buckets{};
      std::copy(std::begin(cpu.measures[m].buckets), std::end(cpu.measures[m].buckets), buckets.begin());
      const auto part =
          model::Histogram::from_parts(buckets, cpu.measures[m].sum_us, cpu.measures[m].min_us, cpu.measures[m].max_us);
      if (part.count() > 0) sample.measures[m].merge(part);
    }
  }
  sample.recovered_in -= std::min(sample.recovered_in, late_copies);
  for (std::uint64_t* us :
       {&sample.zero_window_sent_us, &sample.zero_window_received_us,  // sums of many sockets
        &sample.zero_window_longest_us, &sample.survived_silence_us, &sample.nagle_own_us, &sample.nagle_peer_us,
        &sample.busy_us, &sample.rwnd_limited_us, &sample.sndbuf_limited_us}) {
    *us = std::min(*us, model::kLongestUs);
  }
  return sample;
}

}  // namespace tcpdiag::bpf
