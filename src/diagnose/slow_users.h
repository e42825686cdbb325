// SPDX-License-Identifier: Apache-2.0
// Users who wait are never "nothing wrong": severity is the harm, confidence is how sure the cause is.
#pragma once

#include <vector>

#include "diagnose/facts.h"
#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

// Of every endpoint of whose exchanges 5 % and more were delayed (by their last byte; bulk transfers left out) and that
// has no finding above a notice: what is said of its delay becomes a warning, or delay-unattributed says it.
void tell_of_slow_users(std::vector<Judged>& findings, const Facts& facts);

}  // namespace tcpdiag::diagnose
