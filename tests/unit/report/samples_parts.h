// SPDX-License-Identifier: Apache-2.0
// What the sample reports are put together from.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include "diagnose/evidence.h"
#include "model/report.h"

namespace tcpdiag::report::samples {

using model::Duration;
using model::EvidenceValue;

Duration s(double seconds);
model::SocketAddress address(const char* text, std::uint16_t port);
EvidenceValue n(std::int64_t value);
model::EndpointPicture endpoint(model::Role role, model::SocketAddress where);
// Its counters, all that there are: 0 but for those given.
model::NetnsPicture netns(std::uint32_t inode, std::map<std::string, std::uint64_t> moved);
// With the counters given, all of them within one second; none: it has no counters.
model::NicPicture nic(std::string device, std::string driver, std::map<std::string, std::uint64_t> exceeded);
model::Histogram histogram(std::initializer_list<std::pair<std::uint64_t, int>> values);  // value, how often

model::Report base();  // without an endpoint
model::Finding awaiting_response();
model::Finding connect_timeout();

// With what diagnose writes beside the evidence.
inline model::Report described(model::Report report) {
  diagnose::describe(report.findings, report.picture);
  return report;
}

}  // namespace tcpdiag::report::samples
