// SPDX-License-Identifier: Apache-2.0
// Recorded: a source whose events and samples can be told again, as often as asked and always alike.
#pragma once

#include "model/sample.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::model {

class Recorded {
 public:
  virtual ~Recorded() = default;
  // What tell() begins with, known without telling anything.
  virtual const TraceStart& start() const = 0;
  // Tells everything in the order in which it was told to the recorder: TraceStart first, TraceEnd last. Errors are
  // kFailed: what was told before them holds, and no TraceEnd follows.
  virtual Result<> tell(Sink& sink) = 0;
};

}  // namespace tcpdiag::model
