// SPDX-License-Identifier: Apache-2.0
#include "correlate/netns.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace tcpdiag::correlate {
namespace {

using model::FullListener;
using model::NetnsPicture;

constexpr std::size_t kListenersKept = 64;
constexpr std::size_t kListenersShown = 10;

bool is_known_counter(std::string_view name) {
  return std::any_of(model::kKernelCounters.begin(), model::kKernelCounters.end(),
                     [name](std::string_view known) { return known == name; });
}

std::optional<std::uint64_t> sum_of(const std::vector<NetnsPicture>& namespaces, const char* counter) {
  std::optional<std::uint64_t> sum;
  for (const NetnsPicture& netns : namespaces) {
    if (const auto risen = netns.counter(counter)) sum = sum.value_or(0) + *risen;
  }
  return sum;
}

}  // namespace

void NetnsRecord::note_rise(model::Rise& rise, model::MonoTime at) const {
  if (!rise.first_at) rise.first_at = newest_at_;
  rise.last_at = at;
  ++rise.samples;
}

void NetnsRecord::count(const model::NetnsSample& sample) {
  bool overflowed = false;
  bool syn_queue_was_full = false;
  for (const auto& [name, value] : sample.counters) {
    if (!is_known_counter(name)) continue;
    const auto [before, is_first] = newest_.try_emplace(name, value);
    if (is_first) continue;
    // One that went back began anew.
    const std::uint64_t more = value >= before->second ? value - before->second : value;
    before->second = value;
    risen_[name] += more;
    if (more == 0) continue;
    overflowed = overflowed || name == "ListenOverflows" || name == "ListenDrops";
    syn_queue_was_full = syn_queue_was_full || name == "TCPReqQFullDrop" || name == "TCPReqQFullDoCookies";
  }
  if (overflowed) note_rise(overflow_, sample.at);
  if (syn_queue_was_full) note_rise(full_syn_queue_, sample.at);
  newest_at_ = sample.at;
}

void NetnsRecord::note_full(const model::ListenQueue& queue, model::MonoTime at) {
  auto found = full_.find(queue.local);
  if (found == full_.end()) {
    if (full_.size() >= kListenersKept) return;
    found = full_.emplace(queue.local, FullListener{queue.local, 0, 0, 0, at, at}).first;
  }
  FullListener& listener = found->second;
  listener.backlog_max = std::max(listener.backlog_max, queue.backlog);
  listener.limit = queue.limit;
  ++listener.samples;
  listener.last_at = at;
}

void NetnsRecord::add(const model::NetnsSample& sample) {
  gone_ = gone_ || sample.gone;
  if (newest_at_ && sample.at < *newest_at_) return;
  if (!sample.counters.empty()) count(sample);
  for (const model::ListenQueue& queue : sample.full_listeners) note_full(queue, sample.at);
}

NetnsPicture NetnsRecord::picture() const {
  NetnsPicture picture;
  picture.inode = inode_;
  picture.counters = risen_;
  for (const auto& [local, listener] : full_) picture.full_listeners.push_back(listener);
  std::sort(picture.full_listeners.begin(), picture.full_listeners.end(), [](const auto& a, const auto& b) {
    return std::tuple(~a.samples, a.local) < std::tuple(~b.samples, b.local);
  });
  if (picture.full_listeners.size() > kListenersShown) picture.full_listeners.resize(kListenersShown);
  picture.overflow = overflow_;
  picture.full_syn_queue = full_syn_queue_;
  picture.gone = gone_;
  return picture;
}

void count_netns(const std::vector<NetnsPicture>& namespaces, bool failures_by_counter, model::Totals& totals) {
  totals.listen_overflows = sum_of(namespaces, "ListenOverflows");
  totals.listen_drops = sum_of(namespaces, "ListenDrops");
  if (!failures_by_counter) return;
  // TCPRetransFail leaves out -EBUSY (__tcp_retransmit_skb(), in segments since commit ec641b39457e), so nothing is to
  // be taken off it. There is no counter of attempts that were refused for lack of memory or route.
  totals.retransmit_failures.busy = sum_of(namespaces, "TCPSpuriousRtxHostQueues");
  totals.retransmit_failures.other = sum_of(namespaces, "TCPRetransFail");
}

}  // namespace tcpdiag::correlate
