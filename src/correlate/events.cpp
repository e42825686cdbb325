// SPDX-License-Identifier: Apache-2.0
// What each kind of event does to its socket and endpoint.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <variant>

#include "correlate/connect.h"
#include "correlate/counting.h"
#include "correlate/drops.h"
#include "correlate/ending.h"
#include "correlate/endpoints.h"
#include "correlate/newest_connects.h"
#include "correlate/slow_answer.h"
#include "correlate/state.h"
#include "correlate/stray_resets.h"
#include "correlate/totals.h"
#include "correlate/tuples.h"
#include "model/drop_reason.h"
#include "model/reset_cause.h"
#include "model/retransmit.h"

namespace tcpdiag::correlate {
namespace {

using model::ConnectOutcome;
using model::EndKind;
using model::Event;
using model::Measure;
using model::MonoTime;
using model::TcpState;
namespace mark = model::mark;

std::string drop_name(const State& state, const model::Dropped& dropped) {
  return state.start ? model::drop_reason(*state.start, dropped.reason) : std::to_string(dropped.reason);
}

void record_drop(State& state, SocketRecord& socket, MonoTime at, const model::Dropped& dropped) {
  EndpointRecord& endpoint = state.endpoints[socket.endpoint];
  count_drop(endpoint.drops, drop_name(state, dropped), at, dropped);
  note_drop(socket, at, dropped);
  count(state, endpoint, at, {.drops = 1});
  const mark::Dropped entry{dropped.incoming, dropped.is_syn,   dropped.is_fin, dropped.is_rst,
                            dropped.reason,   dropped.segments, dropped.bytes()};
  add_mark(socket, {at, entry}, state.limits.timeline_entries);
}

bool is_synchronized(TcpState state) {
  switch (state) {
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kClosing:
    case TcpState::kCloseWait:
    case TcpState::kLastAck:
      return true;
    default:
      return false;
  }
}

// One event, with what it happens to.
class EventHandler {
 public:
  EventHandler(State& state, SocketRecord& socket, const Event& event)
      : state_(state), socket_(socket), event_(event), at_(event.at) {}

  void begin(bool is_new) {
    if (is_new && event_.socket.role == model::Role::kOutbound && !event_.socket.older_than_trace) {
      socket_.attempt = true;
      socket_.attempt_at = event_.flow.opened_at.value_or(at_);
      correlate::count(state_, endpoint(), *socket_.attempt_at, {.connects = 1});
      note_connect(state_, socket_, *socket_.attempt_at);
      note_look_up();
    }
    const bool is_birth = std::holds_alternative<model::ConnectStarted>(event_.body) ||
                          std::holds_alternative<model::Established>(event_.body);
    if (is_new && !is_birth) note(mark::FirstSeen{});
    // The event that reported the handshake's end was lost, or the socket was met later.
    if (socket_.attempt && !socket_.outcome && !std::holds_alternative<model::Established>(event_.body) &&
        (socket_.flow.established_at || is_synchronized(event_.flow.state))) {
      established(socket_.flow.established_at);
    }
  }

  void operator()(const model::ConnectStarted&) { note(mark::Connect{}); }

  void operator()(const model::Established&) {
    if (socket_.inbound()) {
      note(mark::Accepted{});
      return;
    }
    if (socket_.attempt && !socket_.outcome) established(at_);
    note(mark::Established{});
  }

  void operator()(const model::StateChanged& change) {
    if (change.to == TcpState::kEstablished) {
      (*this)(model::Established{});
      return;
    }
    if (change.to == TcpState::kClose) {
      if (change.from == TcpState::kSynSent || change.from == TcpState::kSynRecv) {
        handshake_failed(change);
      } else {
        closed(change);
      }
      note(mark::Closed{change.socket_error});
      mark_over(state_, socket_, at_);
      return;
    }
    if (change.to == TcpState::kCloseWait) {
      fin_received(change);
    } else if (change.to == TcpState::kFinWait1 || change.to == TcpState::kLastAck) {
      note(mark::FinSent{});
      if (closes_after_write(socket_)) end(EndKind::kClosedByPeer, change);
      if (socket_.end) return;
      if (change.to == TcpState::kFinWait1) {
        end(EndKind::kClosedLocally, change);
      } else {
        end_from_fins();
      }
    }
  }

  void operator()(const model::Retransmitted& retransmitted) {
    if (retransmitted.is_syn && retransmitted.error < 0) {
      socket_.syn_error = -retransmitted.error;
      ++socket_.syns_failed;
    }
    explain_retransmit(socket_, at_, retransmitted);
    switch (model::retransmit_failure(retransmitted)) {
      case model::RetransmitFailure::kBusy:
        ++socket_.retransmit_failed_busy;
        break;
      case model::RetransmitFailure::kOther:
        ++socket_.retransmit_failed_other;
        break;
      case model::RetransmitFailure::kNone:
        sent_again(retransmitted);
        return;
    }
    note(mark::Retransmit{.kind = model::retransmit_kind(retransmitted),
                          .failed = true,
                          .segments = retransmitted.segments,
                          .error = retransmitted.error});
  }

  void operator()(const model::SynAckRetransmitted&) {}  // apply_event() counts it: it has no connection

  void operator()(const model::ResetSent& reset) {
    TcpState before = event_.flow.state;
    if (before == TcpState::kClose || before == TcpState::kUnknown) before = reset.previous_state;
    if (before == TcpState::kUnknown) before = socket_.last_state;
    const std::string reason = reason_name(state_, reset.reason);
    const model::ResetCause cause = model::local_reset_cause(reason, reset, socket_.ref, socket_.flow);

    ++socket_.resets.sent;
    count_reason(endpoint().reset_reasons, reason);
    count_reset(before, Measure::kResetSentAge, Measure::kResetSentIdle, Measure::kResetSentWait);
    note(mark::ResetSent{model::phase_of(before), cause.cause, reset.reason});

    // In the handshake a RST answers a stray packet and ends nothing of ours (RFC 9293 section 3.10.7.3).
    if (model::phase_of(before) == model::Phase::kSynSent) return;
    if (!socket_.end) {
      end_with({EndKind::kResetSent, at_, before, !reset.answers_packet && event_.flow.state == TcpState::kClose,
                reset.process_exiting, 0});
    } else if (socket_.reset_expected) {
      socket_.end->kind = EndKind::kResetSent;
      socket_.end->process_exiting = socket_.end->process_exiting || reset.process_exiting;
    } else {
      return;
    }
    socket_.reset_expected = false;
    socket_.end->cause = cause.cause;
    socket_.end->cause_from_kernel = cause.from_kernel;
    socket_.end->kernel_reason = reason;
  }

  void operator()(const model::ResetReceived&) {
    TcpState before = event_.flow.state;
    if (before == TcpState::kClose) return;  // the kernel ignores it there
    if (before == TcpState::kUnknown) before = socket_.last_state;
    reset_received(before);
  }

  void operator()(const model::Destroyed&) {
    if (!socket_.open()) return;
    // The change to CLOSE was lost.
    if (socket_.attempt && !socket_.outcome) {
      handshake_failed({.from = TcpState::kSynSent,
                        .to = TcpState::kClose,
                        .syn_was_sent = socket_.flow.syn_at.has_value() || socket_.syn_retransmits > 0});
    } else if (!socket_.end) {
      end_from_fins();
    }
    note(mark::Closed{});
    mark_over(state_, socket_, at_);
  }

  void operator()(const model::OwnerSeen&) {}  // the owner came with the event

  void operator()(const model::SlowAnswer&) {
    const auto slow = slowly_answered(socket_, event_);
    if (!slow) return;
    add_slow_request(endpoint().folded.slow_answers, *slow);
    if (slow->without_call()) note_longer(socket_.no_call_look_up, look_up_during(state_, socket_, *slow));
    note(mark::SlowAnswer{slow->wait(), slow->calls});
  }

  void operator()(const model::Dropped& dropped) { record_drop(state_, socket_, at_, dropped); }

  void operator()(const model::ErrorReported& report) {
    const int error = report.socket_error != 0 ? report.socket_error : report.soft_error;
    if (event_.flow.state == TcpState::kSynSent && is_icmp_error(report, socket_.reset_in_handshake)) {
      ++socket_.icmp_errors;
    }
    if (error != 0) note(mark::Error{error});
  }

 private:
  EndpointRecord& endpoint() { return state_.endpoints[socket_.endpoint]; }
  void count(const SecondCounts& what) { correlate::count(state_, endpoint(), at_, what); }
  void count_outcome(ConnectOutcome outcome) { correlate::count_outcome(state_, endpoint(), at_, outcome); }

  void note(const model::MarkBody& what) { add_mark(socket_, {at_, what}, state_.limits.timeline_entries); }

  void measure(Measure which, model::Duration duration) {
    endpoint().histograms[which].add(
        static_cast<std::uint64_t>(std::max<std::int64_t>(model::microseconds(duration), 0)));
  }

  // at: absent where it was not seen when.
  void established(std::optional<MonoTime> at) {
    socket_.outcome = ConnectOutcome::kEstablished;
    count_outcome(ConnectOutcome::kEstablished);
    if (!at) return;
    if (const auto opened = opened_at(socket_)) socket_.connect_took = *at - *opened;
    const auto first_syn = socket_.flow.syn_at ? socket_.flow.syn_at : socket_.flow.opened_at;
    if (first_syn) measure(Measure::kConnect, *at - *first_syn);
    // A SYN-ACK after a second SYN may answer the first one.
    if (socket_.flow.syn_at && socket_.syn_retransmits == 0) {
      const std::int64_t syn_rtt = model::microseconds(*at - *socket_.flow.syn_at);
      add_delay(state_, endpoint(), *at, Measure::kConnect,
                static_cast<std::uint64_t>(std::max<std::int64_t>(syn_rtt, 0)));
    }
    note_established(state_, socket_, *at);
    if (first_syn) count_slow(*at, *at - *first_syn);
  }

  void count_slow(MonoTime at, model::Duration took) {
    const auto& sample = endpoint().sample;
    const std::uint64_t floor_us = sample ? sample->floor_handshake_us.value_or(0) : 0;
    const model::Duration slow =
        std::max<model::Duration>(model::kSlowConnect, std::chrono::microseconds(model::kSlowConnectFloors * floor_us));
    if (socket_.syn_retransmits == 0 && took < slow) return;
    socket_.slow_connect = true;
    model::SlowConnects& connects = endpoint().slow_connects;
    ++connects.count;
    connects.resent += socket_.syn_retransmits > 0 ? 1 : 0;
    connects.resent_syns += socket_.syn_retransmits;
    connects.took_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(model::microseconds(took), 0)));
    if (!connects.first_at) connects.first_at = at;
    connects.last_at = at;
  }

  void handshake_failed(const model::StateChanged& change) {
    if (!socket_.attempt) return;  // an inbound handshake: nobody here waits for it
    if (!socket_.outcome) {
      socket_.outcome = failed_outcome(change, socket_.reset_in_handshake);
      socket_.connect_error = change.socket_error;
      socket_.no_syn_left = !change.syn_was_sent && socket_.syn_retransmits == 0;
      if (const auto opened = opened_at(socket_)) socket_.connect_took = at_ - *opened;
      count_outcome(*socket_.outcome);
      ++state_.failures;
      const bool elsewhere =
          socket_.outcome == ConnectOutcome::kRefused || socket_.outcome == ConnectOutcome::kAbandoned;
      if (elsewhere) note_failed_connect(state_, socket_, at_);
    }
    if (!socket_.end) end(EndKind::kConnectFailed, change);
  }

  void fin_received(const model::StateChanged& change) {
    note(mark::FinReceived{});
    if (const auto data = last_data_at(socket_.flow)) {
      const MonoTime fin = socket_.flow.fin_received_at.value_or(at_);
      socket_.idle_at_fin = std::max(fin - *data, model::Duration::zero());
    }
    if (!socket_.flow.fin_received_at) socket_.flow.fin_received_at = at_;
    if (!socket_.end) end(EndKind::kClosedByPeer, change);
  }

  // X -> CLOSE of a connection.
  void closed(const model::StateChanged& change) {
    if (change.from == TcpState::kEstablished || change.from == TcpState::kCloseWait) ++state_.told.reset_ends;
    const int error = change.socket_error;
    // EPIPE is what tcp_reset() sets in CLOSE_WAIT.
    const bool by_reset = error == ECONNRESET || (error == EPIPE && change.from == TcpState::kCloseWait);
    if (by_reset && socket_.resets.received == 0 && socket_.resets.sent == 0)
      reset_received(change.from);  // its event was lost
    if (!socket_.end) {
      if (model::phase_of(change.from) == model::Phase::kAfterLocalFin) {
        end_from_fins();
      } else if (error == 0) {
        // Straight to CLOSE: an abortive close, whose RST follows (SO_LINGER 0, unread data, disconnect).
        end(EndKind::kClosedLocally, change);
        socket_.reset_expected = true;
      } else if (error == ECONNABORTED) {
        end(EndKind::kResetSent, change);  // SOCK_DESTROY; the event of its RST was lost
        socket_.end->cause = model::LocalResetCause::kAbortedByAdmin;
      } else {
        end(EndKind::kTimedOut, change);
      }
      return;
    }
    if (error != 0 && !by_reset && error != ECONNABORTED && meets_write_after_fin(socket_, change.from)) {
      end(EndKind::kTimedOut, change);
      return;
    }
    model::SocketEnd& end = *socket_.end;
    if (end.kind != EndKind::kResetSent && end.kind != EndKind::kResetReceived) return;
    if (error != 0) end.socket_error = error;
    if (end.cause == model::LocalResetCause::kUnknown && !end.cause_from_kernel) {
      end.cause = model::cause_from_error(error, end.keepalive_on);
    }
  }

  // The events of the FINs were lost, or came before the trace: what the socket remembers of them. What was outstanding
  // then is not known.
  void end_from_fins() {
    const auto sent = socket_.flow.fin_sent_at;
    const auto received = socket_.flow.fin_received_at;
    if (!sent && !received) return;
    const bool by_peer = !sent || (received && *received <= *sent);
    end_with({.kind = by_peer ? EndKind::kClosedByPeer : EndKind::kClosedLocally, .at = by_peer ? *received : *sent});
    socket_.maybe_goodbye = false;
    socket_.end->outstanding = false;
    socket_.end->in_response = false;
    socket_.end->wait.reset();
  }

  void end(EndKind kind, const model::StateChanged& change) {
    end_with({kind, at_, change.from, change.by_application, change.process_exiting, change.socket_error});
    if (exchange_failed(socket_)) ++state_.failures;
  }

  void end_with(const EndFacts& facts) {
    const EndpointRecord& record = endpoint();
    socket_.answers_unheard_of = record.flows.exchanges == 0 && (!record.sample || record.sample->exchanges == 0);
    if (record.sample) socket_.smallest_request_bytes = record.sample->smallest_request_bytes;
    if (record.sample && record.sample->exchanges > 0) {
      socket_.usual_request_bytes =
          static_cast<double>(record.sample->request_bytes) / static_cast<double>(record.sample->exchanges);
    }
    end_socket(socket_, facts);
    if (socket_.maybe_goodbye) note_left(state_, socket_, at_);
  }

  void reset_received(TcpState before) {
    ++socket_.resets.received;
    count_reset(before, Measure::kResetReceivedAge, Measure::kResetReceivedIdle, Measure::kResetReceivedWait);
    note(mark::ResetReceived{model::phase_of(before)});
    if (model::phase_of(before) == model::Phase::kSynSent) {
      socket_.reset_in_handshake = true;  // the change of state that follows tells the outcome
      return;
    }
    if (socket_.end && !meets_write_after_fin(socket_, before)) return;
    // What tcp_reset() sets next.
    const int error = before == TcpState::kCloseWait ? EPIPE : ECONNRESET;
    end_with({.kind = EndKind::kResetReceived, .at = at_, .state = before, .socket_error = error});
  }

  // Resets in the handshake have no age worth a histogram: they are refused connects.
  void count_reset(TcpState before, Measure age, Measure idle, Measure wait) {
    ++state_.failures;
    count({.resets = 1});
    ++endpoint().reset_phases[static_cast<std::size_t>(model::phase_of(before))];
    if (model::phase_of(before) == model::Phase::kSynSent) return;
    const model::Flow& flow = socket_.flow;
    if (const auto opened = opened_at(socket_)) measure(age, at_ - *opened);
    if (const auto data = last_data_at(flow)) measure(idle, at_ - *data);
    if (flow.outstanding && flow.request_first_at) measure(wait, at_ - *flow.request_first_at);
  }

  // With an error that is none of retransmit_failure() the kernel has counted it, but nothing reached the device.
  void sent_again(const model::Retransmitted& retransmitted) {
    socket_.last_retransmit_at = at_;
    socket_.retransmitted_segments_told += retransmitted.segments;
    state_.told.retransmitted_segments += retransmitted.segments;
    const model::RetransmitKind kind = model::retransmit_kind(retransmitted);
    socket_.retransmits[static_cast<std::size_t>(kind)] += retransmitted.segments;
    count({.retransmits = retransmitted.segments, .retransmits_rto = kind == model::RetransmitKind::kRto ? 1U : 0U});
    const bool is_syn = kind == model::RetransmitKind::kSyn;
    const auto first = is_syn && !retransmitted.first_sent_at ? socket_.flow.syn_at : retransmitted.first_sent_at;
    std::optional<model::Duration> delay;
    std::uint32_t bound_us = 0;
    if (first) {
      measure(model::delay_of(kind), at_ - *first);
      delay = std::max(at_ - *first, model::Duration::zero());
      bound_us = static_cast<std::uint32_t>(
          std::clamp<std::int64_t>(model::microseconds(retransmitted.first_sent_bound), 0, UINT32_MAX));
    }
    if (is_syn && retransmitted.error == 0) {
      note(mark::SynRetransmit{++socket_.syn_retransmits, bound_us, delay});
    } else {
      note(mark::Retransmit{kind, is_syn, retransmitted.segments, retransmitted.error, bound_us, delay});
    }
  }

  // Who connects is the task that also asked for the name, or another thread of it.
  void note_look_up() {
    if (!socket_.owner) return;
    socket_.look_up = state_.look_ups.before(socket_.owner->pid, socket_.owner->tid, *socket_.attempt_at);
    if (!socket_.look_up) return;
    const model::LookUpBefore& before = *socket_.look_up;
    const mark::LookUp entry{before.queries, before.repeats, before.answered, before.took};
    add_mark(socket_, {before.first_at, entry}, state_.limits.timeline_entries);
  }

  State& state_;
  SocketRecord& socket_;
  const Event& event_;
  MonoTime at_;
};

void synack_retransmitted(State& state, const Event& event, const model::SynAckRetransmitted& again) {
  model::SocketRef ref = event.socket;
  ref.role = model::Role::kInbound;  // the socket is the listener
  const auto index = find_or_make_endpoint(state, model::endpoint_of(ref), event.at, true);
  if (!index) {
    ++state.loss.endpoints_full;
    return;
  }
  EndpointRecord& endpoint = state.endpoints[*index];
  ++endpoint.synack_retransmits;
  ++state.told.retransmitted_segments;
  if (again.first_sent_at) {
    const model::Duration delay = std::max(event.at - *again.first_sent_at, model::Duration::zero());
    endpoint.histograms[Measure::kRetransmitSynAck].add(static_cast<std::uint64_t>(model::microseconds(delay)));
  }
  count(state, endpoint, event.at, {.retransmits = 1});
}

// The kernel had not looked for its socket yet, or there is none: a SYN, the last ACK of a handshake. To an endpoint
// that this host accepts at it is told by the address; what else has no socket here is somebody else's, on its way
// through this host.
void stray_drop(State& state, const Event& event, const model::Dropped& dropped) {
  if (SocketRecord* socket = find_by_tuple(state, event.socket)) {
    record_drop(state, *socket, event.at, dropped);
    return;
  }
  if (event.socket.role != model::Role::kInbound) return;
  const auto index = find_or_make_endpoint(state, model::endpoint_of(event.socket), event.at, true);
  if (!index) {
    ++state.loss.endpoints_full;
    return;
  }
  EndpointRecord& endpoint = state.endpoints[*index];
  count_drop(endpoint.drops, drop_name(state, dropped), event.at, dropped);
  count(state, endpoint, event.at, {.drops = 1});
}

TcpState state_after(const Event& event) {
  if (const auto* change = std::get_if<model::StateChanged>(&event.body)) return change->to;
  if (std::holds_alternative<model::Established>(event.body)) return TcpState::kEstablished;
  if (std::holds_alternative<model::ConnectStarted>(event.body)) return TcpState::kSynSent;
  return event.flow.state;
}

}  // namespace

void apply_event(State& state, const Event& event) {
  ++state.events_seen;
  advance(state, event.at);
  if (const auto* synack = std::get_if<model::SynAckRetransmitted>(&event.body)) {
    synack_retransmitted(state, event, *synack);
    return;
  }
  if (state.probes.take(state, event)) return;
  const auto* reset = std::get_if<model::ResetSent>(&event.body);
  // A listener answers a stray ACK with a RST: there is no connection either.
  const bool no_connection =
      event.socket.id.value == 0 || event.flow.state == TcpState::kListen || event.flow.state == TcpState::kNewSynRecv;
  if (no_connection) {
    if (reset != nullptr) stray_reset(state, event, *reset);
    if (const auto* dropped = std::get_if<model::Dropped>(&event.body)) stray_drop(state, event, *dropped);
    return;
  }
  const bool begins = std::holds_alternative<model::ConnectStarted>(event.body);
  const bool is_over =
      event.flow.state == TcpState::kClose && !begins && !std::holds_alternative<model::Destroyed>(event.body);
  const bool was_known = state.sockets.contains(event.socket.id.value);
  SocketRecord* socket = find_or_make(state, event.socket, event.flow, event.at, begins, is_over);
  if (socket == nullptr) return;
  // A second connect() on the same socket made a new record.
  const bool is_new = !was_known || (begins && socket->timeline.empty() && !socket->attempt);
  merge_ref(socket->ref, event.socket);
  index_tuple(state, *socket);
  merge_flow(socket->flow, event.flow);
  socket->flow_at = std::max(socket->flow_at, event.at);
  merge_owner(socket->owner, event.owner);
  follow_role(state, *socket);
  EndpointRecord& endpoint = state.endpoints[socket->endpoint];
  endpoint.last_seen_at = std::max(endpoint.last_seen_at, event.at);

  EventHandler handler(state, *socket, event);
  handler.begin(is_new);
  std::visit(handler, event.body);
  count_flow(state, *socket);
  if (const TcpState after = state_after(event); after != TcpState::kUnknown && after != TcpState::kClose) {
    socket->last_state = after;
  }
}

}  // namespace tcpdiag::correlate
