// SPDX-License-Identifier: Apache-2.0
// What the kernel counts for a network namespace as a whole, and its listening sockets whose accept queue is full. For
// neither there is a tracepoint: they are read once a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/netns.h"
#include "model/sample.h"
#include "model/time.h"
#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::host {

class NetnsCounters {
 public:
  static constexpr std::size_t kMaxListeners = 64;  // in one sample; more are left out

  // Opens the namespace's files in it and keeps them, which keeps the namespace alive too (see NetnsUsers). Errors
  // (kNotAble): not permitted to enter it; /proc without its files.
  static Result<NetnsCounters> open(const Netns& netns);

  // `at` is the time of the sample. What cannot be read is missing in it.
  model::NetnsSample read(model::MonoTime at) const;

 private:
  NetnsCounters() = default;

  std::uint32_t inode_ = 0;
  Fd snmp_;
  Fd netstat_;
  Fd diag_;  // NETLINK_SOCK_DIAG; none where the kernel has it not: no listeners then
  mutable std::uint32_t sequence_ = 0;
};

// Those of model::kKernelCounters that are in `text`, of /proc/net/snmp or /proc/net/netstat: two lines a protocol, the
// first with names, the second with values. Only "Tcp" and "TcpExt" are looked at. What makes no sense is left out.
std::map<std::string, std::uint64_t> parse_counters(std::string_view text);

// One datagram of a dump of listening sockets (sock_diag(7), inet_diag_msg). A queue counts as full when as many
// connections wait as may, or more: sk_acceptq_is_full() compares with ">", so at a limit of 0 one must wait.
struct ListenersPart {
  std::vector<model::ListenQueue> full;
  bool more = true;  // another datagram follows; false: this was the end, or an error
};
// What belongs to a dump with another sequence number is passed over.
ListenersPart parse_listeners(std::span<const std::byte> datagram, std::uint32_t sequence);

}  // namespace tcpdiag::host
