// SPDX-License-Identifier: Apache-2.0
// Many endpoints of one service with the same finding are one finding.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "diagnose/facts.h"
#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Finding;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Each refuses 3 connects, and the last one 4.
PictureBuilder refused(std::size_t endpoints, const std::function<void(PictureBuilder&, std::size_t)>& add) {
  PictureBuilder b;
  for (std::size_t i = 0; i < endpoints; ++i) {
    add(b, i);
    b.add(i, i + 1 == endpoints ? 4 : 3,
          connect_failed(10 + static_cast<int>(i), model::ConnectOutcome::kRefused, 1ms));
    b.raw().endpoints[i].processes.resize(1);
    b.raw().endpoints[i].processes[0].comm = "crawler";
  }
  return b;
}

void of_one_port(PictureBuilder& b, std::size_t i) { b.outbound(fmt::format("10.0.1.{}", i), 443); }
void of_one_address(PictureBuilder& b, std::size_t i) { b.outbound("10.0.1.1", static_cast<std::uint16_t>(i + 1)); }
void of_neither(PictureBuilder& b, std::size_t i) {
  b.outbound(fmt::format("10.0.1.{}", i), static_cast<std::uint16_t>(i + 1));
}

TEST(Services, up_to_ten_endpoints_speak_for_themselves) {
  const auto findings = diagnose(refused(10, of_one_port).build());
  EXPECT_THAT(findings, SizeIs(10));
  for (const Finding& f : findings) EXPECT_THAT(f.more_endpoints, IsEmpty());
}

TEST(Services, of_more_one_stands_for_all) {
  for (const auto& [add, common] : {std::pair{&of_one_port, "port 443"}, std::pair{&of_one_address, "10.0.1.1"},
                                    std::pair{&of_neither, "the same process"}}) {
    const auto picture = refused(12, add).build();
    const Finding f = only(picture);
    EXPECT_EQ(f.code, "connect-refused");
    EXPECT_EQ(f.endpoint, 11U) << "the one with most failures";
    EXPECT_THAT(f.more_endpoints, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    EXPECT_EQ(f.count, 37U);
    EXPECT_EQ(f.impact.connects_failed, 37U);
    EXPECT_EQ(f.impact.of_connects, 37U);
    EXPECT_EQ(f.share_pct, 100.0);
    EXPECT_THAT(f.sockets, SizeIs(37));
    EXPECT_EQ(f.first_at, moment_of(picture.sockets.front()));
    EXPECT_EQ(f.last_at, moment_of(picture.sockets.back()));
    EXPECT_THAT(f.title, EndsWith(", and 11 more endpoints"));
    EXPECT_THAT(f.explanation, HasSubstr(fmt::format("11 more endpoints of {}:", common)));
    EXPECT_THAT(make_report(picture).summary, HasSubstr("Impact: 37 of 37 connects (100 %)"));
  }
}

TEST(Services, another_process_is_another_service) {
  PictureBuilder b = refused(13, of_one_port);
  b.raw().endpoints[3].processes[0].comm = "ruby";
  const auto findings = diagnose(b.build());
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_THAT(findings[0].more_endpoints, SizeIs(11));
  EXPECT_EQ(findings[1].endpoint, 3U);
}

TEST(Services, another_namespace_is_another_service) {
  PictureBuilder b = refused(11, of_one_port);
  b.raw().endpoints[3].key.netns_inode = 4711;
  EXPECT_THAT(diagnose(b.build()), SizeIs(11));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
