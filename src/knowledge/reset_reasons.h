// SPDX-License-Identifier: Apache-2.0
// The kernel's reasons for a RST that this host sent (enum sk_rst_reason, include/net/rstreason.h, from 6.10 and 6.12
// on), in words, and the causes made of them.
//
// Always by name, without the prefix SK_RST_REASON_: the numbers differ between kernel versions.
#pragma once

#include <string_view>

#include "model/picture.h"

namespace tcpdiag::knowledge {

// A clause that completes "this host reset it because ...". Empty: a name that this version does not know.
std::string_view reset_reason_words(std::string_view name);

// A clause for each cause, of one connection or many: "the application closed with received data unread".
std::string_view local_reset_cause_words(model::LocalResetCause cause);
// The same by the cause's name in the evidence ("app_closed_unread"); a name that is not known stands for itself.
std::string_view local_reset_cause_words(std::string_view cause_name);

}  // namespace tcpdiag::knowledge
