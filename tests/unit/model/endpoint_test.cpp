// SPDX-License-Identifier: Apache-2.0
// Which endpoint a socket belongs to, and the order of endpoints.
#include "model/endpoint.h"

#include <gtest/gtest.h>

namespace tcpdiag::model {
namespace {

SocketRef socket_with(Role role) {
  SocketRef socket;
  socket.role = role;
  socket.local = {*Address::parse("10.0.0.1"), 41000};
  socket.remote = {*Address::parse("10.0.0.2"), 443};
  socket.netns_inode = 7;
  return socket;
}

TEST(EndpointKey, OutboundIsTheRemoteSide) {
  EXPECT_EQ(endpoint_of(socket_with(Role::kOutbound)).to_string(), "10.0.0.2:443 (outbound)");
}

TEST(EndpointKey, InboundIsTheLocalSide) {
  EXPECT_EQ(endpoint_of(socket_with(Role::kInbound)).to_string(), "10.0.0.1:41000 (inbound)");
}

TEST(EndpointKey, UnknownRoleJoinsTheOutboundEndpointOfItsRemoteSide) {
  EXPECT_EQ(endpoint_of(socket_with(Role::kUnknown)), endpoint_of(socket_with(Role::kOutbound)));
}

TEST(EndpointKey, NamespacesAreApart) {
  SocketRef other = socket_with(Role::kOutbound);
  other.netns_inode = 8;
  EXPECT_LT(endpoint_of(socket_with(Role::kOutbound)), endpoint_of(other));
}

TEST(EndpointKey, OrderIsRoleThenAddressThenPort) {
  const EndpointKey a{Role::kOutbound, {*Address::parse("10.0.0.9"), 9}, 9};
  const EndpointKey b{Role::kInbound, {*Address::parse("10.0.0.1"), 1}, 1};
  const EndpointKey c{Role::kOutbound, {*Address::parse("10.0.0.9"), 10}, 1};
  EXPECT_LT(a, b);
  EXPECT_LT(a, c);
}

}  // namespace
}  // namespace tcpdiag::model
