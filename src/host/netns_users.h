// SPDX-License-Identifier: Apache-2.0
// Whether a network namespace is still in use. Whoever holds a descriptor of it, or of a file or a socket in it, keeps
// it alive: a tracer would never see it die, so it has to ask whether anybody else is left.
//
// /proc/PID/ns/net is only for those who may trace that process, and by the time of asking this program has dropped
// that privilege. /proc/PID/net is for everybody and just as good: its files are made for each namespace, so two
// processes are in one namespace exactly if their /proc/PID/net/dev has one inode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host/files.h"
#include "host/netns.h"
#include "util/fd.h"

namespace tcpdiag::host {

class NetnsUsers {
 public:
  // Enters the namespace and opens what is needed; asking later needs no privilege.
  static NetnsUsers of(const Netns& netns, const std::string& proc = "/proc");
  // `net_dev`: of its file /proc/thread-self/net/dev. Where that is unknown, so is everything.
  NetnsUsers(std::uint32_t inode, std::optional<FileIdentity> net_dev, std::string proc = "/proc");

  // Whether a process or a thread lives in the namespace, or a mount that this program sees gives it a name (`ip
  // netns`, `unshare --net=FILE`). Descriptors do not count, neither this program's nor others'. One stat() while the
  // process that was found last is still there; otherwise all of them are looked at. Yes, too, where processes cannot
  // be seen (hidepid= of /proc). Threads of processes elsewhere are looked at where files may still be opened.
  bool any();

 private:
  bool is_witness(std::string path);
  bool is_mounted() const;
  bool search();

  std::uint32_t inode_;
  std::optional<FileIdentity> net_dev_;
  std::string proc_;
  OpenDirectory processes_;
  Fd mounts_;
  std::string witness_;  // path of a file of the namespace; empty: none found yet
};

}  // namespace tcpdiag::host
