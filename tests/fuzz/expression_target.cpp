// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "fuzz/targets.h"
#include "model/expression.h"

namespace tcpdiag::fuzz {

bool expression(Bytes bytes) {
  const auto parsed = model::parse_expression({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!parsed) return false;
  const model::SocketAddress local{.address = *model::Address::parse("10.0.0.1"), .port = 443};
  const model::SocketAddress remote{.address = *model::Address::parse("2001:db8::1"), .port = 50000};
  parsed->matches(local, remote);
  return true;
}

}  // namespace tcpdiag::fuzz
