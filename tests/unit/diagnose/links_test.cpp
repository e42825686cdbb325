// SPDX-License-Identifier: Apache-2.0
#include "diagnose/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "diagnose/registry.h"
#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Severity;
using testing::ElementsAre;
using testing::IsEmpty;

Judged judged(std::string code, std::optional<std::size_t> endpoint, std::vector<std::int64_t> seconds,
              Severity severity = Severity::kWarning) {
  Judged result;
  result.finding.code = std::move(code);
  result.finding.endpoint = endpoint;
  result.finding.severity = severity;
  result.seconds = std::move(seconds);
  return result;
}

Picture two_endpoints() {
  PictureBuilder b;
  return b.outbound("10.0.0.2", 443).outbound("10.0.0.3", 443).inbound("10.0.0.3", 443).build();
}

TEST(Links, four_fifths_of_the_effect_must_be_near_the_cause) {
  EXPECT_TRUE(covers({10}, {9, 10, 11}));
  EXPECT_FALSE(covers({10}, {8}));
  EXPECT_FALSE(covers({10}, {12}));
  EXPECT_TRUE(covers({10, 20, 30, 40}, {10, 20, 30, 40, 99}));
  EXPECT_FALSE(covers({10, 20, 30}, {10, 20, 30, 98, 99}));
  EXPECT_FALSE(covers({10}, {}));
  EXPECT_FALSE(covers({}, {10}));
}

TEST(Links, join_cause_and_effect_at_one_endpoint) {
  std::vector<Judged> findings = {judged("response-timeout", 0, {10, 11}), judged("retransmit-loss", 0, {10, 11, 12}),
                                  judged("retransmit-loss", 1, {10, 11, 12})};
  link(findings, two_endpoints());
  EXPECT_THAT(findings[0].finding.caused_by, ElementsAre(1U));
  EXPECT_THAT(findings[1].finding.caused_by, IsEmpty());
  EXPECT_THAT(findings[2].finding.caused_by, IsEmpty());
}

TEST(Links, exist_only_along_the_allowed_edges) {
  std::vector<Judged> findings = {judged("zero-window", 0, {10}), judged("retransmit-loss", 0, {10}),
                                  judged("peer-reset-after-idle", 0, {10})};
  link(findings, two_endpoints());
  for (const Judged& finding : findings) EXPECT_THAT(finding.finding.caused_by, IsEmpty());
}

TEST(Links, need_the_same_time) {
  std::vector<Judged> findings = {judged("response-timeout", 0, {10, 11}), judged("retransmit-loss", 0, {20, 21})};
  link(findings, two_endpoints());
  EXPECT_THAT(findings[0].finding.caused_by, IsEmpty());
}

TEST(Links, a_device_explains_what_runs_over_it) {
  std::vector<Judged> findings = {judged("path-queueing", 0, {10}), judged("allowance-exceeded", std::nullopt, {10})};
  link(findings, two_endpoints());
  EXPECT_THAT(findings[0].finding.caused_by, IsEmpty());  // neither has a device
  findings[0].finding.device = findings[1].finding.device = "ens5";
  link(findings, two_endpoints());
  EXPECT_THAT(findings[0].finding.caused_by, ElementsAre(1U));
}

TEST(Links, a_listen_queue_explains_connects_to_this_host_only) {
  std::vector<Judged> findings = {judged("connect-timeout", 0, {10}), judged("connect-timeout", 1, {10}),
                                  judged("listen-overflow", std::nullopt, {10})};
  link(findings, two_endpoints());
  EXPECT_THAT(findings[0].finding.caused_by, IsEmpty());
  EXPECT_THAT(findings[1].finding.caused_by, ElementsAre(2U));
}

TEST(Links, a_listen_queue_of_one_endpoint_explains_connects_to_its_port_at_any_address) {
  PictureBuilder b;
  b.outbound("10.0.0.3", 443).inbound("10.0.0.3", 443).inbound("10.0.0.4", 443).inbound("10.0.0.3", 80);
  std::vector<Judged> findings = {judged("connect-timeout", 0, {10}), judged("listen-overflow", 2, {10}),
                                  judged("listen-overflow", 3, {10})};
  link(findings, b.build());
  EXPECT_THAT(findings[0].finding.caused_by, ElementsAre(1U));
}

TEST(Links, loopback_is_the_namespaces_own) {
  PictureBuilder b;
  b.outbound("127.0.0.1", 443).inbound("127.0.0.1", 443).outbound("::1", 443).inbound("::1", 443);
  b.raw().endpoints[1].key.netns_inode = b.raw().endpoints[3].key.netns_inode = 4026532001U;
  std::vector<Judged> findings = {judged("connect-timeout", 0, {10}), judged("connect-timeout", 2, {10}),
                                  judged("listen-overflow", std::nullopt, {10})};
  link(findings, b.build());
  EXPECT_THAT(findings[0].finding.caused_by, IsEmpty());
  EXPECT_THAT(findings[1].finding.caused_by, IsEmpty());
  b.raw().endpoints[1].key.netns_inode = b.raw().endpoints[0].key.netns_inode;
  link(findings, b.build());
  EXPECT_THAT(findings[0].finding.caused_by, ElementsAre(2U));
}

TEST(Links, what_explains_something_critical_is_critical) {
  std::vector<Judged> findings = {
      judged("response-timeout", 0, {10}, Severity::kCritical), judged("retransmit-loss", 0, {10}),
      judged("path-queueing", 0, {10}, Severity::kNotice), judged("throughput-ceiling", 0, {10})};
  findings[3].may_be_raised = false;
  link(findings, two_endpoints());
  EXPECT_EQ(findings[1].finding.severity, Severity::kCritical);
  EXPECT_EQ(findings[2].finding.severity, Severity::kCritical);  // through the loss that it caused
  EXPECT_EQ(findings[3].finding.severity, Severity::kWarning);
}

TEST(Links, the_edges_have_no_cycle) {
  const std::function<bool(const Rule*, std::set<const Rule*>)> reaches_itself = [&](const Rule* rule,
                                                                                     std::set<const Rule*> path) {
    if (!path.insert(rule).second) return true;
    return std::any_of(rule->effects.begin(), rule->effects.end(),
                       [&](const Effect& effect) { return reaches_itself(effect.rule, path); });
  };
  for (const Rule* rule : all_rules()) EXPECT_FALSE(reaches_itself(rule, {})) << rule->code;
}

TEST(Links, lead_to_rules_that_are_registered) {
  std::size_t edges = 0;
  for (const Rule* rule : all_rules()) {
    for (const Effect& effect : rule->effects) {
      EXPECT_EQ(find_rule(effect.rule->code), effect.rule) << rule->code;
      EXPECT_NE(effect.rule, rule);
      ++edges;
    }
  }
  EXPECT_EQ(edges, 38U);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
