// SPDX-License-Identifier: Apache-2.0
// The order, and why it is this one:
//
//  1. One thread only. User, capabilities, Landlock and seccomp belong to a thread: another would keep all of them.
//  2. Landlock's rules are written down, not yet in force: errors while anything can still be mended.
//  3. The capability bounding set and the secure bits, for which CAP_SETPCAP is needed: nothing can come back by
//     execve(), not even to user 0.
//  4. Groups, group, user: each needs a privilege that goes with the next. Real, effective and saved id alike, so that
//     there is no way back.
//  5. Capabilities, ambient ones included. Before the user they could not go: changing the user needs them.
//  6. Identity and capabilities are asked for again. The kernel's answer counts, not that the calls returned 0.
//  7. Not dumpable: its memory and descriptors (BPF maps!) are for no other process of the same user. After the user,
//     since changing that sets it to the system's default.
//  8. no_new_privs, without which 9 and 10 would need CAP_SYS_ADMIN.
//  9. Landlock: after the user, as that may have to read group databases; before seccomp, which does not let it.
// 10. seccomp last: it forbids every call of the steps above.
#include "sandbox/sandbox.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "sandbox/calls.h"
#include "sandbox/file_rules.h"
#include "sandbox/privileges.h"
#include "util/io.h"

namespace tcpdiag::sandbox {
namespace {

// A thread that was joined has said so before the kernel has removed it from the list, so a second one may be on its
// way out: within microseconds, on a machine that has time for it.
constexpr auto kThreadsEnd = std::chrono::seconds(2);

Result<> check_one_thread() {
  const auto until = std::chrono::steady_clock::now() + kThreadsEnd;
  std::error_code error;
  for (;;) {
    const std::filesystem::directory_iterator threads("/proc/self/task", error);
    if (!error && std::distance(begin(threads), end(threads)) == 1) return {};
    if (error || std::chrono::steady_clock::now() > until) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fail(ExitCode::kNotAble, "cannot drop its privileges: it cannot be seen that this process has one thread only",
              error ? "mount /proc" : "report this");
}

Result<> set_flag(int option, unsigned long value, const char* what) {
  if (::prctl(option, value, 0L, 0L, 0L) == 0) return {};
  return fail(ExitCode::kNotAble, fmt::format("cannot {}: {}", what, errno_text(errno)));
}

model::Feature feature(std::string name, std::string why_not) {
  const bool available = why_not.empty();
  return {.name = std::move(name), .available = available, .reason = std::move(why_not)};
}

#ifdef __SANITIZE_ADDRESS__
// The search for leaks at the end of an instrumented program would clone it and trace it.
bool is_confined = false;
#endif

}  // namespace

Result<std::vector<model::Feature>> enter(const Needs& needs) {
  if (const Result<> one = check_one_thread(); !one) return tl::unexpected(one.error());
  const Result<FileRules> files = FileRules::make(needs.readable, needs.replaceable, needs.connects);
  if (!files) return tl::unexpected(files.error());

  const bool changes_user = needs.identity && may_change_identity();
  const Result<> gone = drop_privileges(changes_user ? needs.identity : std::nullopt, needs.cap_bpf);
  if (!gone) return tl::unexpected(gone.error());
  const Result<> closed = set_flag(PR_SET_DUMPABLE, 0, "close itself to debuggers").and_then([] {
    return set_flag(PR_SET_NO_NEW_PRIVS, 1, "set no_new_privs");
  });
  if (!closed) return tl::unexpected(closed.error());
  if (const Result<> enforced = files->enforce(); !enforced) return tl::unexpected(enforced.error());
  const bool files_are_limited = files->why_not().empty();
  Result<std::string> no_filter = limit_calls(needs, files_are_limited);
  if (!no_filter) return tl::unexpected(no_filter.error());

#ifdef __SANITIZE_ADDRESS__
  is_confined = true;
#endif

  std::string why_same_user;
  if (needs.identity && !changes_user) why_same_user = "no CAP_SETUID and CAP_SETGID: it stays the user that it was";
  std::string why_capability;
  if (needs.cap_bpf) why_capability = "kernel before 5.19: CAP_BPF is kept, which reading a BPF map needs there";
  return std::vector<model::Feature>{
      feature("confined_user", std::move(why_same_user)), feature("confined_capabilities", std::move(why_capability)),
      feature("confined_files", files->why_not()), feature("confined_calls", std::move(*no_filter))};
}

}  // namespace tcpdiag::sandbox

#ifdef __SANITIZE_ADDRESS__
extern "C" int __lsan_is_turned_off() {  // NOLINT(*-reserved-identifier): lsan_interface.h asks for this name
  return tcpdiag::sandbox::is_confined ? 1 : 0;
}
#endif
