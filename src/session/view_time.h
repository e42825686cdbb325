// SPDX-License-Identifier: Apache-2.0
// Points in a recording's time, as a person types them behind --from and --to:
//
//   2026-11-21T02:33:50Z, 2026-11-21T11:33:50.118+09:00    RFC 3339, a blank instead of the T too
//   02:33:50, 02:33                                         UTC, the first such time since the recording began
//   +90s, +5m                                               after its beginning
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "model/time.h"

namespace tcpdiag::session {

struct TimeOfDay {
  model::Duration since_midnight{};
};
struct SinceStart {
  model::Duration duration{};
};
using ViewTime = std::variant<model::WallTime, TimeOfDay, SinceStart>;

std::optional<ViewTime> parse_view_time(std::string_view text);

// `start` is the recording's first moment.
model::WallTime resolve(const ViewTime& time, model::WallTime start);

}  // namespace tcpdiag::session
