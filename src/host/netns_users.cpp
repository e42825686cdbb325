// SPDX-License-Identifier: Apache-2.0
#include "host/netns_users.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "host/files.h"
#include "host/process.h"
#include "util/io.h"

namespace tcpdiag::host {
namespace {

constexpr std::size_t kMountsLimit = std::size_t{4} << 20;

// Where the namespace is mounted, of a line of mountinfo: "36 25 0:4 net:[4026532288] /run/netns/blue rw - nsfs nsfs
// rw". A path with blanks is written with octal numbers and will not be found; it is then met in another way or not.
std::optional<std::string> mount_of(std::string_view line, std::string_view root) {
  const std::size_t at = line.find(root);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + root.size());
  return std::string(line.substr(0, line.find(' ')));
}

}  // namespace

NetnsUsers::NetnsUsers(std::uint32_t inode, NetnsPlaces places) : inode_(inode), places_(std::move(places)) {}

bool NetnsUsers::refers(const std::string& path) const {
  const std::optional<FileIdentity> identity = identity_at(path);
  if (!identity || identity->inode != inode_) return false;
  // All namespaces are files of one device; a plain file may have the same inode.
  const std::optional<FileIdentity> own = identity_at(places_.proc + "/self/ns/net");
  return !own || own->device == identity->device;
}

bool NetnsUsers::is_witness(std::string path) {
  if (!refers(path)) return false;
  witness_ = std::move(path);
  return true;
}

bool NetnsUsers::search() {
  for (const auto* directories : {&places_.named, &places_.also}) {
    for (const std::string& directory : *directories) {
      for (const std::string& name : names_in(directory)) {
        if (is_witness(directory + "/" + name)) return true;
      }
    }
  }
  const std::vector<std::uint32_t> pids = numbers_in(places_.proc);
  bool some_hidden = false;
  for (const std::uint32_t pid : pids) {
    errno = 0;
    if (is_witness(fmt::format("{}/{}/ns/net", places_.proc, pid))) return true;
    // That of process 1 is often hidden, and dies no earlier than the host or the container.
    const bool hidden = (errno == EACCES || errno == EPERM) && pid != 1;
    some_hidden = some_hidden || (hidden && !is_zombie(pid, places_.proc));
  }
  // Named in some other place, by `unshare --net=FILE` for instance.
  if (const auto mounts = read_small_file(places_.proc + "/self/mountinfo", kMountsLimit)) {
    const std::string root = fmt::format(" net:[{}] ", inode_);
    for (std::string_view rest(*mounts); !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      auto path = mount_of(rest.substr(0, end), root);
      if (path && is_witness(std::move(*path))) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  // A thread may be in another namespace than its process.
  for (const std::uint32_t pid : pids) {
    const std::string tasks = fmt::format("{}/{}/task", places_.proc, pid);
    for (const std::uint32_t tid : numbers_in(tasks)) {
      if (tid != pid && is_witness(fmt::format("{}/{}/ns/net", tasks, tid))) return true;
    }
  }
  return some_hidden;
}

bool NetnsUsers::any() { return (!witness_.empty() && refers(witness_)) || search(); }

}  // namespace tcpdiag::host
