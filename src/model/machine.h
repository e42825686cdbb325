// SPDX-License-Identifier: Apache-2.0
// What this user may do on this machine, and what the machine has: read by host, judged by doctor. What could not be
// found out is absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/sample.h"

namespace tcpdiag::model {

// Of this program, as bits (1 << CAP_*, capabilities(7)).
struct Capabilities {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t bounding = 0;
};

enum class Lockdown : std::uint8_t { kNone, kIntegrity, kConfidentiality };  // kernel_lockdown(7)
enum class Seccomp : std::uint8_t { kDisabled, kStrict, kFilter };           // as /proc/PID/status numbers them

struct Privileges {
  std::uint32_t uid = 0;  // effective
  std::optional<Capabilities> capabilities;
  std::optional<bool> initial_user_namespace;  // else capabilities hold for that namespace only
  std::optional<Lockdown> lockdown;
  std::optional<Seccomp> seccomp;
  std::optional<std::uint64_t> memlock_bytes;  // soft RLIMIT_MEMLOCK; UINT64_MAX: unlimited
  std::optional<int> unprivileged_bpf_disabled;
  std::optional<int> perf_event_paranoid;
  std::optional<int> kptr_restrict;
};

struct NetnsReach {
  std::uint32_t own_inode = 0;
  bool own_is_initial = false;
  std::size_t others = 0;     // that were found
  std::size_t enterable = 0;  // of those, by trying
  std::size_t hidden = 0;     // processes whose namespace this user may not see
};

struct CgroupTrees {
  std::string v2;  // where it is mounted, untrusted; empty: nowhere
  bool v1 = false;
};

struct Machine {
  HostInfo host;
  Privileges privileges;
  std::optional<bool> sees_host_pids;  // processes have the numbers here that kernel programs see
  std::optional<NetnsReach> netns;
  std::optional<CgroupTrees> cgroups;
  std::optional<std::uint32_t> tcp_timestamps;  // net.ipv4.tcp_timestamps of this network namespace
  std::optional<bool> is_ec2;                   // by the firmware's vendor
  std::optional<std::vector<NicSample>> nics;   // of this network namespace
};

}  // namespace tcpdiag::model
