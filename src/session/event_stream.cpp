// SPDX-License-Identifier: Apache-2.0
#include "session/event_stream.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "report/event_lines.h"
#include "util/io.h"

namespace tcpdiag::session {

void EventStream::add(std::string_view line) {
  constexpr std::size_t kEnough = std::size_t{64} << 10;
  if (has_no_reader()) return;
  if (kept_.size() - written_ + line.size() > kMostKept) {
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

void EventStream::flush() {
  if (error_ != 0 || written_ == kept_.size()) return;
  const Output::Written done = output_.write_some(std::string_view(kept_).substr(written_), waits_);
  written_ += done.bytes;
  // Moved to the front now and then, not by each write: that would cost the more, the more is kept.
  if (written_ >= kept_.size() - written_) kept_.erase(0, std::exchange(written_, 0));
  error_ = done.error;
  if (error_ == 0) return;
  if (has_no_reader()) {
    kept_.clear();
    written_ = 0;
  }
  problem_.note({fmt::format("cannot write events to {}: {}", output_.shown(), errno_text(error_)),
                 has_no_reader() ? "" : cure_of(error_, "make room") + ", and it goes on", ExitCode::kFailed});
}

void EventStream::try_again() {
  if (!has_no_reader()) error_ = 0;
  flush();
}

std::string EventStream::take_rest() {
  kept_.erase(0, std::exchange(written_, 0));
  if (dropped_ > 0) kept_ += report::ndjson_dropped_line(dropped_);
  return std::exchange(kept_, {});
}

void EventPrinter::on_event(const model::Event& event) {
  std::string line = report::event_text(start_, event);
  if (!waits_) return progress_.offer(std::move(line));
  progress_.say(std::move(line));
  progress_.wait();
}

void EventPrinter::on_sample(const model::Sample& sample) {
  if (const auto* start = std::get_if<model::TraceStart>(&sample)) start_ = *start;
}

}  // namespace tcpdiag::session
