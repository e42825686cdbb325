// SPDX-License-Identifier: Apache-2.0
// Failed calls beside good ones, and the connections that failed. Every figure has its unit, in its cell or in the
// heading; "-" is unknown.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "report/text.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::SocketStory;

constexpr std::size_t kProcessColumns = 16;  // a short name and a pid of seven digits
constexpr std::size_t kOutcomeColumns = 13;  // four of them beside the labels

// "no answer 3"; of the two the number is what must be read whole.
std::string outcome_heading(const model::OutcomeGroup& group) {
  const std::string count = fmt::format(" {}", group.count);
  return elide_middle(escape_terminal(outcome_words(group)), kOutcomeColumns - 1 - count.size()) + count;
}

// In a trace of more than one day the date is worth more than the milliseconds.
std::string failure_time(const TextContext& context, model::MonoTime at) {
  const model::Window& window = context.picture().window;
  const model::WallTime wall = context.wall(at);
  if (date(context.wall(window.start)) == date(context.wall(window.end))) return "  " + clock_time(wall);
  return " " + date(wall).substr(5) + " " + clock_seconds(wall);
}

std::string sent_and_got(const SocketStory& story) {
  const auto [sent, got] = moved_bytes(story);
  return fmt::format("{}/{}", narrow_bytes(sent), narrow_bytes(got));
}

std::string process_words(const SocketStory& story) {
  if (!story.owner) return std::string(kUnknown);
  const std::string pid = story.owner->pid == 0 ? "" : fmt::format(" {}", story.owner->pid);
  return elide_middle(escape_terminal(story.owner->comm), kProcessColumns - pid.size()) + pid;
}

// What does not fit the row.
void append_socket_remarks(Page& page, const SocketStory& story) {
  const std::vector<std::string> remarks = socket_remarks(story);
  const std::string one_line = "      " + join(remarks, ", ");
  if (remarks.empty()) return;
  if (columns(one_line) <= kPageColumns) {
    page.line(one_line);
  } else {
    for (const std::string& remark : remarks) page.line("      " + remark);
  }
}

}  // namespace

void append_failed_against_good(Page& page, const TextContext& context) {
  constexpr std::size_t kLabel = kPageColumns - 4 * kOutcomeColumns;
  const std::optional<Comparison> table = failed_against_good(context.report);
  if (!table) return;
  std::string heading = pad_right("FAILED AGAINST GOOD CALLS", kLabel);
  for (const model::OutcomeGroup* group : table->groups) heading += pad_left(outcome_heading(*group), kOutcomeColumns);
  page.blank();
  page.line(heading, Style::kHeading);
  if (context.picture().endpoints.size() > 1) page.line("  at " + table->endpoint->key.at.to_string());
  for (const Comparison::Row& row : table->rows) {
    std::string line = "  " + pad_right(row.label, kLabel - 2);
    for (const std::string& cell : row.cells) line += pad_left(cell, kOutcomeColumns);
    page.line(line);
  }
}

void append_failures(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  const Failures found = failures(context.report, context.options.sockets);
  if (found.all == 0) return;
  const auto row = [](std::string_view time, std::string_view port, std::string_view process, std::string_view what,
                      std::string_view after, std::string_view moved) {
    return pad_right(time, 15) + pad_left(port, 10) + "  " + pad_right(process, kProcessColumns) + " " +
           pad_right(what, 15) + pad_left(after, 7) + pad_left(moved, 14);
  };
  page.blank();
  page.line(row("FAILURES (UTC)", "local port", "process", "what", "after", "bytes out/in"), Style::kHeading);
  for (const std::size_t index : found.shown) {
    const SocketStory& story = picture.sockets[index];
    const std::string port =
        story.socket.local.port == 0 ? std::string(kUnknown) : std::to_string(story.socket.local.port);
    page.line(row(failure_time(context, failed_at(picture, story)), port, process_words(story), what_happened(story),
                  failed_after(story), sent_and_got(story)));
    append_socket_remarks(page, story);
  }
  if (found.all > found.shown.size()) {
    page.line(fmt::format("  ... {} more: --sockets {}, or all of them in the JSON report",
                          found.all - found.shown.size(), found.all));
  }
}

}  // namespace tcpdiag::report
