// SPDX-License-Identifier: Apache-2.0
#include "host/netns.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "host/files.h"
#include "host/process.h"
#include "util/escape.h"
#include "util/io.h"
#include "util/number.h"
#include "util/thread.h"

namespace tcpdiag::host {
namespace {

constexpr const char* kBecomeRoot = "run it with sudo";

std::string own_path(const NetnsPlaces& places) { return places.proc + "/self/ns/net"; }

std::string path_of(const NetnsPlaces& places, std::uint32_t pid) {
  return fmt::format("{}/{}/ns/net", places.proc, pid);
}

FileIdentity identity_of(const struct stat& status) { return {.device = status.st_dev, .inode = status.st_ino}; }

std::string name_of(const FileIdentity& wanted, const NetnsPlaces& places) {
  for (const std::string& directory : places.named) {
    for (const std::string& name : names_in(directory)) {
      if (identity_at(directory + "/" + name) == wanted) return name;
    }
  }
  return {};
}

bool is_initial(const FileIdentity& netns, bool is_self, const NetnsPlaces& places) {
  if (!shows_host_pids(places.proc)) return false;
  const std::optional<FileIdentity> first = identity_at(path_of(places, 1));
  return first ? *first == netns : is_self;
}

// `opened` is -1 with errno, or the file at `path`.
Result<Netns> describe(Fd opened, const NetnsPlaces& places) {
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail(ExitCode::kNotAble, "fstat: " + errno_text(errno));
  const FileIdentity identity = identity_of(status);
  Netns found;
  found.fd = std::move(opened);
  found.inode = static_cast<std::uint32_t>(identity.inode);
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
                cure_of(error, "`ip netns list` and `lsns -t net` show them"));
  }
  if (places.check_kind && !is_netns(fd.get())) {
    return fail(ExitCode::kUsage, fmt::format("'{}' is not a network namespace", shown),
                "`ip netns list` and `lsns -t net` show them");
  }
  return describe(std::move(fd), places);
}

// Namespaces have no table that could be asked: every place that may hold one is looked at.
Result<Netns> with_inode(std::uint32_t inode, std::string_view spec, const NetnsPlaces& places) {
  const std::optional<FileIdentity> own = identity_at(own_path(places));
  std::vector<std::string> candidates{own_path(places)};
  for (const auto* directories : {&places.named, &places.also}) {
    for (const std::string& directory : *directories) {
      for (const std::string& name : names_in(directory)) candidates.push_back(directory + "/" + name);
    }
  }
  for (const std::uint32_t pid : numbers_in(places.proc)) candidates.push_back(path_of(places, pid));
  bool some_hidden = false;
  for (const std::string& path : candidates) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      some_hidden =
          some_hidden || (not_permitted(errno) && ::geteuid() != 0);  // of a zombie it is hidden from root too
      continue;
    }
    const FileIdentity identity = identity_of(status);
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
                fmt::format("'{}' is neither a process nor a network namespace that this user may see", shown),
                kBecomeRoot);
  }
  return fail(ExitCode::kUsage, fmt::format("'{}' is neither a process nor a network namespace's inode", shown),
              "`lsns -t net` shows both");
}

// Told by what everybody may see (see NetnsUsers): the files of /proc/PID/net are made for each namespace.
bool is_in_own_netns(std::uint32_t pid, const NetnsPlaces& places) {
  const std::optional<FileIdentity> own = identity_at(places.proc + "/self/net/dev");
  return own && identity_at(fmt::format("{}/{}/net/dev", places.proc, pid)) == own;
}

}  // namespace

Result<> run_in_netns(const Netns& netns, const std::function<void()>& work) {
  if (netns.is_self) {
    work();
    return {};
  }
  int error = 0;
  const Result<> ran = run_on_thread([&] {
    if (::setns(netns.fd.get(), CLONE_NEWNET) == 0) {
      work();
    } else {
      error = errno;
    }
  });
  if (!ran || error == 0) return ran;
  return fail(ExitCode::kNotAble, fmt::format("cannot enter network namespace {}: {}", netns.inode, errno_text(error)),
              cure_of(error, "entering one needs CAP_SYS_ADMIN: run it with sudo"));
}

Result<Netns> own_netns(const NetnsPlaces& places) { return at_path(own_path(places), places); }

Result<Netns> netns_of_pid(std::uint32_t pid, const NetnsPlaces& places) {
  Fd fd = open_quietly(path_of(places, pid));
  if (fd) return describe(std::move(fd), places);
  if (not_permitted(errno)) {
    if (is_in_own_netns(pid, places)) return own_netns(places);
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
