// SPDX-License-Identifier: Apache-2.0
// Failed calls beside good ones, and the connections that failed.
#include <algorithm>

#include "report/html.h"

namespace tcpdiag::report {
namespace {

std::vector<std::string> failure_cells(const HtmlContext& context, const model::SocketStory& story) {
  const auto [sent, received] = moved_bytes(story);
  const std::string port =
      story.socket.local.port == 0 ? std::string(kUnknown) : std::to_string(story.socket.local.port);
  return {context.time(failed_at(context.picture(), story)),
          what_happened(story),
          failed_after(story),
          port,
          story.socket.remote.to_string(),
          owner_words(story) + (story.owner && story.owner->shared ? ", shared by several processes" : ""),
          bytes(sent),
          bytes(received)};
}

}  // namespace

void put_failed_against_good(Html& html, const HtmlContext& context) {
  const std::optional<Comparison> compared = failed_against_good(context.report);
  if (!compared) return;
  html.put("<section id=\"compared\"><h2>Failed against good calls</h2>\n");
  html.put("<p class=\"muted\">A difference between the columns is where to look first.</p>\n");
  std::vector<HtmlColumn> columns = {{"calls", false}};
  for (const model::OutcomeGroup* group : compared->groups) {
    columns.push_back({fmt::format("{}: {}", outcome_words(*group), group->count)});
  }
  HtmlTable table(html, "Calls to " + context.endpoint_name(*compared->endpoint), columns);
  for (const Comparison::Row& row : compared->rows) {
    std::vector<std::string> cells = {std::string(row.label)};
    cells.insert(cells.end(), row.cells.begin(), row.cells.end());
    table.row(cells);
  }
  table.end();
  html.put("</section>\n");
}

void put_failures(Html& html, const HtmlContext& context) {
  constexpr std::size_t kRows = 200;
  const model::Picture& picture = context.picture();
  const Failures failed = failures(context.report, kRows);
  if (failed.all == 0) return;
  html.put("<section id=\"failures\"><h2>Failures</h2>\n");
  HtmlTable table(html, number_of(failed.all, "connection") + " that failed, or that a finding names",
                  {{"time, UTC"},
                   {"what happened", false},
                   {"after"},
                   {"local port"},
                   {"remote", false},
                   {"process", false},
                   {"bytes sent"},
                   {"bytes received"}});
  for (const std::size_t row : failed.shown) {
    table.row(context.stories.anchor(row), failure_cells(context, picture.sockets[row]));
  }
  table.end(failed.all - failed.shown.size(), "connections");
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
