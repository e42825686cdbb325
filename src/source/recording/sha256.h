// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) of a whole file.
#pragma once

#include <string>

#include "util/result.h"

namespace tcpdiag::recording {

// 64 lower-case hexadecimal digits. The file's offset stays where it is. Error: kFailed, with the system's words.
Result<std::string> sha256_of(int fd);

}  // namespace tcpdiag::recording
