// SPDX-License-Identifier: Apache-2.0
// Look-ups of names: queries with their answers, by resolver, and who waited for them.
#include "correlate/look_ups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::DnsMessage;
using model::ResolverPicture;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr std::uint16_t kQuery = 0x0100;
constexpr std::uint16_t kGood = 0x8180;
constexpr std::uint16_t kServfail = 0x8182;
constexpr std::uint32_t kNetns = 4026531840U;
constexpr std::uint32_t kPid = 811;

model::SocketAddress address(const char* text, std::uint16_t port) { return {*model::Address::parse(text), port}; }

struct Asked {
  LookUps look_ups;
  std::uint32_t pid = kPid;
  std::uint16_t local_port = 40000;
  std::string name;  // of what is asked for

  DnsMessage message(double at, std::uint16_t id, const char* resolver) const {
    DnsMessage made;
    made.at = made.first_sent_at = ms(at);
    made.netns_inode = kNetns;
    made.local = address("10.0.0.1", local_port);
    made.resolver = address(resolver, 53);
    made.id = id;
    made.flags = kQuery;
    return made;
  }
  void ask(double at, std::uint16_t id, const char* resolver = "10.0.0.53") {
    DnsMessage query = message(at, id, resolver);
    if (pid != 0) query.owner = model::Owner{.pid = pid, .tid = pid, .comm = "ruby"};
    query.name = name;
    look_ups.add(query);
  }
  void answer(double at, std::uint16_t id, std::uint16_t flags = kGood, const char* resolver = "10.0.0.53") {
    DnsMessage answer = message(at, id, resolver);
    answer.is_answer = true;
    answer.flags = flags;
    answer.first_sent_at = ms(at - 1);
    look_ups.add(answer);
  }
  ResolverPicture only(double end) const {
    const auto all = look_ups.pictures(ms(end));
    EXPECT_THAT(all, SizeIs(1));
    return all.at(0);
  }
};

TEST(LookUps, are_measured_from_the_query_to_its_answer) {
  Asked asked;
  asked.ask(0, 1);
  asked.ask(0.1, 2);
  asked.answer(3, 2);
  asked.answer(4, 1);
  const ResolverPicture resolver = asked.only(1000);
  EXPECT_EQ(resolver.at, address("10.0.0.53", 53));
  EXPECT_EQ(resolver.queries, 2);
  EXPECT_EQ(resolver.sent, 2);
  EXPECT_EQ(resolver.answered, 2);
  EXPECT_EQ(resolver.took_us.max(), 4000);
  EXPECT_EQ(resolver.took_us.min(), 2900);
  EXPECT_EQ(resolver.slow.count, 0);
  EXPECT_THAT(resolver.rcodes, ElementsAre(Pair("NOERROR", 2)));
  EXPECT_THAT(resolver.users, ElementsAre(Pair("ruby", 2)));
}

TEST(LookUps, count_a_repeat_and_measure_from_the_first_time) {
  Asked asked;
  asked.ask(0, 1);
  asked.ask(5000, 1);
  asked.answer(5002, 1);
  asked.answer(5003, 1);  // the other copy's
  const ResolverPicture resolver = asked.only(6000);
  EXPECT_EQ(resolver.queries, 2) << "an answer to nothing is a query that was not told of";
  EXPECT_EQ(resolver.repeated, 1);
  EXPECT_EQ(resolver.answered_after_repeat, 1);
  EXPECT_EQ(resolver.took_us.max(), 5002000);
  EXPECT_EQ(resolver.repeat_after_us.max(), 5000000);
  EXPECT_EQ(resolver.unanswered.count, 0);
}

TEST(LookUps, are_unanswered_when_who_asked_has_waited) {
  Asked asked;
  asked.ask(0, 1);
  EXPECT_EQ(asked.only(4900).waiting, 1);
  EXPECT_EQ(asked.only(4900).unanswered.count, 0);
  EXPECT_EQ(asked.only(5000).unanswered.count, 1);
  EXPECT_EQ(asked.only(5000).lost, 1);
  asked.ask(1000, 1);  // with `timeout:1` it waits another second
  EXPECT_EQ(asked.only(1900).waiting, 1);
  const ResolverPicture resolver = asked.only(2000);
  EXPECT_EQ(resolver.unanswered.count, 1);
  EXPECT_EQ(resolver.wait_us.max(), 2000000);
}

TEST(LookUps, are_settled_for_good_after_a_while) {
  Asked asked;
  asked.ask(0, 1);
  asked.ask(40000, 1);  // the same id by chance
  asked.answer(40001, 1);
  const ResolverPicture resolver = asked.only(41000);
  EXPECT_EQ(resolver.queries, 2);
  EXPECT_EQ(resolver.lost, 1);
  EXPECT_EQ(resolver.answered, 1);
}

TEST(LookUps, of_which_another_resolver_knows_the_answer_are_not_lost) {
  Asked asked;
  asked.ask(0, 7);
  asked.ask(5000, 7, "10.0.0.54");
  asked.answer(5001, 7, kGood, "10.0.0.54");
  const auto all = asked.look_ups.pictures(ms(5100));
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].at, address("10.0.0.53", 53));
  EXPECT_EQ(all[0].unanswered.count, 1);
  EXPECT_EQ(all[0].rescued, 1);
  EXPECT_EQ(all[0].lost, 0);
  EXPECT_EQ(all[0].wait_us.max(), 5001000);
  EXPECT_EQ(all[1].answered, 1);
  EXPECT_EQ(all[1].unanswered.count, 0);
}

TEST(LookUps, that_all_resolvers_are_asked_at_once_for_are_not_unanswered_yet) {
  Asked asked;
  asked.ask(0, 7);
  asked.ask(0.1, 7, "10.0.0.54");
  asked.answer(2, 7, kGood, "10.0.0.54");
  EXPECT_EQ(asked.look_ups.pictures(ms(100))[0].waiting, 1);
}

TEST(LookUps, tell_of_errors_and_whether_another_resolver_had_better) {
  Asked asked;
  asked.ask(0, 1);
  asked.answer(1, 1, kServfail);
  asked.ask(2, 1, "10.0.0.54");
  asked.answer(3, 1, kGood, "10.0.0.54");
  asked.ask(10, 2);
  asked.answer(11, 2, kServfail);
  const auto all = asked.look_ups.pictures(ms(100));
  EXPECT_EQ(all[0].refused.count, 2);
  EXPECT_EQ(all[0].refused_lost, 1);
  EXPECT_EQ(all[0].unanswered.count, 0);
  EXPECT_THAT(all[0].rcodes, ElementsAre(Pair("SERVFAIL", 2)));
}

TEST(LookUps, without_a_known_sender_count_too) {
  Asked asked;
  asked.pid = 0;
  asked.ask(0, 1);
  asked.answer(1, 1);
  EXPECT_EQ(asked.only(10).answered, 1);
  EXPECT_FALSE(asked.look_ups.before(0, 0, ms(2)));
}

TEST(LookUps, before_a_connect_are_those_of_its_process) {
  Asked asked;
  asked.ask(0, 1);
  asked.ask(0.1, 2);
  asked.ask(5000, 1);
  asked.answer(5002, 1);
  asked.answer(5003, 2);
  const auto before = asked.look_ups.before(kPid, kPid, ms(5004));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->took, std::chrono::milliseconds(5003));
  EXPECT_EQ(before->queries, 2);
  EXPECT_EQ(before->repeats, 1);
  EXPECT_TRUE(before->answered);
  EXPECT_TRUE(asked.look_ups.before(kPid, kPid + 1, ms(5004))) << "another thread asked for it";
  EXPECT_FALSE(asked.look_ups.before(kPid + 1, kPid + 1, ms(5004)));
  EXPECT_FALSE(asked.look_ups.before(kPid, kPid, ms(6100))) << "the address was known for long";
}

TEST(LookUps, that_a_process_waits_for_meanwhile) {
  Asked asked;
  asked.ask(1000, 1);
  EXPECT_EQ(asked.look_ups.during(kPid, ms(0), ms(500)), std::nullopt);
  const auto waited = asked.look_ups.during(kPid, ms(0), ms(4000));
  ASSERT_TRUE(waited);
  EXPECT_EQ(waited->took, std::chrono::seconds(3));
  EXPECT_FALSE(waited->answered);
  asked.answer(2000, 1);
  EXPECT_EQ(asked.look_ups.during(kPid, ms(0), ms(4000))->took, std::chrono::seconds(1));
}

TEST(LookUps, have_the_names_that_gave_trouble) {
  Asked asked;
  asked.ask(0, 1);
  asked.answer(200, 1);
  EXPECT_EQ(asked.only(300).names, std::nullopt) << "none was read";
  asked.name = "quick.test";
  asked.ask(1000, 2);
  asked.answer(1001, 2);
  EXPECT_THAT(*asked.only(1100).names, IsEmpty());
  asked.name = "slow.test";
  asked.ask(2000, 3);
  asked.answer(2300, 3);
  asked.name = "fails.test";
  asked.ask(3000, 4);
  asked.answer(3001, 4, kServfail);
  asked.name = "lost.test";
  asked.ask(10000, 5);
  asked.ask(11000, 5);
  const ResolverPicture resolver = asked.only(20000);
  ASSERT_THAT(*resolver.names, SizeIs(3));
  EXPECT_EQ(resolver.names->at("slow.test").slow_us.count(), 1);
  EXPECT_EQ(resolver.names->at("fails.test").refused, 1);
  EXPECT_EQ(resolver.names->at("lost.test").unanswered, 1);
}

TEST(LookUps, before_a_connect_have_the_name_that_took_longest) {
  Asked asked;
  asked.name = "api.test.svc.local";
  asked.ask(0, 1);
  asked.answer(1, 1, 0x8183);
  asked.name = "api.test";
  asked.ask(2, 2);
  asked.answer(500, 2);
  EXPECT_EQ(asked.look_ups.before(kPid, kPid, ms(501))->name, "api.test");
  EXPECT_EQ(asked.look_ups.during(kPid, ms(0), ms(501))->name, "api.test");
}

TEST(LookUps, of_another_name_are_others_whatever_their_id) {
  Asked asked;
  asked.name = "a.test";
  asked.ask(0, 1);
  asked.name = "b.test";
  asked.local_port = 40001;
  asked.ask(1, 1);
  const ResolverPicture resolver = asked.only(10000);
  EXPECT_EQ(resolver.names->at("a.test").unanswered, 1);
  EXPECT_EQ(resolver.names->at("b.test").unanswered, 1);
}

TEST(LookUps, of_too_many_names_are_counted_together) {
  Asked asked;
  for (int i = 0; i < 100; ++i) {
    asked.name = std::to_string(i) + ".test";
    asked.ask(200.0 * i, static_cast<std::uint16_t>(i));
    asked.answer(200.0 * i + 150, static_cast<std::uint16_t>(i));
  }
  const auto names = *asked.only(30000).names;
  EXPECT_THAT(names, SizeIs(65));
  EXPECT_EQ(names.at("").slow_us.count(), 36);
}

TEST(LookUps, beyond_the_bounds_are_counted) {
  Asked asked;
  for (int i = 0; i < 40000; ++i) {
    asked.pid = 1 + static_cast<std::uint32_t>(i);
    asked.local_port = static_cast<std::uint16_t>(1024 + i % 60000);
    asked.ask(0.01 * i, static_cast<std::uint16_t>(i));
  }
  const ResolverPicture resolver = asked.only(500);
  EXPECT_EQ(resolver.queries, 40000);
  EXPECT_EQ(resolver.unknown, 40000 - 16384);
  EXPECT_EQ(resolver.waiting, 16384);
  EXPECT_THAT(resolver.users, ElementsAre(Pair("ruby", 40000)));
}

TEST(LookUps, of_many_resolvers_are_told_together) {
  Asked asked;
  for (int i = 0; i < 300; ++i) {
    const std::string at = "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    asked.ask(i, 1, at.c_str());
    asked.answer(i + 0.5, 1, kGood, at.c_str());
  }
  const auto all = asked.look_ups.pictures(ms(1000));
  ASSERT_THAT(all, SizeIs(257));
  EXPECT_TRUE(all[0].at.address.is_unspecified());
  EXPECT_EQ(all[0].queries, 300 - 256);
}

TEST(LookUps, stand_in_the_story_of_the_connect_that_follows) {
  Trace trace;
  auto c = trace.outbound(1);
  DnsMessage query;
  query.at = query.first_sent_at = ms(0);
  query.netns_inode = c.ref.netns_inode;
  query.local = address("10.0.0.1", 40000);
  query.resolver = address("10.0.0.53", 53);
  query.id = 9;
  query.flags = kQuery;
  query.owner = c.who;
  trace.correlator.on_sample(query);
  DnsMessage answer = query;
  answer.at = ms(300);
  answer.is_answer = true;
  answer.flags = kGood;
  answer.owner.reset();
  trace.correlator.on_sample(answer);
  c.emit(301, model::ConnectStarted{});
  const model::Picture picture = trace.end(1000);
  ASSERT_THAT(picture.sockets, SizeIs(1));
  ASSERT_TRUE(picture.sockets[0].look_up);
  EXPECT_EQ(picture.sockets[0].look_up->took, std::chrono::milliseconds(300));
  EXPECT_TRUE(std::holds_alternative<model::mark::LookUp>(picture.sockets[0].timeline.front().body));
  EXPECT_THAT(picture.resolvers, SizeIs(1));
}

TEST(LookUps, are_absent_where_nobody_asks) {
  Trace trace;
  trace.outbound(1).open(0);
  EXPECT_THAT(trace.end(1000).resolvers, IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
