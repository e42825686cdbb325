// SPDX-License-Identifier: Apache-2.0
// Replay: a file whose events and samples can be emitted again, as often as asked and always alike.
#pragma once

#include "model/report.h"
#include "model/sample.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::source {

class Replay {
 public:
  virtual ~Replay() = default;

  // What replay() begins with, known without emitting anything.
  virtual const model::TraceStart& start() const = 0;
  // Emits everything in the order in which the recorder got it: TraceStart first, TraceEnd last. Errors are
  // kFailed: what was emitted before them holds, and no TraceEnd follows.
  virtual Result<> replay(model::Sink& sink) = 0;
};

}  // namespace tcpdiag::source
