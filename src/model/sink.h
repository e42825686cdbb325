// SPDX-License-Identifier: Apache-2.0
// Where a source puts what it saw. Correlator, recorder and live printer are sinks; a source knows none of them.
#pragma once

#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::model {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void on_event(const Event& event) = 0;
  virtual void on_sample(const Sample& sample) = 0;
};

}  // namespace tcpdiag::model
