// SPDX-License-Identifier: Apache-2.0
#include "session/outputs.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace tcpdiag::session {

Outputs::Outputs(To to, Progress& progress) : to_(to), progress_(progress) {
  if (to_.recording != nullptr && to_.recording->writer() == nullptr) to_.recording = nullptr;
}

void Outputs::on_event(const model::Event& event) {
  // A replay knows no seconds.
  constexpr std::uint64_t kEventsACommit = 10'000;
  if (++events_since_commit_ >= kEventsACommit) commit();
  if (correlator_ != nullptr) correlator_->on_event(event);
  if (to_.recording != nullptr) to_.recording->writer()->on_event(event);
  if (to_.stream != nullptr) to_.stream->on_event(event);
  if (to_.printer != nullptr) to_.printer->on_event(event);
}

void Outputs::on_sample(const model::Sample& sample) {
  const auto* end = std::get_if<model::TraceEnd>(&sample);
  if (end != nullptr && to_.recording != nullptr) {
    commit();
    model::TraceEnd with_losses = *end;
    with_losses.loss.disk_full += to_.recording->writer()->disk_full();
    with_losses.loss.samples_thinned += to_.recording->writer()->samples_thinned();
    to_.recording->writer()->on_sample(with_losses);
    if (correlator_ != nullptr) correlator_->on_sample(std::move(with_losses));
  } else {
    if (to_.recording != nullptr) to_.recording->writer()->on_sample(sample);
    if (correlator_ != nullptr) correlator_->on_sample(sample);
  }
  if (to_.stream != nullptr) to_.stream->on_sample(sample);
  if (to_.printer != nullptr) to_.printer->on_sample(sample);
}

void Outputs::announce(bool redacted) {
  if (to_.recording != nullptr) progress_.say(recording_line(to_.recording->path(), redacted));
}

void Outputs::commit() {
  events_since_commit_ = 0;
  if (to_.recording != nullptr) {
    to_.recording->writer()->commit();
    say(to_.recording->writer()->take_problem());
  }
  if (to_.stream != nullptr) {
    to_.stream->try_again();
    say(to_.stream->take_problem());
  }
}

bool Outputs::flush() {
  if (to_.stream == nullptr) return true;
  to_.stream->flush();
  return !to_.stream->has_no_reader() || to_.recording != nullptr;
}

std::optional<model::RecordingFile> Outputs::finish() {
  commit();
  if (to_.recording == nullptr) return std::nullopt;
  Result<model::RecordingFile> file = std::exchange(to_.recording, nullptr)->finish(progress_);
  if (file) return std::move(*file);
  say(file.error());
  return std::nullopt;
}

void Outputs::say(const std::optional<Error>& problem) {
  if (!problem) return;
  failed_ = true;
  progress_.say(problem->hint.empty() ? problem->what : fmt::format("{}; {}", problem->what, problem->hint));
}

}  // namespace tcpdiag::session
