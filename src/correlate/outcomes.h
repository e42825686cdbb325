// SPDX-License-Identifier: Apache-2.0
// Failed and good sockets of one endpoint side by side, and how long their callers took before the call.
#pragma once

#include "correlate/endpoint_record.h"

namespace tcpdiag::correlate {

// Adds what one socket tells of the outcome of its newest call. exchange_lost: exchange_failed(socket).
void add_outcome(Tally& tally, const SocketRecord& socket, bool exchange_lost);

// Fills app_gap and outcomes; totals and histograms are already in the picture.
void set_outcomes(const EndpointRecord& record, const Tally& tally, model::EndpointPicture& endpoint);

}  // namespace tcpdiag::correlate
