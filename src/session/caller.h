// SPDX-License-Identifier: Apache-2.0
// The person who called sudo. What the program writes for them belongs to them and is made with their privileges: sudo
// may be allowed for this program alone, and -o must not become a way to create files anywhere.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "util/result.h"

namespace tcpdiag::session {

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
};

// From SUDO_UID and SUDO_GID, which sudo itself sets; nothing where this is not root, or root called. Error (kUsage):
// they name nobody. What is meant for somebody else is then not done as root.
Result<std::optional<Caller>> caller_through_sudo();

// For good: root through sudo becomes the person who called it, with no way back. Nothing happens for anybody else.
// Errors: those of caller_through_sudo(), kNotAble.
Result<> become_caller();

// The caller's group and the further ones of the user database.
std::vector<gid_t> groups_of(const Caller& caller);

// For its lifetime, system calls are made with the privileges of the caller: user, group and further groups. Nothing
// happens without a caller, or where the program has become this user for good. The process must have one thread.
class ActAs {
 public:
  explicit ActAs(const std::optional<Caller>& caller);
  ~ActAs();
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;

  bool ok() const { return ok_; }  // false: the privileges are still the program's own

 private:
  void give_back() const;

  bool active_ = false;
  bool ok_ = true;
  uid_t own_uid_ = 0;
  gid_t own_gid_ = 0;
  std::vector<gid_t> own_groups_;
};

}  // namespace tcpdiag::session
