// SPDX-License-Identifier: Apache-2.0
// listen-overflow, and what it explains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kNetns = 4026531840U;

model::FullListener full(std::string_view address, std::uint16_t port, std::uint32_t backlog = 6,
                         std::uint32_t limit = 5) {
  model::FullListener listener;
  listener.local = {*model::Address::parse(address), port};
  listener.backlog_max = backlog;
  listener.limit = limit;
  listener.samples = 20;
  listener.first_at = at(10);
  listener.last_at = at(30);
  return listener;
}

// puma accepts on 10.0.0.1:8080; the namespace's counters rose by so many, from 10 to 30 s.
PictureBuilder overflowed(std::uint64_t n) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 8080).good_exchanges(100);
  b.raw().endpoints[0].processes.resize(1);
  b.raw().endpoints[0].processes[0].comm = "puma";
  b.raw().endpoints[0].processes[0].pids = {811};
  model::NetnsInfo info;
  info.inode = kNetns;
  info.somaxconn = 4096;
  b.raw().start.netns = {info};
  model::NetnsPicture netns;
  netns.inode = kNetns;
  netns.counters = {{"ListenOverflows", n}, {"ListenDrops", n}, {"OutRsts", 7}};
  if (n > 0) {
    netns.overflow.first_at = at(10);
    netns.overflow.last_at = at(30);
    netns.overflow.samples = 20;
  }
  b.raw().netns = {netns};
  return b;
}

PictureBuilder overflowed_at(std::uint64_t n, const std::vector<model::FullListener>& listeners) {
  PictureBuilder b = overflowed(n);
  b.raw().netns[0].full_listeners = listeners;
  return b;
}

TEST(ListenOverflow, names_the_port_that_was_found_full) {
  const Finding f = only(overflowed_at(143, {full("0.0.0.0", 8080)}).build());
  EXPECT_EQ(f.code, "listen-overflow");
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("counts for the whole namespace")));
  EXPECT_EQ(f.endpoint, 0U);
  EXPECT_TRUE(f.device.empty());
  EXPECT_EQ(f.count, 143U);
  EXPECT_EQ(f.first_at, at(10));
  EXPECT_EQ(f.last_at, at(30));
  EXPECT_FALSE(f.ongoing);
  EXPECT_EQ(f.title, "this host dropped 143 connection attempts of clients: the accept queue of port 8080 was full");
  EXPECT_EQ(evidence_int(f, "listen_overflows_delta"), 143);
  EXPECT_EQ(evidence_int(f, "listen_drops_delta"), 143);
  EXPECT_EQ(evidence_int(f, "local_port"), 8080);
  EXPECT_EQ(evidence_int(f, "ack_backlog_max"), 6);
  EXPECT_EQ(evidence_int(f, "backlog_limit"), 5);
  EXPECT_EQ(evidence_int(f, "somaxconn"), 4096);
  EXPECT_EQ(evidence_as<std::string>(f, "comm"), "puma");
  EXPECT_THAT(f.next_steps[1].text, HasSubstr("listen() backlog (now 5; net.core.somaxconn allows 4096)"));
  EXPECT_EQ(f.next_steps[2].command, "ss -ltn sport = :8080");
}

TEST(ListenOverflow, without_a_full_queue_is_sure_of_the_host_only) {
  const Finding f = only(overflowed(3).build());
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_FALSE(f.endpoint);
  EXPECT_TRUE(evidence_is_null(f, "local_port"));
  EXPECT_TRUE(evidence_is_null(f, "ack_backlog_max"));
  EXPECT_TRUE(evidence_is_null(f, "comm"));
}

TEST(ListenOverflow, once_or_twice_is_a_warning) {
  EXPECT_EQ(only(overflowed(2).build()).severity, Severity::kWarning);
  EXPECT_EQ(only(overflowed(2).build()).confidence, Confidence::kMedium);
  EXPECT_THAT(codes(overflowed(0).build()), IsEmpty());
  PictureBuilder unread = overflowed(0);
  unread.raw().netns[0].counters.clear();
  EXPECT_THAT(codes(unread.build()), IsEmpty());
}

TEST(ListenOverflow, counts_drops_for_other_reasons_too) {
  PictureBuilder b = overflowed(0);
  b.raw().netns[0].counters["ListenDrops"] = 4;
  const Finding f = only(b.build());
  EXPECT_EQ(f.count, 4U);
  EXPECT_EQ(evidence_int(f, "listen_overflows_delta"), 0);
}

TEST(ListenOverflow, a_queue_beyond_its_limit_that_dropped_nobody_is_a_notice) {
  EXPECT_THAT(codes(overflowed_at(0, {full("0.0.0.0", 8080, 5)}).build()), IsEmpty());  // just full
  EXPECT_EQ(only(overflowed_at(0, {full("0.0.0.0", 8080, 6)}).build()).severity, Severity::kNotice);
  PictureBuilder unread = overflowed_at(0, {full("0.0.0.0", 8080, 6)});
  unread.raw().netns[0].counters.clear();
  EXPECT_EQ(only(unread.build()).severity, Severity::kWarning);
  EXPECT_TRUE(evidence_is_null(only(unread.build()), "listen_overflows_delta"));
}

TEST(ListenOverflow, of_several_ports_names_none) {
  const Finding f = only(overflowed_at(9, {full("0.0.0.0", 8080), full("0.0.0.0", 9090)}).build());
  EXPECT_FALSE(f.endpoint);
  EXPECT_TRUE(evidence_is_null(f, "local_port"));
  EXPECT_EQ(evidence_int(f, "backlog_limit"), 5);
  EXPECT_THAT(f.explanation, HasSubstr("Listeners of other ports"));
}

TEST(ListenOverflow, of_another_address_has_no_endpoint) {
  EXPECT_FALSE(only(overflowed_at(9, {full("10.0.0.5", 8080)}).build()).endpoint);
  EXPECT_TRUE(only(overflowed_at(9, {full("10.0.0.1", 8080)}).build()).endpoint);
}

TEST(ListenOverflow, somaxconn_is_named_where_it_is_the_limit) {
  const Finding f = only(overflowed_at(9, {full("0.0.0.0", 8080, 4097, 4096)}).build());
  EXPECT_THAT(f.next_steps[1].text, HasSubstr("raise net.core.somaxconn (now 4096)"));
}

TEST(ListenOverflow, outside_of_the_filter_is_not_critical) {
  PictureBuilder b = overflowed_at(143, {full("0.0.0.0", 25)});
  EXPECT_EQ(only(b.build()).severity, Severity::kCritical);
  b.raw().start.filters.remote_ports = {443};
  EXPECT_EQ(only(b.build()).severity, Severity::kWarning);
  b.raw().start.filters.local_ports = {25};
  EXPECT_EQ(only(b.build()).severity, Severity::kCritical);
}

TEST(ListenOverflow, each_namespace_speaks_for_itself) {
  PictureBuilder b = overflowed(9);
  b.raw().netns.push_back(b.raw().netns[0]);
  b.raw().netns[1].inode = 4026532001U;
  EXPECT_THAT(codes(b.build()), ElementsAre("listen-overflow", "listen-overflow"));
  EXPECT_TRUE(evidence_is_null(diagnose(b.build())[1], "somaxconn"));
}

TEST(ListenOverflow, still_going_on_at_the_end) {
  PictureBuilder b = overflowed(9);
  b.raw().netns[0].overflow.last_at = at(59);
  EXPECT_TRUE(only(b.build()).ongoing);
}

// --- what it explains ---

// ruby of the same host connects to 10.0.0.1:8080 and gets no answer, from 12 to 29 s.
PictureBuilder connects_to_itself(PictureBuilder b, std::string_view address = "10.0.0.1") {
  b.outbound(address, 8080).good_connects(100);
  for (int i = 0; i < 4; ++i) b.add(1, connect_failed(12 + 4 * i, model::ConnectOutcome::kAbandoned, 5s, 3));
  return b;
}

TEST(ListenOverflow, explains_connects_of_this_host) {
  const auto findings = diagnose(connects_to_itself(overflowed_at(143, {full("0.0.0.0", 8080)})).build());
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "listen-overflow");
  EXPECT_EQ(findings[1].code, "connect-timeout");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

TEST(ListenOverflow, does_not_explain_connects_elsewhere) {
  for (const Finding& f : diagnose(connects_to_itself(overflowed(143), "10.0.0.77").build())) {
    EXPECT_THAT(f.caused_by, IsEmpty());
  }
}

TEST(ListenOverflow, explains_as_long_as_the_queue_was_full) {
  // The clients' SYNs are dropped at 10 and 30 s only, but the queue was full all the time.
  PictureBuilder full_all_the_time = connects_to_itself(overflowed_at(143, {full("0.0.0.0", 8080)}));
  full_all_the_time.raw().netns[0].overflow.samples = 2;
  EXPECT_THAT(diagnose(full_all_the_time.build())[1].caused_by, ElementsAre(0U));
  PictureBuilder twice = connects_to_itself(overflowed(143));
  twice.raw().netns[0].overflow.samples = 2;
  for (const Finding& f : diagnose(twice.build())) EXPECT_THAT(f.caused_by, IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
