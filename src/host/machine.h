// SPDX-License-Identifier: Apache-2.0
// Everything about this machine that `tcpdiag doctor` shows.
#pragma once

#include <cstddef>
#include <ctime>
#include <optional>

#include "host/netns.h"
#include "model/machine.h"

namespace tcpdiag::host {

// Which network namespaces are there and which this user can enter, by entering each for a moment; at most
// kMostNetnsTried of them. Nothing where not even the own one is to be seen.
inline constexpr std::size_t kMostNetnsTried = 1024;
std::optional<model::NetnsReach> netns_reach(const NetnsPlaces& places = {});

// Asks the devices of this program's network namespace too.
model::Machine read_machine(std::time_t now);

}  // namespace tcpdiag::host
