// SPDX-License-Identifier: Apache-2.0
// Directories and identities of files, for the parts of this folder that search through them.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
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

// A directory that stays open, to be listed again where nothing may be opened any more.
class OpenDirectory {
 public:
  explicit OpenDirectory(const std::string& path);  // one that cannot be opened has no entries

  std::vector<std::uint32_t> numbers() const;  // as numbers_in()

 private:
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  std::unique_ptr<DIR, Close> directory_;
};

// All of a file that is open, from its beginning, however often: what /proc shows is made anew each time, and whether
// it may be seen was asked when it was opened. Nothing where it cannot be read; what is longer than `limit` is cut off.
std::optional<std::string> read_again(int fd, std::size_t limit);

}  // namespace tcpdiag::host
