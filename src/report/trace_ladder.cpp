// SPDX-License-Identifier: Apache-2.0
// The story of a connection as a ladder: what happened, which way it went, and the pauses between.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "report/describe.h"
#include "report/trace_document.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;
using model::TimelineMark;

constexpr model::Duration kPause = std::chrono::seconds(1);  // from here on it has a row of its own

// What happened, before it is a row of the ladder.
struct StoryEvent {
  model::MonoTime at{};
  Way way = Way::kHere;
  bool is_bad = false;
  std::string words;
};

std::vector<StoryEvent> events_of(const TraceView& view, const SocketStory& story) {
  std::vector<StoryEvent> events;
  for (const TimelineMark& mark : story.timeline) {
    Description what = describe(view.picture().start, story, mark);
    events.push_back({mark.at, what.way, what.is_bad, std::move(what.words)});
    // The connect's own entry tells when its SYN left, which is another moment.
    const auto* connect = std::get_if<model::mark::Connect>(&mark.body);
    if (connect != nullptr && connect->syn_after) {
      events.push_back({mark.at + *connect->syn_after, Way::kOut, false, "SYN"});
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const StoryEvent& a, const StoryEvent& b) { return a.at < b.at; });
  return events;
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

// The middle of a long story gives way where there is no room for all of it.
void shorten(std::vector<LadderRow>& rows, std::size_t most) {
  if (rows.size() <= most) return;
  const std::size_t gone = rows.size() - most;
  const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(most / 2);
  rows.erase(begin, begin + static_cast<std::ptrdiff_t>(gone));
  LadderRow mark;
  mark.words = fmt::format("... and {} more in the middle, in the JSON report", gone);
  rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(most / 2), std::move(mark));
}

}  // namespace

Ladder ladder_of(const TraceView& view, const SocketStory& story) {
  constexpr std::size_t kTicketRows = 16;
  Ladder ladder;
  ladder.title = counts_words(story);
  ladder.here = story.socket.local.to_string();
  ladder.peer = story.socket.remote.to_string();
  std::optional<model::MonoTime> last;
  const auto add = [&](const StoryEvent& event) {
    const model::Duration since = last ? event.at - *last : model::Duration(0);
    if (last && since >= kPause) {
      LadderRow pause;
      pause.words = duration(since) + missing_at(story, *last);
      ladder.rows.push_back(std::move(pause));
    }
    ladder.rows.push_back(
        {view.time(event.at), last ? "+" + duration(since) : std::string(), event.way, event.is_bad, event.words});
    last = event.at;
  };
  for (const StoryEvent& event : events_of(view, story)) add(event);
  const model::MonoTime end = view.picture().window.end;
  if (!story.closed_at && !story.end && last && end >= *last) {
    add({end, Way::kHere, false, "still open when the trace ended"});
  }
  shorten(ladder.rows, view.limit(kTicketRows, kTicketRows, ladder.rows.size()));
  return ladder;
}

}  // namespace tcpdiag::report
