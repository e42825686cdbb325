// SPDX-License-Identifier: Apache-2.0
// What a trace is limited to. Values of one kind: any of them; different kinds: all of them. An empty list: no limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/expression.h"
#include "model/socket.h"

namespace tcpdiag::model {

// A cgroup and everything below it.
struct CgroupFilter {
  std::string path;  // below the cgroup v2 root, "/system.slice/puma.service"; what the user typed where it was an id
  std::uint64_t id = 0;
  std::vector<std::uint64_t> below;  // ids of those that existed below it at the start
};

struct Filters {
  static constexpr std::size_t kMaxDescendants = 1000;
  static constexpr std::size_t kMaxCgroups = 8192;  // of all `cgroups` together, with those below

  std::vector<std::uint32_t> pids;  // thread group ids as this host sees them
  bool children = false;            // and all that these processes have forked or will fork
  // With `children`: those that descended from `pids` at the start, ascending, without `pids`; at most kMaxDescendants.
  std::vector<std::uint32_t> descendants;
  std::vector<std::string> comms;  // names of thread group leaders, whole, at most 15 bytes
  std::vector<CgroupFilter> cgroups;
  std::vector<std::uint16_t> local_ports;
  std::vector<std::uint16_t> remote_ports;
  std::vector<Cidr> local;
  std::vector<Cidr> remote;
  std::vector<int> families;                // 4, 6
  std::vector<std::uint32_t> netns_inodes;  // resolved; never empty in a trace
  std::optional<Role> role;
  std::optional<Expression> expression;
  // What the user typed for --netns (empty: own namespace, or that of -p), for the report's "filters".
  std::vector<std::string> netns_as_given;

  // Whether they leave sockets of the namespaces out that are traced; which namespaces these are is not asked.
  bool limits_sockets() const;
  // Nothing is left out, no namespace either. Of a view; a trace always has its namespaces.
  bool takes_everything() const;
  // In a person's words, for the report's header: "remote port 443", "none".
  std::string describe() const;
};

}  // namespace tcpdiag::model
