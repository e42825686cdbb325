// SPDX-License-Identifier: Apache-2.0
// The recording of -w, made with the privileges of the person who called sudo.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"
#include "session/caller.h"
#include "session/progress.h"
#include "source/recording/writer.h"
#include "util/result.h"

namespace tcpdiag::session {

class RecordingOutput {
 public:
  // Nothing where the path is empty.
  static Result<RecordingOutput> open(const recording::WriterOptions& options, const std::optional<Caller>& caller);
  RecordingOutput(RecordingOutput&&) noexcept = default;
  RecordingOutput& operator=(RecordingOutput&&) = delete;
  ~RecordingOutput();  // removes it, unless finished

  const std::string& path() const { return path_; }      // as typed
  recording::Writer* writer() { return writer_.get(); }  // null: none
  // In which a file is removed at the end, open.
  std::vector<int> directories() const { return writer_ ? std::vector<int>{writer_->directory()} : std::vector<int>(); }
  // Closes it and says where it is, with its id and digest. Error: what Writer::finish() says.
  Result<model::RecordingFile> finish(Progress& progress);

 private:
  RecordingOutput() = default;

  std::unique_ptr<recording::Writer> writer_;
  std::string path_;
  std::optional<Caller> caller_;
};

// What to know of a recording before it is shared; said once, at its start.
std::string recording_line(std::string_view path, bool redacted);

}  // namespace tcpdiag::session
