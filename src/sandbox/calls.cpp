// SPDX-License-Identifier: Apache-2.0
#include "sandbox/calls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "util/io.h"

namespace tcpdiag::sandbox {
namespace {

// Allowed with any argument: what is open, the process itself, and time. A call that an architecture does not have is
// left out by libseccomp.
constexpr std::array kAlways{
    // files that are open
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(getdents64),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    // what a file is, not what is in it
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    // memory; mmap() and mprotect() see below
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    // itself: how it is doing, and its end
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getrandom),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(signalfd4),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // time, where the vDSO does not tell it
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
};
// Of a trace: the second's timer, and answers on sockets that are open.
constexpr std::array kLive{SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(recvfrom)};

constexpr std::uint64_t kLow32 = 0xFFFFFFFF;  // of an argument that is an int: the kernel does not look at the rest
constexpr int kReadingFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE;

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

// Conditions for an argument, counted from 0.
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}
scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return masked(argument, kLow32, value & kLow32); }  // an int
scmp_arg_cmp is_null(unsigned argument) { return masked(argument, ~std::uint64_t{0}, 0); }
scmp_arg_cmp has_none_of(unsigned argument, std::uint64_t bits) { return masked(argument, bits, 0); }

class Filter {
 public:
  explicit Filter(std::uint32_t refusal) : filter_(seccomp_init(refusal)) {
    if (!filter_) error_ = ENOMEM;
    set(SCMP_FLTATR_API_SYSRAWRC, 1);  // errors of the kernel as they are
    set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a search tree instead of a list
    // The log is of Linux 4.14 and may be missing: then refusals are silent.
    if (filter_) (void)seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_LOG, 1);
  }

  void allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) { add(SCMP_ACT_ALLOW, call, conditions); }
  void refuse(int call, std::initializer_list<scmp_arg_cmp> conditions) {
    add(SCMP_ACT_ERRNO(EPERM), call, conditions);
  }

  // 0 or errno.
  int load() {
    if (error_ == 0) {
      const int rc = seccomp_load(filter_.get());
      error_ = rc < 0 ? -rc : 0;
    }
    return error_;
  }

 private:
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions) {
    if (error_ != 0) return;
    const auto count = static_cast<unsigned>(conditions.size());
    const int rc = seccomp_rule_add_array(filter_.get(), action, call, count, conditions.begin());
    error_ = rc < 0 ? -rc : 0;
  }
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (error_ != 0) return;
    const int rc = seccomp_attr_set(filter_.get(), attribute, value);
    error_ = rc < 0 ? -rc : 0;
  }

  std::unique_ptr<void, FilterDeleter> filter_;
  int error_ = 0;
};

// No new code; a signal only to itself; of the calls with many uses only those that are needed.
void allow_in_part(Filter& filter) {
  filter.allow(SCMP_SYS(mmap), {has_none_of(2, PROT_EXEC)});
  filter.allow(SCMP_SYS(mprotect), {has_none_of(2, PROT_EXEC)});
  filter.allow(SCMP_SYS(tgkill), {is(0, static_cast<std::uint64_t>(::getpid()))});  // abort()
  // F_SETFL, F_SETOWN and F_SETSIG would make the kernel send signals.
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK}) {
    filter.allow(SCMP_SYS(fcntl), {is(1, static_cast<std::uint64_t>(command))});
  }
  // Is it a terminal, and how wide. TIOCSTI would type into it.
  filter.allow(SCMP_SYS(ioctl), {is(1, TCGETS)});
  filter.allow(SCMP_SYS(ioctl), {is(1, TIOCGWINSZ)});
}

void allow_live(Filter& filter) {
  for (const int call : kLive) filter.allow(call);
  filter.allow(SCMP_SYS(sendto), {is_null(4)});  // where the socket is connected to, nowhere else
  filter.allow(SCMP_SYS(ioctl), {is(1, SIOCETHTOOL)});
  for (const int command : {BPF_MAP_LOOKUP_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
                            BPF_ITER_CREATE}) {  // one more run of an iterator that was attached before
    filter.allow(SCMP_SYS(bpf), {is(0, static_cast<std::uint64_t>(command))});
  }
}

void allow_connects(Filter& filter) {
  for (const int family : {AF_INET, AF_INET6}) {
    filter.allow(SCMP_SYS(socket), {is(0, static_cast<std::uint64_t>(family)), is(2, IPPROTO_TCP)});
  }
  filter.allow(SCMP_SYS(connect));
}

void allow_files(Filter& filter, const Needs& needs, bool files_are_limited) {
  // What path is meant cannot be seen from here: that is Landlock's part. Without it, reading is refused but foreseen.
  const scmp_arg_cmp reads = has_none_of(2, kLow32 & ~static_cast<std::uint64_t>(kReadingFlags));
  if (files_are_limited && !needs.readable.empty()) {
    filter.allow(SCMP_SYS(openat), {reads});
  } else if (needs.kill_on_refusal) {
    filter.refuse(SCMP_SYS(openat), {reads});
  }
  for (const int directory : needs.replaceable) {
    const auto number = static_cast<std::uint64_t>(directory);
    filter.allow(SCMP_SYS(renameat), {is(0, number), is(2, number)});
    filter.allow(SCMP_SYS(unlinkat), {is(0, number), is(2, 0)});
  }
}

// Asked with a filter that cannot be read: EFAULT where the kernel would read one.
bool kernel_has_filters() { return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr) == 0 || errno == EFAULT; }

}  // namespace

Result<std::string> limit_calls(const Needs& needs, bool files_are_limited) {
  if (!kernel_has_filters()) return "kernel without seccomp filters (CONFIG_SECCOMP_FILTER)";
  Filter filter(needs.kill_on_refusal ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
  for (const int call : kAlways) filter.allow(call);
  allow_in_part(filter);
  if (needs.live) allow_live(filter);
  if (needs.connects) allow_connects(filter);
  allow_files(filter, needs, files_are_limited);
  if (const int error = filter.load(); error != 0) {
    return fail(ExitCode::kNotAble, fmt::format("cannot limit its system calls (seccomp): {}", errno_text(error)),
                "it does not trace with more privileges than it needs; a security module or the container's profile "
                "forbids to give them up");
  }
  return std::string();
}

}  // namespace tcpdiag::sandbox
