// SPDX-License-Identifier: Apache-2.0
// The network cards' allowance counters: a table where they moved, a sentence where they did not.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "report/format.h"
#include "report/text.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using model::AllowanceLimit;
using model::NicPicture;

constexpr std::size_t kName = 22;
constexpr std::size_t kAllowance = 15;

std::string_view limit_words(std::string_view limit) {
  if (limit == "bw_in") return "bandwidth in";
  if (limit == "bw_out") return "bandwidth out";
  if (limit == "pps") return "packets/s";
  if (limit == "conntrack") return "connections";
  if (limit == "linklocal") return "link-local";
  return limit;
}

bool has_moved(const NicPicture& nic) {
  return std::any_of(nic.limits.begin(), nic.limits.end(), [](const AllowanceLimit& l) { return l.delta > 0; });
}

// A finding is about it, and its counters say something about that, be it that they did not move.
bool is_in_question(const model::Report& report, const NicPicture& nic) {
  return nic.counters_supported &&
         std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const model::Finding& finding) { return finding.device == nic.device; });
}

bool is_in_table(const model::Report& report, const NicPicture& nic) {
  return has_moved(nic) || is_in_question(report, nic);
}

std::string device_of(const NicPicture& nic) { return elide_middle(escape_terminal(nic.device), 40); }

std::string name_of(const model::Picture& picture, const NicPicture& nic) {
  const std::string netns = netns_words(picture, nic.netns_inode);
  const std::string name = "  " + device_of(nic);
  if (!netns.empty()) return elide_middle(name + netns, kPageColumns);
  const std::string driver = escape_terminal(nic.driver);
  if (driver.empty()) return name;
  return first_that_fits({fmt::format("{} {} {}", name, driver, escape_terminal(nic.driver_version)),
                          fmt::format("{} {}", name, driver), name},
                         kName - 1);
}

std::string cells(std::string_view allowance, std::string_view packets, std::string_view seconds,
                  std::string_view per_second, std::string_view per_minute, std::string_view first) {
  return pad_right(allowance, kAllowance) + " " + pad_left(packets, 8) + " " + pad_left(seconds, 7) + " " +
         pad_left(per_second, 7) + " " + pad_left(per_minute, 7) + " " + pad_left(first, 9);
}

void append_nic(Page& page, const TextContext& context, const NicPicture& nic) {
  std::string name = name_of(context.picture(), nic);
  for (const AllowanceLimit& limit : nic.limits) {
    if (limit.delta == 0) continue;
    const std::string first = limit.first_at ? clock_seconds(context.wall(*limit.first_at)) : std::string(kUnknown);
    named_row(page, name, kName,
              cells(limit_words(limit.limit), std::to_string(limit.delta), std::to_string(limit.seconds_with_delta),
                    std::to_string(limit.max_per_s), std::to_string(limit.max_per_minute), first));
    name.clear();
  }
  if (!has_moved(nic)) {
    named_row(page, name, kName,
              nic.limits.empty() ? "its counters were read only once" : "none of its allowances was exceeded");
  }
  if (nic.driver_reset) page.line("      the driver began to count anew during the trace");
  if (nic.conntrack_available_min) {
    page.line(fmt::format("      room for {} more tracked connections at the fewest", *nic.conntrack_available_min));
  }
}

}  // namespace

void append_nics(Page& page, const TextContext& context) {
  const std::vector<NicPicture>& nics = context.picture().nics;
  const auto in_table = [&](const NicPicture& nic) { return is_in_table(context.report, nic); };
  if (std::none_of(nics.begin(), nics.end(), in_table)) return;
  page.blank();
  page.line(
      pad_right("NETWORK CARDS", kName) + cells("over allowance", "packets", "seconds", "in 1 s", "in 60 s", "first"),
      Style::kHeading);
  for (const NicPicture& nic : nics) {
    if (in_table(nic)) append_nic(page, context, nic);
  }
}

std::string quiet_nics_words(const model::Report& report) {
  const model::Picture& picture = report.picture;
  std::set<std::string> quiet;
  std::set<std::string> unread;
  std::set<std::string> drivers;
  bool has_counters = false;
  for (const NicPicture& nic : picture.nics) {
    has_counters = has_counters || nic.counters_supported;
    if (!nic.counters_supported) {
      if (!nic.driver.empty()) drivers.insert(elide_middle(escape_terminal(nic.driver), 20));
    } else if (!is_in_table(report, nic)) {
      (nic.limits.empty() ? unread : quiet).insert(device_of(nic));
    }
  }
  const auto list = [](const std::set<std::string>& names) {
    constexpr std::size_t kShown = 4;
    std::vector<std::string> shown(names.begin(), names.end());
    if (shown.size() > kShown) {
      shown.resize(kShown);
      shown.push_back(fmt::format("{} more", names.size() - kShown));
    }
    return join(shown, ", ");
  };
  if (!quiet.empty()) return fmt::format("Allowance counters of {}: none exceeded.", list(quiet));
  if (!unread.empty()) return fmt::format("Allowance counters of {}: read only once.", list(unread));
  if (picture.nics.empty() || has_counters) return {};
  const bool in_container = std::none_of(picture.start.netns.begin(), picture.start.netns.end(),
                                         [](const model::NetnsInfo& netns) { return netns.is_initial; });
  const std::string driver =
      drivers.empty() ? "" : fmt::format(" (driver{} {})", drivers.size() == 1 ? "" : "s", list(drivers));
  return fmt::format("This {}'s network cards have no allowance counters{}.", in_container ? "namespace" : "host",
                     driver);
}

}  // namespace tcpdiag::report
