// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?" for a mistyped option or command.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag {

// Those of `known` that `typed` was most likely meant to be, in the order of `known`; none where nothing is near.
// An option "-x" is near to "-X" only. Others are near when they are mistyped in at most a third of their letters (the
// nearest wins), or when they contain what was typed, of at least three letters: "--port" is near to "--local-port".
std::vector<std::string> nearest(std::string_view typed, const std::vector<std::string>& known);

}  // namespace tcpdiag
