// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "correlate/socket_record.h"

namespace tcpdiag::correlate {
namespace {

template <typename T>
void keep_known(std::optional<T>& newer, const std::optional<T>& older) {
  if (!newer) newer = older;
}

template <typename T>
void keep_larger(T& newer, const T& older) {
  newer = std::max(newer, older);
}

void keep_nonzero(std::uint32_t& newer, std::uint32_t older) {
  if (newer == 0) newer = older;
}

}  // namespace

FlowSums& FlowSums::operator+=(const FlowSums& other) {
  exchanges += other.exchanges;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  return *this;
}

FlowSums& FlowSums::operator-=(const FlowSums& other) {
  exchanges -= other.exchanges;
  bytes_sent -= other.bytes_sent;
  bytes_received -= other.bytes_received;
  return *this;
}

void merge_ref(model::SocketRef& into, const model::SocketRef& newer) {
  if (!into.cookie) into.cookie = newer.cookie;
  if (into.role == model::Role::kUnknown && newer.role != model::Role::kUnknown) {
    into.role = newer.role;
    into.role_source = newer.role_source;
  }
  // Ports and addresses come late (the local port is chosen after SYN_SENT) and go early (both are 0 at CLOSE).
  const auto fill = [](model::SocketAddress& known, const model::SocketAddress& observed) {
    if (known.port == 0) known.port = observed.port;
    if (known.address.is_unspecified()) known.address = observed.address;
  };
  fill(into.local, newer.local);
  fill(into.remote, newer.remote);
  if (into.netns_inode == 0) into.netns_inode = newer.netns_inode;
  if (!into.initial_seq_local) into.initial_seq_local = newer.initial_seq_local;
  if (!into.initial_seq_remote) into.initial_seq_remote = newer.initial_seq_remote;
}

void merge_flow(model::Flow& into, const model::Flow& newer) {
  model::Flow merged = newer;
  if (merged.state == model::TcpState::kUnknown) merged.state = into.state;
  keep_known(merged.opened_at, into.opened_at);
  keep_known(merged.syn_at, into.syn_at);
  keep_known(merged.established_at, into.established_at);
  keep_known(merged.last_sent_at, into.last_sent_at);
  keep_known(merged.last_received_at, into.last_received_at);
  keep_known(merged.heard_at, into.heard_at);
  keep_known(merged.fin_received_at, into.fin_received_at);
  keep_known(merged.fin_sent_at, into.fin_sent_at);
  keep_larger(merged.exchanges, into.exchanges);
  keep_larger(merged.bytes_sent, into.bytes_sent);
  keep_larger(merged.bytes_received, into.bytes_received);
  keep_larger(merged.bytes_sent_total, into.bytes_sent_total);
  keep_larger(merged.bytes_received_total, into.bytes_received_total);
  keep_larger(merged.segments_sent, into.segments_sent);
  keep_larger(merged.segments_received, into.segments_received);
  keep_larger(merged.retransmitted_segments, into.retransmitted_segments);
  keep_larger(merged.out_of_order_segments, into.out_of_order_segments);
  keep_larger(merged.spurious_retransmits, into.spurious_retransmits);
  keep_larger(merged.first_byte_max_us, into.first_byte_max_us);
  keep_larger(merged.zero_window_received_us, into.zero_window_received_us);
  keep_larger(merged.unread_bytes_max, into.unread_bytes_max);
  keep_larger(merged.largest_received, into.largest_received);
  merged.full_segment_acked = merged.full_segment_acked || into.full_segment_acked;
  // The rise is a running mean: the newest, unless the record is being torn down.
  if (merged.path_samples < into.path_samples) {
    merged.path_samples = into.path_samples;
    merged.path_rise_p50_us = into.path_rise_p50_us;
  }
  keep_nonzero(merged.srtt_us, into.srtt_us);
  keep_nonzero(merged.rtt_us, into.rtt_us);
  keep_nonzero(merged.mss, into.mss);
  keep_nonzero(merged.rtt_min_us, into.rtt_min_us);
  // A floor: the smallest ever, although the kernel's is a sliding window.
  if (into.rtt_min_us != 0) merged.rtt_min_us = std::min(merged.rtt_min_us, into.rtt_min_us);
  into = merged;
}

RequestMark newest_request(const model::Flow& flow) {
  RequestMark request;
  request.first_at = flow.request_first_at;
  request.acked_at = flow.request_acked_at;
  request.last_at = flow.request_last_at;
  request.bytes = flow.request_bytes;
  request.response_first_at = flow.response_first_at;
  request.idle_before = flow.idle_before_request;
  request.answered = flow.request_first_at && !flow.outstanding;
  request.calls_since_read = flow.calls_since_read;
  request.app_gap = flow.app_gap;
  return request;
}

void merge_owner(std::optional<model::Owner>& into, const std::optional<model::Owner>& newer) {
  if (!newer) return;
  if (newer->pid == 0) {
    if (into) into->shared = into->shared || newer->shared;
    return;
  }
  // The first true owner stays; one from the process table gives way to a task that was seen at work.
  if (!into || into->source == model::OwnerSource::kUnknown ||
      (into->source == model::OwnerSource::kTable && newer->source != model::OwnerSource::kUnknown &&
       newer->source != model::OwnerSource::kTable)) {
    const bool shared = into && into->shared;
    into = newer;
    into->shared = into->shared || shared;
    return;
  }
  into->shared = into->shared || newer->shared;
}

std::uint64_t retransmits_unseen(const SocketRecord& socket) {
  const std::uint64_t all = socket.flow.retransmitted_segments;
  return all - std::min(all, socket.retransmitted_segments_told);
}

std::optional<model::MonoTime> opened_at(const SocketRecord& socket) {
  if (socket.ref.older_than_trace) return std::nullopt;
  if (socket.flow.opened_at) return socket.flow.opened_at;
  if (socket.attempt_at) return socket.attempt_at;
  if (socket.flow.syn_at) return socket.flow.syn_at;
  return socket.flow.established_at;
}

std::optional<model::MonoTime> last_data_at(const model::Flow& flow) {
  if (!flow.last_sent_at) return flow.last_received_at;
  if (!flow.last_received_at) return flow.last_sent_at;
  return std::max(*flow.last_sent_at, *flow.last_received_at);
}

void add_mark(SocketRecord& socket, const model::TimelineMark& mark, std::size_t limit) {
  if (limit == 0) return;
  auto& marks = socket.timeline;
  if (marks.size() >= limit) marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(limit / 2));
  marks.push_back(mark);
}

}  // namespace tcpdiag::correlate
