// SPDX-License-Identifier: Apache-2.0
// Failed calls beside good ones, the connections that failed, and what happened on them. Every figure has its unit, in
// its cell or in the heading; "-" is unknown.
#include <fmt/format.h>

#include <set>

#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;

constexpr std::size_t kProcessColumns = 16;  // a short name and a pid of seven digits
constexpr std::size_t kOutcomeColumns = 13;  // four of them beside the labels

// "no answer 3"; of the two the number is what must be read whole.
Words outcome_heading(const model::OutcomeGroup& group) {
  const std::string count = fmt::format(" {}", group.count);
  const std::string words = outcome_words(group);
  return {words + count, elide_middle(escape_terminal(words), kOutcomeColumns - 1 - count.size()) + count};
}

// Of several days the date is worth more than the milliseconds, on a screen.
bool is_of_several_days(const TraceView& view) {
  const model::Window& window = view.picture().window;
  return date(view.wall(window.start)) != date(view.wall(window.end));
}

Words failure_time(const TraceView& view, model::MonoTime at) {
  const model::WallTime wall = view.wall(at);
  return {view.time(at),
          is_of_several_days(view) ? date(wall).substr(5) + " " + clock_seconds(wall) : clock_time(wall)};
}

Words moved_words(const SocketStory& story) {
  const auto [sent, got] = moved_bytes(story);
  return {fmt::format("{} / {}", bytes(sent), bytes(got)), fmt::format("{}/{}", narrow_bytes(sent), narrow_bytes(got))};
}

Words process_words(const SocketStory& story) {
  if (!story.owner) return std::string(kUnknown);
  const std::string pid = story.owner->pid == 0 ? "" : fmt::format(" {}", story.owner->pid);
  return {(story.owner->comm.empty() ? "?" : story.owner->comm) + pid,
          elide_middle(escape_terminal(story.owner->comm), kProcessColumns - pid.size()) + pid};
}

// What does not fit the row.
std::vector<Remark> remarks_of(const TraceView& view, const SocketStory& story) {
  constexpr std::size_t kRoom = kPageColumns - 6;
  const std::vector<std::string> texts = socket_remarks(story);
  if (texts.empty()) return {};
  const std::string together = join(texts, ", ");
  if (!view.is_screen() || columns(together) <= kRoom) return {{"", together}};
  std::vector<Remark> remarks;
  for (const std::string& text : texts) remarks.push_back({"", text});
  return remarks;
}

Row failure_row(const TraceView& view, std::size_t index) {
  const SocketStory& story = view.picture().sockets[index];
  const std::uint16_t port = story.socket.local.port;
  Row row;
  row.cells = {failure_time(view, failed_at(view.picture(), story)),
               Words(story.socket.local.to_string(), port == 0 ? std::string(kUnknown) : std::to_string(port))};
  if (!view.is_screen()) row.cells.emplace_back(story.socket.remote.to_string());
  row.cells.insert(row.cells.end(),
                   {process_words(story), what_happened(story), failed_after(story), moved_words(story)});
  row.anchor = view.stories.anchor(index);
  row.remarks = remarks_of(view, story);
  return row;
}

}  // namespace

Stories::Stories(const model::Report& report, std::size_t limit, Extent extent) {
  if (extent == Extent::kScreen) return;
  shown_ = failures(report, limit).shown;
  if (extent != Extent::kPage) return;
  const std::set<std::size_t> failed(shown_.begin(), shown_.end());
  for (std::size_t i = 0; i < report.picture.sockets.size() && shown_.size() < limit; ++i) {
    if (!failed.contains(i)) shown_.push_back(i);
  }
}

std::string Stories::anchor(std::size_t socket) const {
  const auto found = std::find(shown_.begin(), shown_.end(), socket);
  return found == shown_.end() ? std::string() : fmt::format("c{}", found - shown_.begin() + 1);
}

void add_failed_against_good(Document& document, const TraceView& view) {
  const std::optional<Comparison> compared = failed_against_good(view.report);
  if (!compared) return;
  Table table;
  table.title = Words("Calls to " + view.endpoint_name(*compared->endpoint), "FAILED AGAINST GOOD CALLS");
  table.columns = {{"", Align::kLeft, kPageColumns - 4 * kOutcomeColumns}};
  for (const model::OutcomeGroup* group : compared->groups) {
    table.columns.push_back(number(outcome_heading(*group), kOutcomeColumns));
  }
  if (view.picture().endpoints.size() > 1) table.above = "at " + compared->endpoint->key.at.to_string();
  for (const Comparison::Row& compared_row : compared->rows) {
    Row& row = table.rows.emplace_back();
    row.cells.emplace_back(std::string(compared_row.label));
    row.cells.insert(row.cells.end(), compared_row.cells.begin(), compared_row.cells.end());
  }
  Section section = chapter("compared", "Failed against good calls", "Failed against good");
  section.nodes.emplace_back(std::move(table));
  document.body.emplace_back(std::move(section));
}

void add_failures(Document& document, const TraceView& view) {
  const Failures found = failures(view.report, view.limit(view.sockets, std::min<std::size_t>(view.sockets, 50), 200));
  if (found.all == 0) return;
  Table table;
  table.title = Words(number_of(found.all, "connection") + " that failed, or that a finding names", "FAILURES (UTC)");
  table.indent = is_of_several_days(view) ? 1 : 2;
  table.columns = {{"Time (UTC)", Align::kTime, 15}, number(Words("local", "local port"), 10)};
  if (!view.is_screen()) table.columns.push_back({"remote"});
  table.columns.insert(table.columns.end(), {{"process", Align::kLeft, kProcessColumns, 2},
                                             {"what", Align::kLeft, 15, 1},
                                             number("after", 7),
                                             number(Words("bytes out / in", "bytes out/in"), 14)});
  for (const std::size_t index : found.shown) table.rows.push_back(failure_row(view, index));
  if (found.all > found.shown.size()) {
    table.more = view.is_screen() ? Words(fmt::format("... {} more: --sockets {}, or all of them in the JSON report",
                                                      found.all - found.shown.size(), found.all))
                                  : left_out(found.all, found.shown.size(), "connections");
  }
  Section section = chapter("failures", "Failures");
  section.nodes.emplace_back(std::move(table));
  document.body.emplace_back(std::move(section));
}

void add_stories(Document& document, const TraceView& view) {
  constexpr std::size_t kOpen = 2;
  const model::Picture& picture = view.picture();
  const std::vector<std::size_t>& shown = view.stories.shown();
  if (shown.empty()) return;
  Section section = chapter("stories", "What happened on single connections", "Connections");
  if (view.is_page()) {
    section.nodes.emplace_back(Paragraph{
        "Each as a ladder: this host on the left, the peer on the right, time goes down. Of the data only the "
        "request that was the last is shown.",
        Style::kMuted});
  }
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const SocketStory& story = picture.sockets[shown[i]];
    Section folded;
    folded.kind = Section::Kind::kFolded;
    folded.id = view.stories.anchor(shown[i]);
    folded.heading = fmt::format("{} {} after {}, {}, {} \u2192 {}", view.time(failed_at(picture, story)),
                                 what_happened(story), failed_after(story), process_words(story).text,
                                 story.socket.local.to_string(), story.socket.remote.to_string());
    folded.is_open = i < kOpen;
    folded.nodes.emplace_back(ladder_of(view, story));
    section.nodes.emplace_back(std::move(folded));
  }
  const std::size_t all = picture.sockets.size() + picture.sockets_omitted;
  if (view.is_page() && all > shown.size()) {
    section.nodes.emplace_back(Paragraph{
        fmt::format("... and {} more connections: --sockets shows more of them, the JSON report has up to 1000",
                    all - shown.size()),
        Style::kMuted});
  }
  document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
