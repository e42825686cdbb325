// SPDX-License-Identifier: Apache-2.0
// Which system calls are left (seccomp(2), through libseccomp). docs/privileges.md has the list with a reason for each.
#pragma once

#include <string>

#include "sandbox/sandbox.h"
#include "util/result.h"

namespace tcpdiag::sandbox {

// For good. Empty, or why the kernel cannot do that. Without `files_are_limited` nothing can be opened any more.
// Error (kNotAble): the kernel can, but it did not work.
Result<std::string> limit_calls(const Needs& needs, bool files_are_limited);

}  // namespace tcpdiag::sandbox
