// SPDX-License-Identifier: Apache-2.0
// One finding for many endpoints of one service: a crawler, a scan or a proxy meets the same with each of thousands.
#pragma once

#include <vector>

#include "diagnose/facts.h"
#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

// Where more than kManyEndpoints endpoints have the same finding (code and split), with the same role, namespace and
// processes, and the same port, or else the same address, or else neither: the gravest of them stands for all
// (Finding::more_endpoints), with counts, impact, times and sockets of all. Links (caused_by) follow.
void join_services(std::vector<Judged>& findings, const Facts& facts);

}  // namespace tcpdiag::diagnose
