// SPDX-License-Identifier: Apache-2.0
// What is told of the host: its network cards' allowances and the kernel's own counters; and the limits of it all: what
// cannot be seen from here, what was lost, what this kernel cannot do.
#include <algorithm>
#include <array>

#include "knowledge/not_visible.h"
#include "report/html.h"

namespace tcpdiag::report {
namespace {

std::string netns_name(const model::Picture& picture, std::uint32_t inode) {
  for (const model::NetnsInfo& netns : picture.start.netns) {
    if (netns.inode != inode) continue;
    if (!netns.name.empty()) return netns.name;
    return netns.is_self ? fmt::format("this one ({})", inode) : std::to_string(inode);
  }
  return std::to_string(inode);
}

// The part of a counter's increase that was traced, where there is one to compare.
std::string traced_part(const model::Totals& totals, std::string_view counter) {
  if (counter == "RetransSegs") return std::to_string(totals.retransmitted_segments);
  if (counter == "OutRsts") return std::to_string(totals.resets.sent);
  return std::string();
}

void put_counter_table(Html& html, const HtmlContext& context) {
  const model::Picture& picture = context.picture();
  constexpr std::size_t kNamespaces = 10;
  const std::size_t shown = std::min(picture.netns.size(), kNamespaces);
  std::vector<HtmlColumn> columns = {{"counter (nstat)", false}};
  for (std::size_t i = 0; i < shown; ++i) columns.push_back({"netns " + netns_name(picture, picture.netns[i].inode)});
  columns.push_back({"of it traced"});
  HtmlTable table(html, "How far the kernel's counters moved; of all sockets of a namespace, whatever the filters",
                  columns);
  for (const char* counter : model::kKernelCounters) {
    std::vector<std::string> cells = {counter};
    for (std::size_t i = 0; i < shown; ++i) {
      const auto found = picture.netns[i].counters.find(counter);
      cells.push_back(found == picture.netns[i].counters.end() ? std::string(kUnknown) : std::to_string(found->second));
    }
    cells.push_back(traced_part(picture.totals, counter));
    table.row(cells);
  }
  table.end(picture.netns.size() - shown, "namespaces");
}

void put_loss_table(Html& html, const HtmlContext& context) {
  const model::Loss& loss = context.picture().loss;
  const std::array<std::pair<const char*, std::uint64_t>, 8> causes = {{{"ring buffer full", loss.ring_full},
                                                                        {"socket table full", loss.sockets_full},
                                                                        {"endpoint table full", loss.endpoints_full},
                                                                        {"process table full", loss.processes_full},
                                                                        {"undecodable", loss.undecodable},
                                                                        {"rate-limited", loss.rate_limited},
                                                                        {"samples thinned", loss.samples_thinned},
                                                                        {"disk full", loss.disk_full}}};
  HtmlTable table(html, fmt::format("What was lost, of {} events seen", context.picture().events_seen),
                  {{"cause", false}, {"events"}});
  for (const auto& [cause, n] : causes) table.row({cause, std::to_string(n)});
  table.end();
}

void put_not_visible(Html& html, const model::Report& report) {
  if (report.not_visible.empty()) return;
  html.put("<h3>Not visible from here</h3>\n<ul>\n");
  for (const std::string& id : report.not_visible) {
    const knowledge::NotVisible* known = knowledge::find_not_visible(id);
    if (known == nullptr) {
      html.put("<li>{}</li>\n", id);
    } else {
      html.put("<li>{}. <span class=\"muted\">{}</span></li>\n", known->words, known->why);
    }
  }
  html.put("</ul>\n");
}

void put_missing_abilities(Html& html, const std::vector<model::Ability>& abilities) {
  const auto is_missing = [](const model::Ability& ability) { return !ability.available; };
  if (std::none_of(abilities.begin(), abilities.end(), is_missing)) return;
  html.put("<h3>What this kernel or this user could not do</h3>\n<ul>\n");
  for (const model::Ability& ability : abilities) {
    if (is_missing(ability)) html.put("<li><code>{}</code>: {}</li>\n", ability.name, ability.reason);
  }
  html.put("</ul>\n");
}

}  // namespace

void put_nics(Html& html, const HtmlContext& context) {
  const model::Picture& picture = context.picture();
  const std::vector<const model::NicPicture*> nics = nic_table(context.report);
  const std::string quiet = quiet_nics_words(context.report);
  if (nics.empty() && quiet.empty()) return;
  html.put("<section id=\"nics\"><h2>Network cards</h2>\n");
  if (!nics.empty()) {
    HtmlTable table(html, "Packets queued or dropped because an allowance of the instance was used up",
                    {{"device", false},
                     {"driver", false},
                     {"allowance", false},
                     {"packets"},
                     {"seconds in which it rose"},
                     {"most in 1 s"},
                     {"most in 60 s"},
                     {"first, UTC"},
                     {"last, UTC"}});
    for (const model::NicPicture* nic : nics) {
      const std::string name = nic->device + netns_words(picture, nic->netns_inode);
      for (const model::AllowanceLimit& limit : nic->limits) {
        table.row({name, fmt::format("{} {}", nic->driver, nic->driver_version), std::string(limit_words(limit.limit)),
                   std::to_string(limit.delta), std::to_string(limit.seconds_with_delta),
                   std::to_string(limit.max_per_s), std::to_string(limit.max_per_minute),
                   limit.first_at ? context.time(*limit.first_at) : std::string(kUnknown),
                   limit.last_at ? context.time(*limit.last_at) : std::string(kUnknown)});
      }
    }
    table.end();
    for (const model::NicPicture* nic : nics) {
      for (const std::string& remark : nic_remarks(*nic)) html.put("<p>{}: {}</p>\n", nic->device, remark);
      if (const std::string still = still_words(*nic); !still.empty()) html.put("<p>{}: {}</p>\n", nic->device, still);
    }
  }
  if (!quiet.empty()) html.put("<p>{}</p>\n", quiet);
  html.put("</section>\n");
}

void put_kernel_counters(Html& html, const HtmlContext& context) {
  const std::vector<std::string> remarks = full_listener_remarks(context.report);
  if (context.picture().netns.empty() && remarks.empty()) return;
  html.put("<section id=\"counters\"><h2>Kernel counters</h2>\n");
  for (const std::string& remark : remarks) html.put("<p>{}</p>\n", remark);
  if (!context.picture().netns.empty()) put_counter_table(html, context);
  html.put("</section>\n");
}

void put_limits(Html& html, const HtmlContext& context) {
  html.put("<section id=\"limits\"><h2>What this report cannot tell</h2>\n");
  put_not_visible(html, context.report);
  put_missing_abilities(html, context.picture().start.abilities);
  html.put("<h3>Losses</h3>\n");
  html.put("<p>{}</p>\n", lost_words(context.report));
  put_loss_table(html, context);
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
