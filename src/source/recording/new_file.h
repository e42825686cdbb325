// SPDX-License-Identifier: Apache-2.0
// The file of a new recording, and the name of the journal beside it. Both are made with the privileges of the calling
// thread, never through a symbolic link, and only what is known to be this file is ever removed.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "util/fd.h"
#include "util/result.h"
#include "util/unfinished_files.h"

namespace tcpdiag::recording {

// What identifies a file for as long as it is open.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileId&) const = default;
};

class NewFile {
 public:
  // Creates the file, empty, with mode 0600. Errors are kUsage and name the hint.
  static Result<NewFile> create(const std::string& path, bool force);

  int fd() const { return file_.get(); }
  int directory() const { return directory_.get(); }           // where the journal is removed from at the end
  const std::string& shown() const { return shown_; }          // as given, for messages
  const std::string& full_path() const { return full_path_; }  // absolute, without symbolic links

  // Whether full_path() leads to this file still.
  bool is_in_place() const;
  // Whether no name leads to it any more: it goes when it is closed.
  bool is_removed() const;
  // Blocks beyond the end of the file, back to the disk.
  void release_reserved() const;
  // Once SQLite has made the journal: that it is a file of ours alone. False: somebody else's lies there.
  bool adopt_journal();
  void remove_journal();
  void remove();
  // It stays, whatever ends the program.
  void finished() { unfinished_.done(); }

 private:
  NewFile() = default;
  Result<> make_room_for(bool force) const;

  std::string shown_;
  std::string full_path_;
  Fd directory_;
  std::string name_;
  Fd file_;
  std::optional<FileId> journal_;
  UnfinishedFile unfinished_;
  UnfinishedFile unfinished_journal_;
};

}  // namespace tcpdiag::recording
