// SPDX-License-Identifier: Apache-2.0
#include "host/cgroup.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "host/files.h"
#include "host/process.h"
#include "util/escape.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

constexpr std::size_t kMountsLimit = std::size_t{1} << 20;
constexpr std::size_t kMostSuggestions = 3;

// /proc/self/mounts writes blanks, newlines and backslashes of a path as "\040", "\012", "\134".
std::string without_octal(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (text[at] == '\\' && at + 3 < text.size() && std::ranges::all_of(text.substr(at + 1, 3), is_octal)) {
      plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

struct Mounts {
  std::optional<std::string> v2;  // the first place
  bool v1 = false;
};

// Lines such as "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0".
Mounts mounts_in(std::string_view mounts) {
  Mounts found;
  while (!mounts.empty()) {
    const std::size_t end = std::min(mounts.find('\n'), mounts.size());
    std::string_view line = mounts.substr(0, end);
    mounts.remove_prefix(std::min(end + 1, mounts.size()));
    std::array<std::string_view, 3> fields;  // device, place, type
    for (std::string_view& field : fields) {
      field = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(field.size() + 1, line.size()));
    }
    if (fields[2] == "cgroup2" && !found.v2) found.v2 = without_octal(fields[1]);
    found.v1 = found.v1 || fields[2] == "cgroup";
  }
  return found;
}

std::optional<FileIdentity> directory_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

// Everything below `directory`, by path. Cgroups come and go: what has gone meanwhile is left out.
void walk(const std::string& directory, const std::function<void(const std::string&, std::uint64_t)>& each) {
  std::vector<std::string> to_visit{directory};
  while (!to_visit.empty()) {
    const std::string parent = std::move(to_visit.back());
    to_visit.pop_back();
    std::error_code error;
    for (std::filesystem::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
      std::error_code unknown;
      if (it->is_symlink(unknown) || !it->is_directory(unknown)) continue;
      std::string path = it->path().string();
      if (const auto identity = directory_at(path)) {
        each(path, identity->inode);
        to_visit.push_back(std::move(path));
      }
    }
  }
}

std::vector<std::uint64_t> ids_below(const std::string& directory) {
  std::vector<std::uint64_t> ids;
  walk(directory, [&ids](const std::string&, std::uint64_t id) { ids.push_back(id); });
  std::ranges::sort(ids);
  return ids;
}

// Without the mount's own path and without slashes at either end; the root is empty. Nothing: it leads out of the tree.
std::optional<std::string> path_in_tree(std::string_view spec, const std::string& mount) {
  if (spec == mount || spec.starts_with(mount + "/")) spec.remove_prefix(mount.size());
  spec.remove_prefix(std::min(spec.find_first_not_of('/'), spec.size()));
  std::string path = std::filesystem::path(spec).lexically_normal().string();
  while (path.ends_with('/')) path.pop_back();
  if (path == ".") path.clear();
  if (path == ".." || path.starts_with("../")) return std::nullopt;
  return path;
}

tl::unexpected<Error> none(std::string_view spec, const std::string& mount) {
  // "puma" and "puma.service" for "/system.slice/puma.service"
  const std::string_view name = spec.substr(spec.find_last_of('/') + 1);
  std::vector<std::string> near;
  if (!name.empty()) {
    walk(mount, [&](const std::string& path, std::uint64_t) {
      const std::string_view last = std::string_view(path).substr(path.find_last_of('/') + 1);
      if (last == name || (last.starts_with(name) && last[name.size()] == '.'))
        near.push_back(path.substr(mount.size()));
    });
  }
  std::string hint =
      fmt::format("they are the directories under {}; `systemd-cgls` shows them", escape_terminal(mount));
  if (!near.empty() && near.size() <= kMostSuggestions) {
    std::ranges::sort(near);
    hint = escape_terminal(fmt::format("did you mean {}?", fmt::join(near, " or ")));
  }
  return fail(ExitCode::kUsage, fmt::format("no cgroup '{}'", escape_terminal(spec)), std::move(hint));
}

std::optional<std::string> find_mount(const std::string& proc) {
  const auto mounts = read_small_file(proc + "/self/mounts", kMountsLimit);
  return mounts ? mounts_in(*mounts).v2 : std::nullopt;
}

}  // namespace

CgroupPaths::CgroupPaths(const std::string& proc) : proc_(proc) {
  const std::optional<std::string> mount = find_mount(proc);
  const std::optional<FileIdentity> root = mount ? directory_at(*mount) : std::nullopt;
  if (!root) return;
  by_id_.emplace(root->inode, "/");
  walk(*mount, [&](const std::string& path, std::uint64_t id) {
    if (by_id_.size() < kMost) by_id_.emplace(id, path.substr(mount->size()));
  });
}

std::optional<std::string> CgroupPaths::path_of(std::uint64_t id, std::uint32_t pid) const {
  const auto known = by_id_.find(id);
  if (known != by_id_.end()) return known->second;
  return cgroup_path_of(pid, proc_);
}

Result<model::CgroupFilter> find_cgroup(std::string_view spec, const std::string& proc) {
  const std::optional<std::string> mount = find_mount(proc);
  const std::optional<FileIdentity> root = mount ? directory_at(*mount) : std::nullopt;
  if (!root) {
    return fail(ExitCode::kUsage, "no cgroups of version 2 are mounted here",
                "`mount -t cgroup2 none DIRECTORY` mounts them; or use -p or --comm");
  }
  model::CgroupFilter found;
  if (const auto id = parse_number<std::uint64_t>(spec)) {
    std::string directory = root->inode == *id ? *mount : "";
    walk(*mount, [&directory, &id](const std::string& path, std::uint64_t one) {
      if (one == *id) directory = path;
    });
    if (directory.empty()) return none(spec, *mount);
    found.path = spec;
    found.id = *id;
    found.below = ids_below(directory);
    return found;
  }
  const std::optional<std::string> path = spec.empty() ? std::nullopt : path_in_tree(spec, *mount);
  if (!path) return none(spec, *mount);
  const std::string directory = path->empty() ? *mount : *mount + "/" + *path;
  const std::optional<FileIdentity> identity = directory_at(directory);
  if (!identity || identity->device != root->device) return none(spec, *mount);
  found.path = "/" + *path;
  found.id = identity->inode;
  found.below = ids_below(directory);
  return found;
}

std::optional<model::CgroupTrees> cgroup_trees(const std::string& proc) {
  const auto text = read_small_file(proc + "/self/mounts", kMountsLimit);
  if (!text) return std::nullopt;
  Mounts mounts = mounts_in(*text);
  return model::CgroupTrees{.v2 = std::move(mounts.v2).value_or(std::string{}), .v1 = mounts.v1};
}

}  // namespace tcpdiag::host
