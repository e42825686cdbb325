// SPDX-License-Identifier: Apache-2.0
// A path that carries small packets and no full-size ones, and the ICMP message that would say so gets lost (RFC 2923).
#pragma once

#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

// All that came on the connection was smaller than a segment that its peer may send.
bool no_full_segment_came(const model::SocketStory& story);
// Full segments were sent on it, again and again, and nothing as large was ever acknowledged, while the endpoint went
// on answering other calls.
bool no_full_segment_arrived(const Facts& facts, const model::SocketStory& story);

// "Do next": whether packets of full size pass; to the endpoint's host with a command.
void add_full_size_step(model::Finding& finding, const Facts& facts, const EndpointFacts& endpoint);

}  // namespace tcpdiag::diagnose
