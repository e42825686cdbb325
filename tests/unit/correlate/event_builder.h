// SPDX-License-Identifier: Apache-2.0
// Writes event sequences as the live source emits them: a Conversation is one socket whose figures move on with what it
// does; only what the kernel programs report becomes an event.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "correlate/correlator.h"
#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::correlate::testing {

using model::TcpState;

constexpr std::int64_t kStartNs = 7'000'000'000'000;  // of the monotonic clock
constexpr model::MonoTime ms(double offset) {
  return model::MonoTime(model::Duration(kStartNs + static_cast<std::int64_t>(offset * 1e6)));
}

inline model::TraceStart trace_start() {
  model::TraceStart start;
  // 2026-11-21 02:31:07.250 UTC
  start.clock = {ms(0), model::WallTime(std::chrono::milliseconds(1'795'228'267'250))};
  start.recording_id = "00000000-0000-4000-8000-000000000000";
  start.abilities = {{"retransmit_failures", true, ""}, {"reset_without_socket", true, ""}};
  start.reset_reasons = {{1, "SK_RST_REASON_NO_SOCKET"},
                         {8, "SK_RST_REASON_TCP_ABORT_ON_DATA"},
                         {11, "SK_RST_REASON_TCP_ABORT_ON_CLOSE"},
                         {14, "SK_RST_REASON_TCP_STATE"},
                         {15, "SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT"}};
  start.drop_reasons = {{12, "NETFILTER_DROP"}, {64, "QDISC_DROP"}};
  return start;
}

inline model::Owner owner(std::uint32_t pid, std::string comm, model::OwnerSource source = model::OwnerSource::kOwner) {
  model::Owner made;
  made.pid = pid;
  made.tid = pid;
  made.comm = std::move(comm);
  made.cgroup_id = 100 + pid;
  made.source = source;
  return made;
}

// One socket. `to` gets its events.
class Conversation {
 public:
  using Out = std::function<void(const model::Event&)>;

  Conversation(Out out, std::uint64_t id, model::Role role, std::uint16_t remote_port = 443) : out_(std::move(out)) {
    ref.id = {id};
    ref.cookie = id;
    ref.role = role;
    ref.role_source = role == model::Role::kOutbound ? model::RoleSource::kConnect : model::RoleSource::kAccept;
    ref.local = {*model::Address::parse("10.0.0.1"), static_cast<std::uint16_t>(40000 + id)};
    ref.remote = {*model::Address::parse("10.0.0.2"), remote_port};
    if (role == model::Role::kInbound) {
      ref.local.port = 8080;
      ref.remote.port = static_cast<std::uint16_t>(50000 + id);
    }
    ref.netns_inode = 4026531840;
    who = role == model::Role::kOutbound ? std::optional(owner(811, "ruby")) : std::nullopt;
  }

  model::SocketRef ref;
  model::Flow flow;
  std::optional<model::Owner> who;

  bool inbound() const { return ref.role == model::Role::kInbound; }

  Conversation& older_than_trace() {
    ref.older_than_trace = true;
    ref.role_source = model::RoleSource::kDerived;
    flow.state = TcpState::kEstablished;
    return *this;
  }

  void emit(double at, model::EventBody body, std::optional<TcpState> state = {}) {
    model::Event event{ms(at), ref, flow, who, std::move(body)};
    if (state) event.flow.state = *state;
    out_(event);
  }

  // --- as the kernel does it ---
  void connect(double at) {
    flow.opened_at = ms(at);
    const auto port = std::exchange(ref.local.port, std::uint16_t{0});
    emit(at, model::ConnectStarted{}, TcpState::kClose);
    ref.local.port = port;
    flow.syn_at = ms(at);
    flow.state = TcpState::kSynSent;
  }
  void established(double at) {
    if (inbound()) flow.opened_at = ms(at);
    flow.established_at = ms(at);
    emit(at, model::Established{}, inbound() ? TcpState::kSynRecv : TcpState::kSynSent);
    flow.state = TcpState::kEstablished;
  }
  void open(double at, double took = 1) {
    if (!inbound()) connect(at);
    established(at + took);
  }
  // The side that asks. For an inbound socket that is the peer.
  void request(double at, std::uint32_t bytes = 100) {
    if (!flow.outstanding) {
      std::optional<model::MonoTime> last = flow.established_at;
      if (flow.last_sent_at) last = std::max(last.value_or(*flow.last_sent_at), *flow.last_sent_at);
      if (flow.last_received_at) last = std::max(last.value_or(*flow.last_received_at), *flow.last_received_at);
      flow.idle_before_request = last ? std::optional(ms(at) - *last) : std::nullopt;
      flow.outstanding = true;
      flow.in_response = false;
      flow.request_first_at = ms(at);
      flow.request_bytes = 0;
      flow.response_bytes = 0;
      flow.request_retransmits = 0;
      flow.request_rtos = 0;
    }
    flow.request_last_at = ms(at);
    flow.request_acked_at.reset();
    flow.request_acked = false;
    flow.request_bytes += bytes;
    if (inbound()) {
      received(at, bytes);
    } else {
      flow.last_sent_at = ms(at);
      flow.unacked_bytes += bytes;
    }
  }
  void acked(double at) {
    flow.request_acked_at = ms(at);
    flow.request_acked = true;
    deliver();
  }
  void response(double at, std::uint32_t bytes = 1000) {
    if (flow.outstanding) {
      ++flow.exchanges;
      flow.outstanding = false;
      flow.in_response = true;
      flow.response_first_at = ms(at);
      flow.first_byte_max_us = std::max(
          flow.first_byte_max_us, static_cast<std::uint32_t>(model::microseconds(ms(at) - *flow.request_last_at)));
    }
    flow.response_bytes += bytes;
    if (inbound()) {
      flow.last_sent_at = ms(at);
      flow.unacked_bytes += bytes;
    } else {
      deliver();
      received(at, bytes);
    }
  }
  // The peer acknowledged what we had sent.
  void deliver() {
    flow.bytes_sent += flow.unacked_bytes;
    flow.bytes_sent_total += flow.unacked_bytes;
    flow.unacked_bytes = 0;
  }
  void exchange(double at, double took = 1) {
    request(at);
    response(at + took);
    if (inbound()) deliver();
  }

  // --- what becomes an event ---
  void change(double at, TcpState to, model::StateChanged facts = {}) {
    facts.from = flow.state;
    facts.to = to;
    facts.syn_was_sent = facts.syn_was_sent || flow.syn_at.has_value();
    if (to == TcpState::kCloseWait) flow.fin_received_at = ms(at);
    if (to == TcpState::kFinWait1 || to == TcpState::kLastAck) flow.fin_sent_at = ms(at);
    emit(at, facts, facts.from);
    flow.state = to;
  }
  void close(double at) {
    change(at, flow.state == TcpState::kCloseWait ? TcpState::kLastAck : TcpState::kFinWait1, {.by_application = true});
  }
  void peer_fin(double at) { change(at, TcpState::kCloseWait); }
  void gone(double at, int error = 0) { change(at, TcpState::kClose, {.socket_error = error}); }
  // A RST and what the kernel does next.
  void reset_received(double at) {
    emit(at, model::ResetReceived{});
    const int error = flow.state == TcpState::kSynSent     ? ECONNREFUSED
                      : flow.state == TcpState::kCloseWait ? EPIPE
                                                           : ECONNRESET;
    gone(at, error);
  }
  // An abortive close: the state first, then the RST.
  void abort(double at, model::ResetSent reset) {
    reset.previous_state = flow.state;
    change(at, TcpState::kClose, {.by_application = true, .process_exiting = reset.process_exiting});
    emit(at, reset, TcpState::kClose);
  }
  // An inbound request is answered after a long wait. calls: begun meanwhile by the thread that read it.
  void slow_answer(double at, std::optional<std::uint8_t> calls) {
    flow.calls_since_read = calls;
    emit(at, model::SlowAnswer{});
    response(at);
    flow.calls_since_read.reset();
  }
  void syn_retransmitted(double at, int error = 0) {
    emit(at, model::Retransmitted{.error = error, .ca_state = 4, .is_syn = true, .first_sent_at = flow.syn_at});
  }
  void snapshot(model::Sink& to, double at, model::SnapshotMoment moment) const {
    to.on_sample(model::SocketSnapshot{ms(at), moment, ref, flow, who});
  }

 private:
  void received(double at, std::uint32_t bytes) {
    flow.last_received_at = ms(at);
    flow.bytes_received += bytes;
    flow.bytes_received_total += bytes;
  }

  Out out_;
};

// A trace: a correlator with its beginning and end.
class Trace {
 public:
  explicit Trace(Limits limits = {}, model::TraceStart start = trace_start()) : correlator(limits) {
    correlator.on_sample(std::move(start));
  }

  Correlator correlator;

  Conversation outbound(std::uint64_t id, std::uint16_t port = 443) {
    return {[this](const model::Event& e) { correlator.on_event(e); }, id, model::Role::kOutbound, port};
  }
  Conversation inbound(std::uint64_t id) {
    return {[this](const model::Event& e) { correlator.on_event(e); }, id, model::Role::kInbound};
  }
  model::Picture end(double at, model::Loss loss = {}) {
    model::TraceEnd end;
    end.at = ms(at);
    end.loss = loss;
    correlator.on_sample(end);
    return correlator.finish();
  }
};

inline model::EndpointKey remote_endpoint(std::uint16_t port = 443) {
  return {model::Role::kOutbound, {*model::Address::parse("10.0.0.2"), port}, 4026531840};
}

// The first mark of this kind; null: there is none.
template <typename Mark>
const Mark* mark_of(const model::SocketStory& story) {
  for (const model::TimelineMark& mark : story.timeline) {
    if (const Mark* found = std::get_if<Mark>(&mark.body)) return found;
  }
  return nullptr;
}

inline std::vector<std::string_view> kinds_of(const model::SocketStory& story) {
  std::vector<std::string_view> kinds;
  for (const model::TimelineMark& mark : story.timeline) {
    std::visit([&kinds]<typename Mark>(const Mark&) { kinds.push_back(Mark::kName); }, mark.body);
  }
  return kinds;
}

inline double to_ms(std::optional<model::Duration> duration) {
  return duration ? static_cast<double>(duration->count()) / 1e6 : -1;
}

}  // namespace tcpdiag::correlate::testing
