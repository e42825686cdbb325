// SPDX-License-Identifier: Apache-2.0
// The decoder against events as the kernel programs write them, and against bytes that nobody should have written.
#include "source/bpf/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace tcpdiag::bpf {
namespace {

using model::Duration;
using model::MonoTime;

std::span<const std::byte> bytes_of(const tcpd_wire_event& wire) { return std::as_bytes(std::span(&wire, 1)); }

tcpd_wire_event a_reset() {
  tcpd_wire_event wire{};
  wire.kind = TCPD_EVENT_RESET_RECEIVED;
  wire.size = sizeof(wire);
  wire.at_ns = 5'000'000'000;
  wire.sock.id = wire.sock.cookie = 253;
  wire.sock.laddr[10] = wire.sock.laddr[11] = 0xff;
  wire.sock.laddr[12] = 10;
  wire.sock.laddr[15] = 1;
  std::memcpy(wire.sock.raddr, wire.sock.laddr, 16);
  wire.sock.raddr[15] = 2;
  wire.sock.lport = 41822;
  wire.sock.rport = 443;
  wire.sock.netns = 4026531840;
  wire.sock.role = TCPD_ROLE_OUTBOUND;
  wire.sock.role_source = TCPD_ROLE_BY_CONNECT;
  wire.owner.tgid = 811;
  wire.owner.tid = 812;
  wire.owner.ns_tgid = 7;
  wire.owner.source = TCPD_OWNER_CALLER;
  wire.owner.cgroup_id = 1ULL << 60;
  std::memcpy(wire.owner.comm, "ruby", 5);
  wire.flow.state = static_cast<std::uint8_t>(model::TcpState::kEstablished);
  wire.flow.outstanding = 1;
  wire.flow.request_first_ns = 2'000'000'000;
  wire.flow.idle_before_request_ns = TCPD_UNKNOWN_NS;
  wire.flow.bytes_acked = 1412;
  wire.flow.srtt_us = 800;
  return wire;
}

tcpd_wire_dns an_answer() {
  tcpd_wire_dns wire{};
  wire.kind = TCPD_RECORD_DNS;
  wire.size = sizeof(wire);
  wire.at_ns = 5'000'000'000;
  wire.first_sent_ns = 4'700'000'000;
  wire.laddr[10] = wire.laddr[11] = wire.raddr[10] = wire.raddr[11] = 0xff;
  wire.laddr[12] = wire.raddr[12] = 10;
  wire.laddr[15] = 1;
  wire.raddr[15] = 53;
  wire.lport = 41822;
  wire.rport = 53;
  wire.id = 0xbeef;
  wire.flags = 0x8182;
  wire.netns = 4026531840;
  wire.is_answer = 1;
  return wire;
}

std::span<const std::byte> bytes_of(const tcpd_wire_dns& wire) { return std::as_bytes(std::span(&wire, 1)); }

TEST(Decoder, TellsAnAnswerToAQueryForAName) {
  EXPECT_TRUE(is_dns(bytes_of(an_answer())));
  EXPECT_FALSE(is_dns(bytes_of(a_reset())));
  const auto message = decode_dns(bytes_of(an_answer()));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->at - message->first_sent_at, std::chrono::milliseconds(300));
  EXPECT_EQ(message->local.to_string(), "10.0.0.1:41822");
  EXPECT_EQ(message->resolver.to_string(), "10.0.0.53:53");
  EXPECT_EQ(message->id, 0xbeef);
  EXPECT_EQ(message->rcode(), 2);
  EXPECT_TRUE(message->is_answer);
  EXPECT_FALSE(message->owner);
}

TEST(Decoder, RefusesDnsMessagesThatCannotBe) {
  const auto refuses = [](auto spoil) {
    tcpd_wire_dns wire = an_answer();
    spoil(wire);
    return !decode_dns(bytes_of(wire));
  };
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.size = 8; }));
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.kind = TCPD_EVENT_CONNECT; }));
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.is_answer = 2; }));
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.first_sent_ns = w.at_ns + 1; }));
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.at_ns = ~0ULL; }));
  EXPECT_TRUE(refuses([](tcpd_wire_dns& w) { w.owner.source = 99; }));
  EXPECT_FALSE(decode_dns(bytes_of(an_answer()).first(sizeof(tcpd_wire_dns) - 1)));
  EXPECT_FALSE(is_dns(bytes_of(an_answer()).first(1)));
}

TEST(Decoder, TellsAReset) {
  const auto event = decode_event(bytes_of(a_reset()));
  ASSERT_TRUE(event);
  EXPECT_TRUE(std::holds_alternative<model::ResetReceived>(event->body));
  EXPECT_EQ(event->at, MonoTime(std::chrono::seconds(5)));
  EXPECT_EQ(event->socket.id.value, 253U);
  EXPECT_EQ(event->socket.local.to_string(), "10.0.0.1:41822");
  EXPECT_EQ(event->socket.remote.to_string(), "10.0.0.2:443");
  EXPECT_EQ(event->socket.role, model::Role::kOutbound);
  ASSERT_TRUE(event->owner);
  EXPECT_EQ(event->owner->comm, "ruby");
  EXPECT_EQ(event->owner->pid, 811U);
  EXPECT_EQ(event->owner->cgroup_id, 1ULL << 60);
  EXPECT_EQ(event->flow.state, model::TcpState::kEstablished);
  EXPECT_TRUE(event->flow.outstanding);
  EXPECT_EQ(event->flow.request_first_at, MonoTime(std::chrono::seconds(2)));
  EXPECT_FALSE(event->flow.idle_before_request);
  EXPECT_FALSE(event->flow.established_at);
  EXPECT_EQ(event->flow.bytes_sent, 1412U);
}

TEST(Decoder, TellsTheInitialSequenceNumbersThatAreKnown) {
  tcpd_wire_event wire = a_reset();
  EXPECT_FALSE(decode_event(bytes_of(wire))->socket.initial_seq_local);
  wire.sock.has_initial_seq_local = 1;  // 0 is a number like any other
  wire.sock.initial_seq_remote = 7;
  EXPECT_EQ(decode_event(bytes_of(wire))->socket.initial_seq_local, 0U);
  EXPECT_FALSE(decode_event(bytes_of(wire))->socket.initial_seq_remote);
  wire.sock.has_initial_seq_remote = 1;
  EXPECT_EQ(decode_event(bytes_of(wire))->socket.initial_seq_remote, 7U);
}

TEST(Decoder, CommThatFillsItsFieldEndsThere) {
  tcpd_wire_event wire = a_reset();
  std::memset(wire.owner.comm, 'x', sizeof(wire.owner.comm));
  const auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->owner->comm, std::string(TCPD_COMM_LEN, 'x'));
}

TEST(Decoder, NoOwnerIsNoOwner) {
  tcpd_wire_event wire = a_reset();
  wire.owner = {};
  const auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->owner);
}

TEST(Decoder, TellsWhenARetransmittedSegmentFirstLeft) {
  tcpd_wire_event wire = a_reset();
  wire.kind = TCPD_EVENT_RETRANSMIT;
  wire.body.retrans.first_sent_ns = 4'800'000'000;
  wire.body.retrans.first_bound_us = 250;
  auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  const auto& known = std::get<model::Retransmitted>(event->body);
  EXPECT_EQ(known.first_sent_at, MonoTime(std::chrono::milliseconds(4800)));
  EXPECT_EQ(known.first_sent_bound, std::chrono::microseconds(250));

  wire.body.retrans.first_sent_ns = 0;
  event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_FALSE(std::get<model::Retransmitted>(event->body).first_sent_at);
  wire.body.retrans.first_sent_ns = ~0ULL;
  EXPECT_FALSE(decode_event(bytes_of(wire)));

  wire.body = {};
  wire.kind = TCPD_EVENT_SYNACK;
  wire.body.synack.first_sent_ns = 4'000'000'000;
  event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<model::SynAckRetransmitted>(event->body).first_sent_at, MonoTime(std::chrono::seconds(4)));
  wire.body.synack.first_sent_ns = ~0ULL;
  EXPECT_FALSE(decode_event(bytes_of(wire)));
}

TEST(Decoder, TellsADroppedPacket) {
  tcpd_wire_event wire = a_reset();
  wire.kind = TCPD_EVENT_DROPPED;
  wire.body.dropped = {
      .reason = 12, .segments = 2, .seq = 0xfffffff0, .end_seq = 0x11, .flags = 0x13, .incoming = 1, .pad = {}};
  const auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  const auto& dropped = std::get<model::Dropped>(event->body);
  EXPECT_TRUE(dropped.incoming);
  EXPECT_EQ(dropped.reason, 12U);
  EXPECT_TRUE(dropped.is_syn);
  EXPECT_TRUE(dropped.is_fin);
  EXPECT_FALSE(dropped.is_rst);
  EXPECT_EQ(dropped.segments, 2U);
  EXPECT_EQ(dropped.bytes(), 31U) << "without SYN and FIN";
  wire.body.dropped.incoming = 2;
  EXPECT_FALSE(decode_event(bytes_of(wire)));
}

TEST(Decoder, TellsTheCallAndWhoReadTheRequest) {
  tcpd_wire_event wire = a_reset();
  wire.kind = TCPD_EVENT_SLOW_ANSWER;
  wire.flow.app_gap_us = 1'500'000;
  wire.flow.app_gap_ambiguous = 1;
  wire.flow.call_tid = 812;
  wire.flow.request_read_ns = 3'000'000'000;
  wire.flow.calls_since_read = 2;
  auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_TRUE(std::holds_alternative<model::SlowAnswer>(event->body));
  EXPECT_EQ(event->flow.app_gap, std::chrono::milliseconds(1500));
  EXPECT_TRUE(event->flow.app_gap_ambiguous);
  EXPECT_EQ(event->flow.call_tid, 812U);
  EXPECT_EQ(event->flow.request_read_at, MonoTime(std::chrono::seconds(3)));
  EXPECT_EQ(event->flow.calls_since_read, 2);

  wire.flow.app_gap_us = TCPD_UNKNOWN_US;
  wire.flow.calls_since_read = TCPD_UNKNOWN_CALLS;
  wire.flow.request_read_ns = 0;
  event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->flow.app_gap);
  EXPECT_FALSE(event->flow.calls_since_read);
  EXPECT_FALSE(event->flow.request_read_at);
}

TEST(Decoder, TellsTheBodies) {
  tcpd_wire_event wire = a_reset();
  wire.kind = TCPD_EVENT_STATE;
  wire.body.state.from = 2;
  wire.body.state.to = 7;
  wire.body.state.socket_error = 111;
  wire.body.state.syn_was_sent = 1;
  auto event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  const auto& state = std::get<model::StateChanged>(event->body);
  EXPECT_EQ(state.from, model::TcpState::kSynSent);
  EXPECT_EQ(state.to, model::TcpState::kClose);
  EXPECT_EQ(state.socket_error, 111);
  EXPECT_TRUE(state.syn_was_sent);
  EXPECT_FALSE(state.by_application);

  wire.body = {};
  wire.kind = TCPD_EVENT_RESET_SENT;
  wire.body.reset.reason = -1;
  wire.body.reset.previous_state = 1;
  event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_FALSE(std::get<model::ResetSent>(event->body).reason);
  wire.body.reset.reason = 11;
  event = decode_event(bytes_of(wire));
  EXPECT_EQ(std::get<model::ResetSent>(event->body).reason, 11U);

  wire.body = {};
  wire.kind = TCPD_EVENT_RETRANSMIT;
  wire.body.retrans.error = -16;
  wire.body.retrans.segments = 3;
  wire.body.retrans.ca_state = 4;
  event = decode_event(bytes_of(wire));
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<model::Retransmitted>(event->body).error, -16);
  EXPECT_EQ(std::get<model::Retransmitted>(event->body).segments, 3U);
}

TEST(Decoder, EveryKindOfTheListIsKnown) {
  for (int kind = TCPD_EVENT_NONE + 1; kind < TCPD_EVENT_COUNT; ++kind) {
    tcpd_wire_event wire = a_reset();
    wire.kind = static_cast<std::uint16_t>(kind);
    EXPECT_TRUE(decode_event(bytes_of(wire))) << kind;
  }
}

TEST(Decoder, RefusesWhatDoesNotFit) {
  const tcpd_wire_event good = a_reset();
  for (std::size_t size = 0; size < sizeof(good); ++size) {
    EXPECT_FALSE(decode_event(bytes_of(good).first(size))) << size;
  }
  const auto refused = [](auto change) {
    tcpd_wire_event wire = a_reset();
    change(wire);
    return !decode_event(bytes_of(wire));
  };
  EXPECT_TRUE(refused([](auto& w) { w.kind = TCPD_EVENT_NONE; }));
  EXPECT_TRUE(refused([](auto& w) { w.kind = TCPD_EVENT_COUNT; }));
  EXPECT_TRUE(refused([](auto& w) { w.size = sizeof(w) - 8; }));
  EXPECT_TRUE(refused([](auto& w) { w.at_ns = 1ULL << 63; }));
  EXPECT_TRUE(refused([](auto& w) { w.sock.role = 3; }));
  EXPECT_TRUE(refused([](auto& w) { w.sock.role_source = 200; }));
  EXPECT_TRUE(refused([](auto& w) { w.sock.has_initial_seq_local = 2; }));
  EXPECT_TRUE(refused([](auto& w) { w.sock.has_initial_seq_remote = 2; }));
  EXPECT_TRUE(refused([](auto& w) { w.owner.source = 9; }));
  EXPECT_TRUE(refused([](auto& w) { w.flow.state = 13; }));
  EXPECT_TRUE(refused([](auto& w) { w.flow.syn_ns = ~0ULL; }));
  EXPECT_TRUE(refused([](auto& w) {
    w.kind = TCPD_EVENT_STATE;
    w.body.state.to = 77;
  }));
}

TEST(Decoder, AnyBytesGiveAnEventOrARefusal) {
  std::mt19937_64 random(20260101);
  std::vector<std::byte> bytes(sizeof(tcpd_wire_event) + 64);
  const tcpd_wire_event good = a_reset();
  std::size_t decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    std::memcpy(bytes.data(), &good, sizeof(good));
    const auto flips = random() % 8;
    for (std::uint64_t i = 0; i < flips; ++i) bytes[random() % bytes.size()] = std::byte(random());
    const std::size_t size = random() % (bytes.size() + 1);
    decoded += decode_event(std::span(bytes).first(round % 2 == 0 ? sizeof(good) : size)).has_value();
    (void)decode_snapshot(std::span(bytes).first(size), model::SnapshotMoment::kStart);
  }
  EXPECT_GT(decoded, 1000U);
}

TEST(Decoder, TheKernelSidesBucketsAreTheHistograms) {
  const auto same = [](std::uint64_t us) { ASSERT_EQ(tcpd_bucket_of(us), model::Histogram::bucket_of(us)) << us; };
  for (std::uint64_t us = 0; us < 100'000; ++us) same(us);
  std::mt19937_64 random(20260102);
  for (int i = 0; i < 200'000; ++i) same(random() >> (random() % 64));
  for (unsigned bit = 0; bit < 64; ++bit) {
    same((1ULL << bit) - 1);
    same(1ULL << bit);
    same((1ULL << bit) + 1);
  }
}

TEST(Decoder, SumsTheAggregatesOfAllCpus) {
  std::vector<tcpd_endpoint_stats> each(2);
  each[0].exchanges = 2;
  each[0].measures[TCPD_FIRST_BYTE].buckets[model::Histogram::bucket_of(1000)] = 2;
  each[0].measures[TCPD_FIRST_BYTE].sum_us = 2000;
  each[0].measures[TCPD_FIRST_BYTE].min_us = 1000;
  each[0].measures[TCPD_FIRST_BYTE].max_us = 1000;
  each[1].exchanges = 1;
  each[1].measures[TCPD_FIRST_BYTE].buckets[model::Histogram::bucket_of(5)] = 1;
  each[1].measures[TCPD_FIRST_BYTE].sum_us = 5;
  each[1].measures[TCPD_FIRST_BYTE].min_us = 5;
  each[1].measures[TCPD_FIRST_BYTE].max_us = 5;
  tcpd_endpoint_shared shared{};
  shared.floor_kernel_us = 8;
  shared.tick = TCPD_TICK_1MS;
  std::memset(shared.device, 'd', sizeof(shared.device));
  const auto sample = decode_stats({}, each, shared, MonoTime{});
  const model::Histogram& first_byte = sample.of(model::Measure::kFirstByte);
  EXPECT_EQ(sample.floor_kernel_us, 8U);
  EXPECT_FALSE(sample.floor_handshake_us);
  EXPECT_FALSE(sample.tick_unknown);
  EXPECT_EQ(sample.device, std::string(sizeof(shared.device), 'd'));
  EXPECT_EQ(sample.exchanges, 3U);
  EXPECT_EQ(first_byte.count(), 3U);
  EXPECT_EQ(first_byte.sum(), 2005U);
  EXPECT_EQ(first_byte.min(), 5U);
  EXPECT_EQ(first_byte.max(), 1000U);
  EXPECT_EQ(sample.of(model::Measure::kLastByte).count(), 0U);
}

// They become nanoseconds, and must fit.
TEST(Decoder, microseconds_are_cut_off_where_nanoseconds_end) {
  std::vector<tcpd_endpoint_stats> each(2);
  each[0].zero_window_sent_us = each[0].zero_window_received_us = model::kLongestUs;
  each[1].zero_window_sent_us = each[1].zero_window_received_us = model::kLongestUs - 1;
  const model::EndpointSample sample = decode_stats({}, each, {}, MonoTime{});
  EXPECT_EQ(sample.zero_window_sent_us, model::kLongestUs);
  EXPECT_EQ(sample.zero_window_received_us, model::kLongestUs);
  each[1].survived_silence_us = each[1].zero_window_longest_us = std::uint64_t{1} << 56U;
  EXPECT_EQ(decode_stats({}, each, {}, MonoTime{}).survived_silence_us, model::kLongestUs);
  EXPECT_EQ(decode_stats({}, each, {}, MonoTime{}).zero_window_longest_us, model::kLongestUs);
}

}  // namespace
}  // namespace tcpdiag::bpf
