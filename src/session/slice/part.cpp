// SPDX-License-Identifier: Apache-2.0
#include "session/slice/part.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tcpdiag::session {
namespace {

using model::MonoTime;
using model::WallTime;

constexpr model::Duration kShownDigits = std::chrono::milliseconds(1);

// As reports write times: "2026-11-21T02:31:07.250Z".
std::string in_words(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                     ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

tl::unexpected<Error> outside(std::string_view option, WallTime time, WallTime begin, WallTime end) {
  return fail(ExitCode::kUsage, fmt::format("{} {} is outside of what was recorded", option, in_words(time)),
              fmt::format("give a time between {} and {}", in_words(begin), in_words(end)));
}

}  // namespace

std::optional<MonoTime> to_mono(const model::ClockPair& clock, WallTime wall) {
  std::int64_t ns = 0;
  if (__builtin_sub_overflow(wall.time_since_epoch().count(), clock.wall_at.time_since_epoch().count(), &ns) ||
      __builtin_add_overflow(clock.mono_at.time_since_epoch().count(), ns, &ns)) {
    return std::nullopt;
  }
  return MonoTime(model::Duration(ns));
}

Result<Part> part_of(const model::View& view, const model::TraceStart& start, const model::TraceEnd& end) {
  const model::ClockPair& clock = start.clock;
  const WallTime first = clock.wall_at;
  const WallTime last = clock.to_wall(end.at);
  if (view.from && (*view.from <= first - kShownDigits || *view.from >= last)) {
    return outside("--from", *view.from, first, last);
  }
  if (view.to && (*view.to <= first || *view.to > last)) return outside("--to", *view.to, first, last);
  if (view.from && view.to && *view.from >= *view.to) {
    return fail(ExitCode::kUsage,
                fmt::format("--from {} is not before --to {}", in_words(*view.from), in_words(*view.to)),
                fmt::format("what was recorded is {} to {}", in_words(first), in_words(last)));
  }
  Part part;
  if (view.from && *view.from >= first + kShownDigits) part.from = to_mono(clock, *view.from);
  if (view.to && *view.to + kShownDigits <= last) part.to = to_mono(clock, *view.to);
  return part;
}

}  // namespace tcpdiag::session
