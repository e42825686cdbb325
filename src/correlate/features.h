// SPDX-License-Identifier: Apache-2.0
// What the source said that it can know. A feature that it does not name is neither.
#pragma once

#include <string_view>

#include "correlate/state.h"

namespace tcpdiag::correlate {

bool has_feature(const State& state, std::string_view feature);
// Also the name of a histogram that the source cannot fill.
bool lacks_feature(const State& state, std::string_view feature);
// The sums of this endpoint were taken out of the stream, because they are also of sockets that were left out of it. Of
// what happened there only its sockets tell: nothing seen is not "nothing happened".
bool are_sums_withheld(const State& state, const EndpointRecord& endpoint);

}  // namespace tcpdiag::correlate
