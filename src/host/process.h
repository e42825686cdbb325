// SPDX-License-Identifier: Apache-2.0
// Processes as /proc tells them. Names and paths are untrusted bytes: whoever shows them escapes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/fd.h"

namespace tcpdiag::host {

bool process_exists(std::uint32_t pid, const std::string& proc = "/proc");
// Of a thread the process it belongs to, of a process itself; nothing where it is gone.
std::optional<std::uint32_t> thread_group_of(std::uint32_t tid, const std::string& proc = "/proc");
// Ended, but not yet waited for by its parent: it is in no namespace any more. False where it is gone.
bool is_zombie(std::uint32_t pid, const std::string& proc = "/proc");
// The name of the process's first thread, at most 15 bytes; nothing where it is gone.
std::optional<std::string> comm_of(std::uint32_t pid, const std::string& proc = "/proc");
// The cgroup v2 path ("/system.slice/puma.service"), relative to this program's cgroup namespace; nothing where the
// process is gone or has none.
std::optional<std::string> cgroup_path_of(std::uint32_t pid, const std::string& proc = "/proc");

// Processes that descend from `pids`, by the parents that /proc names; ascending, without `pids`. Who lost its parent
// has been given another one by the kernel and is no longer known to descend.
std::vector<std::uint32_t> descendants_of(const std::vector<std::uint32_t>& pids, const std::string& proc = "/proc");

// Of the initial pid namespace; fixed since Linux 3.8 (PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h).
inline constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFC;

// Whether processes have the numbers here that kernel programs see: those of the initial pid namespace. A container has
// numbers of its own, unless it was given the host's /proc. Where it cannot be told, they are taken for the host's.
bool shows_host_pids(const std::string& proc = "/proc", std::uint64_t initial_namespace = kInitialPidNamespace);

// The most memory that this program has held at once. Not from getrusage(), which also counts what the parent held
// before it became this program.
class PeakRss {
 public:
  // Opens the file; reading it later needs no privilege.
  explicit PeakRss(const std::string& proc = "/proc");

  std::uint64_t bytes() const;  // so far; 0 where the kernel does not tell

 private:
  Fd status_;
};

}  // namespace tcpdiag::host
