// SPDX-License-Identifier: Apache-2.0
// Whether this user and this kernel can trace at all: asked before anything is loaded, so that the answer names a cure.
#pragma once

#include <string>

#include "util/result.h"

namespace tcpdiag::host {

// Errors (kNotAble): neither CAP_SYS_ADMIN nor CAP_BPF with CAP_PERFMON (which stand alone since Linux 5.8, commit
// a17b53c4a4b5); no description of the kernel's types (BTF).
Result<> check_tracing_rights(const std::string& proc = "/proc", const std::string& sys = "/sys");

}  // namespace tcpdiag::host
