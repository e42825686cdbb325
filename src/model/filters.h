// SPDX-License-Identifier: Apache-2.0
// What a trace is limited to. Values of one kind: any of them; different kinds: all of them. An empty list: no limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/socket.h"

namespace tcpdiag::model {

struct Filters {
  std::vector<std::uint32_t> pids;  // thread group ids as this host sees them
  std::vector<std::uint16_t> local_ports;
  std::vector<std::uint16_t> remote_ports;
  std::vector<Cidr> local;
  std::vector<Cidr> remote;
  std::vector<int> families;                // 4, 6
  std::vector<std::uint32_t> netns_inodes;  // resolved; never empty in a trace
  std::optional<Role> role;
  // What the user typed for --netns (empty: own namespace, or that of -p), for the report's "filters".
  std::vector<std::string> netns_as_given;

  // In a person's words, for the report's header: "remote port 443", "none".
  std::string describe() const;
};

}  // namespace tcpdiag::model
