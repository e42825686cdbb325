// SPDX-License-Identifier: Apache-2.0
#include "session/slice/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "util/escape.h"
#include "util/number.h"

namespace tcpdiag::session {
namespace {

using model::Filters;

template <typename T>
bool is_any_of(const std::vector<T>& wanted, const T& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

bool lies_in(const std::vector<model::Cidr>& blocks, const model::Address& address) {
  return blocks.empty() ||
         std::ranges::any_of(blocks, [&](const model::Cidr& block) { return block.contains(address); });
}

// "system.slice/x/", "/sys/fs/cgroup/system.slice/x" -> "/system.slice/x"
std::string cgroup_path(std::string_view typed) {
  for (const std::string_view mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (!typed.starts_with(mount)) continue;
    const std::string_view rest = typed.substr(mount.size());
    if (!rest.empty() && rest.front() != '/') continue;
    typed = rest;
    break;
  }
  while (typed.ends_with('/')) typed.remove_suffix(1);
  while (typed.starts_with('/')) typed.remove_prefix(1);
  return "/" + std::string(typed);
}

bool is_at_or_below(std::string_view path, std::string_view parent) {
  if (path.empty()) return false;
  if (parent == "/" || path == parent) return true;
  return path.starts_with(parent) && path[parent.size()] == '/';
}

std::string names_of(const std::vector<model::NetnsInfo>& netns) {
  std::vector<std::string> names;
  for (const model::NetnsInfo& one : netns) {
    names.push_back(one.name.empty() ? fmt::format("{}", one.inode)
                                     : fmt::format("{} ({})", one.inode, escape_terminal(one.name)));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// By inode, by name, or by the path that `ip netns` makes of a name.
std::optional<std::uint32_t> find_netns(std::string_view given, const std::vector<model::NetnsInfo>& netns) {
  const std::optional<std::uint32_t> inode = parse_number<std::uint32_t>(given);
  const bool is_path = given.starts_with("/run/netns/") || given.starts_with("/var/run/netns/");
  const std::string_view name = is_path ? given.substr(given.find_last_of('/') + 1) : given;
  const auto found = std::ranges::find_if(netns, [&](const model::NetnsInfo& one) {
    return (inode && one.inode == *inode) || (!one.name.empty() && one.name == name);
  });
  return found == netns.end() ? std::nullopt : std::optional(found->inode);
}

tl::unexpected<Error> no_such_netns(std::string_view given, const std::vector<model::NetnsInfo>& netns) {
  return fail(ExitCode::kUsage, fmt::format("--netns: {} was not traced in this recording", escape_terminal(given)),
              fmt::format("it has {}", names_of(netns)));
}

// The trace itself was limited to the same processes, and followed their children.
bool has_followed(const Filters& traced, const Filters& wanted) {
  return traced.children && !traced.pids.empty() &&
         std::ranges::all_of(traced.pids, [&](std::uint32_t pid) { return is_any_of(wanted.pids, pid); });
}

}  // namespace

void Processes::add(const model::ProcessInfo& process) {
  if (process.cgroup_path.empty()) return;
  cgroup_path_of_pid[process.pid] = process.cgroup_path;
  if (process.cgroup_id != 0) cgroup_paths[process.cgroup_id] = process.cgroup_path;
}

std::string Processes::path_of(const model::Owner& owner) const {
  if (owner.cgroup_id != 0) {
    const auto found = cgroup_paths.find(owner.cgroup_id);
    return found == cgroup_paths.end() ? std::string() : found->second;
  }
  const auto found = cgroup_path_of_pid.find(owner.pid);
  return found == cgroup_path_of_pid.end() ? std::string() : found->second;
}

Result<Selection> Selection::make(const Filters& filters, const model::TraceStart& start) {
  Selection made;
  made.filters_ = filters;
  made.is_everything_ = filters.takes_everything();
  if (filters.children && !filters.pids.empty()) {
    if (!has_followed(start.filters, filters)) {
      return fail(ExitCode::kUsage, "--children: who descended from a process is not known afterwards",
                  "record with --children, or use --cgroup");
    }
    made.filters_.pids.clear();  // it holds for every socket of the recording
  }
  for (const std::string& given : filters.netns_as_given) {
    const auto inode = find_netns(given, start.netns);
    if (!inode) return no_such_netns(given, start.netns);
    made.netns_.insert(*inode);
  }
  for (const std::uint32_t inode : filters.netns_inodes) {
    const std::string given = fmt::format("{}", inode);
    if (!find_netns(given, start.netns)) return no_such_netns(given, start.netns);
    made.netns_.insert(inode);
  }
  for (const model::CgroupFilter& cgroup : filters.cgroups) {
    const auto id = parse_number<std::uint64_t>(cgroup.path);
    const std::string path = cgroup_path(cgroup.path);
    if (id) {
      made.cgroup_ids_.insert(*id);
    } else {
      made.cgroup_paths_.push_back(path);
    }
    // The trace has looked up what lies below its own.
    for (const model::CgroupFilter& traced : start.filters.cgroups) {
      if (id ? traced.id != *id : cgroup_path(traced.path) != path) continue;
      made.cgroup_ids_.insert(traced.id);
      made.cgroup_ids_.insert(traced.below.begin(), traced.below.end());
    }
  }
  return made;
}

bool Selection::asks_for_owner() const {
  return !filters_.pids.empty() || !filters_.comms.empty() || !filters_.cgroups.empty();
}

bool Selection::wants_cgroup(const model::Owner& owner, const Processes& processes) const {
  if (filters_.cgroups.empty() || cgroup_ids_.contains(owner.cgroup_id)) return true;
  const std::string path = processes.path_of(owner);
  const auto holds = [&path](std::string_view parent) { return is_at_or_below(path, parent); };
  if (std::ranges::any_of(cgroup_paths_, holds)) return true;
  return std::ranges::any_of(cgroup_ids_, [&](std::uint64_t id) {
    const auto parent = processes.cgroup_paths.find(id);
    return parent != processes.cgroup_paths.end() && holds(parent->second);
  });
}

bool Selection::wants_owner(const model::Owner& owner, const Processes& processes) const {
  return is_any_of(filters_.pids, owner.pid) && is_any_of(filters_.comms, owner.comm) && wants_cgroup(owner, processes);
}

bool Selection::wants_tuple(const model::SocketRef& socket) const {
  if (!wants_netns(socket.netns_inode)) return false;
  if (!is_any_of(filters_.families, socket.remote.address.family())) return false;
  if (!is_any_of(filters_.local_ports, socket.local.port)) return false;
  if (!is_any_of(filters_.remote_ports, socket.remote.port)) return false;
  if (!lies_in(filters_.local, socket.local.address) || !lies_in(filters_.remote, socket.remote.address)) return false;
  if (!filters_.expression) return true;
  if (socket.local.port == 0 && filters_.expression->needs_local_port()) return false;
  return filters_.expression->matches(socket.local, socket.remote);
}

bool Selection::wants(const model::SocketRef& socket, const std::vector<model::Owner>& owners,
                      const Processes& processes) const {
  if (filters_.role && socket.role != *filters_.role) return false;
  if (!wants_tuple(socket)) return false;
  return !asks_for_owner() || std::ranges::any_of(owners, [&](const auto& o) { return wants_owner(o, processes); });
}

bool Selection::wants_stray(const model::Event& event) const {
  model::Role role = model::Role::kUnknown;
  if (std::holds_alternative<model::SynAckRetransmitted>(event.body)) role = model::Role::kInbound;
  if (std::holds_alternative<model::Dropped>(event.body)) role = event.socket.role;
  if (filters_.role && *filters_.role != role) return false;
  return !asks_for_owner() && wants_tuple(event.socket);
}

bool Selection::wants_query(const model::DnsMessage& query, const Processes& processes) const {
  if (!wants_netns(query.netns_inode)) return false;
  return !asks_for_owner() || (query.owner && wants_owner(*query.owner, processes));
}

}  // namespace tcpdiag::session
