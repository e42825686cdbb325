// SPDX-License-Identifier: Apache-2.0
// A trace that is kept in memory and emitted again, and what came out of one.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "model/report.h"
#include "model/sink.h"
#include "report/render.h"
#include "source/replay.h"

namespace tcpdiag::testing {

using Record = std::variant<model::Event, model::Sample>;

class Stream : public source::Replay, public model::Sink {
 public:
  std::vector<Record> records;

  void on_event(const model::Event& event) override { records.emplace_back(event); }
  void on_sample(const model::Sample& sample) override { records.emplace_back(sample); }

  const model::TraceStart& start() const override {
    static const model::TraceStart kNone;
    for (const Record& record : records) {
      const auto* sample = std::get_if<model::Sample>(&record);
      if (sample == nullptr) continue;
      if (const auto* start = std::get_if<model::TraceStart>(sample)) return *start;
    }
    return kNone;
  }
  Result<> replay(model::Sink& sink) override {
    for (const Record& record : records) {
      if (const auto* event = std::get_if<model::Event>(&record)) {
        sink.on_event(*event);
      } else {
        sink.on_sample(std::get<model::Sample>(record));
      }
    }
    return {};
  }

  // All samples of one kind, in order.
  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Record& record : records) {
      const auto* sample = std::get_if<model::Sample>(&record);
      if (sample != nullptr && std::holds_alternative<T>(*sample)) found.push_back(std::get<T>(*sample));
    }
    return found;
  }
  std::vector<model::Event> events() const {
    std::vector<model::Event> found;
    for (const Record& record : records) {
      if (const auto* event = std::get_if<model::Event>(&record)) found.push_back(*event);
    }
    return found;
  }
};

inline model::Picture picture_of(Stream& stream) {
  correlate::Correlator correlator;
  static_cast<void>(stream.replay(correlator));
  return correlator.finish();
}

inline model::Report report_of(Stream& stream) { return diagnose::make_report(picture_of(stream)); }

inline std::string json_of(Stream& stream) { return report::render_json(report_of(stream), {}); }

inline std::string text_of(Stream& stream) { return report::render_text(report_of(stream), {.sockets = 100}); }

}  // namespace tcpdiag::testing
