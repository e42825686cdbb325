// SPDX-License-Identifier: Apache-2.0
// What differs between two runs, or between the failed and the good sockets of one, and by how much it matters.
#pragma once

#include "model/report.h"

namespace tcpdiag::diff {

struct Comparison;  // to be defined by this folder

}  // namespace tcpdiag::diff
