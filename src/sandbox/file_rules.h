// SPDX-License-Identifier: Apache-2.0
// Which files may be opened, made, renamed and removed from now on: Landlock (landlock(7), Linux 5.13). What is open
// already is not asked about. Later versions of it also forbid TCP connections and listening (6.7), abstract unix
// sockets and signals to other processes (6.12).
#pragma once

#include <string>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::sandbox {

class FileRules {
 public:
  // As in Needs. Error (kNotAble): the kernel has Landlock, but not for this.
  static Result<FileRules> make(const std::vector<int>& readable, const std::vector<int>& replaceable, bool connects);

  const std::string& why_not() const { return why_not_; }  // empty: this kernel has it
  // Of this thread, for good. Needs no_new_privs. Nothing where the kernel has no Landlock.
  Result<> enforce() const;

 private:
  FileRules() = default;

  Fd rules_;
  std::string why_not_;
};

}  // namespace tcpdiag::sandbox
