// SPDX-License-Identifier: Apache-2.0
// The recording of -w, made with the rights of the person who called sudo.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/caller.h"
#include "cli/output_options.h"
#include "model/report.h"
#include "source/recording/writer.h"
#include "util/result.h"

namespace tcpdiag::cli {

class RecordingOutput {
 public:
  // Nothing where -w was not given.
  static Result<RecordingOutput> open(const OutputOptions& options, const std::optional<Caller>& caller);
  RecordingOutput(RecordingOutput&&) noexcept = default;
  RecordingOutput& operator=(RecordingOutput&&) = delete;
  ~RecordingOutput();  // removes it, unless finished

  recording::Writer* writer() { return writer_.get(); }  // null: none
  // In which a file is removed at the end, open.
  std::vector<int> directories() const { return writer_ ? std::vector<int>{writer_->directory()} : std::vector<int>(); }
  // Closes it and says so in the report. The line to tell: where it is, its id and digest; or what went wrong.
  std::string finish(model::Report& report);

 private:
  RecordingOutput() = default;

  std::unique_ptr<recording::Writer> writer_;
  std::string path_;
  std::optional<Caller> caller_;
};

// What to know of a recording before it is shared; said once, at its start.
std::string recording_line(const OutputOptions& options);

}  // namespace tcpdiag::cli
