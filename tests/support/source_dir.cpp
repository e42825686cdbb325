// SPDX-License-Identifier: Apache-2.0
#include "support/source_dir.h"

namespace tcpdiag {

std::string source_dir() { return TCPDIAG_SOURCE_DIR; }

}  // namespace tcpdiag
