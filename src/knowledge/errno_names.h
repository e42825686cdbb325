// SPDX-License-Identifier: Apache-2.0
// Names and plain words of the errno values that TCP gives an application.
#pragma once

#include <string>
#include <string_view>

namespace tcpdiag::knowledge {

// "EHOSTUNREACH"; "errno 71" for a number that is not in the table. Linux' generic numbers (x86, arm64).
std::string errno_name(int number);

// What it says of the network, as a clause: "nothing on the path knows how to reach the peer". Empty: not in the table.
std::string_view errno_words(int number);

}  // namespace tcpdiag::knowledge
