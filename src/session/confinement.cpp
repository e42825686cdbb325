// SPDX-License-Identifier: Apache-2.0
#include "session/confinement.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "util/fd.h"
#include "util/io.h"

namespace tcpdiag::session {
namespace {

constexpr uid_t kNobody = 65534;  // also what the kernel shows for users that it cannot name (overflowuid)

// While the program is worked on, a call that was forgotten must not go unnoticed.
#ifdef NDEBUG
constexpr bool kKillOnRefusal = false;
#else
constexpr bool kKillOnRefusal = true;
#endif

sandbox::Needs needs_of(const std::optional<Caller>& caller, const std::vector<int>& directories) {
  sandbox::Needs needs;
  needs.identity = user_to_become(caller, directories);
  needs.replaceable = directories;
  needs.kill_on_refusal = kKillOnRefusal;
  return needs;
}

}  // namespace

std::optional<sandbox::Identity> user_to_become(const std::optional<Caller>& caller,
                                                const std::vector<int>& directories) {
  if (::geteuid() != 0) return std::nullopt;
  if (caller) return sandbox::Identity{.uid = caller->uid, .gid = caller->gid, .groups = groups_of(*caller)};
  struct stat owned {};
  if (!directories.empty() && ::fstat(directories.front(), &owned) == 0) {
    return sandbox::Identity{.uid = owned.st_uid, .gid = owned.st_gid, .groups = {}};
  }
  return sandbox::Identity{.uid = kNobody, .gid = kNobody, .groups = {}};
}

Result<std::vector<model::Feature>> confine_trace(const std::optional<Caller>& caller,
                                                  const std::vector<int>& directories, const source::Source& source) {
  sandbox::Needs needs = needs_of(caller, directories);
  needs.live = true;
  const Result<bool> can_read = sandbox::works_without_capabilities([&source] { return source.can_read(); });
  if (!can_read) return tl::unexpected(can_read.error());
  needs.cap_bpf = !*can_read;
  // Processes that are met during the trace, and who is left in a namespace.
  const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return fail(ExitCode::kNotAble, fmt::format("cannot open /proc: {}", errno_text(errno)), "mount it");
  needs.readable = {proc.get()};
  return sandbox::enter(needs);
}

Result<> confine_prober() {
  sandbox::Needs needs = needs_of(std::nullopt, {});
  needs.connects = true;
  if (const auto confined = sandbox::enter(needs); !confined) return tl::unexpected(confined.error());
  return {};
}

Result<std::vector<model::Feature>> confine_offline(const std::vector<int>& directories) {
  sandbox::Needs needs;
  needs.replaceable = directories;
  needs.kill_on_refusal = kKillOnRefusal;
  return sandbox::enter(needs);
}

}  // namespace tcpdiag::session
