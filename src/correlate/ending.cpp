// SPDX-License-Identifier: Apache-2.0
#include "correlate/ending.h"

#include <algorithm>
#include <chrono>

#include "model/reset_cause.h"

namespace tcpdiag::correlate {
namespace {

using model::Duration;
using model::EndKind;
using model::Flow;
using model::kGoodbyeBytes;
using model::MonoTime;
using model::SocketEnd;
using model::TcpState;

// "In the middle of a response": its last byte came less than this before.
constexpr Duration kInResponse = std::chrono::seconds(1);
// What is written this shortly before the writer's own close was written without waiting for an answer.
constexpr Duration kGoodbyeWithin = std::chrono::milliseconds(20);
// A request that is at least this old when a goodbye is appended to it is not part of the goodbye.
constexpr Duration kSeparateWrite = std::chrono::seconds(1);

// So much sent without one byte of an answer is a stream in one direction (log shipping, backup, iperf3), no request:
// its end takes nobody's answer away.
constexpr std::uint32_t kStreamBytes = std::uint32_t{64} << 20;

// So much of it acknowledged, on a connection that never gave one byte back: somebody reads, and never answers.
constexpr std::uint32_t kReadBytes = std::uint32_t{64} << 10;

// A bulk transfer; and so many times the endpoint's mean request is none of its requests.
constexpr std::uint32_t kBulkBytes = std::uint32_t{1} << 20;
constexpr double kUnlike = 64;

// A TLS close_notify alone, and one with an HTTP/2 GOAWAY, are at most so long.
constexpr std::uint32_t kAlertBytes = 96;

// A response that has been silent for so long has stopped: a repair of the path would have come (RTO, RFC 6298).
constexpr Duration kStalled = std::chrono::seconds(1);
// Who waits to read is looked at once a second, on a busy host less often.
constexpr Duration kLooksApart = std::chrono::seconds(2);

// A RST comes at least one round trip after what it answers, and at most so late.
constexpr Duration kAnswerAtLeast = std::chrono::milliseconds(50);

std::optional<Duration> since(const std::optional<MonoTime>& from, MonoTime to) {
  if (!from) return std::nullopt;
  return std::max(to - *from, Duration::zero());
}

std::optional<std::uint32_t> known(std::uint32_t us) { return us == 0 ? std::nullopt : std::optional(us); }

bool had_exchange(const SocketRecord& socket) {
  const Flow& flow = socket.flow;
  return flow.exchanges > 0 ||
         (socket.ref.older_than_trace && flow.bytes_received_total > 0 && flow.bytes_sent_total > 0);
}

bool by_this_side(EndKind kind) { return kind == EndKind::kClosedLocally || kind == EndKind::kResetSent; }

// The unanswered "request" was a goodbye. Outbound: our own close follows our last write at once. Inbound: the client
// wrote something small and closed, or we closed when we had read it.
bool is_goodbye(const SocketRecord& socket, const EndFacts& facts) {
  const Flow& flow = socket.flow;
  if (!flow.outstanding || !flow.request_first_at || facts.at - *flow.request_first_at >= kGoodbyeWithin) return false;
  if (!socket.inbound()) return by_this_side(facts.kind);
  return flow.request_bytes <= kGoodbyeBytes && had_exchange(socket);
}

// Who waits for an answer does not write on for half of the time. What was written is acknowledged: somebody is there.
bool writes_on(const Flow& flow, MonoTime at) {
  if (!flow.request_first_at || !flow.request_last_at || flow.unacked_bytes >= flow.request_bytes) return false;
  if (at - *flow.request_last_at < kGoodbyeWithin) return false;  // it may be a goodbye behind a request that waits
  const Duration wrote = *flow.request_last_at - *flow.request_first_at;
  return wrote >= kSeparateWrite && 2 * wrote >= at - *flow.request_first_at;
}

// Next to what requests are on this endpoint, it is none: iperf3's data beside its control connection.
bool is_unlike_requests(const SocketRecord& socket, MonoTime at) {
  const Flow& flow = socket.flow;
  const bool ended_in_order = flow.fin_received_at || flow.fin_sent_at;
  return ended_in_order && socket.usual_request_bytes && flow.request_first_at && flow.request_last_at &&
         flow.request_bytes >= kBulkBytes && flow.request_bytes > kUnlike * *socket.usual_request_bytes &&
         2 * (*flow.request_last_at - *flow.request_first_at) >= at - *flow.request_first_at;
}

bool is_stream(const SocketRecord& socket, MonoTime at) {
  const Flow& flow = socket.flow;
  if (!flow.outstanding) return false;
  if (flow.request_bytes >= kStreamBytes) return true;
  if ((socket.inbound() ? flow.bytes_sent_total : flow.bytes_received_total) > 0) return false;
  const std::uint64_t not_taken = socket.inbound() ? flow.unread_bytes : flow.unacked_bytes;
  const std::uint64_t taken = flow.request_bytes - std::min<std::uint64_t>(flow.request_bytes, not_taken);
  if (socket.answers_unheard_of) return taken >= kReadBytes || writes_on(flow, at);
  return taken >= kReadBytes && is_unlike_requests(socket, at);
}

Duration answer_limit(const Flow& flow) {
  return std::max(kAnswerAtLeast, Duration(std::chrono::microseconds(2 * std::int64_t{flow.srtt_us})));
}

// A response that close() found still in the send queue is on its way, whatever the device has seen of it.
bool response_is_queued(const SocketRecord& socket, const EndFacts& facts) {
  return socket.inbound() && facts.kind == EndKind::kClosedLocally && socket.flow.unacked_bytes > 0;
}

// The peer answered before it had all of the request: who closes then has its answer. A RST may have taken it away from
// the application (RFC 9112 section 9.6).
bool has_early_answer(const Flow& flow, const EndFacts& facts) {
  return flow.answered_early_bytes > 0 && facts.kind != EndKind::kResetReceived && facts.kind != EndKind::kTimedOut;
}

bool in_response(const SocketRecord& socket, MonoTime at) {
  const Flow& flow = socket.flow;
  const auto& last = socket.inbound() ? flow.last_sent_at : flow.last_received_at;
  return flow.in_response && last && at - *last < kInResponse;
}

std::optional<bool> request_acked(const SocketRecord& socket, MonoTime at) {
  const Flow& flow = socket.flow;
  if (socket.inbound() || !flow.request_first_at) return std::nullopt;
  if (flow.request_acked || flow.request_acked_at) return true;
  // A goodbye was appended to a request that had waited long: its bytes cannot have been acknowledged yet, the others
  // were.
  const Duration fresh = std::max(kGoodbyeWithin, Duration(std::chrono::microseconds(2 * std::int64_t{flow.srtt_us})));
  return flow.request_last_at && *flow.request_last_at - *flow.request_first_at >= kSeparateWrite &&
         at - *flow.request_last_at < fresh && flow.unacked_bytes <= kGoodbyeBytes &&
         flow.unacked_bytes < flow.request_bytes;
}

bool wrote_after_fin(const Flow& flow) {
  return flow.fin_received_at && flow.last_sent_at && *flow.last_sent_at > *flow.fin_received_at;
}

// What was written around the peer's FIN, or as the last thing before it, may be a goodbye (TLS close_notify, QUIT)
// rather than a request: it is small, and smaller than anything that was ever answered here.
bool looks_like_goodbye(const SocketRecord& socket) {
  const Flow& flow = socket.flow;
  if (flow.request_bytes > kGoodbyeBytes || !had_exchange(socket)) return false;
  return !socket.smallest_request_bytes || flow.request_bytes < *socket.smallest_request_bytes;
}

void judge_goodbye(SocketRecord& socket, SocketEnd& end) {
  socket.maybe_goodbye = false;
  const Flow& flow = socket.flow;
  if (socket.inbound() || !end.outstanding || !flow.fin_received_at || !looks_like_goodbye(socket)) return;
  const bool closed_with_it =
      flow.fin_sent_at && flow.last_sent_at && *flow.fin_sent_at - *flow.last_sent_at < kGoodbyeWithin;
  if (wrote_after_fin(flow)) {
    // A pool that looks at its connection says goodbye to the peer's FIN, and opens another one: only what is too long
    // for that was a request.
    const bool alert = flow.request_bytes <= kAlertBytes && socket.smallest_request_bytes;
    if (alert) end.outstanding = false;
    socket.maybe_goodbye = !alert && closed_with_it;
    return;
  }
  // It left before the FIN came. A RST tells that nobody had read it; who said goodbye closes with it.
  socket.maybe_goodbye = end.kind == EndKind::kClosedByPeer || closed_with_it;
}

void fill_peer_fin(SocketEnd& end, const SocketRecord& socket) {
  const Flow& flow = socket.flow;
  if (!flow.fin_received_at) return;
  end.after_peer_fin = true;
  end.fin_at = flow.fin_received_at;
  end.idle_at_fin = socket.idle_at_fin;
  if (!wrote_after_fin(flow)) return;
  const MonoTime fin = *flow.fin_received_at;
  const bool request_is_newer = flow.request_first_at && *flow.request_first_at > fin;
  // Where the request began before the FIN, only its newest write is known: an upper bound.
  end.fin_to_write = (request_is_newer ? *flow.request_first_at : *flow.last_sent_at) - fin;
  if (!end.idle_at_fin && request_is_newer && flow.idle_before_request) {
    end.idle_at_fin = std::max(*flow.idle_before_request - *end.fin_to_write, Duration::zero());
  }
}

// Of a response that this host waits for, or had waited for when it said goodbye (TLS close_notify).
void fill_response(SocketEnd& end, const SocketRecord& socket, bool goodbye) {
  const Flow& flow = socket.flow;
  if (socket.inbound()) return;
  end.largest_received = flow.largest_received;
  end.request_reported_twice = flow.request_retransmits > 0 && flow.spurious_retransmits > 0;
  if (flow.hole_at) {
    end.hole_bytes = flow.hole_bytes;
    end.hole_for = since(flow.hole_at, end.at);
  }
  const bool behind_goodbye = goodbye && flow.exchanges > 0 && flow.idle_before_request;
  if (!behind_goodbye && (!flow.in_response || flow.outstanding)) return;
  end.response_silence = behind_goodbye ? flow.idle_before_request : since(flow.last_received_at, end.at);
  end.response_gap = std::chrono::microseconds(flow.response_gap_us);
  if (flow.reader_waited_us > 0) end.reader_waited = std::chrono::microseconds(flow.reader_waited_us);
}

// Who closed had not all of the response: later bytes had come, or it waited for more until the end. What had been as
// silent before and went on is no response but a stream.
bool response_stalled(const SocketRecord& socket) {
  const SocketEnd& end = *socket.end;
  if (end.outstanding || !end.response_silence || *end.response_silence < kStalled) return false;
  if (!by_this_side(end.kind) && end.kind != EndKind::kTimedOut) return false;
  if (end.hole_for && *end.hole_for >= kStalled) return true;
  const bool streams = 2 * *end.response_gap >= *end.response_silence;
  return !streams && !end.process_exiting && end.reader_waited &&
         *end.response_silence - *end.reader_waited <= std::max(kLooksApart, *end.response_silence / 2);
}

// The newest thing that left before the RST was sent again: at least a round trip had passed since the new data.
std::optional<Duration> retransmit_to_end(const SocketRecord& socket, MonoTime at) {
  if (!socket.last_retransmit_at) return std::nullopt;
  const Flow& flow = socket.flow;
  const Duration since = at - *socket.last_retransmit_at;
  const bool newest = !flow.last_sent_at || *flow.last_sent_at <= *socket.last_retransmit_at ||
                      *flow.last_sent_at + std::chrono::microseconds(flow.rtt_min_us / 2) >= at;
  return newest && since <= answer_limit(flow) ? std::optional(since) : std::nullopt;
}

}  // namespace

void end_socket(SocketRecord& socket, const EndFacts& facts) {
  const Flow& flow = socket.flow;
  SocketEnd end;
  end.kind = facts.kind;
  end.at = facts.at;
  end.phase = model::phase_of(facts.state);
  end.by_application = facts.by_application;
  end.process_exiting = facts.process_exiting;
  end.socket_error = facts.socket_error;
  end.age = since(opened_at(socket), facts.at);
  end.keepalive_on = flow.keepalive_on;
  end.mss = flow.mss;
  end.srtt_us = known(flow.srtt_us);
  end.rtt_us = known(flow.rtt_us);
  end.bytes_received_total = flow.bytes_received_total;
  end.unacked_bytes = flow.unacked_bytes;
  end.unread_bytes = flow.unread_bytes;
  if (facts.kind != EndKind::kConnectFailed) {
    const bool goodbye = is_goodbye(socket, facts);
    end.outstanding = flow.outstanding && !goodbye && !is_stream(socket, facts.at) &&
                      !response_is_queued(socket, facts) && !has_early_answer(flow, facts);
    end.in_response = in_response(socket, facts.at);
    end.idle = since(last_data_at(flow), facts.at);
    if (goodbye && flow.idle_before_request) end.idle = *flow.idle_before_request + (facts.at - *flow.request_first_at);
    if (end.outstanding) end.wait = since(flow.request_first_at, facts.at);
    end.idle_before_request = flow.idle_before_request;
    end.last_write_to_end = since(flow.last_sent_at, facts.at);
    end.request_acked = request_acked(socket, facts.at);
    if (flow.request_acked_at && flow.request_last_at && *flow.request_acked_at >= *flow.request_last_at) {
      end.ack_after = *flow.request_acked_at - *flow.request_last_at;
    }
    if (end.outstanding) end.answered_early_bytes = flow.answered_early_bytes;
    end.probes_unanswered = flow.probes_unanswered;
    end.full_segment_acked = flow.full_segment_acked;
    end.request_bytes = flow.request_bytes;
    end.response_bytes = flow.response_bytes;
    end.request_retransmits = flow.request_retransmits;
    end.request_rtos = flow.request_rtos;
    fill_response(end, socket, goodbye);
    if (facts.kind != EndKind::kClosedByPeer || wrote_after_fin(flow)) fill_peer_fin(end, socket);
    if (facts.kind == EndKind::kClosedByPeer || facts.kind == EndKind::kResetReceived) judge_goodbye(socket, end);
    if (facts.kind == EndKind::kResetReceived) end.retransmit_to_end = retransmit_to_end(socket, facts.at);
  }
  socket.end = end;
  socket.end->stalled = response_stalled(socket);
  const bool ends_a_call =
      facts.kind == EndKind::kConnectFailed || end.outstanding || end.in_response || socket.end->stalled;
  if (ends_a_call && !socket.inbound()) {
    socket.end->app_gap = flow.app_gap;
    socket.end->app_gap_ambiguous = flow.app_gap && flow.app_gap_ambiguous;
  }
  socket.request_at_end = newest_request(flow);
  if (is_goodbye(socket, facts)) socket.request_at_end.app_gap.reset();
  socket.bytes_sent_at_end = flow.bytes_sent;
}

bool meets_write_after_fin(const SocketRecord& socket, TcpState state) {
  if (!socket.end || socket.end->kind != EndKind::kClosedByPeer || socket.inbound()) return false;
  if (state != TcpState::kCloseWait && state != TcpState::kLastAck) return false;
  return wrote_after_fin(socket.flow) || socket.flow.outstanding;
}

bool closes_after_write(const SocketRecord& socket) {
  return socket.end && socket.end->kind == EndKind::kClosedByPeer && !socket.inbound() &&
         wrote_after_fin(socket.flow) && socket.flow.outstanding && socket.flow.answered_early_bytes == 0;
}

// A program that ends with a call just begun (a benchmark, a job that has seen enough) misses no answer.
bool left_with_its_process(const SocketRecord& socket) {
  const SocketEnd& end = *socket.end;
  return !socket.inbound() && end.process_exiting && by_this_side(end.kind) && end.outstanding && end.wait &&
         *end.wait < kSeparateWrite;
}

bool exchange_failed(const SocketRecord& socket) {
  if (!socket.end || socket.end->kind == EndKind::kConnectFailed) return false;
  const SocketEnd& end = *socket.end;
  if (socket.maybe_goodbye && !socket.reconnected) return false;
  if (left_with_its_process(socket)) return false;
  if (end.outstanding) {
    // shutdown(SHUT_WR) says "that was all I ask", and the answer may follow (RFC 9293 section 3.6).
    if (!socket.inbound() && end.kind == EndKind::kClosedLocally) {
      return socket.flow.bytes_received_total <= end.bytes_received_total;
    }
    if (socket.inbound() && (end.kind == EndKind::kClosedByPeer || end.kind == EndKind::kClosedLocally)) {
      return socket.flow.bytes_sent <= socket.bytes_sent_at_end;
    }
    return true;
  }
  if (end.stalled) return true;
  if (!end.in_response) return false;
  switch (end.kind) {
    case EndKind::kResetReceived:
    case EndKind::kTimedOut:
      // After the peer's FIN its response was complete. Of a response of ours some of it must be missing.
      return socket.inbound() ? end.unacked_bytes > 0 : !end.after_peer_fin;
    case EndKind::kResetSent:
      // An application that leaves in the middle of a response did so by its own will.
      return socket.inbound() ? end.unacked_bytes > 0
                              : end.cause == model::LocalResetCause::kKeepaliveExpired ||
                                    end.cause == model::LocalResetCause::kOutOfMemory ||
                                    end.cause == model::LocalResetCause::kAbortedByAdmin ||
                                    end.cause == model::LocalResetCause::kListenerClosed;
    case EndKind::kClosedLocally:
    case EndKind::kClosedByPeer:
    case EndKind::kConnectFailed:
      break;
  }
  return false;
}

bool exchange_pending(const SocketRecord& socket) {
  const Flow& flow = socket.flow;
  if (!socket.open() || socket.end || !flow.outstanding || is_stream(socket, socket.flow_at)) return false;
  // One that was closing already when the trace began has no end here.
  return socket.inbound() ? !flow.fin_sent_at : !flow.fin_sent_at && !flow.fin_received_at;
}

model::Terminator ended_by(const SocketRecord& socket) {
  using model::Terminator;
  if (!socket.end) return Terminator::kNone;
  switch (socket.end->kind) {
    case EndKind::kResetReceived:
    case EndKind::kClosedByPeer:
      return Terminator::kRemote;
    case EndKind::kResetSent:
    case EndKind::kClosedLocally:
    case EndKind::kTimedOut:
      return Terminator::kLocal;
    case EndKind::kConnectFailed:
      break;
  }
  const bool answered_by_reset =
      socket.outcome == model::ConnectOutcome::kRefused || socket.outcome == model::ConnectOutcome::kReset;
  return answered_by_reset ? Terminator::kRemote : Terminator::kLocal;
}

std::optional<model::EndedWith> ended_with(const SocketRecord& socket) {
  using model::EndedWith;
  if (!socket.end) return std::nullopt;
  switch (socket.end->kind) {
    case EndKind::kResetReceived:
    case EndKind::kResetSent:
      return EndedWith::kRst;
    case EndKind::kClosedLocally:
    case EndKind::kClosedByPeer:
      return EndedWith::kFin;
    case EndKind::kTimedOut:
      return EndedWith::kTimeout;
    case EndKind::kConnectFailed:
      break;
  }
  switch (socket.outcome.value_or(model::ConnectOutcome::kPending)) {
    case model::ConnectOutcome::kRefused:
      // An ICMP "port unreachable" refuses without a RST.
      return socket.reset_in_handshake ? std::optional(EndedWith::kRst) : std::nullopt;
    case model::ConnectOutcome::kReset:
      return EndedWith::kRst;
    case model::ConnectOutcome::kTimedOut:
      return EndedWith::kTimeout;
    default:
      return std::nullopt;  // nothing was sent to end it
  }
}

}  // namespace tcpdiag::correlate
