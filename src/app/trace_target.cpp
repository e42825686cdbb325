// SPDX-License-Identifier: Apache-2.0
#include "app/trace_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "host/process.h"
#include "util/escape.h"

namespace tcpdiag::app {
namespace {

bool contains(const std::vector<host::Netns>& all, std::uint32_t inode) {
  return std::ranges::any_of(all, [inode](const host::Netns& one) { return one.inode == inode; });
}

void add_once(std::vector<host::Netns>& all, host::Netns one) {
  if (!contains(all, one.inode)) all.push_back(std::move(one));
}

// The kernel programs compare process ids: with a thread's id nothing would ever match.
Result<> check_is_process(std::uint32_t pid, const std::string& proc) {
  const std::optional<std::uint32_t> process = host::thread_group_of(pid, proc);
  if (!process) return fail(ExitCode::kUsage, fmt::format("no process {}", pid), "`ps -e` shows the processes");
  if (*process == pid) return {};
  return fail(ExitCode::kUsage, fmt::format("{} is a thread of process {}", pid, *process),
              fmt::format("use -p {}", *process));
}

}  // namespace

Result<TraceTarget> resolve_target(model::Filters filters, const host::NetnsPlaces& places) {
  TraceTarget target;
  for (const std::string& spec : filters.netns_as_given) {
    Result<host::Netns> netns = host::find_netns(spec, places);
    if (!netns) return tl::unexpected(netns.error());
    add_once(target.netns, std::move(*netns));
  }
  for (const std::uint32_t pid : filters.pids) {
    if (const Result<> process = check_is_process(pid, places.proc); !process) return tl::unexpected(process.error());
    Result<host::Netns> netns = host::netns_of_pid(pid, places);
    if (!netns) return tl::unexpected(netns.error());
    if (!filters.netns_as_given.empty() && !contains(target.netns, netns->inode)) {
      return fail(
          ExitCode::kUsage,
          fmt::format("process {} is not in network namespace {} but in {}", pid,
                      escape_terminal(fmt::format("{}", fmt::join(filters.netns_as_given, ", "))), netns->inode),
          "leave --netns out: -p finds its namespace");
    }
    add_once(target.netns, std::move(*netns));
  }
  if (target.netns.empty()) {
    Result<host::Netns> own = host::own_netns(places);
    if (!own) return tl::unexpected(own.error());
    target.netns.push_back(std::move(*own));
  }
  for (const host::Netns& netns : target.netns) filters.netns_inodes.push_back(netns.inode);
  target.filters = std::move(filters);
  return target;
}

std::vector<model::NetnsInfo> netns_infos(const std::vector<host::Netns>& netns) {
  std::vector<model::NetnsInfo> infos;
  infos.reserve(netns.size());
  for (const host::Netns& one : netns) {
    infos.push_back({.inode = one.inode, .name = one.name, .is_self = one.is_self, .is_initial = one.is_initial});
  }
  return infos;
}

}  // namespace tcpdiag::app
