// SPDX-License-Identifier: Apache-2.0
#include "util/uuid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpdiag {
namespace {

TEST(Uuid, has_version_and_variant) {
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_EQ(uuid_v4(bytes), "00000000-0000-4000-8000-000000000000");
  bytes.fill(0xFF);
  EXPECT_EQ(uuid_v4(bytes), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(Uuid, is_different_each_time) {
  const auto first = random_uuid();
  const auto second = random_uuid();
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
}

}  // namespace
}  // namespace tcpdiag
