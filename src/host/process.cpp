// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "host/files.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

constexpr std::size_t kMostStatus = std::size_t{64} << 10;  // it has 1.5 kB

std::optional<std::string> read(const std::string& proc, std::uint32_t pid, const char* file) {
  return read_small_file(fmt::format("{}/{}/{}", proc, pid, file));
}

// The rest of the line that begins with `start`.
std::optional<std::string_view> line_after(std::string_view text, std::string_view start) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(start)) return line.substr(start.size());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

// The number after blanks in "Tgid:\t812", "VmHWM:\t   4711 kB".
template <typename T>
std::optional<T> number_in(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return parse_number<T>(line.substr(0, line.find_first_not_of("0123456789")));
}

// What stands behind `field` ("PPid:\t") in the process's status.
std::optional<std::string> status_of(std::uint32_t pid, std::string_view field, const std::string& proc) {
  const std::optional<std::string> status = read(proc, pid, "status");
  if (!status) return std::nullopt;
  // "Name:" comes first, but a newline in a name is shown as \n: no name can pose as another line.
  const std::optional<std::string_view> line = line_after(*status, field);
  return line ? std::optional<std::string>(*line) : std::nullopt;
}

std::optional<std::uint32_t> number_of_status(std::uint32_t pid, std::string_view field, const std::string& proc) {
  const std::optional<std::string> text = status_of(pid, field, proc);
  return text ? number_in<std::uint32_t>(*text) : std::nullopt;
}

}  // namespace

bool process_exists(std::uint32_t pid, const std::string& proc) {
  struct stat status {};
  return ::stat(fmt::format("{}/{}", proc, pid).c_str(), &status) == 0;
}

std::optional<std::uint32_t> thread_group_of(std::uint32_t tid, const std::string& proc) {
  return number_of_status(tid, "Tgid:", proc);
}

bool is_zombie(std::uint32_t pid, const std::string& proc) {
  const std::optional<std::string> state = status_of(pid, "State:\t", proc);
  return state && (state->starts_with('Z') || state->starts_with('X'));
}

std::optional<std::string> comm_of(std::uint32_t pid, const std::string& proc) {
  std::optional<std::string> name = read(proc, pid, "comm");
  if (name && name->ends_with('\n')) name->pop_back();
  return name;
}

std::optional<std::string> cgroup_path_of(std::uint32_t pid, const std::string& proc) {
  const std::optional<std::string> groups = read(proc, pid, "cgroup");
  if (!groups) return std::nullopt;
  const std::optional<std::string_view> path = line_after(*groups, "0::");  // 0 is the one hierarchy of version 2
  return path ? std::optional<std::string>(*path) : std::nullopt;
}

std::vector<std::uint32_t> descendants_of(const std::vector<std::uint32_t>& pids, const std::string& proc) {
  std::multimap<std::uint32_t, std::uint32_t> children;
  for (const std::uint32_t pid : numbers_in(proc)) {
    if (const std::optional<std::uint32_t> parent = number_of_status(pid, "PPid:", proc))
      children.emplace(*parent, pid);
  }
  std::set<std::uint32_t> met(pids.begin(), pids.end());
  std::vector<std::uint32_t> to_visit(pids);
  while (!to_visit.empty()) {
    const auto [first, last] = children.equal_range(to_visit.back());
    to_visit.pop_back();
    for (auto it = first; it != last; ++it) {
      if (met.insert(it->second).second) to_visit.push_back(it->second);
    }
  }
  for (const std::uint32_t pid : pids) met.erase(pid);
  return {met.begin(), met.end()};
}

bool shows_host_pids(const std::string& proc, std::uint64_t initial_namespace) {
  const std::optional<FileIdentity> own = identity_at(proc + "/self/ns/pid");
  if (!own || own->inode == initial_namespace) return true;
  // /proc may be the host's although this program is not: then init or kthreadd, of which one may be hidden, are its
  // own.
  for (const char* process : {"/1", "/2"}) {
    const std::optional<FileIdentity> one = identity_at(proc + process + "/ns/pid");
    if (one && one->inode == initial_namespace) return true;
  }
  return false;
}

PeakRss::PeakRss(const std::string& proc) : status_(::open((proc + "/self/status").c_str(), O_RDONLY | O_CLOEXEC)) {}

std::uint64_t PeakRss::bytes() const {
  const std::optional<std::string> status = read_again(status_.get(), kMostStatus);
  if (!status) return 0;
  const std::optional<std::string_view> line = line_after(*status, "VmHWM:");
  return line ? number_in<std::uint64_t>(*line).value_or(0) * 1024 : 0;
}

}  // namespace tcpdiag::host
