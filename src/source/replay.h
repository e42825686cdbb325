// SPDX-License-Identifier: Apache-2.0
// Replay: a file whose events and samples can be told again, as often as asked and always alike.
#pragma once

#include "model/report.h"
#include "model/sample.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::source {

class Replay {
 public:
  Replay() = default;
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  virtual ~Replay() = default;

  // What replay() begins with, known without telling anything.
  virtual const model::TraceStart& start() const = 0;
  // Tells everything in the order in which it was told to the recorder: TraceStart first, TraceEnd last. Errors are
  // kFailed: what was told before them holds, and no TraceEnd follows.
  virtual Result<> replay(model::Sink& sink) = 0;
};

}  // namespace tcpdiag::source
