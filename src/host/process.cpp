// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

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

}  // namespace

bool process_exists(std::uint32_t pid, const std::string& proc) {
  struct stat status {};
  return ::stat(fmt::format("{}/{}", proc, pid).c_str(), &status) == 0;
}

std::optional<std::uint32_t> thread_group_of(std::uint32_t tid, const std::string& proc) {
  const std::optional<std::string> status = read(proc, tid, "status");
  if (!status) return std::nullopt;
  // "Name:" comes first, but a newline in a name is shown as \n: no name can pose as this line.
  const std::optional<std::string_view> line = line_after(*status, "Tgid:");
  return line ? number_in<std::uint32_t>(*line) : std::nullopt;
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

std::uint64_t own_peak_rss(const std::string& proc) {
  const std::optional<std::string> status = read_small_file(proc + "/self/status");
  if (!status) return 0;
  const std::optional<std::string_view> line = line_after(*status, "VmHWM:");
  return line ? number_in<std::uint64_t>(*line).value_or(0) * 1024 : 0;
}

}  // namespace tcpdiag::host
