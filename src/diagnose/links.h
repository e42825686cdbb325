// SPDX-License-Identifier: Apache-2.0
// Which finding explains which (Finding::caused_by).
#pragma once

#include <span>
#include <vector>

#include "diagnose/rule.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

// What the two findings must share.
enum class Shared : std::uint8_t {
  kEndpoint,  // the same endpoint
  kDevice,    // the same device of the same namespace
  kListener,  // the effect's remote address and port are an endpoint that this host accepts on
};

struct Edge {
  const char* cause;
  const char* effect;
  Shared shared;
};

std::span<const Edge> allowed_edges();

// Do at least 80 % of the effect's seconds lie within a second of one of the cause's? Both sorted.
bool covers(const std::vector<std::int64_t>& cause_seconds, const std::vector<std::int64_t>& effect_seconds);

// Fills caused_by with indexes into `findings`, ascending, and makes critical what explains something critical.
void link(std::vector<Judged>& findings, const model::Picture& picture);

}  // namespace tcpdiag::diagnose
