// SPDX-License-Identifier: Apache-2.0
// The other tables: delays, retransmissions, endpoints, who uses them, network cards.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "report/text.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

std::size_t width_of(const std::vector<std::string_view>& headings, std::size_t gap) {
  return std::accumulate(headings.begin(), headings.end(), std::size_t{0},
                         [gap](std::size_t sum, std::string_view heading) { return sum + gap + heading.size(); });
}

std::string process_name(const model::ProcessShare& process) {
  const std::string pids = pid_words({process.pids.begin(), process.pids.end()});
  const std::string comm = elide_middle(process.comm.empty() ? "?" : escape_terminal(process.comm), 20);
  return pids.empty() ? "  " + comm : fmt::format("  {} ({})", comm, pids);
}

// --- Network cards ---

constexpr std::size_t kNicName = 22;
constexpr std::size_t kAllowance = 15;

std::string nic_name(const model::Picture& picture, const model::NicPicture& nic) {
  const std::string netns = escape_terminal(netns_words(picture, nic.netns_inode));
  const std::string name = "  " + elide_middle(escape_terminal(nic.device), 40);
  if (!netns.empty()) return elide_middle(name + netns, kPageColumns);
  const std::string driver = escape_terminal(nic.driver);
  if (driver.empty()) return name;
  return first_that_fits({fmt::format("{} {} {}", name, driver, escape_terminal(nic.driver_version)),
                          fmt::format("{} {}", name, driver), name},
                         kNicName - 1);
}

std::string nic_cells(std::string_view allowance, std::string_view packets, std::string_view seconds,
                      std::string_view per_second, std::string_view per_minute, std::string_view first) {
  return pad_right(allowance, kAllowance) + " " + pad_left(packets, 8) + " " + pad_left(seconds, 7) + " " +
         pad_left(per_second, 7) + " " + pad_left(per_minute, 7) + " " + pad_left(first, 9);
}

void append_nic(Page& page, const TextContext& context, const model::NicPicture& nic) {
  std::string name = nic_name(context.picture(), nic);
  for (const model::AllowanceLimit& limit : nic.limits) {
    if (limit.delta == 0) continue;
    const std::string first = limit.first_at ? clock_seconds(context.wall(*limit.first_at)) : std::string(kUnknown);
    named_row(page, name, kNicName,
              nic_cells(limit_words(limit.limit), std::to_string(limit.delta), std::to_string(limit.seconds_with_delta),
                        std::to_string(limit.max_per_s), std::to_string(limit.max_per_minute), first));
    name.clear();
  }
  const std::string still = still_words(nic);
  if (!still.empty()) named_row(page, name, kNicName, still);
  for (const std::string& remark : nic_remarks(nic)) page.line("      " + remark);
}

}  // namespace

void named_row(Page& page, const std::string& name, std::size_t column, const std::string& figures, Style style) {
  const bool parted = columns(name) < column || (columns(name) == column && figures.starts_with(' '));
  if (parted) {
    page.line(pad_right(name, column) + figures, style);
  } else {
    page.line(name, style);
    page.line(std::string(column, ' ') + figures, style);
  }
}

void append_delays(Page& page, const TextContext& context) {
  constexpr std::size_t kName = 15;
  constexpr std::size_t kLabel = kName + 12;
  const std::optional<DelayTable> table = delay_table(context.report);
  if (!table) return;
  const model::EndpointKey& key = table->endpoint->key;
  const auto row = [](std::string_view p50, std::string_view p90, std::string_view p99, std::string_view max,
                      std::string_view n) {
    return pad_left(p50, 9) + pad_left(p90, 10) + pad_left(p99, 10) + pad_left(max, 10) + pad_left(n, 10);
  };
  page.blank();
  named_row(page, fmt::format("DELAY {} {}", key.role == model::Role::kInbound ? "AT" : "TO", key.at.to_string()),
            kLabel, row("p50", "p90", "p99", "max", "samples"), Style::kHeading);
  for (const auto& [measure, words, histogram] : table->rows) {
    const auto p = [h = histogram](double q) { return us_or_dash(h->percentile(q)); };
    page.line(pad_right("  " + pad_right(model::to_string(measure), kName) + std::string(words), kLabel) +
              row(p(0.5), p(0.9), p(0.99), us_or_dash(histogram->max()), std::to_string(histogram->count())));
  }
  for (const std::string& remark : table->remarks) page.paragraph("  ", remark);
}

void append_retransmits(Page& page, const TextContext& context) {
  constexpr std::size_t kLabel = 36;
  const std::optional<RetransmitTable> table = retransmit_table(context.report);
  if (!table) return;
  const model::EndpointKey& key = table->endpoint->key;
  page.blank();
  named_row(page,
            fmt::format("RETRANSMITTED {} {}", key.role == model::Role::kInbound ? "AT" : "TO", key.at.to_string()),
            kLabel, pad_left("events", 8) + pad_left("again after p50", 16) + pad_left("p99", 10) + pad_left("max", 10),
            Style::kHeading);
  for (const RetransmitTable::Row& row : table->rows) {
    const std::vector<std::string> after = delay_cells(row.again_after);
    page.line(pad_right(fmt::format("  {}", row.words), kLabel) + pad_left(std::to_string(row.events), 8) +
              pad_left(after[0], 16) + pad_left(after[1], 10) + pad_left(after[2], 10));
  }
  if (!table->remark.empty()) page.paragraph("  ", table->remark);
}

void append_endpoints(Page& page, const TextContext& context) {
  const EndpointTable table = endpoint_table(context.picture());
  if (table.rows.empty()) return;
  std::size_t longest = 0;
  for (const EndpointTable::Row& row : table.rows) longest = std::max(longest, columns(row.name) + 2);
  std::size_t gap = 2;
  const bool narrower_helps =
      kPageColumns - width_of(table.headings, 2) < longest && kPageColumns - width_of(table.headings, 1) >= longest;
  if (narrower_helps) gap = 1;
  const std::size_t name_columns = kPageColumns - width_of(table.headings, gap);

  std::string headings;
  for (const std::string_view heading : table.headings) headings += std::string(gap, ' ') + std::string(heading);
  page.blank();
  named_row(page, "ENDPOINT", name_columns, headings, Style::kHeading);
  for (const EndpointTable::Row& row : table.rows) {
    const std::string name = "  " + row.name;
    std::string cells;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      cells += ' ' + pad_left(row.cells[i], gap + table.headings[i].size() - 1);
    }
    named_row(page, name + elide_middle(escape_terminal(row.netns), kPageColumns - columns(name)), name_columns, cells);
  }
  if (table.omitted > 0) page.line(fmt::format("  ... {} more in the JSON report", table.omitted));
}

void append_connections(Page& page, const TextContext& context) {
  for (const std::string& remark : connection_remarks(context.picture())) page.paragraph("  ", remark);
}

void append_kernel_counters(Page& page, const TextContext& context) {
  if (context.picture().endpoints.empty()) page.blank();
  const std::string counters = kernel_counter_words(context.report);
  if (!counters.empty()) page.paragraph("  ", counters);
  for (const std::string& remark : full_listener_remarks(context.report)) page.paragraph("  ", remark);
}

void append_busiest_filtered_out(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  if (picture.busiest_filtered_out.empty()) return;
  constexpr std::size_t kName = 60;
  page.blank();
  page.line(pad_right("BUSIEST THAT DID NOT MATCH", kName) + pad_left("sockets", 8) + pad_left("bytes", 12),
            Style::kHeading);
  for (const model::BusyEndpoint& busy : picture.busiest_filtered_out) {
    page.line(pad_right("  " + busy_name(busy), kName) + pad_left(std::to_string(busy.sockets), 8) +
              pad_left(bytes(busy.bytes), 12));
  }
}

void append_processes(Page& page, const TextContext& context) {
  constexpr std::size_t kName = 31;
  const std::optional<ProcessTable> table = process_table(context.report);
  if (!table) return;
  const auto row = [](std::string_view sockets, std::string_view open, std::string_view moved,
                      std::string_view exchanges) {
    return " " + pad_left(sockets, 8) + " " + pad_left(open, 7) + " " + pad_left(moved, 20) + " " +
           pad_left(exchanges, 10);
  };
  page.blank();
  named_row(page, "PROCESSES AT " + table->endpoint->key.at.to_string(), kName,
            row("sockets", "open", "bytes out/in", "exchanges"), Style::kHeading);
  for (const model::ProcessShare* process : table->rows) {
    named_row(
        page, process_name(*process), kName,
        row(std::to_string(process->sockets_seen), std::to_string(process->sockets_open_at_end),
            bytes(process->bytes_sent) + "/" + bytes(process->bytes_received), std::to_string(process->exchanges)));
    if (!process->cgroup.empty() && shares_name(*table->endpoint, *process)) {
      page.line("      cgroup " + elide_middle(escape_terminal(process->cgroup), kPageColumns - 13));
    }
  }
  if (table->omitted > 0) page.line(fmt::format("  ... {} more in the JSON report", table->omitted));
}

void append_nics(Page& page, const TextContext& context) {
  const std::vector<const model::NicPicture*> nics = nic_table(context.report);
  if (nics.empty()) return;
  page.blank();
  page.line(pad_right("NETWORK CARDS", kNicName) +
                nic_cells("over allowance", "packets", "seconds", "in 1 s", "in 60 s", "first"),
            Style::kHeading);
  for (const model::NicPicture* nic : nics) append_nic(page, context, *nic);
}

}  // namespace tcpdiag::report
