// SPDX-License-Identifier: Apache-2.0
// dns-slow and dns-unanswered, what they explain, and what is not one yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::ResolverPicture;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t kNetns = 4026531840U;

model::SocketAddress resolver_at(const char* address = "10.0.0.53") { return {*model::Address::parse(address), 53}; }

// So many quick answers.
ResolverPicture resolver(std::uint64_t quick) {
  ResolverPicture made;
  made.at = resolver_at();
  made.netns_inode = kNetns;
  made.queries = made.sent = made.answered = quick;
  for (std::uint64_t i = 0; i < quick; ++i) made.took_us.add(as_us(1ms));
  made.rcodes["NOERROR"] = quick;
  made.users = {{"ruby", quick}};
  return made;
}

ResolverPicture& slow(ResolverPicture& made, std::uint64_t n, Duration took) {
  made.queries += n;
  made.answered += n;
  for (std::uint64_t i = 0; i < n; ++i) {
    made.took_us.add(as_us(took));
    made.slow.add(at(10.0 + static_cast<double>(i)));
  }
  return made;
}

ResolverPicture& unanswered(ResolverPicture& made, std::uint64_t lost, std::uint64_t rescued = 0) {
  made.queries += lost + rescued;
  made.lost = lost;
  made.rescued = rescued;
  for (std::uint64_t i = 0; i < lost + rescued; ++i) made.unanswered.add(at(20.0 + static_cast<double>(i)));
  return made;
}

std::vector<Finding> findings_of(PictureBuilder& b, const ResolverPicture& one) {
  b.raw().resolvers = {one};
  return diagnose(b.build());
}

std::vector<Finding> findings_of(const ResolverPicture& one) {
  PictureBuilder b;
  return findings_of(b, one);
}

TEST(DnsSlow, is_a_warning_with_three_slow_answers) {
  ResolverPicture one = resolver(500);
  const auto findings = findings_of(slow(one, 3, 300ms));
  ASSERT_EQ(findings.size(), 1);
  const Finding& finding = findings[0];
  EXPECT_EQ(finding.code, "dns-slow");
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_EQ(finding.count, 3);
  EXPECT_EQ(finding.title, "10.0.0.53 took 100 ms or more for 3 of 503 look-ups of names");
  EXPECT_EQ(finding.next_steps[0].command, "dig @10.0.0.53 +tries=1 +time=5 NAME");
  EXPECT_THAT(finding.explanation, Not(HasSubstr("sent again")));
}

TEST(DnsSlow, tells_of_the_wait_before_a_repeat) {
  ResolverPicture one = resolver(19);
  slow(one, 1, 5002ms);
  one.repeated = one.answered_after_repeat = 1;
  one.repeat_after_us.add(as_us(5000ms));
  const auto findings = findings_of(one);
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].severity, Severity::kWarning) << "5 s are felt, however often";
  EXPECT_THAT(findings[0].explanation, HasSubstr("1 query had been sent again before the answer came, 5.0 s later"));
}

TEST(DnsSlow, near_misses) {
  ResolverPicture few = resolver(500);
  EXPECT_THAT(findings_of(slow(few, 2, 300ms)), IsEmpty()) << "two, and less than 5 %";
  ResolverPicture quick = resolver(500);
  EXPECT_THAT(findings_of(slow(quick, 3, 90ms)), IsEmpty()) << "nobody notices";
  ResolverPicture far;
  far.at = resolver_at();
  EXPECT_THAT(findings_of(slow(far, 100, 180ms)), IsEmpty()) << "it always takes that long: it is far away";
  EXPECT_THAT(findings_of(resolver(500)), IsEmpty());
}

TEST(DnsSlow, once_and_not_for_long_is_a_notice) {
  ResolverPicture one = resolver(9);
  const auto findings = findings_of(slow(one, 1, 150ms));
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].severity, Severity::kNotice);
}

TEST(DnsSlow, of_a_second_is_slow_whatever_is_usual) {
  ResolverPicture one;
  one.at = resolver_at();
  const auto findings = findings_of(slow(one, 5, 2s));
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].code, "dns-slow");
}

TEST(DnsUnanswered, by_nobody_is_critical_from_three_on) {
  ResolverPicture one = resolver(50);
  unanswered(one, 3);
  one.wait_us.add(as_us(10s));
  one.repeated = 3;
  one.repeat_after_us.add(as_us(5s));
  const auto findings = findings_of(one);
  ASSERT_EQ(findings.size(), 1);
  const Finding& finding = findings[0];
  EXPECT_EQ(finding.code, "dns-unanswered");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_EQ(finding.title, "10.0.0.53 did not answer 3 of 53 queries for names");
  EXPECT_THAT(finding.explanation, HasSubstr("Who asked waited 10.0 s at most."));
  EXPECT_THAT(finding.explanation, HasSubstr("3 were sent again, 5.0 s later"));
  EXPECT_THAT(finding.explanation, HasSubstr("3 were answered by nobody"));
}

TEST(DnsUnanswered, but_by_another_resolver_is_a_warning) {
  ResolverPicture one = resolver(50);
  const auto findings = findings_of(unanswered(one, 0, 4));
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
  EXPECT_THAT(findings[0].explanation, HasSubstr("4 were answered by another resolver in the end."));
  EXPECT_THAT(findings[0].explanation, Not(HasSubstr("nobody")));
}

TEST(DnsUnanswered, of_a_resolver_that_never_answers_is_less_sure_of_why) {
  ResolverPicture one;
  one.at = resolver_at();
  EXPECT_EQ(findings_of(unanswered(one, 5)).at(0).confidence, Confidence::kMedium);
}

TEST(DnsUnanswered, near_misses) {
  ResolverPicture waiting = resolver(50);
  waiting.queries += 2;
  waiting.waiting = 2;
  EXPECT_THAT(findings_of(waiting), IsEmpty()) << "the answer may still come";
  ResolverPicture none = resolver(50);
  none.rcodes["NXDOMAIN"] = 20;
  EXPECT_THAT(findings_of(none), IsEmpty()) << "an answer all the same";
  ResolverPicture others = resolver(50);
  others.at = {};
  EXPECT_THAT(findings_of(unanswered(others, 5)), IsEmpty()) << "no resolver could be named";
}

TEST(DnsUnanswered, tells_of_errors) {
  ResolverPicture one = resolver(50);
  one.rcodes["SERVFAIL"] = 4;
  one.answered += 4;
  one.queries += 4;
  for (int i = 0; i < 4; ++i) one.refused.add(at(5));
  one.refused_lost = 3;
  auto findings = findings_of(one);
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(findings[0].severity, Severity::kWarning) << "of some names, so it need not be the resolver";
  EXPECT_EQ(findings[0].title, "10.0.0.53 answered 4 of 54 queries for names by SERVFAIL");
  EXPECT_THAT(findings[0].explanation, HasSubstr("Another resolver had an answer to 1 of them."));
  one.refused_lost = 0;
  findings = findings_of(one);
  EXPECT_EQ(findings.at(0).severity, Severity::kNotice) << "nobody was hurt";
}

TEST(DnsFindings, have_the_names_that_were_read) {
  ResolverPicture one = resolver(500);
  const auto names_of = [](const Finding& finding) {
    EXPECT_EQ(finding.evidence.back().key, "names");
    return finding.evidence.back().value;
  };
  auto finding = findings_of(slow(one, 5, 5s)).at(0);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(names_of(finding))) << "none was read";
  EXPECT_THAT(finding.next_steps[0].command, testing::EndsWith(" NAME"));

  one.names.emplace();
  const auto add = [&one](const char* name, int n, Duration took) {
    for (int i = 0; i < n; ++i) (*one.names)[name].slow_us.add(as_us(took));
  };
  add("c.test", 1, 5s);
  add("api.example.com", 2, 5s);
  add("a.test", 1, 5s);
  add("b.test", 1, 5s);
  add("quick.test", 9, 110ms);
  one.took_us = {};
  for (int i = 0; i < 500; ++i) one.took_us.add(as_us(50ms));
  for (int i = 0; i < 5; ++i) one.took_us.add(as_us(5s));
  finding = findings_of(one).at(0);
  EXPECT_THAT(std::get<std::vector<std::string>>(names_of(finding)),
              ElementsAre("api.example.com (2 of 5)", "a.test (1 of 5)", "b.test (1 of 5)"))
      << "three at most, and none that was not slow for this resolver";
  EXPECT_THAT(finding.next_steps[0].command, testing::EndsWith(" api.example.com"));
}

TEST(DnsFindings, run_no_name_in_a_shell) {
  for (const char* name : {"$(reboot)", "-f/etc/passwd", "a;b", "a b", "cut.exam...", "\\027[2j", "'"}) {
    ResolverPicture one = resolver(50);
    unanswered(one, 3);
    one.names.emplace()[name].unanswered = 3;
    const Finding finding = findings_of(one).at(0);
    EXPECT_EQ(finding.next_steps[0].command, "dig @10.0.0.53 +tries=1 +time=5 NAME");
    EXPECT_THAT(std::get<std::vector<std::string>>(finding.evidence.back().value),
                ElementsAre(std::string(name) + " (3 of 3)"));
  }
}

TEST(DnsFindings, are_not_of_each_server_that_a_resolver_of_this_host_asks) {
  PictureBuilder b;
  ResolverPicture forwarder = resolver(900);
  b.raw().resolvers = {unanswered(forwarder, 3)};
  for (int i = 0; i < 50; ++i) {
    ResolverPicture server = resolver(2);
    server.at = resolver_at(("192.0.2." + std::to_string(i)).c_str());
    b.raw().resolvers.push_back(unanswered(server, 3));
  }
  const auto findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 1);
  EXPECT_THAT(findings[0].title, HasSubstr("10.0.0.53"));
}

TEST(DnsFindings, are_told_with_the_connects_behind_them) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).last();
  SocketStory story = connect_failed(10, model::ConnectOutcome::kRefused, 1ms);
  story.look_up = model::LookUpBefore{at(5), 5s, 2, 2, true, resolver_at()};
  b.add(api, 4, story);
  for (SocketStory& each : b.raw().sockets) each.socket.netns_inode = kNetns;
  ResolverPicture one = resolver(50);
  const auto findings = findings_of(b, slow(one, 4, 5s));
  ASSERT_EQ(findings.size(), 2);
  EXPECT_EQ(findings[0].code, "connect-refused");
  EXPECT_THAT(findings[0].explanation, HasSubstr("Before 4 of 4 connects a look-up of a name took up to 5.0 s"));
  EXPECT_EQ(findings[1].code, "dns-slow");
  EXPECT_THAT(findings[1].sockets, ElementsAre(0, 1, 2, 3));
  for (SocketStory& each : b.raw().sockets) each.look_up->name = "api.example.com";
  EXPECT_THAT(findings_of(b, one)[0].explanation,
              HasSubstr("took up to 5.0 s (api.example.com): the caller's timeout"));
}

TEST(DnsFindings, explain_why_no_call_was_begun) {
  PictureBuilder b;
  const auto web = b.inbound("10.0.0.1", 8080).last();
  model::EndpointPicture& e = b.raw().endpoints[web];
  e.slow_answers.no_call = 3;
  for (int i = 0; i < 3; ++i) e.slow_answers.no_call_wait_us.add(as_us(10s));
  e.slow_answers.first_at = at(10);
  e.slow_answers.last_at = at(20);
  SocketStory story = ended(20, model::EndKind::kClosedByPeer);
  story.no_call_wait = 10s;
  story.no_call_look_up = model::LookUpBefore{at(10), 9s, 1, 1, false, resolver_at()};
  b.add(web, 3, story);
  for (SocketStory& each : b.raw().sockets) each.socket.netns_inode = kNetns;
  ResolverPicture one = resolver(50);
  auto findings = findings_of(b, unanswered(one, 3));
  const auto found = std::ranges::find(findings, "no-outbound-attempt", &Finding::code);
  ASSERT_NE(found, findings.end());
  EXPECT_THAT(found->title, HasSubstr(": a name did not resolve"));
  EXPECT_THAT(found->explanation, HasSubstr("On 3 of 3 connections the same process waited for the answer"));
  ASSERT_EQ(found->caused_by.size(), 1);
  EXPECT_EQ(findings[found->caused_by[0]].code, "dns-unanswered");
  for (SocketStory& each : b.raw().sockets) each.no_call_look_up->name = "api.example.com";
  findings = findings_of(b, one);
  EXPECT_THAT(std::ranges::find(findings, "no-outbound-attempt", &Finding::code)->explanation,
              HasSubstr("the answer to a query for api.example.com meanwhile"));
  for (SocketStory& each : b.raw().sockets) each.no_call_look_up->took = 4s;
  findings = findings_of(b, one);
  const auto other = std::ranges::find(findings, "no-outbound-attempt", &Finding::code);
  ASSERT_NE(other, findings.end());
  EXPECT_THAT(other->title, Not(HasSubstr("name"))) << "less than half of the wait";
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
