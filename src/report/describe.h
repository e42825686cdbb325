// SPDX-License-Identifier: Apache-2.0
// What an event, or an entry of a socket's timeline, says: the one place that every format takes it from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/event.h"
#include "model/picture.h"
#include "model/sample.h"
#include "report/document.h"
#include "report/json.h"

namespace tcpdiag::report {

// Words, an integer with the unit in its key, or a truth value. What is not known is left out.
struct Detail {
  std::string_view key;
  std::variant<std::int64_t, bool, std::string> value;
};

struct Description {
  std::string_view kind;  // docs/json.md
  Way way = Way::kHere;
  bool is_bad = false;
  std::string words;  // a sentence without its end: "sent again after a timeout (RTO), 1 segment"
  std::vector<Detail> details;
};

// `start` gives the names of reset reasons. Of this event alone: what only those before it could tell (the number of a
// SYN's retry) is not here.
Description describe(const model::TraceStart& start, const model::Event& event);
// `mark`: one of this story. A request and its ACK go the other way on an inbound connection. Details by key.
Description describe(const model::TraceStart& start, const model::SocketStory& story, const model::TimelineMark& mark);

Json detail_json(const std::vector<Detail>& details);
// "rto, 3 segments, 210 ms after the first". Not escaped.
std::string detail_words(const std::vector<Detail>& details);

}  // namespace tcpdiag::report
