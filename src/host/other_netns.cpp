// SPDX-License-Identifier: Apache-2.0
// Counts come from /proc/PID/net/snmp and sockstat, which cost the same however many sockets there are. The tables of
// sockets are read for the few namespaces only that are named: the kernel walks through the sockets of all for them.
#include "host/other_netns.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "host/files.h"
#include "host/process.h"
#include "util/fd.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWaitShare = 4;  // a busy host lets this program wait: that costs nobody anything, and has an end too

constexpr std::size_t kMostDescriptors = 256;  // of a process
constexpr std::size_t kMostTable = std::size_t{64} << 10;

std::chrono::nanoseconds cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::string_view take_until(std::string_view& rest, char end) {
  const std::size_t at = std::min(rest.find(end), rest.size());
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return taken;
}

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return take_until(rest, ' ');
}

// "Tcp: RtoAlgorithm ... CurrEstab ...", and the values in a second line that begins alike.
std::uint64_t established_in(std::string_view snmp) {
  std::optional<std::string_view> names;
  while (!snmp.empty()) {
    std::string_view line = take_until(snmp, '\n');
    if (!line.starts_with("Tcp: ")) continue;
    if (!names) {
      names = line;
      continue;
    }
    while (!names->empty() && !line.empty()) {
      const std::string_view name = next_word(*names);
      const std::string_view value = next_word(line);
      if (name == "CurrEstab") return parse_number<std::uint64_t>(value).value_or(0);
    }
    break;
  }
  return 0;
}

// "TCP: inuse 5 orphan 0 tw 0 alloc 6 mem 1" of sockstat, "TCP6: inuse 2" of sockstat6.
std::uint64_t in_use_in(std::string_view sockstat, std::string_view start) {
  while (!sockstat.empty()) {
    std::string_view line = take_until(sockstat, '\n');
    if (!line.starts_with(start)) continue;
    line.remove_prefix(start.size());
    return parse_number<std::uint64_t>(next_word(line)).value_or(0);
  }
  return 0;
}

// Read on from where it was: a pread() would let the kernel walk through all sockets again for every part.
std::string beginning_of(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(kMostTable, '\0');
  std::size_t used = 0;
  while (file && used < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

class Scan {
 public:
  Scan(const std::string& proc, const OtherNetnsLimits& limits)
      : proc_(proc), limits_(limits), begun_(Clock::now()), used_before_(cpu_time()), self_(own_pid()) {}

  std::vector<model::OtherNetns> run(const std::vector<std::uint32_t>& traced) {
    const std::vector<std::uint32_t> pids = OpenDirectory(proc_).numbers();
    group(pids, traced);
    std::vector<model::OtherNetns> found;
    for (const auto& [inode, members] : members_) {
      if (spent(3)) break;
      if (auto one = counted(inode, members); one.established + one.sockets > 0) found.push_back(std::move(one));
    }
    std::ranges::sort(found, {},
                      [](const model::OtherNetns& one) { return std::tuple(~one.established, ~one.sockets, one.pid); });
    if (found.size() > model::kOtherNetnsShown) found.resize(model::kOtherNetnsShown);
    for (model::OtherNetns& one : found) name(one);
    std::erase_if(found, [](const model::OtherNetns& one) { return one.comm.empty(); });
    return found;
  }

 private:
  // So many quarters of the time: what comes later still has its own.
  bool spent(int quarters) const {
    return cpu_time() - used_before_ >= limits_.time * quarters / 4 ||
           Clock::now() - begun_ >= kWaitShare * limits_.time * quarters / 4;
  }

  std::string path(std::uint32_t pid, std::string_view file) const { return fmt::format("{}/{}/{}", proc_, pid, file); }

  // This program has no business of its own in a namespace.
  std::uint32_t own_pid() const {
    std::array<char, 16> target{};
    const ssize_t length = ::readlink((proc_ + "/self").c_str(), target.data(), target.size());
    if (length <= 0) return 0;
    return parse_number<std::uint32_t>({target.data(), static_cast<std::size_t>(length)}).value_or(0);
  }

  void group(const std::vector<std::uint32_t>& pids, const std::vector<std::uint32_t>& traced) {
    std::size_t looked_at = 0;
    for (const std::uint32_t pid : pids) {
      if (looked_at++ >= limits_.processes || spent(2)) return;
      if (pid == self_) continue;
      const std::optional<FileIdentity> netns = identity_at(path(pid, "ns/net"));
      if (!netns) continue;
      const auto inode = static_cast<std::uint32_t>(netns->inode);
      if (std::ranges::find(traced, inode) == traced.end()) members_[inode].push_back(pid);
    }
  }

  model::OtherNetns counted(std::uint32_t inode, const std::vector<std::uint32_t>& members) const {
    model::OtherNetns one{.inode = inode, .pid = members.front(), .comm = {}, .established = 0, .sockets = 0};
    for (const std::uint32_t pid : members) {
      const std::optional<std::string> snmp = read_small_file(path(pid, "net/snmp"));
      if (!snmp) continue;  // it has vanished: the next one tells as much
      one.pid = pid;
      one.established = established_in(*snmp);
      one.sockets = in_use_in(read_small_file(path(pid, "net/sockstat")).value_or(""), "TCP: inuse ") +
                    in_use_in(read_small_file(path(pid, "net/sockstat6")).value_or(""), "TCP6: inuse ");
      break;
    }
    return one;
  }

  void name(model::OtherNetns& one) const {
    const std::vector<std::uint32_t>& members = members_.at(one.inode);
    if (const std::uint32_t holding = holder(one.pid, members); holding != 0) {
      one.pid = holding;
    } else if (const auto user = std::ranges::find_if(members, [this](std::uint32_t pid) { return is_program(pid); });
               user != members.end()) {
      one.pid = *user;
    }
    one.comm = comm_of(one.pid, proc_).value_or("");
    for (const std::uint32_t pid : members) {
      if (!one.comm.empty()) return;
      one.comm = comm_of(pid, proc_).value_or("");
      one.pid = pid;
    }
  }

  // Threads of the kernel, the first processes of a host, have nothing that they execute.
  bool is_program(std::uint32_t pid) const {
    char byte = 0;
    return !spent(6) && ::readlink(path(pid, "exe").c_str(), &byte, 1) > 0;
  }

  // The first process of a container often only waits for the others: that one says little.
  std::uint32_t holder(std::uint32_t reader, const std::vector<std::uint32_t>& members) const {
    std::vector<std::uint64_t> wanted;
    for (const char* table : {"net/tcp", "net/tcp6"}) {
      if (!wanted.empty() || spent(4)) break;
      wanted = socket_inodes(beginning_of(path(reader, table)));
    }
    std::ranges::sort(wanted);
    if (wanted.empty()) return 0;
    for (const std::uint32_t pid : members) {
      if (spent(4)) break;
      if (holds_one(pid, wanted)) return pid;
    }
    return 0;
  }

  bool holds_one(std::uint32_t pid, const std::vector<std::uint64_t>& wanted) const {
    constexpr std::string_view kLink = "socket:[";
    const std::string descriptors = path(pid, "fd");
    std::vector<std::uint32_t> fds = OpenDirectory(descriptors).numbers();
    if (fds.size() > kMostDescriptors) fds.resize(kMostDescriptors);
    for (const std::uint32_t fd : fds) {
      std::array<char, 64> target{};
      const ssize_t length = ::readlink(fmt::format("{}/{}", descriptors, fd).c_str(), target.data(), target.size());
      if (length <= 0) continue;
      std::string_view text(target.data(), static_cast<std::size_t>(length));
      if (!text.starts_with(kLink) || !text.ends_with(']')) continue;
      text = text.substr(kLink.size(), text.size() - kLink.size() - 1);
      const auto inode = parse_number<std::uint64_t>(text);
      if (inode && std::ranges::binary_search(wanted, *inode)) return true;
    }
    return false;
  }

  const std::string& proc_;
  OtherNetnsLimits limits_;
  Clock::time_point begun_;
  std::chrono::nanoseconds used_before_;
  std::uint32_t self_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> members_;  // by inode; never an empty list
};

}  // namespace

// "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
std::vector<std::uint64_t> socket_inodes(std::string_view table) {
  constexpr int kState = 3;
  constexpr int kInode = 9;
  std::vector<std::uint64_t> established;
  std::vector<std::uint64_t> others;
  while (!table.empty() && table.find('\n') != std::string_view::npos) {
    std::string_view line = take_until(table, '\n');
    std::string_view state;
    std::optional<std::uint64_t> inode;
    for (int column = 0; column <= kInode; ++column) {
      const std::string_view word = next_word(line);
      if (column == kState) state = word;
      if (column == kInode) inode = parse_number<std::uint64_t>(word);
    }
    if (inode.value_or(0) == 0) continue;  // the head; or a socket that nobody holds any more
    (state == "01" ? established : others).push_back(*inode);
  }
  return established.empty() ? others : established;
}

std::vector<model::OtherNetns> other_netns(const std::vector<std::uint32_t>& traced, const std::string& proc,
                                           const OtherNetnsLimits& limits) {
  return Scan(proc, limits).run(traced);
}

}  // namespace tcpdiag::host
