// SPDX-License-Identifier: Apache-2.0
#include "session/event_stream.h"

#include <utility>
#include <variant>

#include "report/event_lines.h"

namespace tcpdiag::session {

void EventStream::add(std::string_view line) {
  constexpr std::size_t kEnough = std::size_t{64} << 10;
  if (broken_) return;
  if (kept_.size() + line.size() > kMostKept) {
    ++dropped_;
    return;
  }
  kept_ += line;
  if (waits_ && kept_.size() >= kEnough) flush();
}

void EventStream::on_event(const model::Event& event) { add(report::ndjson_event_line(start_, event)); }

void EventStream::on_sample(const model::Sample& sample) {
  const auto* start = std::get_if<model::TraceStart>(&sample);
  if (start == nullptr) return;
  start_ = *start;
  add(report::ndjson_start_line(start_));
}

bool EventStream::flush() {
  if (broken_ || kept_.empty()) return !broken_;
  const Result<std::size_t> written = output_.write_some(kept_, waits_);
  if (written) {
    kept_.erase(0, *written);
  } else {
    broken_ = true;
    kept_.clear();
  }
  return !broken_;
}

std::string EventStream::take_rest() {
  if (dropped_ > 0) kept_ += report::ndjson_dropped_line(dropped_);
  return std::exchange(kept_, {});
}

void EventPrinter::on_event(const model::Event& event) { progress_.say(report::event_text(start_, event)); }

void EventPrinter::on_sample(const model::Sample& sample) {
  if (const auto* start = std::get_if<model::TraceStart>(&sample)) start_ = *start;
}

}  // namespace tcpdiag::session
