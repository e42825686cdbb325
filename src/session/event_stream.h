// SPDX-License-Identifier: Apache-2.0
// Events emitted as they happen: lines of --format ndjson where the report goes, or lines of --events on standard
// error.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/sink.h"
#include "session/output.h"
#include "session/progress.h"
#include "util/first_problem.h"
#include "util/result.h"

namespace tcpdiag::session {

// The lines of --format ndjson before the report. A reader that is slow must not keep events from being read: what
// cannot be written now is kept, kMostKept bytes at most, and what does not fit is dropped and counted. So it is where
// a disk is full.
class EventStream : public model::Sink {
 public:
  // `waits`: nothing is lost by waiting for the reader, so that is done instead of dropping.
  EventStream(Output& output, bool waits) : output_(output), waits_(waits) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;  // the line of TraceStart

  // Writes what can be written now; after an error nothing before try_again().
  void flush();
  void try_again();
  bool has_no_reader() const { return error_ == EPIPE; }  // and nothing is kept any more
  // What went wrong first, once; then nothing.
  std::optional<Error> take_problem() { return problem_.take(); }
  // What is still to be written before the report, with the count of what was dropped.
  std::string take_rest();

 private:
  void add(std::string_view line);

  static constexpr std::size_t kMostKept = std::size_t{64} << 20;

  Output& output_;
  bool waits_;
  model::TraceStart start_;
  std::string kept_;
  std::size_t written_ = 0;  // of kept_
  std::uint64_t dropped_ = 0;
  int error_ = 0;  // that ended the newest writing: EPIPE for good, others until try_again()
  FirstProblem problem_;
};

// The lines of --events. `waits`: as above.
class EventPrinter : public model::Sink {
 public:
  EventPrinter(Progress& progress, bool waits) : progress_(progress), waits_(waits) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

 private:
  Progress& progress_;
  bool waits_;
  model::TraceStart start_;
};

}  // namespace tcpdiag::session
