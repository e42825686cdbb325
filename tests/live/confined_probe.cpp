// SPDX-License-Identifier: Apache-2.0
// Confines itself as a trace does, with the program's own function, and then tries what it must not be able to do. Not
// installed: only test_privileges.py starts it.
//
//   confined_probe FOREIGN OWN [--unconfined]
//
// FOREIGN is a directory that is none of its business, OWN one that it would write its report to. Prints JSON: what
// each attempt came to (0, an errno's name, a signal), what still works, and how the kernel describes it. Each is tried
// in a process of its own, which confines itself first.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "session/caller.h"
#include "session/confinement.h"
#include "unit/sandbox/attempts.h"
#include "unit/session/fake_source.h"
#include "util/fd.h"
#include "util/io.h"

namespace {

using namespace tcpdiag;

constexpr int kNotConfined = 200;

long bpf(int command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

// A source with a map of its own instead of the trace's.
class SourceWithMap : public test::FakeSource {
 public:
  SourceWithMap() {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = sizeof(std::uint32_t);
    attributes.value_size = sizeof(std::uint64_t);
    attributes.max_entries = 1;
    map_ = Fd(static_cast<int>(bpf(BPF_MAP_CREATE, attributes)));
  }
  bool can_read() const override { return read_map() == 0; }
  int read_map() const {
    std::uint32_t key = 0;
    std::uint64_t value = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(map_.get());
    attributes.key = reinterpret_cast<std::uintptr_t>(&key);      // NOLINT(*-reinterpret-cast)
    attributes.value = reinterpret_cast<std::uintptr_t>(&value);  // NOLINT(*-reinterpret-cast)
    return bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0 ? 0 : errno;
  }

 private:
  Fd map_;
};

std::optional<session::Caller> who_called() { return session::caller_through_sudo().value_or(std::nullopt); }

class Probe {
 public:
  Probe(const std::string& own, bool confine)
      : own_(::open(own.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), confine_(confine) {}

  std::string outcome(const std::function<int()>& attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      status_ = Fd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
      if (confine_ && !session::confine_trace(who_called(), {own_.get()}, source_)) ::_exit(kNotConfined);
      ::_exit(attempt());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) return fmt::format("SIG{}", ::sigabbrev_np(WTERMSIG(status)));
    const int error = WEXITSTATUS(status);
    if (error == kNotConfined) return "not confined";
    return error == 0 ? "0" : ::strerrorname_np(error);
  }

  std::vector<test::Attempt> what_still_works() const {
    return {
        {"read_a_map", [this] { return source_.read_map(); }},
        {"read_a_cgroup", [] { return read_small_file("/proc/1/cgroup") ? 0 : errno; }},
        {"look_at_a_namespace", [] { return ::access("/proc/1/net/dev", F_OK) == 0 ? 0 : errno; }},
        {"set_a_timer", [] { return Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) ? 0 : errno; }},
        {"rename_its_file", [this] { return ::renameat(own_.get(), "a", own_.get(), "b") == 0 ? 0 : errno; }},
        {"remove_its_file", [this] { return ::unlinkat(own_.get(), "b", 0) == 0 ? 0 : errno; }},
    };
  }

  // The interesting lines of the kernel's description.
  int describe() const {
    std::string text(8192, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::pread(status_.get(), text.data(), text.size(), 0), 0)));
    std::string shown;
    while (!text.empty()) {
      const std::string line = text.substr(0, text.find('\n'));
      text.erase(0, line.size() + 1);
      for (const std::string_view field : {"Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp"}) {
        const std::size_t colon = line.find(":\t");
        if (!line.starts_with(field) || colon == std::string::npos) continue;
        std::string value = line.substr(colon + 2);
        for (char& c : value) c = c == '\t' ? ' ' : c;
        shown += fmt::format("{}\"{}\":\"{}\"", shown.empty() ? "" : ",", line.substr(0, colon), value);
      }
    }
    return write_all(STDOUT_FILENO, shown);
  }

 private:
  Fd own_;
  Fd status_;  // of the process that makes the attempt
  SourceWithMap source_;
  bool confine_;
};

void print(Probe& probe, std::string_view title, const std::vector<test::Attempt>& attempts) {
  std::string list;
  for (const test::Attempt& one : attempts) {
    list += fmt::format("{}\"{}\":\"{}\"", list.empty() ? "" : ",", one.name, probe.outcome(one.make));
  }
  write_all(STDOUT_FILENO, fmt::format(",\"{}\":{{{}}}", title, list));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto caller = who_called();
  const test::Targets targets(argv[1], caller ? caller->uid : ::getuid());
  Probe probe(argv[2], argc == 3);
  write_all(STDOUT_FILENO, "{\"status\":{");
  const std::string described = probe.outcome([&probe] { return probe.describe(); });
  write_all(STDOUT_FILENO, fmt::format("}},\"described\":\"{}\"", described));
  print(probe, "works", probe.what_still_works());
  print(probe, "attempts", targets.attempts());
  write_all(STDOUT_FILENO, "}\n");
  return 0;
}
