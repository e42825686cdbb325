// SPDX-License-Identifier: Apache-2.0
// However many different things are reported, what is remembered stays within its limits, and what was left out is
// counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "correlate/assemble.h"
#include "correlate/keep_limits.h"
#include "correlate/state.h"
#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

constexpr std::uint32_t kMany = 1'000'000;
// Some of these per millisecond: all that is remembered for a second or two has no room.
constexpr double kEveryMs = 0.02;

const Limits kSmall{.open_sockets = 500,
                    .failed_sockets = 100,
                    .healthy_sockets = 50,
                    .endpoints = 64,
                    .processes = 128,
                    .nics = 8,
                    .timeline_entries = 16,
                    .series_bytes = 1U << 20};

model::Address address_of(std::uint32_t number) {
  model::Address address = *model::Address::parse("10.0.0.0");
  for (int i = 0; i < 3; ++i)
    address.bytes[static_cast<std::size_t>(15 - i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return address;
}

struct Storm {
  State state{kSmall};

  Storm() {
    state.start = trace_start();
    state.netns.emplace_back(4026531840);
  }

  Conversation conversation(std::uint32_t number, model::Role role = model::Role::kOutbound) {
    Conversation c([this](const model::Event& event) { apply_event(state, event); }, number, role);
    c.who = owner(number, "p" + std::to_string(number));
    return c;
  }

  void check_endpoint(const EndpointRecord& endpoint) const {
    const Tally& tally = endpoint.folded;
    ASSERT_LE(tally.processes.size(), kEndpointProcessesMax + kEndpointNamesMax + 1);
    ASSERT_LE(tally.peers.size(), kEndpointPeersMax);
    ASSERT_LE(tally.failed.size(), model::kConnectOutcomes + 4U);
    ASSERT_LE(tally.call_threads.size(), kCallThreadsMax);
    ASSERT_LE(tally.rises.size(), model::Histogram::kBuckets);
    ASSERT_LE(endpoint.reset_reasons.size(), kReasonsKept + 1);
    ASSERT_LE(endpoint.histograms.size(), 32U);  // their names are the program's own
  }

  void check() const {
    const Limits& limits = state.limits;
    ASSERT_LE(state.sockets.size(), limits.open_sockets);
    ASSERT_LE(state.ended.size(), limits.open_sockets);
    ASSERT_LE(state.open_now, limits.open_sockets);
    ASSERT_LE(state.endpoints.size(), limits.endpoints);
    ASSERT_EQ(state.endpoint_index.size(), state.endpoints.size());
    ASSERT_LE(state.series_bytes, limits.series_bytes);
    ASSERT_LE(state.stray.reasons.size(), kReasonsKept + 1);
    ASSERT_EQ(state.netns.size(), 1U);
    ASSERT_LE(state.nics.size(), limits.nics);
    ASSERT_LE(state.kept.failed.size() + state.kept.notable.size(), limits.failed_sockets);
    ASSERT_LE(state.kept.healthy.size(), limits.healthy_sockets);
    ASSERT_LE(state.idle_endpoints.size(), state.endpoints.size());
    ASSERT_LE(state.evicted.sums.size(), kEvictedSums);
    ASSERT_LE(state.processes.size(), limits.processes);
    ASSERT_LE(state.cgroups.size(), limits.processes);
    ASSERT_LE(state.process_keys.size(), limits.processes);
    const NewestConnects& connects = state.connects;
    ASSERT_LE(connects.established.size(), kEstablishedKept);
    ASSERT_EQ(connects.established_order.size(), connects.established.size());
    ASSERT_LE(connects.failed.size(), connects.failed_order.size());
    ASSERT_LE(connects.failed_order.size(), kFailedKept);
    for (const EndpointRecord& endpoint : state.endpoints) check_endpoint(endpoint);
    for (const auto& [id, socket] : state.sockets) ASSERT_LE(socket.timeline.size(), limits.timeline_entries);
  }

  // what(number, ms since the beginning) kMany times.
  template <typename What>
  void many(What what) {
    for (std::uint32_t i = 1; i <= kMany; ++i) {
      what(i, i * kEveryMs);
      if (i % 50'000 == 0) {
        check();
        if (::testing::Test::HasFatalFailure()) FAIL() << "after " << i;
      }
    }
  }
};

TEST(Memory, sockets_of_one_endpoint) {
  Storm storm;
  storm.many([&](std::uint32_t i, double at) {
    auto c = storm.conversation(i);
    c.open(at, 0.001);
    if (i % 3 == 0) c.gone(at + 0.003);
  });
  EXPECT_GT(storm.state.loss.sockets_full, 0U);
  EXPECT_GT(storm.state.loss.processes_full, 0U);
  EXPECT_EQ(storm.state.events_seen, kMany * 2 + kMany / 3);
}

TEST(Memory, refused_and_failed_sockets) {
  Storm storm;
  storm.many([&](std::uint32_t i, double at) {
    auto c = storm.conversation(i);
    if (i % 2 == 0) {
      c.connect(at);
      c.reset_received(at + 0.001);
      return;
    }
    c.open(at, 0.001);
    c.request(at + 0.002);
    c.reset_received(at + 0.003);
    c.gone(at + 0.004);
  });
  const KeptSockets& kept = storm.state.kept;
  EXPECT_EQ(kept.failed.size() + kept.notable.size(), kSmall.failed_sockets);
  EXPECT_GE(storm.state.loss.sockets_full, kept.failed_omitted);
  EXPECT_GT(kept.failed_omitted, kMany / 2);
  EXPECT_GT(kept.failed.front().ref.id.value, kMany - 2 * kSmall.open_sockets);  // the newest
}

TEST(Memory, one_socket_that_connects_again_and_again) {
  Storm storm;
  storm.many([&](std::uint32_t, double at) {
    auto c = storm.conversation(7);
    c.connect(at);
    c.reset_received(at + 0.001);
  });
  EXPECT_EQ(storm.state.sockets.size(), 1U);
}

TEST(Memory, clients_of_one_endpoint) {
  Storm storm;
  storm.many([&](std::uint32_t i, double at) {
    auto inbound = storm.conversation(i, model::Role::kInbound);
    inbound.ref.remote.address = address_of(i);
    inbound.open(at, 0.001);
    inbound.gone(at + 0.002);
  });
  EXPECT_EQ(storm.state.endpoints.size(), 1U);
}

TEST(Memory, endpoints_that_stay_open) {
  Storm storm;
  storm.state.limits.open_sockets = kMany;
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    auto c = storm.conversation(i);
    c.ref.remote = {address_of(i), 443};
    c.open(i, 0.001);
  }
  EXPECT_EQ(storm.state.endpoints.size(), kSmall.endpoints);
  EXPECT_EQ(storm.state.loss.endpoints_full, 1000 - kSmall.endpoints);
  EXPECT_EQ(storm.state.evicted.count, 0U);
}

// The source has room for one endpoint of ten, and emits it for as long as it stays there: also when it gave way
// here.
TEST(Memory, a_million_endpoints_pass_through) {
  constexpr std::uint32_t kSlots = 64;
  constexpr std::uint32_t kASecond = 500;
  Storm storm;
  storm.state.limits.endpoints = 256;
  std::array<model::EndpointSample, kSlots> slots;
  std::uint32_t seconds = 0;
  for (std::uint32_t i = 1; i <= kMany; ++i) {
    const double at = 2.0 * i;
    auto c = storm.conversation(i);
    c.ref.remote = {address_of(i), 443};
    c.open(at, 0.001);
    c.exchange(at + 0.01, 0.1);
    c.gone(at + 0.3);
    if (i % 10 == 0) {
      model::EndpointSample& slot = slots[i / 10 % kSlots];
      slot = {};
      slot.key = {model::Role::kOutbound, c.ref.remote, c.ref.netns_inode};
      slot.exchanges = 1;
      slot.bytes_sent = 100;
      slot.bytes_received = 1000;
      slot.of(model::Measure::kFirstByte).add(100);
    }
    if (i % kASecond != 0) continue;
    ++seconds;
    for (model::EndpointSample& sample : slots) {
      sample.at = ms(at + 1);
      apply_sample(storm.state, sample);
    }
    if (seconds % 100 != 0) continue;
    storm.check();
    if (::testing::Test::HasFatalFailure()) FAIL() << "after " << i;
  }
  const State& state = storm.state;
  EXPECT_EQ(state.endpoints.size(), 256U);
  EXPECT_EQ(state.evicted.count, kMany - 256);
  EXPECT_EQ(state.loss.total() - state.loss.processes_full, 0U);
  apply_sample(storm.state, model::TraceEnd{.at = ms(2.0 * kMany + 5000)});
  const model::Picture picture = assemble(state, state.end->at);
  EXPECT_EQ(picture.endpoints_evicted, kMany - 256);
  EXPECT_EQ(picture.totals.sockets_seen, kMany);
  EXPECT_EQ(picture.totals.connects, kMany);
  EXPECT_EQ(picture.totals.exchanges, kMany);
  EXPECT_EQ(picture.totals.bytes_sent, 100ULL * kMany);
  EXPECT_EQ(picture.totals.bytes_received, 1000ULL * kMany);
  const auto measured = std::count_if(picture.endpoints.begin(), picture.endpoints.end(), [](const auto& endpoint) {
    const auto found = endpoint.histograms.find(model::Measure::kFirstByte);
    return found != endpoint.histograms.end() && found->second.count() == 1 && endpoint.totals.exchanges == 1;
  });
  EXPECT_GE(measured, 256 / 10);
}

TEST(Memory, processes_and_cgroups) {
  Storm storm;
  storm.many([&](std::uint32_t i, double) {
    apply_sample(storm.state, model::ProcessInfo{i, "p", i, "/some/cgroup-" + std::to_string(i)});
    // one process that moves from cgroup to cgroup
    apply_sample(storm.state, model::ProcessInfo{1, "p", kMany + i, "/other/cgroup-" + std::to_string(i)});
  });
  EXPECT_EQ(storm.state.processes.size(), kSmall.processes);
  EXPECT_EQ(storm.state.cgroups.size(), kSmall.processes);
  EXPECT_GE(storm.state.loss.processes_full, 2 * (kMany - kSmall.processes));
}

TEST(Memory, reasons_of_resets_and_cards) {
  Storm storm;
  storm.many([&](std::uint32_t i, double at) {
    model::Event stray{ms(at), {}, {}, {}, model::ResetSent{.reason = i}};
    apply_event(storm.state, stray);
    auto c = storm.conversation(1);
    c.emit(at, model::ResetSent{.reason = i}, TcpState::kEstablished);
    if (i % 1000 == 0) {
      apply_sample(storm.state, model::NicSample{.at = ms(at), .device = "eth" + std::to_string(i), .netns_inode = i});
    }
  });
  EXPECT_EQ(storm.state.stray.sent, kMany);
  std::uint64_t reported = 0;
  for (const auto& [name, count] : storm.state.stray.reasons) reported += count;
  EXPECT_EQ(reported, kMany);
}

TEST(Memory, processes_of_one_endpoint) {
  // With room in the table of processes each endpoint has its own bound.
  Storm storm;
  storm.state.limits.processes = 4096;
  storm.many([&](std::uint32_t i, double at) {
    auto c = storm.conversation(i);
    c.open(at, 0.001);
    c.gone(at + 0.002);
  });
  const auto& processes = storm.state.endpoints.at(0).folded.processes;
  EXPECT_EQ(processes.size(), kEndpointProcessesMax + kEndpointNamesMax + 1);
  std::uint64_t sockets = 0;
  for (const auto& [key, process] : processes) sockets += process.sockets_seen;
  EXPECT_EQ(sockets, storm.state.endpoints[0].folded.totals.sockets_seen);
  EXPECT_GE(storm.state.loss.processes_full, sockets - kEndpointProcessesMax);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
