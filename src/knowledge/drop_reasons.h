// SPDX-License-Identifier: Apache-2.0
// The kernel's reasons for a packet that this host dropped (enum skb_drop_reason, include/net/dropreason-core.h, from
// 5.17 on): in words, and what to look at. Which of them count: model/drop_reason.h.
//
// Always by name, without the prefix SKB_DROP_REASON_.
#pragma once

#include <string_view>

namespace tcpdiag::knowledge {

struct DropReason {
  std::string_view name;
  std::string_view words;    // a clause that completes "this host dropped it: ..."
  std::string_view look;     // what to look at
  std::string_view command;  // a command line that shows it
  bool is_on_purpose;        // somebody's rule says so
};

// nullptr: a name that this version does not know.
const DropReason* find_drop_reason(std::string_view name);

}  // namespace tcpdiag::knowledge
