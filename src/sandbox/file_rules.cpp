// SPDX-License-Identifier: Apache-2.0
#include "sandbox/file_rules.h"

#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "util/io.h"

namespace tcpdiag::sandbox {
namespace {

// As in linux/landlock.h of Linux 6.12: Debian 12's has none of version 3 and later. A kernel takes a longer struct
// than its own as long as the rest is 0.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};
constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << number; }
constexpr std::uint64_t kConnectTcp = bit(1);  // LANDLOCK_ACCESS_NET_CONNECT_TCP

// What each version of Landlock can forbid, beside what the one before can.
constexpr std::array kVersions{
    RulesetAttributes{.files = bit(13) - 1},               // 1, Linux 5.13: LANDLOCK_ACCESS_FS_EXECUTE .. _MAKE_SYM
    RulesetAttributes{.files = LANDLOCK_ACCESS_FS_REFER},  // 2, 5.19
    RulesetAttributes{.files = bit(14)},                   // 3, 6.2: _TRUNCATE
    RulesetAttributes{.net = bit(0) | kConnectTcp},        // 4, 6.7: LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP
    RulesetAttributes{.files = bit(15)},                   // 5, 6.10: _IOCTL_DEV
    RulesetAttributes{.scoped = bit(0) | bit(1)},          // 6, 6.12: abstract unix sockets, signals
};

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// The name that a file is given counts as made.
constexpr std::uint64_t kReplace = LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;

tl::unexpected<Error> cannot(int error) {
  return fail(
      ExitCode::kNotAble, fmt::format("cannot limit its access to files (Landlock): {}", errno_text(error)),
      "it does not trace with more privileges than it needs; a security module or the container's profile forbids "
      "to give them up");
}

// The version, or -1 with errno.
long version_here() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
}

RulesetAttributes all_that_can_be_forbidden(long version) {
  RulesetAttributes all;
  for (std::size_t i = 0; i < kVersions.size() && static_cast<long>(i) < version; ++i) {
    all.files |= kVersions[i].files;
    all.net |= kVersions[i].net;
    all.scoped |= kVersions[i].scoped;
  }
  return all;
}

bool allow_below(const Fd& rules, int directory, std::uint64_t access) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = directory;
  return ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
}

}  // namespace

Result<FileRules> FileRules::make(const std::vector<int>& readable, const std::vector<int>& replaceable,
                                  bool connects) {
  FileRules made;
  const long version = version_here();
  if (version < 1) {
    switch (errno) {
      case ENOSYS:
        made.why_not_ = "kernel without Landlock (before 5.13, or built without it)";
        break;
      case EOPNOTSUPP:
        made.why_not_ = "Landlock is switched off (lsm= of the kernel's command line)";
        break;
      default:  // EPERM: a container's profile that does not know the call
        made.why_not_ = fmt::format("Landlock cannot be used here ({})", errno_text(errno));
    }
    return made;
  }
  RulesetAttributes attributes = all_that_can_be_forbidden(version);
  if (connects) attributes.net &= ~kConnectTcp;
  made.rules_ = Fd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U)));
  if (!made.rules_) return cannot(errno);
  for (const int directory : readable) {
    if (!allow_below(made.rules_, directory, kRead)) return cannot(errno);
  }
  for (const int directory : replaceable) {
    if (!allow_below(made.rules_, directory, kReplace)) return cannot(errno);
  }
  return made;
}

Result<> FileRules::enforce() const {
  if (!why_not_.empty()) return {};
  if (::syscall(SYS_landlock_restrict_self, rules_.get(), 0U) != 0) return cannot(errno);
  return {};
}

}  // namespace tcpdiag::sandbox
