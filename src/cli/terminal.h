// SPDX-License-Identifier: Apache-2.0
// What the terminal can show and its user wants.
#pragma once

namespace tcpdiag::cli {

// `fd` is a terminal that is not TERM=dumb.
bool understands_escapes(int fd);

// https://no-color.org: any value but an empty one.
bool colour_unwanted();

}  // namespace tcpdiag::cli
