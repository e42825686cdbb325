// SPDX-License-Identifier: Apache-2.0
// The table of endpoints, and that of endpoints which the filters left out.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "report/format.h"
#include "report/text.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;

constexpr std::size_t kEndpointRows = 10;

const char* role_words(model::Role role) { return role == model::Role::kInbound ? "in" : "out"; }

std::string mbit_per_s(std::uint64_t bytes_moved, double length_s) {
  return rate(static_cast<double>(bytes_moved) * 8 / 1e6 / length_s);
}

std::uint64_t failures_of(const model::Totals& totals) {
  std::uint64_t failures = totals.exchanges_failed;
  for (std::size_t i = 0; i < totals.connect_outcomes.size(); ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    const bool is_failure =
        outcome != model::ConnectOutcome::kEstablished && outcome != model::ConnectOutcome::kPending;
    if (is_failure) failures += totals.connect_outcomes[i];
  }
  return failures;
}

struct Column {
  std::string_view heading;
  std::string (*cell)(const model::Totals& totals, double length_s);
};

std::string socks_cell(const model::Totals& t, double) { return std::to_string(t.sockets_seen); }
std::string exchanges_cell(const model::Totals& t, double length_s) {
  return rate(static_cast<double>(t.exchanges) / length_s);
}
std::string failed_cell(const model::Totals& t, double) { return std::to_string(failures_of(t)); }
std::string mbit_cell(const model::Totals& t, double length_s) {
  return mbit_per_s(t.bytes_sent, length_s) + "/" + mbit_per_s(t.bytes_received, length_s);
}
std::string retransmits_cell(const model::Totals& t, double) { return std::to_string(t.retransmitted_segments); }
std::string out_of_order_cell(const model::Totals& t, double) {
  return t.out_of_order_segments ? std::to_string(*t.out_of_order_segments) : std::string(kUnknown);
}
std::string resets_cell(const model::Totals& t, double) { return std::to_string(t.resets.sent + t.resets.received); }

// Not all columns leave room for an address on the same line: "failed" and "out-of-order" stand there when they have
// something to say.
std::vector<Column> columns_for(const std::vector<EndpointPicture>& endpoints) {
  const auto any = [&](auto holds) {
    return std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointPicture& e) { return holds(e.totals); });
  };
  const bool failed = any([](const model::Totals& t) { return failures_of(t) > 0; });
  const bool disorder = any([](const model::Totals& t) { return t.out_of_order_segments.value_or(0) > 0; });
  const bool order_known = any([](const model::Totals& t) { return t.out_of_order_segments.has_value(); });
  std::vector<Column> columns = {{"socks", socks_cell}, {"exch/s", exchanges_cell}};
  if (failed || !order_known) columns.push_back({"failed", failed_cell});
  columns.push_back({"Mbit/s out/in", mbit_cell});
  columns.push_back({"retrans", retransmits_cell});
  if (disorder || (order_known && !failed)) columns.push_back({"out-of-order", out_of_order_cell});
  columns.push_back({"resets", resets_cell});
  return columns;
}

std::size_t width_of(const std::vector<Column>& table, std::size_t gap) {
  return std::accumulate(table.begin(), table.end(), std::size_t{0},
                         [gap](std::size_t sum, const Column& c) { return sum + gap + c.heading.size(); });
}

}  // namespace

std::string netns_words(const model::Picture& picture, std::uint32_t inode) {
  if (picture.start.netns.size() < 2) return {};
  for (const model::NetnsInfo& netns : picture.start.netns) {
    if (netns.inode == inode && !netns.name.empty()) return fmt::format(", netns {}", escape_terminal(netns.name));
  }
  return fmt::format(", netns {}", inode);
}

void append_endpoints(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  if (picture.endpoints.empty()) return;
  const double length_s = std::max(model::seconds(picture.window.length()), 0.001);
  const std::size_t shown = std::min(picture.endpoints.size(), kEndpointRows);
  std::vector<std::string> names;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    const model::EndpointKey& key = picture.endpoints[i].key;
    names.push_back(fmt::format("  {} {}", key.at.to_string(), role_words(key.role)));
    longest = std::max(longest, columns(names.back()));
  }
  const std::vector<Column> table = columns_for(picture.endpoints);
  std::size_t gap = 2;
  if (kPageColumns - width_of(table, gap) < longest && kPageColumns - width_of(table, 1) >= longest) gap = 1;
  const std::size_t name_columns = kPageColumns - width_of(table, gap);

  std::string headings;
  for (const Column& column : table) headings += std::string(gap, ' ') + std::string(column.heading);
  page.blank();
  named_row(page, "ENDPOINT", name_columns, headings, Style::kHeading);
  for (std::size_t i = 0; i < shown; ++i) {
    const EndpointPicture& endpoint = picture.endpoints[i];
    const std::string netns = netns_words(picture, endpoint.key.netns_inode);
    std::string cells;
    for (const Column& column : table) {
      cells += ' ' + pad_left(column.cell(endpoint.totals, length_s), gap + column.heading.size() - 1);
    }
    named_row(page, names[i] + elide_middle(netns, kPageColumns - columns(names[i])), name_columns, cells);
  }
  if (picture.endpoints.size() > shown) {
    page.line(fmt::format("  ... {} more in the JSON report", picture.endpoints.size() - shown));
  }
}

void append_busiest_filtered_out(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  if (picture.busiest_filtered_out.empty()) return;
  constexpr std::size_t kName = 60;
  page.blank();
  page.line(pad_right("BUSIEST THAT DID NOT MATCH", kName) + pad_left("sockets", 8) + pad_left("bytes", 12),
            Style::kHeading);
  for (const model::BusyEndpoint& busy : picture.busiest_filtered_out) {
    const std::string name = fmt::format("  {} {}", busy.key.at.to_string(), role_words(busy.key.role));
    page.line(pad_right(name, kName) + pad_left(std::to_string(busy.sockets), 8) + pad_left(bytes(busy.bytes), 12));
  }
}

}  // namespace tcpdiag::report
