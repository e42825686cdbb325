// SPDX-License-Identifier: Apache-2.0
// Reports by hand, for the golden files and for what is exact.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "model/report.h"

namespace tcpdiag::diff::samples {

model::SocketAddress address(const char* text, std::uint16_t port);
model::Histogram histogram(std::initializer_list<std::pair<std::uint64_t, int>> values);  // value, how often
model::Finding finding(std::string code, std::size_t endpoint, model::Severity severity);

// An endpoint at work in every second of `seconds`, each with `per_second` exchanges.
model::EndpointPicture endpoint(model::Role role, model::SocketAddress at, std::size_t seconds,
                                std::uint64_t per_second);
// `failures` of its exchanges failed by a reset, `each` in one second; their stories go into the picture.
void fail(model::Report& report, std::size_t endpoint, std::uint64_t failures, std::uint64_t each, std::string comm);

model::Report base(std::size_t seconds);  // without an endpoint

// The incidents of the golden files.
model::Report api_good();
model::Report api_bad();
model::Report steady();
model::Report one_pause();    // the same, with slow answers that one incident would explain
model::Report hostile();      // names that would move a terminal's cursor
model::Report some_failed();  // one run, in which a process and a second fail

}  // namespace tcpdiag::diff::samples
