// SPDX-License-Identifier: Apache-2.0
// Random identifiers.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "util/result.h"

namespace tcpdiag {

// "xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx": 122 of the bits, with version 4 and the variant of RFC 9562 section 5.4.
std::string uuid_v4(std::array<std::uint8_t, 16> random);

// One from the kernel's random numbers.
Result<std::string> random_uuid();

}  // namespace tcpdiag
