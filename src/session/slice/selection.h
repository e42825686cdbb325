// SPDX-License-Identifier: Apache-2.0
// The view's filters, in the terms of one recording.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/event.h"
#include "model/sample.h"
#include "model/view.h"
#include "util/result.h"

namespace tcpdiag::session {

// What the recording tells of processes, for owners to be found in.
struct Processes {
  std::map<std::uint64_t, std::string> cgroup_paths;        // by id
  std::map<std::uint32_t, std::string> cgroup_path_of_pid;  // for owners whose cgroup's id is not known

  void add(const model::ProcessInfo& process);
  std::string path_of(const model::Owner& owner) const;  // empty: not known
};

class Selection {
 public:
  // Errors (kUsage): a namespace that was not traced, descendants that nobody has followed.
  static Result<Selection> make(const model::Filters& filters, const model::TraceStart& start);

  bool is_everything() const { return is_everything_; }
  bool wants_netns(std::uint32_t inode) const { return netns_.empty() || netns_.contains(inode); }
  // A connection, by all that is known of it. What is not known (no owner seen, no local port yet) does not match.
  bool wants(const model::SocketRef& socket, const std::vector<model::Owner>& owners, const Processes& processes) const;
  // A packet without a connection: it has no owner and, unless it belongs to a listener (SYN-ACK), no role.
  bool wants_stray(const model::Event& event) const;
  // Of a query, by the namespace and owner alone; one whose sender is not known is left out where owners are asked for.
  bool wants_query(const model::DnsMessage& query, const Processes& processes) const;
  bool asks_for_owner() const;

 private:
  bool wants_tuple(const model::SocketRef& socket) const;
  bool wants_owner(const model::Owner& owner, const Processes& processes) const;
  bool wants_cgroup(const model::Owner& owner, const Processes& processes) const;

  model::Filters filters_;
  bool is_everything_ = true;
  std::set<std::uint32_t> netns_;  // empty: any
  std::set<std::uint64_t> cgroup_ids_;
  std::vector<std::string> cgroup_paths_;  // each with all below it
};

}  // namespace tcpdiag::session
