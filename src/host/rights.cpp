// SPDX-License-Identifier: Apache-2.0
#include "host/rights.h"

#include <linux/capability.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "util/io.h"

namespace tcpdiag::host {
namespace {

// Effective capabilities as /proc/self/status shows them: "CapEff:\t000001ffffffffff".
std::optional<std::uint64_t> effective_capabilities(const std::string& proc) {
  const std::optional<std::string> status = read_small_file(proc + "/self/status");
  if (!status) return std::nullopt;
  constexpr std::string_view kField = "\nCapEff:\t";
  const std::size_t at = status->find(kField);
  if (at == std::string::npos) return std::nullopt;
  const char* begin = status->data() + at + kField.size();
  std::uint64_t set = 0;
  const auto [stop, error] = std::from_chars(begin, status->data() + status->size(), set, 16);
  if (error != std::errc{}) return std::nullopt;
  return set;
}

bool may_trace(std::uint64_t capabilities) {
  const auto has = [capabilities](unsigned capability) { return (capabilities >> capability & 1U) != 0; };
  return has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
}

}  // namespace

Result<> check_tracing_rights(const std::string& proc, const std::string& sys) {
  // Unknown is no refusal: the kernel itself will say it.
  const std::optional<std::uint64_t> capabilities = effective_capabilities(proc);
  if (capabilities && !may_trace(*capabilities)) {
    return fail(ExitCode::kNotAble, "not permitted to load BPF programs (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN)",
                "run it with sudo");
  }
  if (::access((sys + "/kernel/btf/vmlinux").c_str(), R_OK) != 0) {
    return fail(ExitCode::kNotAble, "this kernel does not describe its types: /sys/kernel/btf/vmlinux is missing",
                "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian 11, Ubuntu 22.04, RHEL 9 and "
                "Amazon Linux 2023 are, and mount /sys");
  }
  return {};
}

}  // namespace tcpdiag::host
