// SPDX-License-Identifier: Apache-2.0
#include "diagnose/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::IsEmpty;

struct Row {
  std::string code;
  std::optional<std::size_t> endpoint;
  Severity severity = Severity::kWarning;
  std::uint64_t failures = 0;
  std::uint64_t delayed = 0;
  std::vector<std::size_t> caused_by{};
  std::string split{};
};

std::vector<Judged> judged(const std::vector<Row>& rows) {
  std::vector<Judged> result;
  for (const Row& row : rows) {
    Judged j;
    j.finding.code = row.code;
    if (j.finding.code == "events-lost") j.finding.family = model::Family::kLosses;
    j.finding.title = row.split;
    j.finding.endpoint = row.endpoint;
    j.finding.severity = row.severity;
    j.finding.caused_by = row.caused_by;
    j.failures = row.failures;
    j.delayed = row.delayed;
    j.split = row.split;
    result.push_back(std::move(j));
  }
  return result;
}

Picture endpoints() {
  PictureBuilder b;
  b.outbound("10.0.0.9", 443).outbound("10.0.0.2", 443).outbound("10.0.0.2", 80).inbound("10.0.0.1", 80);
  return b.build();
}

std::vector<std::string> order_of(const std::vector<Row>& rows) {
  std::vector<std::string> result;
  for (const Finding& f : in_order(judged(rows), endpoints())) {
    result.push_back(f.code + (f.endpoint ? "@" + std::to_string(*f.endpoint) : ""));
  }
  return result;
}

constexpr auto kNotice = Severity::kNotice;
constexpr auto kWarning = Severity::kWarning;
constexpr auto kCritical = Severity::kCritical;

TEST(Order, severity_then_failures_then_delays) {
  EXPECT_THAT(order_of({{"a", 0, kWarning, 9}, {"b", 0, kCritical, 3}, {"c", 0, kNotice, 99}}),
              ElementsAre("b@0", "a@0", "c@0"));
  EXPECT_THAT(order_of({{"a", 0, kWarning, 2}, {"b", 0, kWarning, 3}}), ElementsAre("b@0", "a@0"));
  EXPECT_THAT(order_of({{"a", 0, kWarning, 2, 5}, {"b", 0, kWarning, 2, 6}}), ElementsAre("b@0", "a@0"));
}

TEST(Order, then_the_endpoint_then_the_code) {
  EXPECT_THAT(order_of({{"a", 3}, {"a", 0}, {"a", 1}, {"a", 2}, {"a", std::nullopt}}),
              ElementsAre("a@2", "a@1", "a@0", "a@3", "a"));
  EXPECT_THAT(order_of({{"c", 1}, {"b", 1}}), ElementsAre("b@1", "c@1"));
}

TEST(Order, one_code_twice_at_one_endpoint_has_an_order_too) {
  const auto findings =
      in_order(judged({{"a", 0, kWarning, 1, 0, {}, "y"}, {"a", 0, kWarning, 1, 0, {}, "x"}}), endpoints());
  ASSERT_EQ(findings.size(), 2U);
  const auto turned =
      in_order(judged({{"a", 0, kWarning, 1, 0, {}, "x"}, {"a", 0, kWarning, 1, 0, {}, "y"}}), endpoints());
  EXPECT_EQ(findings[0].title, "x");
  EXPECT_EQ(turned[0].title, "x");
}

TEST(Order, a_group_stays_together_with_its_cause_first) {
  // The cause alone is only a warning; its effect pulls the group to the front.
  const auto findings =
      in_order(judged({{"unrelated", 1, kCritical, 5}, {"effect", 0, kCritical, 9, 0, {2}}, {"zz-cause", 0, kWarning}}),
               endpoints());
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].code, "zz-cause");
  EXPECT_EQ(findings[1].code, "effect");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  EXPECT_EQ(findings[2].code, "unrelated");
  EXPECT_THAT(findings[2].caused_by, IsEmpty());
}

TEST(Order, chains_and_forks_are_topological_with_ties_by_code) {
  EXPECT_THAT(order_of({{"a-last", 0, kWarning, 0, 0, {1, 2}},
                        {"c-mid", 0, kWarning, 0, 0, {3}},
                        {"b-mid", 0, kWarning, 0, 0, {3}},
                        {"d-root", 0}}),
              ElementsAre("d-root@0", "b-mid@0", "c-mid@0", "a-last@0"));
}

TEST(Order, lost_events_come_last) {
  EXPECT_THAT(order_of({{"events-lost", std::nullopt, kWarning}, {"a", 0, kNotice}}),
              ElementsAre("a@0", "events-lost"));
}

TEST(Order, does_not_depend_on_the_order_of_the_sockets) {
  PictureBuilder b;
  b.outbound("10.0.0.9", 443).good_exchanges(1000, 5ms).outbound("10.0.0.2", 443).good_exchanges(1000, 5ms);
  for (std::size_t endpoint : {0U, 1U}) {
    for (int i = 0; i < 5; ++i) {
      b.add(endpoint, reset_awaiting(10 + i, 5s + i * 1ms)).add(endpoint, reset_awaiting(20 + i, 1ms, 1s * (i + 2)));
      b.add(endpoint, closed_before_reuse(30 + i, 5s, 1ms * (i + 1))).add(endpoint, gave_up(40 + i, 2s * (i + 1)));
      b.add(endpoint, connect_failed(20 + i, model::ConnectOutcome::kAbandoned, 5s, 4));
      b.add(endpoint, reset_sent(25 + i, model::LocalResetCause::kAppClosedUnread, 500));
      b.add(endpoint, reset_sent(25 + i, model::LocalResetCause::kKeepaliveExpired));
    }
  }
  Picture picture = b.build();
  const auto expected = diagnose(picture);
  ASSERT_EQ(expected.size(), 14U);
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(picture.sockets.begin(), picture.sockets.end(), random);
    const auto findings = diagnose(picture);
    ASSERT_EQ(findings.size(), expected.size());
    for (std::size_t i = 0; i < findings.size(); ++i) {
      EXPECT_EQ(findings[i].title, expected[i].title);
      EXPECT_EQ(findings[i].explanation, expected[i].explanation);
      EXPECT_EQ(findings[i].confidence_reasons, expected[i].confidence_reasons);
      EXPECT_EQ(findings[i].severity, expected[i].severity);
      EXPECT_EQ(findings[i].app_messages, expected[i].app_messages);
    }
  }
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
