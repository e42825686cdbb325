// SPDX-License-Identifier: Apache-2.0
// What one event says, for the formats that show events as they happen.
#pragma once

#include <string>
#include <string_view>

#include "model/event.h"
#include "model/sample.h"
#include "report/json.h"

namespace tcpdiag::report {

struct EventFacts {
  std::string_view kind;  // as in a socket's timeline where it is the same thing (docs/json.md)
  Json detail;            // words, integers and truth values, the unit in the key; what is not known is left out
};

// `start` gives the names of reset reasons. Of this event alone: what only those before it could tell (the number of a
// SYN's retry) is not here.
EventFacts facts_of(const model::TraceStart& start, const model::Event& event);

// "rto, 3 segments, 210 ms after the first": of an event, or of an entry of a socket's timeline. Not escaped.
std::string detail_words(const Json& detail);

}  // namespace tcpdiag::report
