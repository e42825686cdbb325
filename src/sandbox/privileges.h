// SPDX-License-Identifier: Apache-2.0
// Who the process is and which capabilities it has (credentials(7), capabilities(7)).
#pragma once

#include "sandbox/sandbox.h"
#include "util/result.h"

namespace tcpdiag::sandbox {

// Whether the user may be changed at all.
bool may_change_identity();

// Errors (kNotAble) name what could not be dropped; the rest may be gone by then.
Result<> drop_privileges(const std::optional<Identity>& identity, bool keep_cap_bpf);

}  // namespace tcpdiag::sandbox
