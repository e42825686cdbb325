// SPDX-License-Identifier: Apache-2.0
// What the kernel lets this program do. Whether that is enough is doctor's to judge.
#pragma once

#include <string>

#include "model/machine.h"

namespace tcpdiag::host {

// Capabilities and the limit of memory come from system calls, so they are known without /proc; the rest is absent
// where it cannot be read.
model::Privileges read_privileges(const std::string& proc = "/proc", const std::string& sys = "/sys");

}  // namespace tcpdiag::host
