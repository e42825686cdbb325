// SPDX-License-Identifier: Apache-2.0
// What this user may do. The numbers of capabilities are linux/capability.h's; CAP_BPF and CAP_PERFMON stand alone
// since Linux 5.8, commit a17b53c4a4b5.
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <limits>

#include "doctor/rows.h"
#include "util/format.h"

namespace tcpdiag::doctor {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
// Where the kernel counts it as locked: the table of 65536 sockets and the other tables, the ring buffer; and for each
// CPU the measures of 256 endpoints.
constexpr std::uint64_t kLockedBytes = std::uint64_t{80} << 20;
constexpr std::uint64_t kLockedBytesPerCpu = std::uint64_t{3} << 20;

struct Capability {
  unsigned number;
  const char* name;
};
constexpr std::array kUseful{Capability{CAP_BPF, "BPF"},
                             Capability{CAP_PERFMON, "PERFMON"},
                             Capability{CAP_SYS_ADMIN, "SYS_ADMIN"},
                             Capability{CAP_SYS_PTRACE, "SYS_PTRACE"},
                             Capability{CAP_SYS_RESOURCE, "SYS_RESOURCE"},
                             Capability{CAP_NET_ADMIN, "NET_ADMIN"}};

bool holds(std::uint64_t set, unsigned capability) { return (set >> capability & 1U) != 0; }

bool may_trace(std::uint64_t set) {
  return holds(set, CAP_SYS_ADMIN) || (holds(set, CAP_BPF) && holds(set, CAP_PERFMON));
}

Row row(const char* id, const char* name, Weight weight) {
  return {.id = id, .name = name, .group = Group::kPrivileges, .weight = weight, .found = {}, .lost = {}, .hint = {}};
}

bool loaded(const Kernel* kernel) { return kernel != nullptr && kernel->load == LoadTest::kPassed; }

std::string listed(std::uint64_t set) {
  std::string text;
  for (const Capability& one : kUseful) {
    if (holds(set, one.number)) text += fmt::format("{}{}", text.empty() ? "" : " ", one.name);
  }
  return text.empty() ? "none" : text;
}

Row capabilities_row(const model::Privileges& privileges) {
  Row out = row("capabilities", "capabilities", Weight::kNote);
  if (!privileges.capabilities) {
    out.found = fmt::format("uid {}; not known", privileges.uid);
    return out;
  }
  const model::Capabilities& sets = *privileges.capabilities;
  allow(out, fmt::format("uid {}; effective: {}", privileges.uid, listed(sets.effective)));
  if (sets.permitted != sets.effective) out.found += "; permitted: " + listed(sets.permitted);
  std::string never;
  for (const Capability& one : kUseful) {
    if (!holds(sets.bounding, one.number)) never += fmt::format(" {}", one.name);
  }
  if (!never.empty()) out.found += "; not even for root:" + never;
  return out;
}

Row load_row(const model::Privileges& privileges) {
  Row out = row("load_programs", "may load tracing programs", Weight::kRequired);
  if (!privileges.capabilities) {
    out.found = "the capabilities of this program are not known";
    return out;
  }
  const model::Capabilities& sets = *privileges.capabilities;
  if (may_trace(sets.effective)) {
    allow(out, holds(sets.effective, CAP_SYS_ADMIN) ? "CAP_SYS_ADMIN" : "CAP_BPF and CAP_PERFMON");
    return out;
  }
  refuse(out, "not permitted to load BPF programs (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN)", "nothing can be traced",
         may_trace(sets.bounding)
             ? "run it with sudo"
             : "sudo cannot give them here: start the container with --cap-add BPF --cap-add PERFMON, or run it on "
               "the host");
  return out;
}

Row user_namespace_row(const model::Privileges& privileges, const Kernel* kernel) {
  Row out = row("user_namespace", "user namespace", Weight::kRequired);
  if (privileges.initial_user_namespace.value_or(false)) {
    allow(out, "the host's");
  } else if (loaded(kernel)) {
    allow(out, "not in the way: the programs load");
  } else if (privileges.initial_user_namespace) {
    refuse(out, "this user namespace is not the host's: its root may not load BPF programs", "nothing can be traced",
           "run it on the host, or in a container that is not rootless and has no userns-remap");
  } else {
    out.found = "not known: /proc does not tell";
  }
  return out;
}

Row lockdown_row(const model::Privileges& privileges, const Kernel* kernel) {
  Row out = row("lockdown", "kernel lockdown", Weight::kRequired);
  if (privileges.lockdown == model::Lockdown::kNone) {
    allow(out, "none");
  } else if (privileges.lockdown == model::Lockdown::kIntegrity) {
    allow(out, "integrity: no obstacle");
  } else if (loaded(kernel)) {
    allow(out, "not in the way: the programs load");
  } else if (privileges.lockdown) {
    refuse(out, "the kernel is locked down (confidentiality): no program may read its memory", "nothing can be traced",
           "boot with lockdown=integrity, or without");
  } else {
    out.found = "not known: /sys/kernel/security does not tell";
  }
  return out;
}

Row seccomp_row(const model::Privileges& privileges, const Kernel* kernel) {
  Row out = row("seccomp", "system call filter (seccomp)", Weight::kRequired);
  if (privileges.seccomp == model::Seccomp::kDisabled) {
    allow(out, "none");
  } else if (loaded(kernel)) {
    allow(out, privileges.seccomp ? "there is one; it lets bpf() pass" : "not in the way: the programs load");
  } else if (privileges.seccomp && kernel != nullptr && kernel->load == LoadTest::kNotPermitted) {
    refuse(out, "there is one, and bpf() is not permitted although the capabilities are there", "nothing can be traced",
           "docker: --security-opt seccomp=unconfined; Kubernetes: seccompProfile type Unconfined");
  } else {
    out.found = privileges.seccomp ? "there is one; loading the programs shows whether it lets bpf() pass"
                                   : "not known: /proc does not tell";
  }
  return out;
}

Row memory_row(const model::Privileges& privileges, const Kernel& kernel, int cpus) {
  Row out = row("locked_memory", "memory for BPF maps", Weight::kRequired);
  const std::uint64_t needed = kLockedBytes + kLockedBytesPerCpu * static_cast<std::uint64_t>(std::max(cpus, 1));
  if (kernel.memory_is_locked == false) {
    allow(out, "counted to the cgroup, not to ulimit -l");
  } else if (privileges.capabilities && holds(privileges.capabilities->effective, CAP_SYS_RESOURCE)) {
    allow(out, "the limit of locked memory is raised as needed (CAP_SYS_RESOURCE)");
  } else if (privileges.memlock_bytes && *privileges.memlock_bytes >= needed) {
    allow(out, privileges.memlock_bytes == kUnlimited
                   ? "locked memory is unlimited"
                   : fmt::format("{} may be locked", size_in_words(*privileges.memlock_bytes)));
  } else if (loaded(&kernel)) {
    allow(out, "enough: the programs load");
  } else if (privileges.memlock_bytes && kernel.memory_is_locked) {
    refuse(
        out,
        fmt::format("this kernel (before 5.11) counts it as locked memory, of which {} are allowed and some {} needed",
                    size_in_words(*privileges.memlock_bytes), size_in_words(needed)),
        "nothing can be traced", "ulimit -l unlimited in the shell that starts it, or give it CAP_SYS_RESOURCE");
  } else {
    out.found = "not known whether this kernel counts it as locked memory";
  }
  return out;
}

Row other_processes_row(const model::Privileges& privileges) {
  Row out = row("other_processes", "other users' processes", Weight::kOptional);
  if (!privileges.capabilities) {
    out.found = "the capabilities of this program are not known";
  } else if (holds(privileges.capabilities->effective, CAP_SYS_PTRACE)) {
    allow(out, "CAP_SYS_PTRACE");
  } else {
    refuse(out, "no CAP_SYS_PTRACE", "-p and --netns with a process of another user",
           holds(privileges.capabilities->bounding, CAP_SYS_PTRACE) ? "run it with sudo"
                                                                    : "start the container with --cap-add SYS_PTRACE");
  }
  return out;
}

Row sysctls_row(const model::Privileges& privileges) {
  Row out = row("sysctls", "sysctls of BPF and perf", Weight::kNote);
  const auto number = [](const std::optional<int>& value) { return value ? fmt::format("{}", *value) : "-"; };
  const bool is_known =
      privileges.unprivileged_bpf_disabled || privileges.perf_event_paranoid || privileges.kptr_restrict;
  if (!is_known) {
    out.found = "not known: /proc/sys/kernel does not tell";
    return out;
  }
  allow(out, fmt::format("unprivileged_bpf_disabled {}, perf_event_paranoid {}, kptr_restrict {}: no obstacle",
                         number(privileges.unprivileged_bpf_disabled), number(privileges.perf_event_paranoid),
                         number(privileges.kptr_restrict)));
  return out;
}

}  // namespace

std::vector<Row> privileges_rows(const model::Privileges& privileges, const Kernel* kernel, int cpus) {
  std::vector<Row> rows;
  rows.push_back(capabilities_row(privileges));
  rows.push_back(load_row(privileges));
  rows.push_back(user_namespace_row(privileges, kernel));
  rows.push_back(lockdown_row(privileges, kernel));
  rows.push_back(seccomp_row(privileges, kernel));
  if (kernel != nullptr) rows.push_back(memory_row(privileges, *kernel, cpus));
  rows.push_back(other_processes_row(privileges));
  rows.push_back(sysctls_row(privileges));
  return rows;
}

}  // namespace tcpdiag::doctor
