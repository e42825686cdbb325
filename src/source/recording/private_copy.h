// SPDX-License-Identifier: Apache-2.0
// A directory that only this user can enter, for copies of what cannot be read where it is. It and all in it are
// removed when the object goes; a file that is open then lives on until it is closed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::recording {

class PrivateCopy {
 public:
  // In TMPDIR, or /tmp. Error: kFailed.
  static Result<PrivateCopy> make();
  PrivateCopy(PrivateCopy&& other) noexcept : directory_(std::exchange(other.directory_, {})) {}
  PrivateCopy& operator=(PrivateCopy&&) = delete;
  ~PrivateCopy();

  std::string path() const { return directory_ + "/recording"; }
  std::string journal_path() const { return path() + "-journal"; }
  // All that can be read from `from` on, at most `limit` bytes (more is an error, kFailed). `shown` names it.
  static Result<Fd> copy(int from, const std::string& to, std::uint64_t limit, const std::string& shown);

 private:
  explicit PrivateCopy(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
};

}  // namespace tcpdiag::recording
