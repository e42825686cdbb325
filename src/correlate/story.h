// SPDX-License-Identifier: Apache-2.0
// A socket's record as a report shows it.
#pragma once

#include "correlate/state.h"

namespace tcpdiag::correlate {

// Everything but the endpoint's index. `until`: the end of the trace, for what is still under way.
model::SocketStory make_story(const State& state, const SocketRecord& socket, model::MonoTime until);

std::string cgroup_of(const State& state, std::uint32_t pid, std::uint64_t cgroup_id);

}  // namespace tcpdiag::correlate
