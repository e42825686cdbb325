// SPDX-License-Identifier: Apache-2.0
// Endpoint: what sockets are grouped by, in one network namespace. Outbound: the remote address and port. Inbound: the
// local address and port that the peers used. A socket of unknown role joins the outbound endpoint of its remote side.
#pragma once

#include <compare>
#include <cstdint>

#include "model/socket.h"

namespace tcpdiag::model {

struct EndpointKey {
  Role role = Role::kOutbound;  // kOutbound or kInbound
  SocketAddress at;
  std::uint32_t netns_inode = 0;

  // The order of the report's last resort: role, address bytes, port, namespace.
  auto operator<=>(const EndpointKey&) const = default;
  std::string to_string() const;  // "10.0.0.1:443 (outbound)"
};

EndpointKey endpoint_of(const SocketRef& socket);

}  // namespace tcpdiag::model
