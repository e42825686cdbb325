// SPDX-License-Identifier: Apache-2.0
// Files that are being made. Where a signal ends the program they are taken back: half a report is none.
#pragma once

#include <sys/stat.h>

#include <string>
#include <utility>

namespace tcpdiag {

// One of them, until it is finished or removed otherwise.
class UnfinishedFile {
 public:
  UnfinishedFile() = default;
  // `directory` is open and stays so; `status` tells which file lies under the name. Beyond 8 at once nothing is noted.
  UnfinishedFile(int directory, const std::string& name, const struct stat& status);
  UnfinishedFile(UnfinishedFile&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}
  UnfinishedFile& operator=(UnfinishedFile&& other) noexcept {
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~UnfinishedFile() { done(); }
  void done();

 private:
  int slot_ = -1;
};

// Removes all of them, unless another file lies under the name by now. May be called from a signal handler.
void remove_unfinished_files() noexcept;

}  // namespace tcpdiag
