// SPDX-License-Identifier: Apache-2.0
#include "session/live_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

model::MonoTime at(model::Duration since) { return model::MonoTime(1h + since); }

model::Picture two_endpoints() {
  model::Picture picture;
  picture.endpoints.resize(2);
  picture.endpoints[0].key.at = {.address = *model::Address::parse("10.0.0.1"), .port = 443};
  picture.endpoints[1].key.at = {.address = *model::Address::parse("10.0.0.2"), .port = 443};
  return picture;
}

model::Finding finding(const char* code, std::size_t endpoint) {
  model::Finding finding;
  finding.code = code;
  finding.endpoint = endpoint;
  return finding;
}

TEST(LiveFindings, due_only_when_something_failed_since) {
  LiveFindings live;
  EXPECT_FALSE(live.due(0, at(0s)));
  EXPECT_TRUE(live.due(1, at(0s)));
  live.take({}, {}, 1, at(0s), at(0s));
  EXPECT_FALSE(live.due(1, at(10s)));
  EXPECT_TRUE(live.due(2, at(10s)));
}

TEST(LiveFindings, at_most_once_a_second_and_a_twentieth_of_the_time) {
  LiveFindings live;
  live.take({}, {}, 1, at(0s), at(1ms));
  EXPECT_FALSE(live.due(2, at(1s)));
  EXPECT_TRUE(live.due(2, at(1001ms)));
  live.take({}, {}, 2, at(2s), at(2500ms));
  EXPECT_FALSE(live.due(3, at(12s)));
  EXPECT_TRUE(live.due(3, at(12500ms)));
}

TEST(LiveFindings, each_finding_once_wherever_its_endpoint_is_sorted_to) {
  LiveFindings live;
  model::Picture picture = two_endpoints();
  const auto first = live.take(picture, {finding("local-reset", 0)}, 1, at(0s), at(0s));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first[0], HasSubstr("10.0.0.1:443"));
  std::swap(picture.endpoints[0], picture.endpoints[1]);
  const auto second = live.take(picture, {finding("local-reset", 0), finding("local-reset", 1)}, 2, at(2s), at(2s));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(second[0], HasSubstr("10.0.0.2:443"));
  EXPECT_THAT(live.take(picture, {finding("local-reset", 0), finding("local-reset", 1)}, 3, at(4s), at(4s)), IsEmpty());
  EXPECT_THAT(live.take(picture, {finding("connect-timeout", 1)}, 4, at(6s), at(6s)), SizeIs(1));
}

}  // namespace
}  // namespace tcpdiag::session
