// SPDX-License-Identifier: Apache-2.0
// Where one new handshake would tell more than all that was seen: is it the path that is slow, or the application
// behind it?
#pragma once

#include <vector>

#include "model/endpoint.h"
#include "model/finding.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

// Outbound ones, in the order of the findings.
std::vector<model::EndpointKey> endpoints_in_doubt(const model::Picture& picture,
                                                   const std::vector<model::Finding>& findings);

}  // namespace tcpdiag::diagnose
