// SPDX-License-Identifier: Apache-2.0
// The kernel's reasons for a RST that this host sent (enum sk_rst_reason, include/net/rstreason.h, from 6.10 and 6.12
// on), in words, and which of them settle whose doing the reset was.
//
// Always by name, without the prefix SK_RST_REASON_: the numbers differ between kernel versions.
#pragma once

#include <optional>
#include <string_view>

#include "model/picture.h"

namespace tcpdiag::knowledge {

// A clause that completes "this host reset it because ...". Empty: a name that this version does not know.
std::string_view reset_reason_words(std::string_view name);

// The cause where the name alone decides it. nullopt: it does not, and the socket's own state must (TCP_STATE is both
// SO_LINGER 0 and `ss -K`; TCP_ABORT_ON_CLOSE is a close with unread data by a living or by a dying process).
std::optional<model::LocalResetCause> cause_of_reset_reason(std::string_view name);

// A clause for each cause, of one connection or many: "the application closed with received data unread".
std::string_view local_reset_cause_words(model::LocalResetCause cause);

}  // namespace tcpdiag::knowledge
