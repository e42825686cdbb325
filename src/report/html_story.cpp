// SPDX-License-Identifier: Apache-2.0
// The story of a connection as a ladder: this host's lifeline on the left, the peer's on the right, time going down. It
// is a table, which reads well without its lines too: a screen reader hears time, pause, direction and words.
#include <algorithm>
#include <charconv>

#include "knowledge/errno_names.h"
#include "knowledge/reset_reasons.h"
#include "report/html.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;
using model::TimelineEntry;
using model::TimelineKind;

constexpr model::Duration kPause = std::chrono::seconds(1);  // from here on it has a row of its own

enum class Way : std::uint8_t { kHere, kOut, kIn };  // within this host, to the peer, from it

// One row. Texts are not escaped yet.
struct Step {
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
    return us ? duration(*us) : std::string();
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
Step step_of(const SocketStory& story, const TimelineEntry& entry, Details& detail) {
  const bool is_inbound = story.socket.role == model::Role::kInbound;
  const Way asks = is_inbound ? Way::kIn : Way::kOut;
  const Way answers = is_inbound ? Way::kOut : Way::kIn;
  const auto step = [&](Way way, std::string words, bool is_bad = false) {
    return Step{entry.at, way, is_bad, std::move(words)};
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
      const std::string bytes_words = size && *size >= 0 ? ", " + bytes(*size) : "";
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

std::vector<Step> steps_of(const SocketStory& story) {
  std::vector<Step> steps;
  for (const TimelineEntry& entry : story.timeline) {
    Details detail(entry);
    // The connect's own entry tells when its SYN left, which is another moment.
    const auto syn_after_us = entry.kind == TimelineKind::kConnect ? detail.take_number("syn_after_us") : std::nullopt;
    Step step = step_of(story, entry, detail);
    if (const std::string rest = detail.rest(); !rest.empty()) step.words += " (" + rest + ")";
    steps.push_back(std::move(step));
    if (syn_after_us) steps.push_back({entry.at + std::chrono::microseconds(*syn_after_us), Way::kOut, false, "SYN"});
  }
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.at < b.at; });
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

void put_pause(Html& html, const SocketStory& story, model::MonoTime from, model::Duration length) {
  html.put("<tr class=\"pause\"><td></td><td></td><td class=\"way\"><span class=\"words\">{}{}</span></td></tr>\n",
           duration(length), missing_at(story, from));
}

void put_step(Html& html, const HtmlContext& context, const Step& step, std::optional<model::Duration> since) {
  html.put("<tr><td class=\"n\">{}</td>", context.time(step.at));
  html.put("<td class=\"n\">{}</td>", since ? "+" + duration(*since) : std::string());
  const char* way = step.way == Way::kOut ? "out" : step.way == Way::kIn ? "in" : "here";
  const char* read = step.way == Way::kOut ? "to the peer: " : step.way == Way::kIn ? "from the peer: " : "here: ";
  html.put("<td class=\"way {}{}\"><span class=\"words\"><span class=\"only-read\">{}</span>{}</span>", way,
           step.is_bad ? " bad" : "", read, step.words);
  html.put("<span class=\"line\"></span></td></tr>\n");
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
  if (story.app_gap) parts.push_back("begun " + duration(*story.app_gap) + " after its user's request");
  return join(parts, ", ");
}

void put_ladder(Html& html, const HtmlContext& context, const SocketStory& story) {
  html.put("<div class=\"scroll evidence\" role=\"region\" tabindex=\"0\" aria-label=\"Story of {}\">",
           story.socket.local.to_string());
  html.put("<table class=\"ladder\"><caption>{}</caption>\n", counts_words(story));
  html.put(
      "<thead><tr><th scope=\"col\" class=\"n\">time, UTC</th><th scope=\"col\" class=\"n\">since the last</th>"
      "<th scope=\"col\"><span class=\"ends\"><span>this host {}</span><span>peer "
      "{}</span></span></th></tr></thead>\n<tbody>\n",
      story.socket.local.to_string(), story.socket.remote.to_string());
  std::optional<model::MonoTime> last;
  for (const Step& step : steps_of(story)) {
    if (last && step.at - *last >= kPause) put_pause(html, story, *last, step.at - *last);
    put_step(html, context, step, last ? std::optional(step.at - *last) : std::nullopt);
    last = step.at;
  }
  const model::MonoTime end = context.picture().window.end;
  if (!story.closed_at && !story.end && last && end >= *last) {
    if (end - *last >= kPause) put_pause(html, story, *last, end - *last);
    put_step(html, context, {end, Way::kHere, false, "still open when the trace ended"}, end - *last);
  }
  html.put("</tbody></table></div>\n");
}

void put_story(Html& html, const HtmlContext& context, std::size_t index, bool is_open) {
  const SocketStory& story = context.picture().sockets[index];
  html.put("<details class=\"story\" id=\"{}\"", context.stories.anchor(index));
  html.put("{}", is_open ? " open" : "");
  html.put("><summary><b>{} {}</b>, {}, ", context.time(failed_at(context.picture(), story)), what_happened(story),
           owner_words(story));
  html.put("{} \u2192 {}", story.socket.local.to_string(), story.socket.remote.to_string());
  html.put("</summary>\n");
  put_ladder(html, context, story);
  html.put("</details>\n");
}

}  // namespace

void put_stories(Html& html, const HtmlContext& context) {
  constexpr std::size_t kOpen = 2;
  const std::vector<std::size_t>& shown = context.stories.shown();
  if (shown.empty()) return;
  html.put("<section id=\"stories\"><h2>What happened on single connections</h2>\n");
  html.put(
      "<p class=\"muted\">Each as a ladder: this host on the left, the peer on the right, time goes down. Of the data "
      "only the "
      "request that was the last is shown.</p>\n");
  std::size_t opened = 0;
  for (const std::size_t index : shown) put_story(html, context, index, opened++ < kOpen);
  const std::size_t all = context.picture().sockets.size() + context.picture().sockets_omitted;
  if (all > shown.size()) {
    html.put(
        "<p class=\"more\">and {} more connections: --sockets shows more of them, the JSON report has up to 1000</p>\n",
        all - shown.size());
  }
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
