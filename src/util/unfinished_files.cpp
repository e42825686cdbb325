// SPDX-License-Identifier: Apache-2.0
#include "util/unfinished_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>

namespace tcpdiag {
namespace {

struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<bool> ready = false;  // the rest may be read
  int directory = -1;
  dev_t device = 0;
  ino_t inode = 0;
  std::array<char, NAME_MAX + 1> name{};
};
static_assert(std::atomic<bool>::is_always_lock_free);  // read by a signal handler

std::array<Slot, 8> slots;

}  // namespace

UnfinishedFile::UnfinishedFile(int directory, const std::string& name, const struct stat& status) {
  if (name.size() > NAME_MAX) return;
  for (Slot& slot : slots) {
    if (slot.taken.exchange(true)) continue;
    slot.directory = directory;
    slot.device = status.st_dev;
    slot.inode = status.st_ino;
    *std::copy(name.begin(), name.end(), slot.name.begin()) = '\0';
    slot.ready = true;
    slot_ = static_cast<int>(&slot - slots.data());
    return;
  }
}

void UnfinishedFile::done() {
  if (slot_ < 0) return;
  Slot& slot = slots[static_cast<std::size_t>(std::exchange(slot_, -1))];
  slot.ready = false;
  slot.taken = false;
}

void remove_unfinished_files() noexcept {
  for (const Slot& slot : slots) {
    struct stat named {};
    if (!slot.ready || ::fstatat(slot.directory, slot.name.data(), &named, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (named.st_dev == slot.device && named.st_ino == slot.inode) ::unlinkat(slot.directory, slot.name.data(), 0);
  }
}

}  // namespace tcpdiag
