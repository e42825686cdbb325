// SPDX-License-Identifier: Apache-2.0
// One source, several sinks: each gets everything, in the order in which they were added.
#pragma once

#include <utility>
#include <vector>

#include "model/sink.h"

namespace tcpdiag::session {

class Tee : public model::Sink {
 public:
  explicit Tee(std::vector<model::Sink*> sinks) : sinks_(std::move(sinks)) {}
  void add(model::Sink& sink) { sinks_.push_back(&sink); }

  void on_event(const model::Event& event) override {
    for (model::Sink* sink : sinks_) sink->on_event(event);
  }
  void on_sample(const model::Sample& sample) override {
    for (model::Sink* sink : sinks_) sink->on_sample(sample);
  }

 private:
  std::vector<model::Sink*> sinks_;
};

}  // namespace tcpdiag::session
