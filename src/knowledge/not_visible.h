// SPDX-License-Identifier: Apache-2.0
// What cannot be seen from where tcpdiag looks, as ids for the JSON report and as words for people.
#pragma once

#include <span>
#include <string_view>

namespace tcpdiag::knowledge {

struct NotVisible {
  std::string_view id;     // as in the report's not_visible[]
  std::string_view words;  // fits "Not visible from here: DNS, ..."
  std::string_view why;    // one sentence: what the gap hides, and where to look instead
};

// All rows, in the order in which a report lists them.
std::span<const NotVisible> not_visible_table();

// nullptr: unknown id (a newer version's recording).
const NotVisible* find_not_visible(std::string_view id);

}  // namespace tcpdiag::knowledge
