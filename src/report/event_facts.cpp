// SPDX-License-Identifier: Apache-2.0
#include "report/event_facts.h"

#include <algorithm>
#include <optional>

#include "model/reset_cause.h"
#include "model/retransmit.h"

namespace tcpdiag::report {
namespace {

using model::MonoTime;
using model::TcpState;

const char* state_name(TcpState state) {
  switch (state) {
    case TcpState::kEstablished:
      return "ESTABLISHED";
    case TcpState::kSynSent:
      return "SYN_SENT";
    case TcpState::kSynRecv:
    case TcpState::kNewSynRecv:
      return "SYN_RECV";
    case TcpState::kFinWait1:
      return "FIN_WAIT1";
    case TcpState::kFinWait2:
      return "FIN_WAIT2";
    case TcpState::kTimeWait:
      return "TIME_WAIT";
    case TcpState::kClose:
      return "CLOSE";
    case TcpState::kCloseWait:
      return "CLOSE_WAIT";
    case TcpState::kLastAck:
      return "LAST_ACK";
    case TcpState::kListen:
      return "LISTEN";
    case TcpState::kClosing:
      return "CLOSING";
    case TcpState::kUnknown:
      break;
  }
  return "UNKNOWN";
}

class Facts {
 public:
  Facts(const model::TraceStart& start, const model::Event& event) : start_(start), event_(event) {}

  EventFacts operator()(const model::ConnectStarted&) { return as("connect"); }

  EventFacts operator()(const model::Established&) {
    if (event_.socket.role == model::Role::kInbound) return as("accepted");
    since("took_us", event_.flow.syn_at);
    return as("established");
  }

  EventFacts operator()(const model::StateChanged& change) {
    if (change.to == TcpState::kEstablished) return (*this)(model::Established{});
    const bool is_over = change.to == TcpState::kClose;
    const bool is_theirs = change.to == TcpState::kCloseWait;
    const bool is_ours = change.to == TcpState::kFinWait1 || change.to == TcpState::kLastAck;
    detail_["state"] = state_name(change.from);
    if (!is_over && !is_theirs && !is_ours) detail_["to"] = state_name(change.to);
    errors(change.socket_error, change.soft_error);
    flag("by_application", change.by_application);
    flag("process_exiting", change.process_exiting);
    waited();
    return as(is_over ? "closed" : is_theirs ? "fin_received" : is_ours ? "fin_sent" : "state");
  }

  EventFacts operator()(const model::Retransmitted& again) {
    const bool failed = model::retransmit_failure(again) != model::RetransmitFailure::kNone;
    detail_["kind"] = model::to_string(model::retransmit_kind(again));
    detail_["segments"] = again.segments;
    since("delay_us", again.is_syn && !again.first_sent_at ? event_.flow.syn_at : again.first_sent_at);
    if (again.first_sent_bound > model::Duration::zero()) {
      detail_["bound_us"] = model::microseconds(again.first_sent_bound);
    }
    if (again.error < 0) detail_["errno"] = -again.error;
    if (again.error > 0) detail_["qdisc_code"] = again.error;
    if (failed || (again.is_syn && again.error != 0)) return as("retransmit_failed");
    return as(again.is_syn ? "syn_retransmit" : "retransmit");
  }

  EventFacts operator()(const model::SynAckRetransmitted& again) {
    since("delay_us", again.first_sent_at);
    return as("synack_retransmit");
  }

  EventFacts operator()(const model::ResetSent& reset) {
    const TcpState now = event_.flow.state;
    const bool is_over = now == TcpState::kClose || now == TcpState::kUnknown;
    const std::string reason = model::reset_reason(start_, reset.reason);
    detail_["phase"] = model::to_string(event_.socket.id.value == 0 && !reset.in_time_wait
                                            ? model::Phase::kNoSocket
                                            : model::phase_of(is_over ? reset.previous_state : now));
    detail_["cause"] = model::to_string(model::local_reset_cause(reason, reset, event_.socket, event_.flow).cause);
    if (!reason.empty()) detail_["reason"] = reason;
    waited();
    return as("reset_sent");
  }

  EventFacts operator()(const model::ResetReceived&) {
    detail_["phase"] = model::to_string(model::phase_of(event_.flow.state));
    waited();
    return as("reset_received");
  }

  EventFacts operator()(const model::Destroyed&) { return as("destroyed"); }

  EventFacts operator()(const model::OwnerSeen&) { return as("owner"); }

  EventFacts operator()(const model::ErrorReported& report) {
    errors(report.socket_error, report.soft_error);
    return as("error");
  }

  EventFacts operator()(const model::SlowAnswer&) {
    since("wait_us", event_.flow.request_first_at);
    if (event_.flow.calls_since_read) detail_["calls_since_read"] = *event_.flow.calls_since_read;
    return as("slow_answer");
  }

 private:
  EventFacts as(std::string_view kind) { return {kind, std::move(detail_)}; }

  void flag(const char* key, bool is_set) {
    if (is_set) detail_[key] = true;
  }

  void since(const char* key, const std::optional<MonoTime>& then) {
    if (then) detail_[key] = std::max<std::int64_t>(model::microseconds(event_.at - *then), 0);
  }

  void errors(int socket_error, int soft_error) {
    if (socket_error != 0) detail_["errno"] = socket_error;
    if (soft_error != 0) detail_["soft_errno"] = soft_error;
  }

  // How long the oldest unanswered request has waited, and the silence both ways.
  void waited() {
    const model::Flow& flow = event_.flow;
    if (flow.outstanding) since("wait_us", flow.request_first_at);
    const std::optional<MonoTime>& sent = flow.last_sent_at;
    const std::optional<MonoTime>& received = flow.last_received_at;
    since("idle_us", sent && received ? std::optional(std::max(*sent, *received)) : sent ? sent : received);
  }

  const model::TraceStart& start_;
  const model::Event& event_;
  Json detail_ = Json::object();
};

}  // namespace

EventFacts facts_of(const model::TraceStart& start, const model::Event& event) {
  return std::visit(Facts(start, event), event.body);
}

}  // namespace tcpdiag::report
