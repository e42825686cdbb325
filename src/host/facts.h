// SPDX-License-Identifier: Apache-2.0
// What the report says about the host.
#pragma once

#include <ctime>

#include "model/sample.h"

namespace tcpdiag::host {

// The local time zone is the one in force at `at` (seconds since 1970): the only place that asks for it.
model::HostInfo host_facts(std::time_t at);

}  // namespace tcpdiag::host
