// SPDX-License-Identifier: Apache-2.0
// Copies of what cannot be read where it is, in TMPDIR or /tmp.
//
// A copy has no name while it is made, so that a program that is killed meanwhile leaves nothing behind. SQLite opens
// by name: the copies get one for as long as that takes, in a directory that only this user can enter, and no signal
// interrupts that.
#pragma once

#include <signal.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::recording {

// A file without a name: `begin`, and all that can be read from `from` on. More than `limit` bytes in all are an error
// (kFailed, as others) with the words `too_long`. `shown` names what is read.
Result<Fd> copy_without_name(int from, std::string_view begin, std::uint64_t limit, const std::string& shown,
                             const std::string& too_long);

// The directory. It and all in it are removed when the object goes; a file that is open lives on until it is closed.
class NamedCopies {
 public:
  static Result<NamedCopies> make();
  NamedCopies(NamedCopies&& other) noexcept
      : directory_(std::exchange(other.directory_, {})), signals_before_(other.signals_before_) {}
  NamedCopies& operator=(NamedCopies&&) = delete;
  ~NamedCopies();

  std::string path() const { return directory_ + "/recording"; }
  std::string journal_path() const { return path() + "-journal"; }
  // Gives a file without a name the path `name`. What lies there: the file, or another copy of it where the file system
  // knows none without a name.
  static Result<Fd> give_name(Fd copy, const std::string& name);

 private:
  NamedCopies(std::string directory, const sigset_t& signals_before)
      : directory_(std::move(directory)), signals_before_(signals_before) {}

  std::string directory_;
  sigset_t signals_before_;  // blocked until the directory is gone
};

}  // namespace tcpdiag::recording
