// SPDX-License-Identifier: Apache-2.0
#include "host/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "host/files.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

// Of the initial user namespace; fixed since Linux 3.8 (PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h).
constexpr std::uint64_t kInitialUserNamespace = 0xEFFFFFFD;
constexpr int kBitsOfWord = 32;

std::optional<model::Capabilities> capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};
  if (::syscall(SYS_capget, &header, words.data()) != 0) return std::nullopt;
  model::Capabilities sets;
  for (std::size_t i = 0; i < words.size(); ++i) {
    sets.effective |= std::uint64_t{words[i].effective} << (kBitsOfWord * i);
    sets.permitted |= std::uint64_t{words[i].permitted} << (kBitsOfWord * i);
  }
  for (unsigned long one = 0; one < 64; ++one) {
    const int in_set = ::prctl(PR_CAPBSET_READ, one, 0, 0, 0);
    if (in_set < 0) break;  // the kernel has no more
    if (in_set > 0) sets.bounding |= std::uint64_t{1} << one;
  }
  return sets;
}

std::optional<std::uint64_t> locked_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return std::nullopt;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max() : std::uint64_t{limit.rlim_cur};
}

// "Seccomp:\t2"
std::optional<model::Seccomp> seccomp(const std::string& proc) {
  const std::optional<std::string> status = read_small_file(proc + "/self/status");
  if (!status) return std::nullopt;
  constexpr std::string_view kField = "\nSeccomp:\t";
  const std::size_t at = status->find(kField);
  if (at == std::string::npos || at + kField.size() >= status->size()) return std::nullopt;
  const char mode = (*status)[at + kField.size()];
  if (mode < '0' || mode > '2') return std::nullopt;
  return static_cast<model::Seccomp>(mode - '0');
}

// "none [integrity] confidentiality"
std::optional<model::Lockdown> lockdown(const std::string& sys) {
  const std::string directory = sys + "/kernel/security";
  const std::optional<std::string> text = read_small_file(directory + "/lockdown");
  if (!text) {
    // The list of security modules is always there, so the file system is mounted, and this kernel has no lockdown.
    const std::optional<std::string> modules = read_small_file(directory + "/lsm");
    if (modules && modules->find("lockdown") == std::string::npos) return model::Lockdown::kNone;
    return std::nullopt;
  }
  if (text->find("[none]") != std::string::npos) return model::Lockdown::kNone;
  if (text->find("[integrity]") != std::string::npos) return model::Lockdown::kIntegrity;
  if (text->find("[confidentiality]") != std::string::npos) return model::Lockdown::kConfidentiality;
  return std::nullopt;
}

std::optional<int> number_in(const std::string& path) {
  const std::optional<std::string> text = read_small_file(path);
  if (!text) return std::nullopt;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || (stop != end && *stop != '\n')) return std::nullopt;
  return value;
}

}  // namespace

model::Privileges read_privileges(const std::string& proc, const std::string& sys) {
  model::Privileges privileges;
  privileges.uid = ::geteuid();
  privileges.capabilities = capabilities();
  privileges.memlock_bytes = locked_memory();
  if (const auto own = identity_at(proc + "/self/ns/user")) {
    privileges.initial_user_namespace = own->inode == kInitialUserNamespace;
  }
  privileges.seccomp = seccomp(proc);
  privileges.lockdown = lockdown(sys);
  privileges.unprivileged_bpf_disabled = number_in(proc + "/sys/kernel/unprivileged_bpf_disabled");
  privileges.perf_event_paranoid = number_in(proc + "/sys/kernel/perf_event_paranoid");
  privileges.kptr_restrict = number_in(proc + "/sys/kernel/kptr_restrict");
  return privileges;
}

}  // namespace tcpdiag::host
