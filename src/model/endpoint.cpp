// SPDX-License-Identifier: Apache-2.0
// Which endpoint a socket belongs to.
#include "model/endpoint.h"

#include <fmt/format.h>

namespace tcpdiag::model {

std::string EndpointKey::to_string() const { return fmt::format("{} ({})", at.to_string(), model::to_string(role)); }

EndpointKey endpoint_of(const SocketRef& socket) {
  if (socket.role == Role::kInbound) return {Role::kInbound, socket.local, socket.netns_inode};
  return {Role::kOutbound, socket.remote, socket.netns_inode};
}

}  // namespace tcpdiag::model
