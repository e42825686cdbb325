// SPDX-License-Identifier: Apache-2.0
#include "diagnose/seconds.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "diagnose/stats.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {

using model::Duration;
using model::MonoTime;

Seconds::Seconds(const Facts& of, const EndpointFacts& endpoint)
    : facts(of),
      picture(*endpoint.picture),
      cell_s_(endpoint.picture->series.interval_s > 0 ? endpoint.picture->series.interval_s : 1.0) {}

bool Seconds::busy(std::size_t i) const {
  const model::Second& second = picture.seconds[i];
  if (!second.whole) return false;
  return static_cast<double>(second.exchanges) >= kBusyExchangesPerSecond * cell_s_ ||
         static_cast<double>(second.rtt_samples) >= kBusyRttSamplesPerSecond * cell_s_;
}

std::uint64_t Seconds::busy_s() const {
  Marks marks = none();
  for (std::size_t i = 0; i < size(); ++i) marks[i] = busy(i);
  return seconds_in(marks);
}

Marks Seconds::where(const std::function<bool(const model::Second&)>& test) const {
  Marks marks = none();
  for (std::size_t i = 0; i < size(); ++i) marks[i] = test(picture.seconds[i]);
  return marks;
}

Marks Seconds::series_where(model::SeriesId id, const std::function<bool(std::int64_t)>& test) const {
  Marks marks = none();
  const model::Series::Values* array = picture.series.find(id);
  if (array == nullptr) return marks;
  const std::size_t n = std::min(size(), array->size());
  for (std::size_t i = 0; i < n; ++i) marks[i] = (*array)[i] && test(*(*array)[i]);
  return marks;
}

std::uint64_t Seconds::seconds_in(const Marks& marks) const {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(count(marks)) * cell_s_));
}

double Seconds::longest_run_s(const Marks& marks) const {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const bool mark : marks) {
    run = mark ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return static_cast<double>(longest) * cell_s_;
}

std::uint64_t Seconds::sum(const Marks& marks, std::uint64_t model::Second::*field) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < size(); ++i) total += marks[i] ? picture.seconds[i].*field : 0U;
  return total;
}

model::PathSigns Seconds::path_signs(const Marks& marks) const {
  model::PathSigns total;
  for (std::size_t i = 0; i < size(); ++i) {
    if (marks[i]) total += picture.seconds[i].path_signs;
  }
  return total;
}

std::optional<std::uint64_t> Seconds::p50(const Marks& marks,
                                          std::optional<std::uint64_t> model::Second::*field) const {
  std::vector<std::uint64_t> values;
  for (std::size_t i = 0; i < size(); ++i) {
    if (marks[i] && (picture.seconds[i].*field)) values.push_back(*(picture.seconds[i].*field));
  }
  return Values<std::uint64_t>(std::move(values)).p50();
}

bool Seconds::at_the_end(const Marks& marks) const {
  for (std::size_t i = size(); i-- > 0;) {
    if (busy(i)) return marks[i];
  }
  return false;
}

MonoTime Seconds::begin_of(std::size_t i) const {
  const double offset_s = static_cast<double>(i) * cell_s_;
  return facts.picture.window.start + std::chrono::microseconds(picture.series.start_offset_us) +
         std::chrono::duration_cast<Duration>(std::chrono::duration<double>(offset_s));
}

void Seconds::place(Judged& judged, const Marks& marks) const {
  const model::Window& window = facts.picture.window;
  model::Finding& finding = judged.finding;
  finding.first_at = picture.first_seen_at;
  finding.last_at = std::max(picture.first_seen_at, picture.last_seen_at);
  if (!any(marks)) return;
  const auto cell = static_cast<std::int64_t>(std::llround(cell_s_));
  bool first = true;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!marks[i]) continue;
    const MonoTime begin = begin_of(i);
    const MonoTime end = begin + std::chrono::seconds(cell);
    if (first) finding.first_at = std::clamp(begin, window.start, window.end);
    first = false;
    finding.last_at = std::clamp(end, window.start, window.end);
    const std::int64_t utc = facts.utc_second(begin);
    for (std::int64_t s = 0; s < cell; ++s) judged.seconds.push_back(utc + s);
  }
  finding.ongoing = at_the_end(marks);
}

bool any(const Marks& marks) { return std::find(marks.begin(), marks.end(), true) != marks.end(); }

Marks either(const Marks& a, const Marks& b) {
  Marks result(std::max(a.size(), b.size()), false);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = (i < a.size() && a[i]) || (i < b.size() && b[i]);
  return result;
}

std::size_t count(const Marks& marks) { return static_cast<std::size_t>(std::count(marks.begin(), marks.end(), true)); }

}  // namespace tcpdiag::diagnose
