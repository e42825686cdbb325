// SPDX-License-Identifier: Apache-2.0
#include "host/files.h"

#include <sys/stat.h>

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

}  // namespace tcpdiag::host
