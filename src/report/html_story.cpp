// SPDX-License-Identifier: Apache-2.0
// The story of a connection as a ladder: this host's lifeline on the left, the peer's on the right, time going down. It
// is a table, which reads well without its lines too: a screen reader hears time, pause, direction and words.
#include <algorithm>

#include "report/describe.h"
#include "report/html.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;
using model::TimelineMark;

constexpr model::Duration kPause = std::chrono::seconds(1);  // from here on it has a row of its own

// One row. Texts are not escaped yet.
struct Step {
  model::MonoTime at{};
  Way way = Way::kHere;
  bool is_bad = false;
  std::string words;
};

std::vector<Step> steps_of(const HtmlContext& context, const SocketStory& story) {
  std::vector<Step> steps;
  for (const TimelineMark& mark : story.timeline) {
    Description what = describe(context.picture().start, story.socket.role, mark);
    steps.push_back({mark.at, what.way, what.is_bad, std::move(what.words)});
    // The connect's own entry tells when its SYN left, which is another moment.
    const auto* connect = std::get_if<model::mark::Connect>(&mark.body);
    if (connect != nullptr && connect->syn_after)
      steps.push_back({mark.at + *connect->syn_after, Way::kOut, false, "SYN"});
  }
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.at < b.at; });
  return steps;
}

// What was missing during a pause that begins at `from`; empty: nobody knows of anything.
std::string missing_at(const SocketStory& story, model::MonoTime from) {
  if (story.outcome && *story.outcome != model::ConnectOutcome::kEstablished) return " without an answer";
  const bool is_waiting = story.exchange_pending || (story.end && story.end->outstanding);
  const auto request = std::find_if(story.timeline.begin(), story.timeline.end(), [](const TimelineMark& mark) {
    return std::holds_alternative<model::mark::Request>(mark.body);
  });
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
  for (const Step& step : steps_of(context, story)) {
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
