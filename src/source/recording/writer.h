// SPDX-License-Identifier: Apache-2.0
// Writes what a source emits into a recording: one SQLite file (docs/recording.md).
//
// What was emitted becomes part of the file when commit() is called, once a second: a kill loses what came after the
// last commit and leaves a file that can be read. A disk that is full loses what does not fit, counted, and nothing
// else: no function of this class fails the trace.
//
// The file is synchronised once, by finish(), and not with every commit: that would make the trace wait for the disk,
// and the disk of a host in trouble work for the trace. So a power cut or a crash of the kernel may cost the recording.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/report.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::recording {

struct WriterOptions {
  std::string path;
  bool force = false;                      // a recording of that name is replaced
  std::optional<std::uint64_t> max_bytes;  // of the file; beyond, the oldest samples are thinned. At least kLeastBytes
};
inline constexpr std::uint64_t kLeastBytes = 1024 * 1024;

class Writer : public model::Sink {
 public:
  // Creates the file (O_EXCL, no symbolic link, mode 0600) and its journal with the privileges of the calling thread,
  // and opens both for good: afterwards nothing is opened any more. Errors are kUsage: the file exists and `force` is
  // false, it is not a regular file, something else lies where its journal would be, the disk is full.
  static Result<std::unique_ptr<Writer>> create(const WriterOptions& options);
  ~Writer() override;  // without finish(): leaves what was committed

  // TraceStart comes first, nothing comes after TraceEnd: what is emitted otherwise is ignored.
  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

  // It may also happen in between, when much is emitted.
  void commit();
  // Records that are not in the file. For the Loss of TraceEnd; both are final once commit() was called after the last
  // record before it.
  std::uint64_t disk_full() const;
  std::uint64_t samples_thinned() const;
  // What went wrong first, once; then nothing. For the person who watches.
  std::optional<Error> take_problem();

  const std::string& recording_id() const;  // of TraceStart
  // Of the file, open: where finish() and discard() remove something.
  int directory() const;
  // After TraceEnd. Commits, removes the journal, so that the recording is one file, synchronises and closes it. With
  // the privileges of create(). Error (kFailed): it is readable, but without the end of the trace.
  Result<model::RecordingFile> finish();
  // Removes the file: nothing was traced. With the privileges of create().
  void discard();

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::recording
