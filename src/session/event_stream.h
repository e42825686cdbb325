// SPDX-License-Identifier: Apache-2.0
// Events emitted as they happen: lines of --format ndjson where the report goes, or lines of --events on standard
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/sink.h"
#include "session/output.h"
#include "session/progress.h"

namespace tcpdiag::session {

// The lines of --format ndjson before the report. A reader that is slow must not keep events from being read: what
// cannot be written now is kept, kMostKept bytes at most, and what does not fit is dropped and counted.
class EventStream : public model::Sink {
 public:
  // `waits`: nothing is lost by waiting for the reader, so that is done instead of dropping.
  EventStream(Output& output, bool waits) : output_(output), waits_(waits) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;  // the line of TraceStart

  // Writes what can be written now. False: nobody reads any more.
  bool flush();
  // What is still to be written before the report, with the count of what was dropped.
  std::string take_rest();

 private:
  void add(std::string_view line);

  static constexpr std::size_t kMostKept = std::size_t{64} << 20;

  Output& output_;
  bool waits_;
  model::TraceStart start_;
  std::string kept_;
  std::uint64_t dropped_ = 0;
  bool broken_ = false;
};

// The lines of --events.
class EventPrinter : public model::Sink {
 public:
  explicit EventPrinter(Progress& progress) : progress_(progress) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

 private:
  Progress& progress_;
  model::TraceStart start_;
};

}  // namespace tcpdiag::session
