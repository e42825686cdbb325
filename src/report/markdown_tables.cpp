// SPDX-License-Identifier: Apache-2.0
// The tables below the findings.
#include <fmt/format.h>

#include <algorithm>

#include "report/content.h"
#include "report/describe.h"
#include "report/markdown.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kFailureRows = 50;
constexpr std::size_t kStoryRows = 16;

std::string at_or_to(const model::EndpointPicture& endpoint) {
  const bool is_inbound = endpoint.key.role == model::Role::kInbound;
  return fmt::format("{} {}", is_inbound ? "at" : "to", endpoint.key.at.to_string());
}

void say_left_out(Markdown& out, std::size_t n, std::string_view what) {
  if (n > 0) out.paragraph(fmt::format("... and {} more {} in the JSON report", n, what));
}

std::string process_words(const model::SocketStory& story) {
  if (!story.owner) return std::string(kUnknown);
  const std::string comm = story.owner->comm.empty() ? "?" : story.owner->comm;
  return story.owner->pid == 0 ? comm : fmt::format("{} {}", comm, story.owner->pid);
}

std::string moved_words(std::uint64_t sent, std::uint64_t received) {
  return fmt::format("{} / {}", bytes(sent), bytes(received));
}

// "811, 812, 7 more"
std::string pids_of(const model::ProcessShare& process) {
  const std::string words = pid_words({process.pids.begin(), process.pids.end()});
  return words.empty() ? std::string(kUnknown) : words.substr(words.find(' ') + 1);
}

}  // namespace

Markdown markdown_failed_against_good(const model::Report& report) {
  Markdown out;
  const std::optional<Comparison> comparison = failed_against_good(report);
  if (!comparison) return out;
  std::vector<std::string> headings;
  for (const model::OutcomeGroup* group : comparison->groups) {
    headings.push_back(fmt::format("{} {}", outcome_words(*group), group->count));
  }
  std::vector<MarkdownColumn> columns = {{""}};
  for (const std::string& heading : headings) columns.push_back({heading, true});
  Rows rows;
  for (const Comparison::Row& row : comparison->rows) {
    Rows::value_type& cells = rows.emplace_back(1, std::string(row.label));
    cells.insert(cells.end(), row.cells.begin(), row.cells.end());
  }
  out.heading(3, "Failed against good calls " + at_or_to(*comparison->endpoint));
  out.table(columns, rows);
  return out;
}

Markdown markdown_endpoints(const model::Report& report) {
  Markdown out;
  const model::Picture& picture = report.picture;
  const EndpointTable endpoints = endpoint_table(picture);
  if (!endpoints.rows.empty()) {
    std::vector<MarkdownColumn> columns = {{"Endpoint"}};
    for (const std::string_view heading : endpoints.headings) columns.push_back({heading, true});
    Rows rows;
    for (const EndpointTable::Row& row : endpoints.rows) {
      Rows::value_type& cells = rows.emplace_back(1, row.name + row.netns);
      cells.insert(cells.end(), row.cells.begin(), row.cells.end());
    }
    out.heading(3, "Endpoints");
    out.table(columns, rows);
    say_left_out(out, endpoints.omitted, "endpoints");
  }
  if (!picture.busiest_filtered_out.empty()) {
    Rows rows;
    for (const model::BusyEndpoint& busy : picture.busiest_filtered_out) {
      rows.push_back({busy_name(busy), std::to_string(busy.sockets), bytes(busy.bytes)});
    }
    out.heading(3, "Busiest that did not match");
    out.table({{"Endpoint"}, {"sockets", true}, {"bytes", true}}, rows);
  }
  for (const std::string& remark : connection_remarks(picture)) out.item(remark);
  return out;
}

Markdown markdown_retransmits(const model::Report& report) {
  Markdown out;
  const std::optional<RetransmitTable> table = retransmit_table(report);
  if (!table) return out;
  Rows rows;
  for (const RetransmitTable::Row& row : table->rows) {
    Rows::value_type& cells = rows.emplace_back(Rows::value_type{std::string(row.words), std::to_string(row.events)});
    for (std::string& cell : delay_cells(row.again_after)) cells.push_back(std::move(cell));
  }
  out.heading(3, "Retransmitted " + at_or_to(*table->endpoint));
  out.table({{"Why"}, {"events", true}, {"again after, p50", true}, {"p99", true}, {"max", true}}, rows);
  if (!table->remark.empty()) out.paragraph(table->remark);
  return out;
}

Markdown markdown_failures(const model::Report& report, std::size_t sockets) {
  Markdown out;
  const model::Picture& picture = report.picture;
  const Failures found = failures(report, std::min(sockets, kFailureRows));
  if (found.all == 0) return out;
  Rows rows;
  for (const std::size_t index : found.shown) {
    const model::SocketStory& story = picture.sockets[index];
    const auto [sent, received] = moved_bytes(story);
    const bool shared = story.owner && story.owner->shared;
    rows.push_back({time_words(picture, failed_at(picture, story)), story.socket.local.to_string(),
                    story.socket.remote.to_string(), process_words(story) + (shared ? " and others" : ""),
                    what_happened(story), failed_after(story), moved_words(sent, received)});
  }
  out.heading(3, "Failures");
  if (!rows.empty()) {
    out.table({{"Time (UTC)"}, {"local"}, {"remote"}, {"process"}, {"what"}, {"after", true}, {"bytes out / in", true}},
              rows);
  }
  say_left_out(out, found.all - found.shown.size(), "connections");
  return out;
}

std::vector<Markdown> markdown_stories(const model::Report& report, std::size_t sockets) {
  const model::Picture& picture = report.picture;
  std::vector<Markdown> pieces;
  for (const std::size_t index : failures(report, std::min(sockets, kFailureRows)).shown) {
    const model::SocketStory& story = picture.sockets[index];
    if (story.timeline.empty()) continue;
    Rows rows;
    for (std::size_t i = 0; i < story.timeline.size(); ++i) {
      const bool is_skipped =
          story.timeline.size() > kStoryRows && i >= kStoryRows / 2 && i < story.timeline.size() - kStoryRows / 2;
      if (is_skipped) continue;
      const model::TimelineMark& mark = story.timeline[i];
      const Description what = describe(picture.start, story.socket.role, mark);
      std::string kind(what.kind);
      std::replace(kind.begin(), kind.end(), '_', ' ');
      const double offset_us = model::seconds(mark.at - story.timeline.front().at) * 1e6;
      rows.push_back({time_words(picture, mark.at), duration(offset_us), kind, detail_words(what.details)});
    }
    Markdown& out = pieces.emplace_back();
    out.paragraph(
        fmt::format("{} {} {}", story.socket.local.to_string(),
                    story.socket.role == model::Role::kInbound ? "from" : "to", story.socket.remote.to_string()),
        fmt::format("{} after {}, {}", what_happened(story), failed_after(story), process_words(story)));
    out.table({{"Time (UTC)"}, {"since", true}, {"what"}, {"detail"}}, rows);
    if (story.timeline.size() > rows.size()) {
      say_left_out(out, story.timeline.size() - rows.size(), "in the middle");
    }
  }
  return pieces;
}

Markdown markdown_delays(const model::Report& report) {
  Markdown out;
  const std::optional<DelayTable> table = delay_table(report);
  if (!table) return out;
  Rows rows;
  for (const auto& [measure, words, histogram] : table->rows) {
    const auto p = [h = histogram](double q) { return us_or_dash(h->percentile(q)); };
    rows.push_back({model::to_string(measure), std::string(words), p(0.5), p(0.9), p(0.99),
                    us_or_dash(histogram->max()), std::to_string(histogram->count())});
  }
  out.heading(3, "Delay " + at_or_to(*table->endpoint));
  out.table({{"Measure"}, {"of"}, {"p50", true}, {"p90", true}, {"p99", true}, {"max", true}, {"samples", true}}, rows);
  for (const std::string& remark : table->remarks) out.item(remark);
  return out;
}

Markdown markdown_processes(const model::Report& report) {
  Markdown out;
  const std::optional<ProcessTable> table = process_table(report);
  if (!table) return out;
  Rows rows;
  for (const model::ProcessShare* process : table->rows) {
    rows.push_back({process->comm.empty() ? "?" : process->comm, pids_of(*process), process->cgroup,
                    std::to_string(process->sockets_seen), std::to_string(process->sockets_open_at_end),
                    moved_words(process->bytes_sent, process->bytes_received), std::to_string(process->exchanges)});
  }
  out.heading(3, "Processes at " + table->endpoint->key.at.to_string());
  out.table({{"Process"},
             {"pids"},
             {"cgroup"},
             {"sockets", true},
             {"open at the end", true},
             {"bytes out / in", true},
             {"exchanges", true}},
            rows);
  say_left_out(out, table->omitted, "groups of processes");
  return out;
}

Markdown markdown_nics(const model::Report& report) {
  Markdown out;
  const model::Picture& picture = report.picture;
  const std::vector<const model::NicPicture*> nics = nic_table(report);
  if (nics.empty()) return out;
  constexpr std::size_t kCards = 10;
  Rows rows;
  std::vector<std::string> remarks;
  for (std::size_t i = 0; i < std::min(nics.size(), kCards); ++i) {
    const model::NicPicture& nic = *nics[i];
    const std::string driver = nic.driver.empty() ? "" : fmt::format(" ({} {})", nic.driver, nic.driver_version);
    const std::string name = nic.device + netns_words(picture, nic.netns_inode) + driver;
    for (const model::AllowanceLimit& limit : nic.limits) {
      if (limit.delta == 0) continue;
      rows.push_back({name, std::string(limit_words(limit.limit)), std::to_string(limit.delta),
                      std::to_string(limit.seconds_with_delta), std::to_string(limit.max_per_s),
                      std::to_string(limit.max_per_minute),
                      limit.first_at ? time_words(picture, *limit.first_at) : std::string(kUnknown)});
    }
    if (const std::string still = still_words(nic); !still.empty())
      remarks.push_back(fmt::format("{}: {}", name, still));
    for (const std::string& remark : nic_remarks(nic)) remarks.push_back(fmt::format("{}: {}", nic.device, remark));
  }
  out.heading(3, "Network cards");
  if (!rows.empty()) {
    out.table({{"Card"},
               {"over allowance"},
               {"packets", true},
               {"seconds", true},
               {"most in 1 s", true},
               {"in 60 s", true},
               {"first (UTC)", true}},
              rows);
  }
  for (const std::string& remark : remarks) out.item(remark);
  say_left_out(out, nics.size() - std::min(nics.size(), kCards), "cards");
  return out;
}

Markdown markdown_kernel_counters(const model::Report& report) {
  Markdown out;
  const std::string counters = kernel_counter_words(report);
  const std::vector<std::string> listeners = full_listener_remarks(report);
  if (counters.empty() && listeners.empty()) return out;
  out.heading(3, "Kernel counters");
  if (!counters.empty()) out.item(counters);
  for (const std::string& remark : listeners) out.item(remark);
  return out;
}

}  // namespace tcpdiag::report
