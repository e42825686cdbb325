// SPDX-License-Identifier: Apache-2.0
// Where the report goes: standard output, or a file that is opened before anything is traced, so that a trace of an
// hour does not end at a wrong name.
//
// A new file is created at once under its name (O_EXCL, no symbolic links), which keeps the name; it is removed again
// if nothing is written to it. A file to overwrite stays as it is until the new one is complete beside it and takes its
// name.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/caller.h"
#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::session {

class Output {
 public:
  // An empty path is standard output. Errors are kUsage: the file exists and `force` is false, cannot be created, is a
  // directory or a symbolic link; standard output is closed.
  static Result<Output> open(const std::string& path, bool force, const std::optional<Caller>& caller);
  Output(Output&&) noexcept = default;
  Output& operator=(Output&&) = delete;
  ~Output();

  bool is_file() const { return bool(directory_); }
  const std::string& path() const { return path_; }
  // That a file is renamed or removed in at the end, open.
  std::vector<int> directories() const { return created_ ? std::vector<int>{directory_.get()} : std::vector<int>(); }

  // A part of what is to be written, from its beginning: how many bytes went out. Without `waits` that is none where a
  // reader of standard output is slow. Error (kFailed): nobody reads any more, or the disk is full.
  Result<std::size_t> write_some(std::string_view text, bool waits);
  // Of a file: writes the rest, or all of it, and puts it in its place. Error: kFailed; the file is then as far as it
  // came.
  Result<> write_file(std::string_view text);
  // Removes what was created, unless it was written as a whole. The destructor does it too.
  void discard();
  // Leaves a file that was written in part: better than nothing, where nothing else holds the report.
  void keep() { created_ = false; }

 private:
  Output() = default;
  Result<> open_existing(const std::string& path);
  std::string removable() const;

  std::string path_;       // as given
  Fd directory_;           // that it is in; none: standard output
  std::string name_;       // in directory_
  std::string temporary_;  // beside it, takes its name at the end; empty: written in place
  Fd file_;
  std::optional<Caller> caller_;
  bool created_ = false;  // `name_` or `temporary_` is ours
  bool complete_ = false;
};

}  // namespace tcpdiag::session
