// SPDX-License-Identifier: Apache-2.0
// The story of a connection as a ladder: what happened, which way it went, and the pauses between.
#include <fmt/format.h>

#include <charconv>

#include "knowledge/errno_names.h"
#include "knowledge/reset_reasons.h"
#include "report/trace_document.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;
using model::TimelineEntry;
using model::TimelineKind;
using Way = Ladder::Way;

constexpr model::Duration kPause = std::chrono::seconds(1);  // from here on it has a row of its own

// One step, before it is one of the ladder.
struct Happening {
  model::MonoTime at{};
  Way way = Way::kHere;
  bool is_bad = false;
  std::string words;
};

// The details of an entry, taken one by one; those that nobody asked for are told as they are.
class Details {
 public:
  explicit Details(const TimelineEntry& entry) : left_(entry.detail) {}

  std::string take(const std::string& key) {
    const auto found = left_.find(key);
    if (found == left_.end()) return {};
    std::string value = std::move(found->second);
    left_.erase(found);
    return value;
  }

  std::optional<std::int64_t> take_number(const std::string& key) {
    const std::string text = take(key);
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
  }

  // "210 ms"; empty: not known.
  std::string take_us(const std::string& key) {
    const auto us = take_number(key);
    return us ? duration(static_cast<double>(*us)) : std::string();
  }

  std::string rest() const {
    std::vector<std::string> parts;
    for (const auto& [key, value] : left_) {
      std::string plain = key;
      std::replace(plain.begin(), plain.end(), '_', ' ');
      parts.push_back(fmt::format("{} {}", plain, value));
    }
    return join(parts, ", ");
  }

 private:
  std::map<std::string, std::string> left_;
};

std::string spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string with_words(const std::string& before, const std::string& value, const std::string& after = "") {
  return value.empty() ? std::string() : before + value + after;
}

std::string retransmit_kind_words(const std::string& kind) {
  if (kind == "rto") return "after a timeout (RTO)";
  if (kind == "fast") return "after duplicate ACKs (fast)";
  if (kind == "tlp") return "tail loss probe (TLP)";
  return kind.empty() || kind == "other" ? "in repair" : kind;
}

std::string errno_text(Details& detail) {
  const auto number = detail.take_number("errno");
  if (!number) return with_words("queue's code ", detail.take("qdisc_code"));
  return knowledge::errno_name(static_cast<int>(*number));
}

std::string again_words(Details& detail) {
  const std::string kind = retransmit_kind_words(detail.take("kind"));
  const auto segments = detail.take_number("segments");
  const std::string size =
      segments ? ", " + number_of(static_cast<std::uint64_t>(std::max<std::int64_t>(*segments, 0)), "segment") : "";
  const std::string bound = with_words(" (or up to ", detail.take_us("bound_us"), " more)");
  const std::string delay = with_words(", ", detail.take_us("delay_us"), bound + " after the first time");
  return kind + size + delay;
}

std::string reset_sent_words(Details& detail) {
  const std::string cause = detail.take("cause");
  const std::string phase = spaced(detail.take("phase"));
  const std::string reason = detail.take("reason");
  const std::string_view known = knowledge::local_reset_cause_words(cause);
  std::vector<std::string> parts;
  if (!cause.empty()) parts.push_back(known.empty() ? spaced(cause) : std::string(known));
  if (!phase.empty()) parts.push_back("phase " + phase);
  if (!reason.empty()) parts.push_back("the kernel's reason " + reason);
  return "RST" + with_words(": ", join(parts, ", "));
}

// What happened and which way it went; a request and its ACK go the other way on an inbound connection.
Happening step_of(const SocketStory& story, const TimelineEntry& entry, Details& detail) {
  const bool is_inbound = story.socket.role == model::Role::kInbound;
  const Way asks = is_inbound ? Way::kIn : Way::kOut;
  const Way answers = is_inbound ? Way::kOut : Way::kIn;
  const auto step = [&](Way way, std::string words, bool is_bad = false) {
    return Happening{entry.at, way, is_bad, std::move(words)};
  };
  switch (entry.kind) {
    case TimelineKind::kConnect:
      return step(Way::kHere, "connect()");
    case TimelineKind::kSynRetransmit: {
      const std::string retry = with_words(" (retry ", detail.take("retry"), ")");
      const std::string delay = with_words(", ", detail.take_us("delay_us"), " after the first");
      return step(Way::kOut, "SYN again" + retry + delay, true);
    }
    case TimelineKind::kEstablished:
      return step(Way::kIn, "SYN-ACK: established" + with_words(", ", detail.take_us("took_us"), " after the SYN"));
    case TimelineKind::kAccepted:
      return step(Way::kIn, "ACK: the handshake is complete");
    case TimelineKind::kFirstSeen:
      return step(Way::kHere, "open already when the trace began");
    case TimelineKind::kRequest: {
      const auto size = detail.take_number("bytes");
      const std::string bytes_words = size && *size >= 0 ? ", " + bytes(static_cast<std::uint64_t>(*size)) : "";
      return step(asks, "request" + bytes_words + with_words(", after ", detail.take_us("idle_us"), " of silence"));
    }
    case TimelineKind::kRequestAcked:
      return step(answers, "ACK of the whole request" + with_words(", ", detail.take_us("after_us"), " later"));
    case TimelineKind::kRetransmit:
      return step(Way::kOut, "sent again " + again_words(detail), true);
    case TimelineKind::kRetransmitFailed: {
      const std::string why = errno_text(detail);
      return step(Way::kHere, "could not be sent again " + again_words(detail) + with_words(": ", why), true);
    }
    case TimelineKind::kFinReceived:
      return step(Way::kIn, "FIN: the peer closes its direction");
    case TimelineKind::kFinSent:
      return step(Way::kOut, "FIN: this host closes its direction");
    case TimelineKind::kResetReceived:
      return step(Way::kIn, "RST" + with_words(", phase ", spaced(detail.take("phase"))), true);
    case TimelineKind::kResetSent:
      return step(Way::kOut, reset_sent_words(detail), true);
    case TimelineKind::kError:
      return step(Way::kHere, "error" + with_words(": ", errno_text(detail)), true);
    case TimelineKind::kSlowAnswer: {
      const std::string wait = with_words(", ", detail.take_us("wait_us"), " after its request");
      const auto calls = detail.take_number("calls_since_read");
      const std::string meanwhile =
          calls ? fmt::format("; its thread had begun {} meanwhile",
                              number_of(static_cast<std::uint64_t>(std::max<std::int64_t>(*calls, 0)), "call"))
                : "";
      return step(answers, "an answer begins" + wait + meanwhile, true);
    }
    case TimelineKind::kClosed:
      return step(Way::kHere, "closed" + with_words(": ", errno_text(detail)));
  }
  return step(Way::kHere, spaced(model::to_string(entry.kind)));
}

std::vector<Happening> steps_of(const SocketStory& story) {
  std::vector<Happening> steps;
  for (const TimelineEntry& entry : story.timeline) {
    Details detail(entry);
    // The connect's own entry tells when its SYN left, which is another moment.
    const auto syn_after_us = entry.kind == TimelineKind::kConnect ? detail.take_number("syn_after_us") : std::nullopt;
    Happening step = step_of(story, entry, detail);
    if (const std::string rest = detail.rest(); !rest.empty()) step.words += " (" + rest + ")";
    steps.push_back(std::move(step));
    if (syn_after_us) steps.push_back({entry.at + std::chrono::microseconds(*syn_after_us), Way::kOut, false, "SYN"});
  }
  std::stable_sort(steps.begin(), steps.end(), [](const Happening& a, const Happening& b) { return a.at < b.at; });
  return steps;
}

// What was missing during a pause that begins at `from`; empty: nobody knows of anything.
std::string missing_at(const SocketStory& story, model::MonoTime from) {
  if (story.outcome && *story.outcome != model::ConnectOutcome::kEstablished) return " without an answer";
  const bool is_waiting = story.exchange_pending || (story.end && story.end->outstanding);
  const auto request = std::find_if(story.timeline.begin(), story.timeline.end(),
                                    [](const TimelineEntry& e) { return e.kind == TimelineKind::kRequest; });
  return is_waiting && request != story.timeline.end() && from >= request->at ? " without a byte of an answer" : "";
}

std::string counts_words(const SocketStory& story) {
  std::vector<std::string> parts = {
      number_of(story.exchanges, "exchange"),
      bytes(story.bytes_sent) + " sent",
      bytes(story.bytes_received) + " received",
      number_of(story.retransmitted_segments, "segment") + " retransmitted",
  };
  if (story.first_byte_max_us) {
    parts.push_back("slowest first byte " + duration(*story.first_byte_max_us));
  }
  if (story.app_gap)
    parts.push_back("begun " + duration(*story.app_gap) + " after its user's request");
  return join(parts, ", ");
}

// The middle of a long story gives way where there is no room for all of it.
void shorten(std::vector<Ladder::Step>& steps, std::size_t most) {
  if (steps.size() <= most) return;
  const std::size_t gone = steps.size() - most;
  const auto begin = steps.begin() + static_cast<std::ptrdiff_t>(most / 2);
  steps.erase(begin, begin + static_cast<std::ptrdiff_t>(gone));
  Ladder::Step mark;
  mark.words = fmt::format("... and {} more in the middle, in the JSON report", gone);
  steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(most / 2), std::move(mark));
}

}  // namespace

Ladder ladder_of(const TraceView& view, const SocketStory& story) {
  constexpr std::size_t kTicketSteps = 16;
  Ladder ladder;
  ladder.title = counts_words(story);
  ladder.here = story.socket.local.to_string();
  ladder.peer = story.socket.remote.to_string();
  std::optional<model::MonoTime> last;
  const auto add = [&](const Happening& step) {
    const model::Duration since = last ? step.at - *last : model::Duration(0);
    if (last && since >= kPause) {
      Ladder::Step pause;
      pause.words = duration(since) + missing_at(story, *last);
      ladder.steps.push_back(std::move(pause));
    }
    ladder.steps.push_back({view.time(step.at), last ? "+" + duration(since) : std::string(),
                            step.way, step.is_bad, step.words});
    last = step.at;
  };
  for (const Happening& step : steps_of(story)) add(step);
  const model::MonoTime end = view.picture().window.end;
  if (!story.closed_at && !story.end && last && end >= *last) {
    add({end, Way::kHere, false, "still open when the trace ended"});
  }
  shorten(ladder.steps, view.limit(kTicketSteps, kTicketSteps, ladder.steps.size()));
  return ladder;
}

}  // namespace tcpdiag::report
