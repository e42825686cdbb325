// SPDX-License-Identifier: Apache-2.0
#include "host/netns.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "host/process.h"
#include "util/escape.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

constexpr const char* kBecomeRoot = "run it with sudo";

std::string own_path(const NetnsPlaces& places) { return places.proc + "/self/ns/net"; }

std::string path_of(const NetnsPlaces& places, std::uint32_t pid) {
  return fmt::format("{}/{}/ns/net", places.proc, pid);
}

// Names of a directory's entries; none where it cannot be read.
std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

// Device and inode of a namespace file: the inode alone could also be that of an unrelated plain file.
struct Identity {
  dev_t device = 0;
  std::uint32_t inode = 0;
  bool operator==(const Identity&) const = default;
};

Identity identity_of(const struct stat& status) {
  return {.device = status.st_dev, .inode = static_cast<std::uint32_t>(status.st_ino)};
}

std::optional<Identity> identity_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_of(status);
}

std::string name_of(const Identity& wanted, const NetnsPlaces& places) {
  for (const std::string& directory : places.named) {
    for (const std::string& name : entries(directory)) {
      if (identity_at(directory + "/" + name) == wanted) return name;
    }
  }
  return {};
}

// Process 1 of /proc is the host's only where /proc shows the initial pid namespace; its inode is fixed
// (PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, since Linux 3.8).
bool is_initial(const Identity& netns, bool is_self, const NetnsPlaces& places) {
  constexpr std::uint32_t kInitialPidNamespace = 0xEFFFFFFC;
  const std::optional<Identity> pids = identity_at(places.proc + "/self/ns/pid");
  if (places.check_kind && pids && pids->inode != kInitialPidNamespace) return false;
  const std::optional<Identity> first = identity_at(path_of(places, 1));
  return first ? *first == netns : is_self;
}

// `opened` is -1 with errno, or the file at `path`.
Result<Netns> describe(Fd opened, const NetnsPlaces& places) {
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail(ExitCode::kNotAble, "fstat: " + errno_text(errno));
  const Identity identity = identity_of(status);
  Netns found;
  found.fd = std::move(opened);
  found.inode = identity.inode;
  found.name = name_of(identity, places);
  found.is_self = identity_at(own_path(places)) == identity;
  found.is_initial = is_initial(identity, found.is_self, places);
  return found;
}

bool is_netns(int fd) { return ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET; }

// O_NONBLOCK: whatever the user names, a pipe without a writer for instance, opening it must not wait.
Fd open_quietly(const std::string& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

bool not_permitted(int error) { return error == EACCES || error == EPERM; }

Result<Netns> at_path(const std::string& path, const NetnsPlaces& places) {
  const std::string shown = escape_terminal(path);
  Fd fd = open_quietly(path);
  if (!fd) {
    const int error = errno;
    if (not_permitted(error)) {
      return fail(ExitCode::kNotAble, fmt::format("may not open network namespace '{}'", shown), kBecomeRoot);
    }
    return fail(ExitCode::kUsage, fmt::format("no network namespace '{}': {}", shown, errno_text(error)),
                "`ip netns list` and `lsns -t net` show them");
  }
  if (places.check_kind && !is_netns(fd.get())) {
    return fail(ExitCode::kUsage, fmt::format("'{}' is no network namespace", shown),
                "`ip netns list` and `lsns -t net` show them");
  }
  return describe(std::move(fd), places);
}

// Namespaces have no table that could be asked: every place that may hold one is looked at.
Result<Netns> with_inode(std::uint32_t inode, std::string_view spec, const NetnsPlaces& places) {
  const std::optional<Identity> own = identity_at(own_path(places));
  std::vector<std::string> candidates{own_path(places)};
  for (const auto* directories : {&places.named, &places.also}) {
    for (const std::string& directory : *directories) {
      for (const std::string& name : entries(directory)) candidates.push_back(directory + "/" + name);
    }
  }
  for (const std::string& name : entries(places.proc)) {
    if (const auto pid = parse_number<std::uint32_t>(name)) candidates.push_back(path_of(places, *pid));
  }
  bool some_hidden = false;
  for (const std::string& path : candidates) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      some_hidden =
          some_hidden || (not_permitted(errno) && ::geteuid() != 0);  // of a zombie it is hidden from root too
      continue;
    }
    const Identity identity = identity_of(status);
    if (identity.inode != inode || (own && identity.device != own->device)) continue;
    Fd fd = open_quietly(path);
    struct stat opened {};  // the process may be gone, its pid another's
    if (!fd || ::fstat(fd.get(), &opened) != 0 || identity_of(opened) != identity) continue;
    if (places.check_kind && !is_netns(fd.get())) continue;
    return describe(std::move(fd), places);
  }
  const std::string shown = escape_terminal(spec);
  if (some_hidden) {
    return fail(ExitCode::kNotAble,
                fmt::format("'{}' is no process and no network namespace that this user may see", shown), kBecomeRoot);
  }
  return fail(ExitCode::kUsage, fmt::format("'{}' is no process and no network namespace's inode", shown),
              "`lsns -t net` shows both");
}

}  // namespace

Result<Netns> own_netns(const NetnsPlaces& places) { return at_path(own_path(places), places); }

Result<Netns> netns_of_pid(std::uint32_t pid, const NetnsPlaces& places) {
  Fd fd = open_quietly(path_of(places, pid));
  if (fd) return describe(std::move(fd), places);
  if (not_permitted(errno)) {
    return fail(ExitCode::kNotAble, fmt::format("may not see the network namespace of process {}", pid), kBecomeRoot);
  }
  return fail(ExitCode::kUsage, fmt::format("no process {}", pid), "`ps -e` shows the processes");
}

Result<Netns> find_netns(std::string_view spec, const NetnsPlaces& places) {
  if (const auto number = parse_number<std::uint32_t>(spec)) {
    if (process_exists(*number, places.proc)) return netns_of_pid(*number, places);
    return with_inode(*number, spec, places);
  }
  constexpr std::string_view kLinkText = "net:[";
  if (spec.starts_with(kLinkText) && spec.ends_with(']')) {
    const auto inode = parse_number<std::uint32_t>(spec.substr(kLinkText.size(), spec.size() - kLinkText.size() - 1));
    if (inode) return with_inode(*inode, spec, places);
  }
  if (spec.find('/') != std::string_view::npos) return at_path(std::string(spec), places);
  for (const std::string& directory : places.named) {
    const std::string path = directory + "/" + std::string(spec);
    struct stat status {};
    if (!spec.empty() && ::stat(path.c_str(), &status) == 0) return at_path(path, places);
  }
  return fail(ExitCode::kUsage, fmt::format("no network namespace '{}' under /run/netns", escape_terminal(spec)),
              "`ip netns list` shows the names; a process is given by its number");
}

}  // namespace tcpdiag::host
