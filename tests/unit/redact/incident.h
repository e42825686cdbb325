// SPDX-License-Identifier: Apache-2.0
// One trace with a bit of everything: a record of each kind, and findings of several rules.
#pragma once

#include <string>

#include "unit/correlate/event_builder.h"
#include "unit/correlate/sample_builder.h"
#include "unit/session/slice/recorded_stream.h"

namespace tcpdiag::redact::testing {

inline constexpr std::uint32_t kHostNetns = 4026531840;
inline constexpr std::uint32_t kBlueNetns = 4026532001;

inline model::TraceStart start_of_incident() {
  model::TraceStart start = correlate::testing::trace_start();
  start.command = {"/home/alice/bin/tcpdiag", "trace", "-A", "10.0.0.0/8", "--comm=ruby", "-o", "/home/alice/x"};
  start.filters.comms = {"ruby"};
  start.filters.cgroups = {{.path = "/system.slice/puma.service", .id = 911, .below = {}}};
  start.filters.local = {*model::Cidr::parse("10.0.0.0/8")};
  start.filters.remote = {*model::Cidr::parse("10.0.0.2")};
  start.filters.netns_as_given = {"/run/netns/blue", "4026531840"};
  start.filters.netns_inodes = {kHostNetns, kBlueNetns};
  start.filters.expression = *model::parse_expression("dst port 443 or net 10.0.0.0/8 and not host 2001:db8::1");
  start.host.hostname = "ip-10-0-0-1";
  start.host.kernel = "6.18.0";
  start.host.instance_type = "t4g.micro";
  start.host.instance_type_source = "dmi";
  start.netns = {{.inode = kHostNetns, .name = "", .is_self = true}, {.inode = kBlueNetns, .name = "blue"}};
  start.other_netns = {{.inode = 4026532999, .pid = 4711, .comm = "ruby", .established = 3, .sockets = 4}};
  start.abilities.push_back({"socket_storage", false, "kernel before 5.11"});
  start.abilities.push_back({"strange_feature", false, "alice may not read /home/alice"});
  return start;
}

inline void add_counters(tcpdiag::testing::Stream& stream) {
  using correlate::testing::ms;
  using correlate::testing::turn;
  for (int n = 0; n <= 9; ++n) {
    const auto i = static_cast<std::uint64_t>(n);
    for (const std::uint32_t inode : {kHostNetns, kBlueNetns}) {
      model::NetnsSample counters{.at = ms(turn(n + 1)), .netns_inode = inode};
      counters.counters = {{"ListenOverflows", 3 * i}, {"ListenDrops", 3 * i}};
      counters.full_listeners = {{{*model::Address::parse("127.0.0.1"), 8080}, 129, 128},
                                 {{*model::Address::parse("::1"), 8081}, 129, 128}};
      stream.on_sample(counters);
    }
    model::NicSample nic{.at = ms(turn(n + 1)), .device = "ens5", .netns_inode = kHostNetns, .driver = "ena"};
    nic.driver_version = "2.13.0g";
    nic.counters_supported = true;
    nic.exceeded = {{"bw_out", 500 * i}, {"bw_in", 0}, {"pps", 0}, {"conntrack", 0}, {"linklocal", 0}};
    stream.on_sample(nic);
    nic.device = "br-acme";
    nic.driver = "acme";
    stream.on_sample(nic);
  }
}

// Resets of unanswered requests, refused connects, timed-out connects to this host's own loopback, an abortive close.
inline tcpdiag::testing::Stream incident() {
  using namespace correlate::testing;
  using model::Role;
  tcpdiag::testing::Stream stream;
  const auto emit = [&stream](const model::Event& event) { stream.on_event(event); };
  stream.on_sample(start_of_incident());
  stream.on_sample(model::ProcessInfo{811, "ruby", 911, "/system.slice/puma.service"});
  stream.on_sample(model::ProcessInfo{812, "redis-server", 912, "/"});

  Conversation older(emit, 1, Role::kOutbound);
  older.older_than_trace().snapshot(stream, 1, model::SnapshotMoment::kStart);
  for (std::uint64_t id = 10; id < 24; ++id) {
    Conversation api(emit, id, Role::kOutbound);
    api.ref.remote.address = *model::Address::parse(id % 2 == 0 ? "203.0.113.40" : "2001:db8::40");
    const double at = 100 * static_cast<double>(id);
    api.open(at);
    api.exchange(at + 5, 10);
    api.request(at + 20);
    api.acked(at + 25);
    api.reset_received(at + 5000);
  }
  for (std::uint64_t id = 30; id < 36; ++id) {
    Conversation refused(emit, id, Role::kOutbound, 6379);
    refused.connect(200 * static_cast<double>(id) - 5000);
    refused.reset_received(200 * static_cast<double>(id) - 4999);
  }
  for (std::uint64_t id = 40; id < 46; ++id) {
    Conversation self(emit, id, Role::kOutbound, 8080);
    self.ref.local.address = self.ref.remote.address = *model::Address::parse("127.0.0.1");
    self.connect(100 * static_cast<double>(id));
    self.syn_retransmitted(100 * static_cast<double>(id) + 1000);
    self.gone(100 * static_cast<double>(id) + 3000, ETIMEDOUT);
    Conversation served(emit, id + 10, Role::kInbound);
    served.ref.local.address = *model::Address::parse("127.0.0.1");
    served.ref.remote.address = *model::Address::parse("169.254.7.7");
    served.who = owner(812, "redis-server");
    served.open(100 * static_cast<double>(id));
    served.request(100 * static_cast<double>(id) + 10);
    served.abort(100 * static_cast<double>(id) + 2000, {.reason = 11});
  }
  model::Event stray{ms(7000), {}, {}, {}, model::ResetSent{.reason = 1, .answers_packet = true}};
  stray.socket.local = {*model::Address::parse("10.0.0.1"), 9999};
  stray.socket.remote = {*model::Address::parse("192.168.3.4"), 50001};
  stray.socket.netns_inode = kHostNetns;
  stream.on_event(stray);

  model::DnsMessage query{.at = ms(7100), .netns_inode = kHostNetns, .id = 7, .first_sent_at = ms(7100)};
  query.local = {*model::Address::parse("10.0.0.1"), 40001};
  query.resolver = {*model::Address::parse("10.0.0.53"), 53};
  query.owner = owner(811, "ruby");
  query.name = "api.acme.example";
  stream.on_sample(query);

  Sampled api;
  api.now.key.at.address = *model::Address::parse("203.0.113.40");
  api.now.device = "br-acme";
  for (int n = 1; n <= 9; ++n) {
    api.exchanges(50);
    api.add(model::Measure::kFirstByte, 10000, 50);
    api.add(model::Measure::kPathQueue, 900, 50);
    api.send(stream, turn(n));
  }
  add_counters(stream);
  older.snapshot(stream, 9990, model::SnapshotMoment::kEnd);
  model::TraceEnd end{.at = ms(10000)};
  end.sockets_filtered_out = 3;
  end.busiest_filtered_out = {{remote_endpoint(9), 2, 1000}};
  stream.on_sample(end);
  return stream;
}

}  // namespace tcpdiag::redact::testing
