// SPDX-License-Identifier: Apache-2.0
// Whether a network namespace is still in use. Whoever holds a descriptor of it, or of a file or a socket in it, keeps
// it alive: a tracer would never see it die, so it has to ask whether anybody else is left.
#pragma once

#include <cstdint>
#include <string>

#include "host/netns.h"

namespace tcpdiag::host {

class NetnsUsers {
 public:
  explicit NetnsUsers(std::uint32_t inode, NetnsPlaces places = {});

  // Whether a process or a thread lives in the namespace or a file under /run/netns, or another mount that this program
  // sees, gives it a name. Descriptors do not count, neither this program's nor others'. One stat() while the one that
  // was found last is still there; otherwise all of them are looked at. Yes, too, where a process may not be looked at.
  bool any();

 private:
  bool refers(const std::string& path) const;
  bool is_witness(std::string path);
  bool search();

  std::uint32_t inode_;
  NetnsPlaces places_;
  std::string witness_;  // path of a file that was the namespace; empty: none found yet
};

}  // namespace tcpdiag::host
