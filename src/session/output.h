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
#include "util/unfinished_files.h"

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

  struct Written {
    std::size_t bytes = 0;
    int error = 0;  // the errno that ended it; EPIPE: nobody reads any more
  };
  // A part of what is to be written, from its beginning. Without `waits` that is none where a reader of standard output
  // is slow.
  Written write_some(std::string_view text, bool waits);
  // Of a file: writes the rest, or all of it, and puts it in its place. Error: kFailed; the file is then as far as it
  // came, or somebody has removed or replaced it.
  Result<> write_file(std::string_view text);
  // Removes what was created, unless it was written as a whole or write_some() has written to it. The destructor does
  // it too.
  void discard();
  // Leaves a file that was written in part: better than nothing, where nothing else holds it.
  void keep();
  bool is_kept() const { return kept_; }
  // For messages: the file that holds what was written, "standard output".
  std::string shown() const;

 private:
  Output() = default;
  Result<> open_existing(const std::string& path);
  void note_created();
  const std::string& created_name() const { return temporary_.empty() ? name_ : temporary_; }
  bool is_removed() const;

  std::string path_;       // as given
  Fd directory_;           // that it is in; none: standard output
  std::string name_;       // in directory_
  std::string temporary_;  // beside it, takes its name at the end; empty: written in place
  Fd file_;
  std::optional<Caller> caller_;
  bool created_ = false;  // `name_` or `temporary_` is ours
  bool complete_ = false;
  bool kept_ = false;  // part of it stays
  UnfinishedFile unfinished_;
};

}  // namespace tcpdiag::session
