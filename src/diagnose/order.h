// SPDX-License-Identifier: Apache-2.0
// The order in which findings are reported: causes first, the gravest first, the same for the same trace.
#pragma once

#include <vector>

#include "diagnose/rule.h"
#include "model/finding.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

// Groups joined by links. Inside a group roots come first (topological, ties by code); groups by greatest severity,
// then failures, then delayed exchanges, then the endpoint of their first finding (role, address bytes, port, netns;
// findings without one after those), then code. events-lost comes last. caused_by is rewritten to the new positions.
std::vector<model::Finding> in_order(std::vector<Judged> findings, const model::Picture& picture);

}  // namespace tcpdiag::diagnose
