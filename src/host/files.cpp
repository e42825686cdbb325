// SPDX-License-Identifier: Apache-2.0
#include "host/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "util/number.h"

namespace tcpdiag::host {

std::optional<FileIdentity> identity_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

std::vector<std::uint32_t> numbers_in(const std::string& directory) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& name : names_in(directory)) {
    if (const auto number = parse_number<std::uint32_t>(name)) numbers.push_back(*number);
  }
  return numbers;
}

OpenDirectory::OpenDirectory(const std::string& path) : directory_(::opendir(path.c_str())) {}

std::vector<std::uint32_t> OpenDirectory::numbers() const {
  std::vector<std::uint32_t> numbers;
  if (!directory_) return numbers;
  ::rewinddir(directory_.get());
  while (const dirent* entry = ::readdir(directory_.get())) {
    if (const auto number = parse_number<std::uint32_t>(entry->d_name)) numbers.push_back(*number);
  }
  return numbers;
}

std::optional<std::string> read_again(int fd, std::size_t limit) {
  constexpr std::size_t kChunk = std::size_t{16} << 10;
  std::string text;
  while (text.size() < limit) {
    const std::size_t used = text.size();
    text.resize(used + kChunk);
    const ssize_t got = ::pread(fd, text.data() + used, kChunk, static_cast<off_t>(used));
    text.resize(used + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
  }
  return text;
}

}  // namespace tcpdiag::host
