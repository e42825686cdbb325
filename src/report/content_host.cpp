// SPDX-License-Identifier: Apache-2.0
// What the kernel and the network cards counted beside the connections.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/content.h"
#include "report/layout.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::AllowanceLimit;
using model::NicPicture;

// Over all traced namespaces; absent where one of them could not be read.
std::optional<std::uint64_t> kernel_counter(const model::Picture& picture, const std::string& name) {
  if (picture.netns.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const model::NetnsPicture& netns : picture.netns) {
    const auto found = netns.counters.find(name);
    if (found == netns.counters.end()) return std::nullopt;
    sum += found->second;
  }
  return sum;
}

bool has_finding(const model::Report& report, model::Family family) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& f) { return f.family == family; });
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

}  // namespace

std::string kernel_counter_words(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const model::Totals& totals = picture.totals;
  std::vector<std::string> parts;
  // Of sockets that the filters left out nobody asked.
  const bool everything = !picture.start.filters.limits_sockets();
  const auto compare = [&](const char* name, std::uint64_t traced) {
    const std::optional<std::uint64_t> n = kernel_counter(picture, name);
    if (n && (traced > 0 || (everything && *n > 0)))
      parts.push_back(fmt::format("{} {} (traced {})", name, *n, traced));
  };
  compare("RetransSegs", totals.retransmitted_segments);
  compare("OutRsts", totals.resets.sent);
  if (totals.listen_overflows.value_or(0) > 0) {
    parts.push_back(fmt::format("ListenOverflows {}", *totals.listen_overflows));
  }
  if (totals.listen_drops.value_or(0) > 0) parts.push_back(fmt::format("ListenDrops {}", *totals.listen_drops));
  if (parts.empty()) return {};
  const std::string whose =
      picture.netns.size() > 1 ? fmt::format("{} namespaces", picture.netns.size()) : std::string("namespace");
  return fmt::format("nstat, all sockets of the {}: {}", whose, join(parts, ", "));
}

std::vector<std::string> full_listener_remarks(const model::Report& report) {
  constexpr std::size_t kShown = 3;
  if (has_finding(report, model::Family::kListening)) return {};
  std::vector<std::string> remarks;
  std::size_t full = 0;
  for (const model::NetnsPicture& netns : report.picture.netns) {
    for (const model::FullListener& listener : netns.full_listeners) {
      if (++full > kShown) continue;
      remarks.push_back(fmt::format("{}: accept queue full at {}, {} waiting of {}", listener.local.to_string(),
                                    number_of(listener.samples, "sample"), listener.backlog_max, listener.limit));
    }
  }
  if (full > kShown) remarks.push_back(fmt::format("... {} more in the JSON report", full - kShown));
  return remarks;
}

std::vector<const NicPicture*> nic_table(const model::Report& report) {
  std::vector<const NicPicture*> nics;
  for (const NicPicture& nic : report.picture.nics) {
    if (has_moved(nic) || is_in_question(report, nic)) nics.push_back(&nic);
  }
  return nics;
}

std::string_view limit_words(std::string_view limit) {
  if (limit == "bw_in") return "bandwidth in";
  if (limit == "bw_out") return "bandwidth out";
  if (limit == "pps") return "packets/s";
  if (limit == "conntrack") return "connections";
  if (limit == "linklocal") return "link-local";
  return limit;
}

std::string quiet_nics_words(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const std::vector<const model::NicPicture*> questioned = nic_table(report);
  const auto in_question = [&](const model::NicPicture& nic) {
    return std::find(questioned.begin(), questioned.end(), &nic) != questioned.end();
  };
  std::set<std::string> quiet;
  std::set<std::string> unread;
  std::set<std::string> drivers;
  bool has_counters = false;
  for (const model::NicPicture& nic : picture.nics) {
    has_counters = has_counters || nic.counters_supported;
    if (!nic.counters_supported) {
      if (!nic.driver.empty()) drivers.insert(elide_middle(escape_terminal(nic.driver), 20));
    } else if (!in_question(nic)) {
      (nic.limits.empty() ? unread : quiet).insert(elide_middle(escape_terminal(nic.device), 40));
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
