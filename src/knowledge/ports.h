// SPDX-License-Identifier: Apache-2.0
// What a port says of the protocol behind it: a hint, for no payload is read.
#pragma once

#include <cstdint>

namespace tcpdiag::knowledge {

// Redis and its TLS port (by use), Sentinel (redis.conf, sentinel.conf).
constexpr bool is_redis_port(std::uint16_t port) { return port == 6379 || port == 6380 || port == 26379; }

// HTTP and HTTPS (RFC 9110 sections 4.2.1 and 4.2.2), http-alt (IANA: 8008, 8080), and by use.
constexpr bool is_http_port(std::uint16_t port) {
  switch (port) {
    case 80:
    case 443:
    case 3000:
    case 8000:
    case 8008:
    case 8080:
    case 8443:
      return true;
    default:
      return false;
  }
}

// An ElastiCache node takes so many client connections (AWS, "Troubleshooting: connections": 65,000).
constexpr std::uint64_t kElastiCacheConnections = 65'000;

}  // namespace tcpdiag::knowledge
