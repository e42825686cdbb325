// SPDX-License-Identifier: Apache-2.0
#include "session/recording_output.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "util/escape.h"

namespace tcpdiag::session {

Result<RecordingOutput> RecordingOutput::open(const recording::WriterOptions& options,
                                              const std::optional<Caller>& caller) {
  RecordingOutput output;
  if (options.path.empty()) return output;
  output.path_ = options.path;
  output.caller_ = caller;
  const ActAs act(caller);
  if (!act.ok())
    return fail(ExitCode::kUsage, "cannot act as the user who called sudo", "call it as root without sudo");
  auto writer = recording::Writer::create(options);
  if (!writer) return tl::unexpected(writer.error());
  output.writer_ = std::move(*writer);
  return output;
}

RecordingOutput::~RecordingOutput() {
  if (!writer_) return;
  const ActAs act(caller_);
  if (act.ok()) writer_->discard();
}

Result<model::RecordingFile> RecordingOutput::finish(Progress& progress) {
  const ActAs act(caller_);
  const std::uint64_t missing = writer_->disk_full();
  const std::string id = writer_->recording_id();
  Result<model::RecordingFile> file = writer_->finish();
  writer_.reset();
  if (!file) return file;
  std::string line = fmt::format("recorded in '{}': id {}, {} bytes, sha256 {}", escape_terminal(path_),
                                 escape_terminal(id), file->bytes, file->sha256);
  if (missing > 0) line += fmt::format("; {} records are missing, which did not fit", missing);
  progress.say(std::move(line));
  return file;
}

std::string recording_line(std::string_view path, bool redacted) {
  const std::string shown = escape_terminal(path);
  if (redacted) return fmt::format("recording into '{}', redacted: the originals are nowhere", shown);
  return fmt::format(
      "recording into '{}': it holds addresses, names and the command line as they are; "
      "'tcpdiag report FILE --redact -w OTHER' makes one to share",
      shown);
}

}  // namespace tcpdiag::session
