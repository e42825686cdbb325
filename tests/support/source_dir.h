// SPDX-License-Identifier: Apache-2.0
// Where the project's sources lie: for tests that read documents and golden files. One file knows it, so that the
// others compile alike in every checkout.
#pragma once

#include <string>

namespace tcpdiag {

std::string source_dir();  // absolute, without a slash at its end

}  // namespace tcpdiag
