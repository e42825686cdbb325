// SPDX-License-Identifier: Apache-2.0
// What the user waited: from the request that reached a process of this host to the end of the call that it led to.
#pragma once

#include <string>
#include <string_view>

#include "diagnose/evidence.h"
#include "diagnose/rule.h"
#include "diagnose/stats.h"

namespace tcpdiag::diagnose {

// For each socket of the group whose call can be followed back to one inbound request (SocketEnd::app_gap, not
// ambiguous): that gap and what the call itself took, which is the wait for an answer, or else the connect. It contains
// calls that the same thread made before.
std::optional<model::Duration> since_inbound_request(const model::SocketStory& story);
Durations since_inbound_request(const Group& group);

// A sentence to append, with a blank before it: " The reset came 31.2 s after the user's request had reached this
// process (p50).", where `what` is "The reset came". Empty where fewer than 80 % of the group are known.
std::string since_inbound_words(const Group& group, const Durations& since, std::string_view what);

inline constexpr EvidenceKey kSinceInboundRequestP50S{"since_inbound_request_p50_s"};
void add_since_inbound_row(EvidenceReader& e, Rows& out);

}  // namespace tcpdiag::diagnose
