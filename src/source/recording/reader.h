// SPDX-License-Identifier: Apache-2.0
// Reads a recording. The file is not to be trusted: whatever its bytes are, reading gives records or an error, in time
// and memory that are in proportion to its size.
#pragma once

#include <memory>
#include <string>

#include "model/report.h"
#include "source/replay.h"
#include "util/result.h"

namespace tcpdiag::recording {

class Reader : public source::Replay {
 public:
  // "-" is standard input. The file is never changed, and nothing is created beside it; one that was cut off in the
  // middle of a commit is put in order in a temporary copy. Errors are kUsage where it cannot be opened at all, kFailed
  // where it is not a recording, is damaged, is of a newer version, exceeds a limit, or something lies beside it that
  // is not its own.
  static Result<std::unique_ptr<Reader>> open(const std::string& path);
  ~Reader() override;

  // As it was given; where it was put in order, before that.
  const model::RecordingFile& file() const;
  const model::TraceStart& start() const override;
  // A recording that was cut off (kill, full disk) has no TraceEnd: one is emitted that says so (EndedBy::kError,
  // partial, at the time of the last record, with what the writer itself had lost until then; other losses are not
  // known and 0).
  Result<> replay(model::Sink& sink) override;

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::recording
