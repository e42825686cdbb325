// SPDX-License-Identifier: Apache-2.0
// The file of a recording that is to be read: what is checked before SQLite sees a byte of it, and where SQLite may
// read it without creating anything beside it.
//
// A recording whose writer was killed in the middle of a commit has a journal beside it that holds what the commit
// had already overwritten. Such a pair is copied into a private directory and put in order there, as is what
// comes from standard input. The copy has no name as soon as it is open.
#pragma once

#include <string>

#include "model/report.h"
#include "source/recording/database.h"
#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::recording {

// What standard input may give at most: it has to be copied.
inline constexpr std::uint64_t kMostFromInput = std::uint64_t{4} << 30;

struct SourceFile {
  // Errors as in Reader::open().
  static Result<SourceFile> open(const std::string& path);

  std::string shown;          // for messages: "'trace.tcpdiag'", "standard input"
  model::RecordingFile file;  // as it was given, before it was put in order
  Database database;          // read-only; nothing has been read through it yet
};

}  // namespace tcpdiag::recording
