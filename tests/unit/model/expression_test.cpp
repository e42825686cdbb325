// SPDX-License-Identifier: Apache-2.0
// The filter expression: what it means, what it refuses, and that nothing typed can hurt.
#include "model/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace tcpdiag::model {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

SocketAddress at(std::string_view address, std::uint16_t port) { return {*Address::parse(address), port}; }

// 10.0.0.1:40000 (here) -> 192.0.2.7:443
const SocketAddress kHere = at("10.0.0.1", 40000);
const SocketAddress kThere = at("192.0.2.7", 443);

bool matches(std::string_view text, const SocketAddress& local = kHere, const SocketAddress& remote = kThere) {
  const auto expression = parse_expression(text);
  if (!expression) {
    ADD_FAILURE() << text << ": " << expression.error().what;
    return false;
  }
  return expression->matches(local, remote);
}

std::string refusal(std::string_view text) {
  const auto expression = parse_expression(text);
  if (expression) {
    ADD_FAILURE() << text << " was accepted";
    return {};
  }
  EXPECT_EQ(expression.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(expression.error().hint, HasSubstr("host ADDR"));
  return expression.error().what;
}

TEST(Expression, WithoutASideItMeansEither) {
  EXPECT_TRUE(matches("port 443"));
  EXPECT_TRUE(matches("port 40000"));
  EXPECT_FALSE(matches("port 80"));
  EXPECT_TRUE(matches("host 10.0.0.1"));
  EXPECT_TRUE(matches("host 192.0.2.7"));
  EXPECT_FALSE(matches("host 10.0.0.2"));
}

TEST(Expression, SrcIsThisHostAndDstTheOther) {
  EXPECT_TRUE(matches("src port 40000"));
  EXPECT_FALSE(matches("dst port 40000"));
  EXPECT_TRUE(matches("dst port 443"));
  EXPECT_FALSE(matches("src port 443"));
  EXPECT_TRUE(matches("src host 10.0.0.1 and dst net 192.0.2.0/24"));
  EXPECT_FALSE(matches("src net 192.0.2.0/24"));
  EXPECT_TRUE(matches("src 10.0.0.1"));  // host, as in pcap-filter(7)
  EXPECT_FALSE(matches("dst 10.0.0.1"));
}

TEST(Expression, RangesHaveBothEnds) {
  EXPECT_TRUE(matches("portrange 440-443"));
  EXPECT_TRUE(matches("portrange 443-450"));
  EXPECT_TRUE(matches("portrange 443-443"));
  EXPECT_FALSE(matches("portrange 444-450"));
  EXPECT_TRUE(matches("dst portrange 1-65535"));
}

TEST(Expression, NetsAndFamilies) {
  EXPECT_TRUE(matches("net 192.0.2.0/24"));
  EXPECT_TRUE(matches("net 192.0.2.99/24"));  // bits behind the prefix do not count
  EXPECT_TRUE(matches("net 0.0.0.0/0"));
  EXPECT_FALSE(matches("net fd00::/8"));
  EXPECT_FALSE(matches("net 2000::/3"));  // ::ffff:a.b.c.d, as IPv4 is held, is not in it
  const SocketAddress here = at("fd00::1", 40000);
  const SocketAddress there = at("2001:db8::7", 443);
  EXPECT_TRUE(matches("net fd00::/8", here, there));
  EXPECT_TRUE(matches("dst host 2001:db8::7", here, there));
  EXPECT_TRUE(matches("dst 2001:DB8:0::7", here, there));
  EXPECT_FALSE(matches("net 0.0.0.0/0", here, there));
  EXPECT_TRUE(matches("host ::ffff:10.0.0.1"));
}

TEST(Expression, AndBindsCloserThanOrAndNotClosest) {
  EXPECT_TRUE(matches("port 443 or port 80 and port 81"));
  EXPECT_FALSE(matches("( port 443 or port 80 ) and port 81"));
  EXPECT_TRUE(matches("port 81 and port 80 or port 443"));
  EXPECT_FALSE(matches("not port 443 or port 80"));
  EXPECT_TRUE(matches("not port 80 and port 443"));
  EXPECT_TRUE(matches("not ( port 80 and port 443 )"));
  EXPECT_FALSE(matches("not ( port 80 or port 443 )"));
  EXPECT_TRUE(matches("not not port 443"));
}

TEST(Expression, SignsForWordsNeedNoSpace) {
  EXPECT_TRUE(matches("!port 22"));
  EXPECT_FALSE(matches("!port 443"));
  EXPECT_TRUE(matches("!(port 22 || port 23) && host 10.0.0.1"));
  EXPECT_TRUE(matches("(port 443)and(host 10.0.0.1)"));
  EXPECT_TRUE(matches("!!(port 443)"));
  EXPECT_TRUE(matches("\tport\n443  "));
}

TEST(Expression, AValueAloneTakesTheWordsBefore) {
  EXPECT_TRUE(matches("port 80 or 443"));
  EXPECT_FALSE(matches("port 80 or 81"));
  EXPECT_TRUE(matches("dst port 80 or 443"));
  EXPECT_FALSE(matches("dst port 80 or 40000"));
  EXPECT_TRUE(matches("dst port 80 or port 40000"));  // with a word of its own the side is either again
  EXPECT_FALSE(matches("not port 443 or 80"));
  EXPECT_TRUE(matches("port 443 and not 80"));
  EXPECT_TRUE(matches("host 10.9.9.9 or 192.0.2.7"));
  EXPECT_TRUE(matches("net 10.9.0.0/16 or 192.0.2.0/24"));
}

TEST(Expression, TextIsAsTypedWithSingleSpaces) {
  EXPECT_EQ(parse_expression("  not\tport 22 ")->text, "not port 22");
  EXPECT_EQ(parse_expression("!(port 22)")->text, "! ( port 22 )");
}

TEST(Expression, StepsArePostfix) {
  const auto expression = parse_expression("not port 22 and dst host 10.0.0.1");
  ASSERT_TRUE(expression);
  ASSERT_EQ(expression->steps.size(), 4U);
  EXPECT_EQ(expression->steps[0].op, ExpressionOp::kPort);
  EXPECT_EQ(expression->steps[0].port_low, 22);
  EXPECT_EQ(expression->steps[0].port_high, 22);
  EXPECT_EQ(expression->steps[0].side, ExpressionSide::kEither);
  EXPECT_EQ(expression->steps[1].op, ExpressionOp::kNot);
  EXPECT_EQ(expression->steps[2].op, ExpressionOp::kNet);
  EXPECT_EQ(expression->steps[2].side, ExpressionSide::kRemote);
  EXPECT_EQ(expression->steps[2].net.to_string(), "10.0.0.1");
  EXPECT_EQ(expression->steps[3].op, ExpressionOp::kAnd);
}

TEST(Expression, KnowsWhetherItAsksForThisSidesPort) {
  EXPECT_TRUE(parse_expression("not port 22")->needs_local_port());
  EXPECT_TRUE(parse_expression("host 10.0.0.1 or src portrange 1-9")->needs_local_port());
  EXPECT_FALSE(parse_expression("dst port 443 and src host 10.0.0.1")->needs_local_port());
}

TEST(Expression, NothingMatchesEverythingOnlyWithoutSteps) { EXPECT_TRUE(Expression().matches(kHere, kThere)); }

TEST(Expression, WhatIsNoExpression) {
  EXPECT_EQ(refusal(""), "the filter expression is empty");
  EXPECT_EQ(refusal(" \t"), "the filter expression is empty");
  EXPECT_EQ(refusal("443"), "invalid word '443' in the filter expression");
  EXPECT_EQ(refusal("tcp port 80"), "invalid word 'tcp' in the filter expression");
  EXPECT_EQ(refusal("port"), "the filter expression ends where a value is wanted");
  EXPECT_EQ(refusal("src"), "the filter expression ends where a value is wanted");
  EXPECT_EQ(refusal("port 80 and"), "the filter expression ends where a value is wanted");
  EXPECT_EQ(refusal("not"), "the filter expression ends where a value is wanted");
  EXPECT_EQ(refusal("and port 80"), "invalid word 'and' in the filter expression");
  EXPECT_EQ(refusal("port 80 443"), "'and' or 'or' is missing before '443'");
  EXPECT_EQ(refusal("port 80 host 10.0.0.1"), "'and' or 'or' is missing before 'host'");
  EXPECT_EQ(refusal("(port 80"), "the filter expression lacks a ')'");
  EXPECT_EQ(refusal("port 80)"), "the filter expression has a ')' too many");
  EXPECT_EQ(refusal("()"), "invalid word ')' in the filter expression");
}

TEST(Expression, WhatIsNoValue) {
  EXPECT_EQ(refusal("host example.com"), "invalid address 'example.com' (names are not looked up)");
  EXPECT_EQ(refusal("host 10.0.0.0/8"), "invalid address '10.0.0.0/8' (names are not looked up)");
  EXPECT_EQ(refusal("net 10.0.0.1"), "invalid address block '10.0.0.1' (such as 10.0.0.0/8)");
  EXPECT_EQ(refusal("net 10.0.0.0/33"), "invalid address block '10.0.0.0/33' (such as 10.0.0.0/8)");
  for (const char* text : {"port 0", "port 65536", "port http", "port 80-90", "port -1", "port +80", "port 80,443"}) {
    EXPECT_THAT(refusal(text), AllOf(StartsWith("invalid port '"), HasSubstr("' (1 to 65535)"))) << text;
  }
  for (const char* text : {"portrange 80", "portrange 90-80", "portrange 0-80", "portrange 80-", "portrange -80",
                           "portrange 1-65536", "portrange 1-2-3"}) {
    EXPECT_THAT(refusal(text), AllOf(StartsWith("invalid port range '"), HasSubstr("' (such as 8000-8099)"))) << text;
  }
  EXPECT_THAT(refusal("src src 10.0.0.1"), StartsWith("invalid address 'src'"));
}

TEST(Expression, WhatIsEchoedCannotDriveATerminal) {
  for (const char* text : {"\x1b[31m", "port \x1b[31m", "host \x1b[31m", "port 80 \x1b[31m"}) {
    EXPECT_EQ(refusal(text).find('\x1b'), std::string::npos);
  }
}

std::string repeated(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(Expression, AsManyStepsAsTheKernelHasRoomFor) {
  static_assert(Expression::kMaxSteps == 32);
  // n ports joined by n - 1 operators
  const std::string most = "not port 1" + repeated(" and 2", 15);
  ASSERT_TRUE(parse_expression(most));
  EXPECT_EQ(parse_expression(most)->steps.size(), 32U);
  EXPECT_EQ(refusal("not " + most), "the filter expression has 33 terms and operators, at most 32 fit");
  EXPECT_THAT(refusal("port 1" + repeated(" or 2", 100'000)), HasSubstr("200001 terms"));
}

TEST(Expression, DeepNestingIsRefusedBeforeItCanOverflow) {
  EXPECT_TRUE(matches(repeated("(", 30) + "port 443" + repeated(")", 30)));
  for (const char* part : {"(", "not ", "!(", "not("}) {
    EXPECT_THAT(refusal(repeated(part, 100'000)), HasSubstr("nested more than 32 deep")) << part;
  }
}

// Whatever is typed is refused or can be evaluated: the operands of every step are there.
TEST(Expression, AnyWordsAreRefusedOrCanBeEvaluated) {
  const std::vector<std::string> words{"(",   ")",        "!",          "not",      "and",       "or", "src",
                                       "dst", "host",     "net",        "port",     "portrange", "80", "443",
                                       "1-2", "10.0.0.1", "10.0.0.0/8", "fd00::/8", "x"};
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same words in every run
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (auto left = random() % 8; left > 0; --left) text += words[random() % words.size()] + ' ';
    const auto expression = parse_expression(text);
    if (!expression) continue;
    ++accepted;
    const auto reread = parse_expression(expression->text);
    ASSERT_TRUE(reread) << text;
    EXPECT_EQ(reread->matches(kHere, kThere), expression->matches(kHere, kThere)) << text;
    const auto rewritten = parse_expression(expression->with_nets([](const Cidr& net) { return net; }).text);
    ASSERT_TRUE(rewritten) << text;
    EXPECT_EQ(rewritten->matches(kHere, kThere), expression->matches(kHere, kThere)) << text;
  }
  EXPECT_GT(accepted, 100);
}

TEST(Expression, IsWrittenAnewAroundOtherBlocks) {
  const auto rewritten = [](std::string_view text) {
    return parse_expression(text)->with_nets([](const Cidr&) { return *Cidr::parse("private-v4-1"); }).text;
  };
  EXPECT_EQ(rewritten("port 80 or 443"), "port 80 or port 443");
  EXPECT_EQ(rewritten("dst 10.0.0.1 && !(src net 10.0.0.0/8 || portrange 1-2)"),
            "dst host private-v4-1 and not (src host private-v4-1 or portrange 1-2)");
  EXPECT_EQ(rewritten("not not port 80"), "not not port 80");
  EXPECT_EQ(rewritten("(port 1 or port 2) and port 3 or port 4"), "(port 1 or port 2) and port 3 or port 4");
}

TEST(Expression, WhoseStepsAreNoneHasNoText) {
  const auto text_of = [](std::vector<ExpressionStep> steps) {
    return Expression{.text = "secret", .steps = std::move(steps)}.with_nets([](const Cidr& net) { return net; }).text;
  };
  EXPECT_EQ(text_of({}), "");
  EXPECT_EQ(text_of({{.op = ExpressionOp::kNot}}), "");
  EXPECT_EQ(text_of({{.op = ExpressionOp::kPort}, {.op = ExpressionOp::kAnd}}), "");
  EXPECT_EQ(text_of({{.op = ExpressionOp::kPort}, {.op = ExpressionOp::kPort}}), "");
}

}  // namespace
}  // namespace tcpdiag::model
