// SPDX-License-Identifier: Apache-2.0
// Directories and identities of files, for the parts of this folder that search through them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcpdiag::host {

// Device and inode: an inode alone could also be that of an unrelated file.
struct FileIdentity {
  dev_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

// Of what `path` leads to; nothing, with errno set, where it cannot be asked.
std::optional<FileIdentity> identity_at(const std::string& path);

// Names of a directory's entries, in no order; none where it cannot be read.
std::vector<std::string> names_in(const std::string& directory);

// The names that are numbers: processes of /proc, threads of /proc/PID/task.
std::vector<std::uint32_t> numbers_in(const std::string& directory);

}  // namespace tcpdiag::host
