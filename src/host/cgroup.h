// SPDX-License-Identifier: Apache-2.0
// Control groups of version 2: directories of one tree, of which the inode is the id that the kernel programs see
// (kernfs, Linux 5.5 and later; bpf_get_current_cgroup_id()). Version 1 has no such ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/filters.h"
#include "model/machine.h"
#include "util/result.h"

namespace tcpdiag::host {

// `spec` is a path from the root of the tree ("/system.slice/puma.service", with or without the first slash), the same
// behind the place where it is mounted ("/sys/fs/cgroup/system.slice/puma.service"), or an id. Where the tree is
// mounted says `proc`/self/mounts. Errors (kUsage): no such cgroup, no tree of version 2.
Result<model::CgroupFilter> find_cgroup(std::string_view spec, const std::string& proc = "/proc");

// The paths of cgroups, as they are when this is made: a process that a kernel program reports may be gone before
// /proc is asked, and asking /proc needs privileges that are dropped.
class CgroupPaths {
 public:
  static constexpr std::size_t kMost = 65536;  // the rest is asked of /proc only

  explicit CgroupPaths(const std::string& proc = "/proc");

  // Of the cgroup with this id, from the root of the tree; where it is younger than this table, what /proc tells of the
  // process, if it may be asked. Nothing: not known.
  std::optional<std::string> path_of(std::uint64_t id, std::uint32_t pid) const;

 private:
  std::string proc_;
  std::unordered_map<std::uint64_t, std::string> by_id_;
};

// What is mounted of both versions; nothing where `proc`/self/mounts cannot be read.
std::optional<model::CgroupTrees> cgroup_trees(const std::string& proc = "/proc");

}  // namespace tcpdiag::host
