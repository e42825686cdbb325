// SPDX-License-Identifier: Apache-2.0
// Network namespaces of this host, held open so that they can be entered and cannot vanish while they are traced.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::host {

struct Netns {
  Fd fd;                    // of the namespace file
  std::uint32_t inode = 0;  // what the kernel programs compare (net->ns.inum)
  std::string name;         // file name under /run/netns with this inode, untrusted; empty: none
  bool is_self = false;     // the namespace this program runs in
  // The host's own namespace, that of its first process. Where that process cannot be asked (not permitted, hidden by
  // the mount options of /proc) this program's own namespace is taken for it. Within a pid namespace process 1 is a
  // container's: then none is, since an uplink that may be out of sight must be told rather than one in sight not.
  bool is_initial = false;
};

// Where namespaces are looked for. Tests give a tree of their own, of plain files.
struct NetnsPlaces {
  std::string proc = "/proc";
  std::vector<std::string> named = {"/run/netns", "/var/run/netns"};  // `ip netns`; the first gives names
  std::vector<std::string> also = {"/run/docker/netns"};              // searched for inodes only
  bool check_kind = true;  // that what was opened is a network namespace; plain files are not
};

Result<Netns> own_netns(const NetnsPlaces& places = {});
// Errors: no such process (kUsage), not permitted (kNotAble).
Result<Netns> netns_of_pid(std::uint32_t pid, const NetnsPlaces& places = {});
// A pid, a path ("/run/netns/x", "/proc/1/ns/net", or a bare name under /run/netns), or the inode as `lsns -t net` and
// `readlink /proc/PID/ns/net` show it (a number that is no pid, or "net:[4026531840]").
Result<Netns> find_netns(std::string_view spec, const NetnsPlaces& places = {});

// Calls `work` where opening a socket or a file of /proc/thread-self/net or /proc/sys/net gives that of this namespace:
// on a thread of its own that entered it, so that the caller stays where it is; in the own namespace on the caller's.
// Error (kNotAble): not permitted to enter, or no thread to be had; `work` was not called.
Result<> run_in_netns(const Netns& netns, const std::function<void()>& work);

}  // namespace tcpdiag::host
