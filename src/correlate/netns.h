// SPDX-License-Identifier: Apache-2.0
// The kernel's own counters of one traced namespace: how far they moved, and which listeners were found full.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/picture.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

class NetnsRecord {
 public:
  explicit NetnsRecord(std::uint32_t inode) : inode_(inode) {}

  std::uint32_t inode() const { return inode_; }
  void add(const model::NetnsSample& sample);
  // Deltas since the first sample, of counters that were read twice at least: one reading tells of no movement.
  model::NetnsPicture picture() const;

 private:
  void note_rise(model::Rise& rise, model::MonoTime at) const;
  void count(const model::NetnsSample& sample);
  void note_full(const model::ListenQueue& queue, model::MonoTime at);

  std::uint32_t inode_;
  std::optional<model::MonoTime> newest_at_;     // of a sample with counters
  std::map<std::string, std::uint64_t> newest_;  // those of kKernelCounters only
  std::map<std::string, std::uint64_t> risen_;
  std::map<model::SocketAddress, model::FullListener> full_;
  model::Rise overflow_;
  model::Rise full_syn_queue_;
  bool gone_ = false;
};

// Listen overflows and drops of the namespaces whose counters were read. failures_by_counter: the source does not tell
// of retransmissions that failed (before Linux 6.17), so they are taken from the counters too.
void count_netns(const std::vector<model::NetnsPicture>& namespaces, bool failures_by_counter, model::Totals& totals);

}  // namespace tcpdiag::correlate
