// SPDX-License-Identifier: Apache-2.0
// What a trace or a replay emits goes through here: to the correlator, and to every output that was asked for besides.
// An output that fails loses what it cannot write, counts it and says so; the others and the trace go on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/report.h"
#include "model/sink.h"
#include "session/event_stream.h"
#include "session/progress.h"
#include "session/recording_output.h"

namespace tcpdiag::session {

class Outputs : public model::Sink {
 public:
  // Each may be null: it was not asked for.
  struct To {
    RecordingOutput* recording = nullptr;  // -w
    EventStream* stream = nullptr;         // lines of --format ndjson
    EventPrinter* printer = nullptr;       // lines of --events
  };
  Outputs(To to, Progress& progress);
  void lead_to(model::Sink& correlator) { correlator_ = &correlator; }

  void on_event(const model::Event& event) override;
  // TraceEnd takes along what the recording has lost: reports that are made of it say so, and so does this one.
  void on_sample(const model::Sample& sample) override;

  // At the beginning: says where it is recorded, if it is.
  void announce(bool redacted);
  // Once a second: what was emitted goes out, what failed is tried anew, problems are said.
  void commit();
  // Lines go out as far as their reader takes them. False: nobody is left to write to.
  bool flush();
  // After TraceEnd. Closes the recording and says where it is. Nothing: there is none that is complete.
  std::optional<model::RecordingFile> finish();
  // Something could not be written; it was said.
  bool failed() const { return failed_; }

 private:
  void say(const std::optional<Error>& problem);

  To to_;
  Progress& progress_;
  model::Sink* correlator_ = nullptr;
  std::uint64_t events_since_commit_ = 0;
  bool failed_ = false;
};

}  // namespace tcpdiag::session
