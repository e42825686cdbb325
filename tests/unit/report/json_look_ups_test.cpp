// SPDX-License-Identifier: Apache-2.0
// The JSON of look-ups of names.
#include <gtest/gtest.h>

#include "report/json.h"
#include "report/render.h"

namespace tcpdiag::report {
namespace {

Json json_of(const model::Report& report) { return Json::parse(render_json(report, {})); }

TEST(Json, look_ups_of_names_are_by_resolver_and_absent_without_any) {
  model::Report report;
  EXPECT_FALSE(json_of(report).contains("look_ups"));
  model::ResolverPicture resolver;
  resolver.at = {*model::Address::parse("10.0.0.53"), 53};
  resolver.netns_inode = 7;
  resolver.queries = 4;
  resolver.sent = 5;
  resolver.repeated = 1;
  resolver.answered = 2;
  resolver.unanswered.count = 2;
  resolver.rescued = resolver.lost = 1;
  resolver.rcodes = {{"NOERROR", 1}, {"SERVFAIL", 1}};
  resolver.users = {{"ruby", 3}, {"", 1}};
  resolver.took_us.add(1500);
  report.picture.resolvers = {resolver, {}};
  const auto found = json_of(report)["look_ups"];
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0]["address"], "10.0.0.53");
  EXPECT_EQ(found[0]["rcodes"]["SERVFAIL"], 1);
  EXPECT_EQ(found[0]["answered_by_another"], 1);
  EXPECT_EQ(found[0]["answered_by_nobody"], 1);
  EXPECT_EQ(found[0]["processes"][0]["comm"], "ruby");
  EXPECT_TRUE(found[0]["processes"][1]["comm"].is_null());
  EXPECT_EQ(found[0]["dns"]["max"], 1500);
  EXPECT_TRUE(found[1]["address"].is_null());
  EXPECT_TRUE(found[0]["names"].is_null()) << "not read";
  auto& names = report.picture.resolvers[0].names.emplace();
  names["a.test"].unanswered = 1;
  names["\xff"].refused = 3;
  names[""].slow_us.add(200'000);
  EXPECT_EQ(json_of(report)["look_ups"][0]["names"],
            Json::parse(R"([{"name": "\ufffd", "slow": 0, "unanswered": 0, "errors": 3},
                            {"name": null, "slow": 1, "unanswered": 0, "errors": 0},
                            {"name": "a.test", "slow": 0, "unanswered": 1, "errors": 0}])"));
}

}  // namespace
}  // namespace tcpdiag::report
