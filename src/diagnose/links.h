// SPDX-License-Identifier: Apache-2.0
// Which finding explains which (Finding::caused_by).
#pragma once

#include <vector>

#include "diagnose/rule.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

// Do at least 80 % of the effect's seconds lie within a second of one of the cause's? Both sorted.
bool covers(const std::vector<std::int64_t>& cause_seconds, const std::vector<std::int64_t>& effect_seconds);

// Fills caused_by with indexes into `findings`, ascending, and makes what explains something as grave as that is.
void link(std::vector<Judged>& findings, const model::Picture& picture);

}  // namespace tcpdiag::diagnose
