// SPDX-License-Identifier: Apache-2.0
// An event says what the mark that it leaves in a timeline says, and what the moment shows beside it: the state, how
// long a request has waited, the silence. So both go through Describer.
#include "report/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include "knowledge/errno_names.h"
#include "knowledge/reset_reasons.h"
#include "model/drop_reason.h"
#include "model/reset_cause.h"
#include "model/retransmit.h"
#include "report/layout.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

namespace mark = model::mark;
using model::Duration;
using model::MonoTime;
using model::RetransmitKind;
using model::TcpState;

std::string spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string with_words(const std::string& before, const std::string& value, const std::string& after = "") {
  return value.empty() ? std::string() : before + value + after;
}

// "210 ms"; empty: not known.
std::string words_of(const std::optional<Duration>& time) {
  return time ? duration(static_cast<double>(model::microseconds(*time))) : std::string();
}

// "210 ms (or up to 0.04 ms more)"
std::string delay_words(const std::optional<Duration>& delay, std::uint32_t bound_us) {
  const std::string bound = bound_us == 0 ? std::string() : fmt::format(" (or up to {} more)", duration(bound_us));
  return with_words("", words_of(delay), bound);
}

const char* why_again(RetransmitKind kind) {
  switch (kind) {
    case RetransmitKind::kRto:
      return "after a timeout (RTO)";
    case RetransmitKind::kFast:
      return "after duplicate ACKs (fast)";
    case RetransmitKind::kTlp:
      return "tail loss probe (TLP)";
    case RetransmitKind::kSyn:
    case RetransmitKind::kSynAck:
      return model::to_string(kind);
    case RetransmitKind::kOther:
      break;
  }
  return "in repair";
}

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

void add(Description& to, std::string_view key, std::int64_t value) { to.details.push_back({key, value}); }
void add(Description& to, std::string_view key, std::string value) { to.details.push_back({key, std::move(value)}); }
void add(Description& to, std::string_view key, const std::optional<Duration>& time) {
  if (time) add(to, key, model::microseconds(*time));
}
void add_flag(Description& to, std::string_view key, bool is_set) {
  if (is_set) to.details.push_back({key, true});
}
void add_errno(Description& to, std::string_view key, int error) {
  if (error != 0) add(to, key, std::int64_t{error});
}

class Describer {
 public:
  // `looked_up`: the name before the connect; empty: not known.
  Describer(const model::TraceStart& start, model::Role role, std::string looked_up)
      : start_(start), is_inbound_(role == model::Role::kInbound), looked_up_(std::move(looked_up)) {}

  Description operator()(const mark::Connect& connect) const {
    Description out = made(connect, Way::kHere, "connect()");
    add(out, "syn_after_us", connect.syn_after);
    return out;
  }

  Description operator()(const mark::LookUp& look_up) const {
    constexpr Duration kLong = std::chrono::seconds(1);
    constexpr std::size_t kNameColumns = 60;
    const std::string how = look_up.answered ? "" : ", without an answer that helped";
    const std::string name = looked_up_.empty() ? "a name" : elide_middle(escape_terminal(looked_up_), kNameColumns);
    Description out = made(
        look_up, Way::kHere,
        fmt::format("{} was looked up: {}{} ({}{})", name, words_of(look_up.took), how,
                    number_of(look_up.queries, "query", "queries"),
                    look_up.repeats == 0 ? "" : fmt::format(", sent again {}", number_of(look_up.repeats, "time"))),
        look_up.took >= kLong || !look_up.answered);
    add(out, "took_us", model::microseconds(look_up.took));
    add(out, "queries", std::int64_t{look_up.queries});
    add(out, "repeats", std::int64_t{look_up.repeats});
    add(out, "outcome", look_up.answered ? "answered" : "unanswered");
    if (!looked_up_.empty()) add(out, "name", looked_up_);
    return out;
  }

  Description operator()(const mark::SynRetransmit& again) const {
    Description out = made(again, Way::kOut, syn_words(again), true);
    if (again.retry != 0) add(out, "retry", std::int64_t{again.retry});
    add_delay(out, again.delay, again.bound_us);
    return out;
  }

  Description operator()(const mark::Established& established) const {
    Description out = made(established, Way::kIn,
                           "SYN-ACK: established" + with_words(", ", words_of(established.took), " after the SYN"));
    add(out, "took_us", established.took);
    return out;
  }

  Description operator()(const mark::Accepted& accepted) const {
    return made(accepted, Way::kIn, "ACK: the handshake is complete");
  }

  Description operator()(const mark::FirstSeen& seen) const {
    return made(seen, Way::kHere, "open already when the trace began");
  }

  Description operator()(const mark::Request& request) const {
    Description out = made(request, is_inbound_ ? Way::kIn : Way::kOut,
                           request.bytes == 0 ? "request" : "request, " + bytes(request.bytes));
    if (request.bytes > 0) add(out, "bytes", std::int64_t{request.bytes});
    return out;
  }

  Description operator()(const mark::RequestAcked& acked) const {
    Description out =
        made(acked, answers(), "ACK of the whole request" + with_words(", ", words_of(acked.after), " later"));
    add(out, "after_us", acked.after);
    return out;
  }

  Description operator()(const mark::Retransmit& again) const {
    const std::string size = ", " + number_of(again.segments, "segment");
    const std::string delay = with_words(", ", delay_words(again.delay, again.bound_us), " after the first time");
    std::string words = why_again(again.kind) + size + delay;
    Description out;
    if (again.failed) {
      const std::string why = again.error > 0   ? fmt::format("queue's code {}", again.error)
                              : again.error < 0 ? knowledge::errno_name(-again.error)
                                                : std::string();
      out = made(again, Way::kHere, "could not be sent again " + words + with_words(": ", why), true);
      out.kind = mark::Retransmit::kFailedName;
    } else {
      if (again.error != 0)
        words += fmt::format(" ({} {})", again.error > 0 ? "qdisc code" : "errno", std::abs(again.error));
      out = made(again, Way::kOut, "sent again " + words, true);
    }
    add_again(out, again);
    return out;
  }

  Description operator()(const mark::FinReceived& fin) const {
    return made(fin, Way::kIn, "FIN: the peer closes its direction");
  }

  Description operator()(const mark::FinSent& fin) const {
    return made(fin, Way::kOut, "FIN: this host closes its direction");
  }

  Description operator()(const mark::ResetReceived& reset) const {
    const std::string phase = model::to_string(reset.phase);
    Description out = made(reset, Way::kIn, "RST, phase " + spaced(phase), true);
    add(out, "phase", phase);
    return out;
  }

  Description operator()(const mark::ResetSent& reset) const {
    const std::string phase = model::to_string(reset.phase);
    const std::string cause = model::to_string(reset.cause);
    const std::string reason = model::reset_reason(start_, reset.reason);
    const std::string_view known = knowledge::local_reset_cause_words(cause);
    Description out = made(reset, Way::kOut,
                           fmt::format("RST: {}, phase {}{}", known.empty() ? spaced(cause) : std::string(known),
                                       spaced(phase), with_words(", the kernel's reason ", reason)),
                           true);
    add(out, "phase", phase);
    add(out, "cause", cause);
    if (!reason.empty()) add(out, "reason", reason);
    return out;
  }

  Description operator()(const mark::Error& error) const {
    Description out = made(error, Way::kHere, "error" + with_words(": ", errno_words(error.error)), true);
    add_errno(out, "errno", error.error);
    return out;
  }

  Description operator()(const mark::SlowAnswer& answer) const {
    const std::string meanwhile =
        answer.calls ? fmt::format("; its thread had begun {} meanwhile", number_of(*answer.calls, "call")) : "";
    Description out =
        made(answer, answers(),
             "an answer begins" + with_words(", ", words_of(answer.wait), " after its request") + meanwhile, true);
    add(out, "wait_us", answer.wait);
    if (answer.calls) add(out, "calls_since_read", std::int64_t{*answer.calls});
    return out;
  }

  Description operator()(const mark::Dropped& dropped) const {
    const std::string reason = model::drop_reason(start_, dropped.reason);
    const std::string what = dropped.is_syn      ? "SYN"
                             : dropped.is_rst    ? "RST"
                             : dropped.bytes > 0 ? bytes(dropped.bytes)
                             : dropped.is_fin    ? "FIN"
                                                 : "ACK";
    Description out = made(dropped, Way::kHere,
                           fmt::format("dropped by this host: {} ({}, {})", reason,
                                       dropped.incoming ? "received" : "on its way out", what),
                           true);
    add(out, "direction", model::to_string(dropped.incoming ? model::DropWay::kIn : model::DropWay::kOut));
    add(out, "reason", reason);
    add(out, "segments", std::int64_t{dropped.segments});
    if (dropped.bytes > 0) add(out, "bytes", std::int64_t{dropped.bytes});
    if (dropped.is_syn) add(out, "flag", "syn");
    if (dropped.is_fin) add(out, "flag", "fin");
    if (dropped.is_rst) add(out, "flag", "rst");
    return out;
  }

  Description operator()(const mark::Closed& closed) const {
    Description out = made(closed, Way::kHere, "closed" + with_words(": ", errno_words(closed.error)));
    add_errno(out, "errno", closed.error);
    return out;
  }

  static std::string syn_words(const mark::SynRetransmit& again) {
    const std::string retry = again.retry == 0 ? std::string() : fmt::format(" (retry {})", again.retry);
    return "SYN again" + retry + with_words(", ", delay_words(again.delay, again.bound_us), " after the first");
  }

  static void add_again(Description& out, const mark::Retransmit& again) {
    add(out, "kind", model::to_string(again.kind));
    add(out, "segments", std::int64_t{again.segments});
    add_delay(out, again.delay, again.bound_us);
    if (again.error < 0) add(out, "errno", -std::int64_t{again.error});
    if (again.error > 0) add(out, "qdisc_code", std::int64_t{again.error});
  }

 private:
  template <typename Mark>
  static Description made(const Mark&, Way way, std::string words, bool is_bad = false) {
    return {Mark::kName, way, is_bad, std::move(words), {}};
  }

  static void add_delay(Description& out, const std::optional<Duration>& delay, std::uint32_t bound_us) {
    add(out, "delay_us", delay);
    if (bound_us != 0) add(out, "bound_us", std::int64_t{bound_us});
  }

  static std::string errno_words(int error) { return error == 0 ? std::string() : knowledge::errno_name(error); }

  Way answers() const { return is_inbound_ ? Way::kOut : Way::kIn; }

  const model::TraceStart& start_;
  bool is_inbound_;
  std::string looked_up_;
};

class EventDescriber {
 public:
  EventDescriber(const model::TraceStart& start, const model::Event& event)
      : start_(start), event_(event), as_mark_(start, event.socket.role, "") {}

  Description operator()(const model::ConnectStarted&) const { return as_mark_(mark::Connect{}); }

  Description operator()(const model::Established&) const {
    if (event_.socket.role == model::Role::kInbound) return as_mark_(mark::Accepted{});
    return as_mark_(mark::Established{since(event_.flow.syn_at)});
  }

  Description operator()(const model::StateChanged& change) const {
    Description out;
    switch (change.to) {
      case TcpState::kEstablished:
        return (*this)(model::Established{});
      case TcpState::kClose:
        out = as_mark_(mark::Closed{change.socket_error});
        break;
      case TcpState::kCloseWait:
        out = as_mark_(mark::FinReceived{});
        break;
      case TcpState::kFinWait1:
      case TcpState::kLastAck:
        out = as_mark_(mark::FinSent{});
        break;
      default:
        out = {"state", Way::kHere, false, fmt::format("{} to {}", state_name(change.from), state_name(change.to)), {}};
        add(out, "to", state_name(change.to));
        break;
    }
    if (change.to != TcpState::kClose) add_errno(out, "errno", change.socket_error);
    out.details.insert(out.details.begin(), {"state", state_name(change.from)});
    add_errno(out, "soft_errno", change.soft_error);
    add_flag(out, "by_application", change.by_application);
    add_flag(out, "process_exiting", change.process_exiting);
    add_waits(out);
    return out;
  }

  Description operator()(const model::Retransmitted& again) const {
    const bool has_failed = model::retransmit_failure(again) != model::RetransmitFailure::kNone;
    const mark::Retransmit what{
        .kind = model::retransmit_kind(again),
        .failed = has_failed || (again.is_syn && again.error != 0),
        .segments = again.segments,
        .error = again.error,
        .bound_us = static_cast<std::uint32_t>(
            std::clamp<std::int64_t>(model::microseconds(again.first_sent_bound), 0, UINT32_MAX)),
        .delay = since(again.is_syn && !again.first_sent_at ? event_.flow.syn_at : again.first_sent_at)};
    if (!again.is_syn || what.failed) return as_mark_(what);
    Description out = as_mark_(mark::SynRetransmit{0, what.bound_us, what.delay});
    out.details.clear();  // of one event its number is not known
    Describer::add_again(out, what);
    return out;
  }

  Description operator()(const model::SynAckRetransmitted& again) const {
    const std::optional<Duration> delay = since(again.first_sent_at);
    Description out{"synack_retransmit",
                    Way::kOut,
                    true,
                    "SYN-ACK again" + with_words(", ", words_of(delay), " after the first"),
                    {}};
    add(out, "delay_us", delay);
    return out;
  }

  Description operator()(const model::ResetSent& reset) const {
    const TcpState now = event_.flow.state;
    const bool is_over = now == TcpState::kClose || now == TcpState::kUnknown;
    const std::string reason = model::reset_reason(start_, reset.reason);
    const bool has_no_socket = event_.socket.id.value == 0 && !reset.in_time_wait;
    Description out = as_mark_(
        mark::ResetSent{has_no_socket ? model::Phase::kNoSocket : model::phase_of(is_over ? reset.previous_state : now),
                        model::local_reset_cause(reason, reset, event_.socket, event_.flow).cause, reset.reason});
    add_waits(out);
    return out;
  }

  Description operator()(const model::ResetReceived&) const {
    Description out = as_mark_(mark::ResetReceived{model::phase_of(event_.flow.state)});
    add_waits(out);
    return out;
  }

  Description operator()(const model::Destroyed&) const {
    return {"destroyed", Way::kHere, false, "freed by the kernel", {}};
  }

  Description operator()(const model::OwnerSeen&) const {
    return {"owner", Way::kHere, false, "its process is known now", {}};
  }

  Description operator()(const model::ErrorReported& report) const {
    Description out = as_mark_(mark::Error{report.socket_error});
    add_errno(out, "soft_errno", report.soft_error);
    return out;
  }

  Description operator()(const model::SlowAnswer&) const {
    return as_mark_(mark::SlowAnswer{since(event_.flow.request_first_at), event_.flow.calls_since_read});
  }

  Description operator()(const model::Dropped& dropped) const {
    return as_mark_(mark::Dropped{dropped.incoming, dropped.is_syn, dropped.is_fin, dropped.is_rst, dropped.reason,
                                  dropped.segments, dropped.bytes()});
  }

 private:
  std::optional<Duration> since(const std::optional<MonoTime>& then) const {
    return then ? std::optional(std::max(event_.at - *then, Duration::zero())) : std::nullopt;
  }

  // How long the oldest unanswered request has waited, and the silence both ways.
  void add_waits(Description& out) const {
    const model::Flow& flow = event_.flow;
    if (flow.outstanding) add(out, "wait_us", since(flow.request_first_at));
    const std::optional<MonoTime>& sent = flow.last_sent_at;
    const std::optional<MonoTime>& received = flow.last_received_at;
    add(out, "idle_us", since(sent && received ? std::optional(std::max(*sent, *received)) : sent ? sent : received));
  }

  const model::TraceStart& start_;
  const model::Event& event_;
  Describer as_mark_;
};

struct DurationWords {
  std::string_view key;
  std::string_view before;
  std::string_view after;
};
constexpr std::array<DurationWords, 6> kDurations = {{
    {"wait_us", "waited ", ""},
    {"idle_us", "idle ", ""},
    {"took_us", "took ", ""},
    {"after_us", "after ", ""},
    {"syn_after_us", "SYN left after ", ""},
    {"delay_us", "", " after the first"},
}};

struct DetailWords {
  std::string_view key;

  std::string operator()(std::int64_t n) const {
    for (const DurationWords& words : kDurations) {
      if (words.key == key) return fmt::format("{}{}{}", words.before, duration(static_cast<double>(n)), words.after);
    }
    // Only an attempt to send again gives it: __tcp_retransmit_skb().
    if (key == "errno" && n == EBUSY) return "the first copy has not left this host";
    if (key == "errno" || key == "soft_errno") return knowledge::errno_name(static_cast<int>(n));
    if (key == "bytes" && n >= 0) return bytes(static_cast<std::uint64_t>(n));
    if (key == "segments") return n == 1 ? std::string() : fmt::format("{} segments", n);
    if (key == "qdisc_code") return "dropped by the own queue";
    if (key == "bound_us") return {};  // how exact `delay_us` is
    return fmt::format("{} {}", spaced(std::string(key)), n);
  }
  std::string operator()(bool) const { return spaced(std::string(key)); }
  std::string operator()(const std::string& text) const {
    if (key == "state" || key == "reason") return text;
    return key == "to" ? "-> " + text : spaced(text);
  }
};

}  // namespace

Description describe(const model::TraceStart& start, const model::Event& event) {
  return std::visit(EventDescriber(start, event), event.body);
}

Description describe(const model::TraceStart& start, const model::SocketStory& story, const model::TimelineMark& mark) {
  Description out =
      std::visit(Describer(start, story.socket.role, story.look_up ? story.look_up->name : ""), mark.body);
  std::sort(out.details.begin(), out.details.end(), [](const Detail& a, const Detail& b) { return a.key < b.key; });
  return out;
}

Json detail_json(const std::vector<Detail>& details) {
  Json out = Json::object();
  for (const auto& [key, value] : details) {
    const std::string* text = std::get_if<std::string>(&value);
    const std::int64_t* number = std::get_if<std::int64_t>(&value);
    out[std::string(key)] = text != nullptr ? text_json(*text) : number != nullptr ? Json(*number) : Json(true);
  }
  return out;
}

std::string detail_words(const std::vector<Detail>& details) {
  std::vector<std::string> words;
  for (const auto& [key, value] : details) {
    std::string entry = std::visit(DetailWords{key}, value);
    if (!entry.empty()) words.push_back(std::move(entry));
  }
  return join(words, ", ");
}

}  // namespace tcpdiag::report
