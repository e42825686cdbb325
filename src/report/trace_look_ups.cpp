// SPDX-License-Identifier: Apache-2.0
// Look-ups of names, by the resolver that was asked.
#include <fmt/format.h>

#include <algorithm>

#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::ResolverPicture;

std::string resolver_words(const model::Picture& picture, const ResolverPicture& resolver) {
  if (resolver.at.address.is_unspecified()) return "all others";
  return resolver.at.to_string() + netns_words(picture, resolver.netns_inode);
}

// "ruby 12, curl 3"
std::string users_words(const ResolverPicture& resolver) {
  std::vector<std::string> parts;
  for (const auto& [name, queries] : resolver.users) {
    parts.push_back(fmt::format("{} {}", name.empty() ? "not known" : name, queries));
  }
  return join(parts, ", ");
}

std::string rcode_words(const ResolverPicture& resolver) {
  std::vector<std::string> parts;
  for (const auto& [name, answers] : resolver.rcodes) {
    if (name != "NOERROR") parts.push_back(fmt::format("{} {}", name, answers));
  }
  if (resolver.truncated > 0) parts.push_back(fmt::format("truncated {}", resolver.truncated));
  return join(parts, ", ");
}

Row resolver_row(const TraceView& view, const ResolverPicture& resolver) {
  const std::string name = resolver_words(view.picture(), resolver);
  Row row{{Words(name, elide_middle(escape_terminal(name), 24)), std::to_string(resolver.queries),
           std::to_string(resolver.answered), us_or_dash(resolver.took_us.percentile(0.5)),
           us_or_dash(resolver.took_us.percentile(0.99)), us_or_dash(resolver.took_us.max()),
           std::to_string(resolver.repeated), std::to_string(resolver.unanswered.count)}};
  std::vector<std::string> rest;
  if (std::string codes = rcode_words(resolver); !codes.empty()) rest.push_back(std::move(codes));
  if (resolver.waiting > 0) rest.push_back(fmt::format("{} still waiting", resolver.waiting));
  if (resolver.unknown > 0) rest.push_back(fmt::format("{} not followed to their end", resolver.unknown));
  if (view.is_page()) {
    row.cells.emplace_back(join(rest, ", "));
    row.cells.emplace_back(users_words(resolver));
  } else if (!rest.empty()) {
    row.remarks.push_back({"", join(rest, ", ")});
  }
  return row;
}

}  // namespace

void add_look_ups(Document& document, const TraceView& view) {
  const auto& resolvers = view.picture().resolvers;
  if (resolvers.empty()) return;
  const std::size_t shown = std::min(resolvers.size(), view.limit(5, 10, 60));
  Table table;
  table.title = Words("Look-ups of names, by resolver: from the query to its answer", "LOOK-UPS OF NAMES AT");
  table.columns = {{"resolver", Align::kLeft, 24},
                   number("queries", 8, 1),
                   number("answered", 8, 1),
                   number("p50", 7, 1),
                   number("p99", 7, 1),
                   number("max", 7, 1),
                   number(Words("sent again", "again"), 5, 1),
                   number(Words("no answer", "none"), 5, 1)};
  if (view.is_page()) table.columns.insert(table.columns.end(), {{"answers"}, {"asked by"}});
  for (std::size_t i = 0; i < shown; ++i) table.rows.push_back(resolver_row(view, resolvers[i]));
  table.more = left_out(resolvers.size(), shown, "resolvers");
  Section section = chapter("look-ups", "Look-ups of names");
  section.nodes.emplace_back(std::move(table));
  document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
