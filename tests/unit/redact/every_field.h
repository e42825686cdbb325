// SPDX-License-Identifier: Apache-2.0
// Visits every text and every address of a record that may tell something. Each structure is taken apart by a
// structured binding: a field that is added to the model does not compile here until somebody has decided about it.
//
// Left out are texts that stay as they are: versions, architecture, instance types, random ids, the kernel's own names.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <variant>

#include "model/event.h"
#include "model/sample.h"
#include "unit/session/slice/recorded_stream.h"

namespace tcpdiag::redact::testing {

// What the events say beside socket, owner and figures are numbers, and so are the figures: nothing to visit.
static_assert(std::is_trivially_copyable_v<model::Flow>);
static_assert(std::is_trivially_copyable_v<model::EventBody>);

inline constexpr const char* kStrangeFeature = "strange_feature";

class EveryField {
 public:
  std::function<void(std::string&)> text = [](std::string&) {};
  std::function<void(model::Address&)> address = [](model::Address&) {};

  void visit(model::Event& event) const {
    auto& [at, socket, flow, owner, body] = event;
    visit(socket);
    if (owner) visit(*owner);
  }
  void visit(model::Sample& sample) const {
    std::visit([this](auto& one) { visit(one); }, sample);
  }
  void visit(tcpdiag::testing::Record& record) const {
    std::visit([this](auto& one) { visit(one); }, record);
  }

 private:
  void visit(model::SocketAddress& socket_address) const {
    auto& [of, port] = socket_address;
    address(of);
  }
  void visit(model::SocketRef& ref) const {
    auto& [id, cookie, role, role_source, older_than_trace, local, remote, netns_inode, initial_seq_local,
           initial_seq_remote] = ref;
    visit(local);
    visit(remote);
  }
  void visit(model::Owner& owner) const {
    auto& [pid, tid, ns_pid, comm, cgroup_id, source, shared] = owner;
    text(comm);
  }
  void visit(model::Cidr& block) const {
    auto& [of, prefix_length] = block;
    address(of);
  }
  void visit(model::Filters& filters) const {
    auto& [pids, children, descendants, comms, cgroups, local_ports, remote_ports, local, remote, families,
           netns_inodes, role, expression, netns_as_given] = filters;
    for (std::string& comm : comms) text(comm);
    for (model::CgroupFilter& cgroup : cgroups) {
      auto& [path, id, below] = cgroup;
      text(path);
    }
    for (model::Cidr& block : local) visit(block);
    for (model::Cidr& block : remote) visit(block);
    if (expression) {
      auto& [typed, steps] = *expression;
      text(typed);
      for (model::ExpressionStep& step : steps) {
        auto& [op, side, net, port_low, port_high] = step;
        if (op == model::ExpressionOp::kNet) visit(net);
      }
    }
    for (std::string& given : netns_as_given) text(given);
  }
  void visit(model::TraceStart& start) const {
    auto& [clock, origin, recording_id, tool_version, tool_git, command, peer_instance, filters, host, netns, abilities,
           reset_reasons, drop_reasons, requested_duration, floor, probe_pids, other_netns] = start;
    for (std::string& word : command) text(word);
    visit(filters);
    auto& [hostname, kernel, arch, utc_offset_s, utc_offset_name, cpus, instance_type, instance_type_source] = host;
    text(hostname);
    for (model::NetnsInfo& info : netns) {
      auto& [inode, name, is_self, is_initial, somaxconn, sysctls] = info;
      text(name);
      static_assert(std::is_trivially_copyable_v<model::TcpSysctls>);
    }
    for (model::OtherNetns& other : other_netns) {
      auto& [inode, pid, comm, established, sockets] = other;
      text(comm);
    }
    for (model::Feature& feature : abilities) {
      auto& [name, available, reason] = feature;
      if (name == kStrangeFeature) text(reason);  // those of the others are this program's own sentences
    }
  }
  void visit(model::SocketSnapshot& snapshot) const {
    auto& [at, moment, socket, flow, owner] = snapshot;
    visit(socket);
    if (owner) visit(*owner);
  }
  void visit(model::EndpointKey& key) const {
    auto& [role, at, netns_inode] = key;
    visit(at);
  }
  void visit(model::EndpointSample& sample) const {
    auto& [at, key, generation, exchanges, exchanges_without_delay, request_bytes, response_bytes, bytes_sent,
           bytes_received, segments_sent, segments_received, out_of_order_segments, path_signs, zero_window_sent_us,
           zero_window_received_us, zero_window_stalls, zero_window_longest_us, busy_us, rwnd_limited_us,
           sndbuf_limited_us, limits_unknown, floor_handshake_us, floor_kernel_us, floor_window_us, no_timestamps,
           no_own_floor, recovery_unfinished, calls, calls_with_gap, calls_gap_ambiguous, survived_silence_us,
           smallest_request_bytes, recovered_in, reordered_in, nagle_own, nagle_own_us, nagle_peer, nagle_peer_us,
           device, tick_unknown, measures] = sample;
    visit(key);
    text(device);
  }
  void visit(model::NetnsSample& sample) const {
    auto& [at, netns_inode, counters, full_listeners, gone] = sample;
    for (model::ListenQueue& queue : full_listeners) {
      auto& [local, backlog, limit] = queue;
      visit(local);
    }
  }
  void visit(model::NicSample& sample) const {
    auto& [at, device, netns_inode, driver, driver_version, counters_supported, exceeded, conntrack_available] = sample;
    text(device);
    text(driver);
    text(driver_version);
  }
  void visit(model::ProcessInfo& process) const {
    auto& [pid, comm, cgroup_id, cgroup_path] = process;
    text(comm);
    text(cgroup_path);
  }
  void visit(model::DnsMessage& message) const {
    auto& [at, netns_inode, local, resolver, id, flags, is_answer, first_sent_at, owner, name] = message;
    visit(local);
    visit(resolver);
    text(name);
    if (owner) visit(*owner);
  }
  void visit(model::TraceEnd& end) const {
    auto& [at, ended_by, partial, loss, cost, sockets_filtered_out, busiest_filtered_out] = end;
    for (model::BusyEndpoint& busy : busiest_filtered_out) {
      auto& [key, sockets, bytes] = busy;
      visit(key);
    }
  }
};

}  // namespace tcpdiag::redact::testing
