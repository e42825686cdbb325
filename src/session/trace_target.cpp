// SPDX-License-Identifier: Apache-2.0
#include "session/trace_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "host/cgroup.h"
#include "host/other_netns.h"
#include "host/process.h"
#include "host/sysctls.h"
#include "util/escape.h"

namespace tcpdiag::session {
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

// Names may change and children have others: only what cannot match as things are is refused.
Result<> check_names(const model::Filters& filters, const std::string& proc) {
  if (filters.comms.empty() || filters.children) return {};
  std::vector<std::string> names;
  for (const std::uint32_t pid : filters.pids) {
    const std::optional<std::string> name = host::comm_of(pid, proc);
    if (!name || std::ranges::find(filters.comms, *name) != filters.comms.end()) return {};
    names.push_back(fmt::format("{} is called '{}'", pid, *name));
  }
  if (names.empty()) return {};
  return fail(ExitCode::kUsage,
              escape_terminal(
                  fmt::format("process {}, not '{}'", fmt::join(names, " and "), fmt::join(filters.comms, "' or '"))),
              "leave -p or --comm out");
}

Result<> resolve_processes(model::Filters& filters, const std::string& proc) {
  if (filters.pids.empty()) return {};
  if (!host::shows_host_pids(proc)) {
    return fail(ExitCode::kNotAble, "-p: processes have other numbers in this container than the kernel programs see",
                "run tcpdiag on the host (docker run --pid=host), or use --comm or --cgroup");
  }
  for (const std::uint32_t pid : filters.pids) {
    if (Result<> process = check_is_process(pid, proc); !process) return process;
  }
  if (Result<> named = check_names(filters, proc); !named) return named;
  if (!filters.children) return {};
  filters.descendants = host::descendants_of(filters.pids, proc);
  if (filters.descendants.size() <= model::Filters::kMaxDescendants) return {};
  return fail(ExitCode::kUsage,
              fmt::format("--children: there are {} descendants, at most {} can be followed",
                          filters.descendants.size(), model::Filters::kMaxDescendants),
              "name a process further down, or use --cgroup");
}

Result<> resolve_cgroups(model::Filters& filters, const std::string& proc) {
  std::set<std::uint64_t> all;
  for (model::CgroupFilter& cgroup : filters.cgroups) {
    Result<model::CgroupFilter> found = host::find_cgroup(cgroup.path, proc);
    if (!found) return tl::unexpected(found.error());
    cgroup = std::move(*found);
    all.insert(cgroup.id);
    all.insert(cgroup.below.begin(), cgroup.below.end());
  }
  if (all.size() <= model::Filters::kMaxCgroups) return {};
  return fail(ExitCode::kUsage,
              fmt::format("--cgroup: {} cgroups are meant, with those below; at most {} can be followed", all.size(),
                          model::Filters::kMaxCgroups),
              "name one further down");
}

}  // namespace

Result<TraceTarget> resolve_target(model::Filters filters, const host::NetnsPlaces& places) {
  TraceTarget target;
  for (const std::string& spec : filters.netns_as_given) {
    Result<host::Netns> netns = host::find_netns(spec, places);
    if (!netns) return tl::unexpected(netns.error());
    add_once(target.netns, std::move(*netns));
  }
  if (const Result<> found = resolve_processes(filters, places.proc); !found) return tl::unexpected(found.error());
  if (const Result<> found = resolve_cgroups(filters, places.proc); !found) return tl::unexpected(found.error());
  for (const std::uint32_t pid : filters.pids) {
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
  target.other_netns = host::other_netns(filters.netns_inodes, places.proc);
  target.filters = std::move(filters);
  return target;
}

std::vector<model::NetnsInfo> netns_infos(const std::vector<host::Netns>& netns) {
  std::vector<model::NetnsInfo> infos;
  infos.reserve(netns.size());
  for (const host::Netns& one : netns) {
    const host::NetnsSysctls sysctls = host::read_netns_sysctls(one);
    infos.push_back({.inode = one.inode,
                     .name = one.name,
                     .is_self = one.is_self,
                     .is_initial = one.is_initial,
                     .somaxconn = sysctls.somaxconn,
                     .sysctls = sysctls.tcp});
  }
  return infos;
}

}  // namespace tcpdiag::session
