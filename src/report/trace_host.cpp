// SPDX-License-Identifier: Apache-2.0
// What is told of the host: its network cards' allowances and the kernel's own counters; and the limits of it all: what
// cannot be seen from here, what was lost, what this kernel cannot do.
#include <fmt/format.h>

#include "knowledge/not_visible.h"
#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::AllowanceLimit;
using model::NicPicture;

constexpr std::size_t kNicName = 22;

// --- Network cards ---

std::string still_words(const NicPicture& nic) {
  return nic.limits.empty() ? "its counters were read only once" : "none of its allowances was exceeded";
}

std::vector<Remark> nic_remarks(const NicPicture& nic) {
  std::vector<Remark> remarks;
  if (nic.driver_reset) remarks.push_back({"", "the driver began to count anew during the trace"});
  if (nic.conntrack_available_min) {
    remarks.push_back(
        {"", fmt::format("room for {} more tracked connections at the fewest", *nic.conntrack_available_min)});
  }
  return remarks;
}

Words nic_name(const model::Picture& picture, const NicPicture& nic) {
  const std::string netns = netns_words(picture, nic.netns_inode);
  const std::string driver = escape_terminal(nic.driver);
  const std::string version = escape_terminal(nic.driver_version);
  const std::string whole =
      nic.device + netns + (nic.driver.empty() ? "" : fmt::format(" ({} {})", nic.driver, nic.driver_version));
  const std::string device = elide_middle(escape_terminal(nic.device), 40);
  if (!netns.empty()) return {whole, elide_middle(device + escape_terminal(netns), kPageColumns - 2)};
  if (driver.empty()) return {whole, device};
  return {whole, first_that_fits(
                     {fmt::format("{} {} {}", device, driver, version), fmt::format("{} {}", device, driver), device},
                     kNicName - 3)};
}

// The name stands in the first row of a card only, in text.
std::vector<Row> nic_rows(const TraceView& view, const NicPicture& nic) {
  std::vector<Row> rows;
  Words name = nic_name(view.picture(), nic);
  const auto when = [&](std::optional<model::MonoTime> at) -> Words {
    return at ? Words(view.time(*at), clock_seconds(view.wall(*at))) : Words(std::string(kUnknown));
  };
  bool has_moved = false;
  for (const AllowanceLimit& limit : nic.limits) {
    has_moved = has_moved || limit.delta > 0;
    if (limit.delta == 0 && !view.is_page()) continue;
    Row& row = rows.emplace_back();
    row.cells = {name,
                 std::string(limit_words(limit.limit)),
                 std::to_string(limit.delta),
                 std::to_string(limit.seconds_with_delta),
                 std::to_string(limit.max_per_s),
                 std::to_string(limit.max_per_minute),
                 when(limit.first_at)};
    if (view.is_page()) row.cells.emplace_back(when(limit.last_at));
    name.brief = " ";
  }
  if (!has_moved) rows.push_back({{name, still_words(nic)}});
  rows.back().remarks = nic_remarks(nic);
  return rows;
}

Table nic_table_of(const TraceView& view, const std::vector<const NicPicture*>& nics) {
  Table table;
  table.title = Words("Packets queued or dropped because an allowance of the instance was used up", "NETWORK CARDS");
  table.columns = {{"card", Align::kLeft, kNicName},
                   {"over allowance", Align::kLeft, 15},
                   number("packets", 8, 1),
                   number("seconds", 7, 1),
                   number(Words("most in 1 s", "in 1 s"), 7, 1),
                   number(Words("most in 60 s", "in 60 s"), 7, 1),
                   number(Words("first (UTC)", "first"), 9, 1)};
  if (view.is_page()) table.columns.push_back(number(Words("last (UTC)", "last"), 9, 1));
  const std::size_t shown = std::min(nics.size(), view.limit(nics.size(), 10, nics.size()));
  for (std::size_t i = 0; i < shown; ++i) {
    for (Row& row : nic_rows(view, *nics[i])) table.rows.push_back(std::move(row));
  }
  table.more = left_out(nics.size(), shown, "cards");
  return table;
}

// --- Kernel counters ---

std::string netns_name(const model::Picture& picture, std::uint32_t inode) {
  const model::NetnsInfo* netns = picture.start.netns_of(inode);
  if (netns != nullptr && !netns->name.empty()) return netns->name;
  return netns != nullptr && netns->is_self ? fmt::format("this one ({})", inode) : std::to_string(inode);
}

// The part of a counter's increase that was traced, where there is one to compare.
std::string traced_part(const model::Totals& totals, std::string_view counter) {
  if (counter == "RetransSegs") return std::to_string(totals.retransmitted_segments);
  if (counter == "OutRsts") return std::to_string(totals.resets.sent);
  return std::string();
}

Table counter_table(const TraceView& view) {
  const model::Picture& picture = view.picture();
  const std::size_t shown = std::min<std::size_t>(picture.netns.size(), 10);
  Table table;
  table.title = "How far the kernel's counters moved; of all sockets of a namespace, whatever the filters";
  table.columns = {{"counter (nstat)"}};
  for (std::size_t i = 0; i < shown; ++i) {
    table.columns.push_back(number("netns " + netns_name(picture, picture.netns[i].inode)));
  }
  table.columns.push_back(number("of it traced"));
  for (const char* counter : model::kKernelCounters) {
    Row& row = table.rows.emplace_back();
    row.cells.emplace_back(counter);
    for (std::size_t i = 0; i < shown; ++i) {
      const auto found = picture.netns[i].counters.find(counter);
      row.cells.emplace_back(found == picture.netns[i].counters.end() ? std::string(kUnknown)
                                                                      : std::to_string(found->second));
    }
    row.cells.emplace_back(traced_part(picture.totals, counter));
  }
  table.more = left_out(picture.netns.size(), shown, "namespaces");
  return table;
}

// --- Limits ---

Table loss_table(const model::Picture& picture) {
  Table table;
  table.title = fmt::format("What was lost, of {} events seen", picture.events_seen);
  table.columns = {{"cause"}, number("events")};
  for (const auto& [cause, n] : loss_causes(picture.loss)) {
    table.rows.push_back({{std::string(cause), std::to_string(n)}});
  }
  return table;
}

Fact hidden_fact(const TraceView& view) {
  Fact fact{"Not visible from here", ""};
  if (!view.is_page()) {
    const std::string hidden = not_visible_words(view.report);
    fact.texts = {hidden.empty() ? "nothing is known to be hidden" : hidden};
    return fact;
  }
  for (const std::string& id : view.report.not_visible) {
    const knowledge::NotVisible* known = knowledge::find_not_visible(id);
    fact.texts.emplace_back(known == nullptr ? id : fmt::format("{}. {}", known->words, known->why));
  }
  return fact;
}

Fact missing_fact(const TraceView& view) {
  Fact fact{"Not measured", ""};
  const auto& all = view.picture().start.abilities;
  const auto missing = static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const model::Feature& feature) { return !feature.available; }));
  const std::size_t shown = view.limit(10, 10, missing);
  for (const model::Feature& feature : all) {
    if (feature.available || fact.texts.size() == shown) continue;
    fact.texts.emplace_back(fmt::format("{}: {}", feature.name, feature.reason));
  }
  if (missing > shown) fact.texts.emplace_back(fmt::format("{} more in the JSON report", missing - shown));
  return fact;
}

}  // namespace

void add_nics(Document& document, const TraceView& view) {
  const std::vector<const NicPicture*> nics = nic_table(view.report);
  const std::string quiet = view.is_page() ? quiet_nics_words(view.report) : std::string();
  if (nics.empty() && quiet.empty()) return;
  Section section = chapter("nics", "Network cards");
  if (!nics.empty()) section.nodes.emplace_back(nic_table_of(view, nics));
  if (!quiet.empty()) section.nodes.emplace_back(Paragraph{quiet});
  document.body.emplace_back(std::move(section));
}

void add_kernel_counters(Document& document, const TraceView& view) {
  Section section = chapter("counters", "Kernel counters");
  std::vector<std::string> remarks = full_listener_remarks(view.report);
  const std::string counters = view.is_page() ? std::string() : kernel_counter_words(view.report);
  if (!counters.empty()) remarks.insert(remarks.begin(), counters);
  const bool follows_endpoints = !view.picture().endpoints.empty();
  if (!remarks.empty()) section.nodes.emplace_back(List{std::move(remarks), "  "}, follows_endpoints);
  if (view.is_page() && !view.picture().netns.empty()) section.nodes.emplace_back(counter_table(view));
  if (!section.nodes.empty()) document.body.emplace_back(std::move(section), follows_endpoints);
}

void add_limits(Document& document, const TraceView& view) {
  Section section = chapter("limits", "Not seen", "What it cannot tell");
  section.is_kept = true;
  Facts facts;
  facts.facts.push_back(hidden_fact(view));
  const std::vector<std::string> lost = loss_parts(view.picture().loss);
  facts.facts.push_back({"Lost",
                         "",
                         {view.is_page() ? lost_words(view.report)
                          : lost.empty() ? "nothing (0 events)"
                                         : join(lost, ", ")}});
  facts.facts.push_back(missing_fact(view));
  if (const std::string nics = quiet_nics_words(view.report); !nics.empty() && !view.is_page()) {
    facts.facts.push_back({"Network cards", "", {nics}});
  }
  std::erase_if(facts.facts, [](const Fact& fact) { return fact.texts.empty(); });
  section.nodes.emplace_back(std::move(facts));
  if (view.is_page()) section.nodes.emplace_back(loss_table(view.picture()));
  document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
