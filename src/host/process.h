// SPDX-License-Identifier: Apache-2.0
// Processes as /proc tells them. Names and paths are untrusted bytes: whoever shows them escapes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tcpdiag::host {

bool process_exists(std::uint32_t pid, const std::string& proc = "/proc");
// Of a thread the process it belongs to, of a process itself; nothing where it is gone.
std::optional<std::uint32_t> thread_group_of(std::uint32_t tid, const std::string& proc = "/proc");
// The name of the process's first thread, at most 15 bytes; nothing where it is gone.
std::optional<std::string> comm_of(std::uint32_t pid, const std::string& proc = "/proc");
// The cgroup v2 path ("/system.slice/puma.service"), relative to this program's cgroup namespace; nothing where the
// process is gone or has none.
std::optional<std::string> cgroup_path_of(std::uint32_t pid, const std::string& proc = "/proc");

// The most memory that this program has held at once, in bytes; 0 where the kernel does not tell. Not from getrusage(),
// which also counts what the parent held before it became this program.
std::uint64_t own_peak_rss(const std::string& proc = "/proc");

}  // namespace tcpdiag::host
