// SPDX-License-Identifier: Apache-2.0
#include "host/netns_counters.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "host/files.h"
#include "host/netlink.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

constexpr std::uint32_t kListen = 10;                      // TCP_LISTEN
constexpr std::size_t kMostText = std::size_t{256} << 10;  // /proc/net/netstat has 10 kB

// The first word of `text`, which is taken off it.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

bool is_full(std::uint32_t waiting, std::uint32_t limit) { return waiting > limit || (waiting == limit && limit > 0); }

std::optional<model::SocketAddress> address_of(const inet_diag_msg& listener) {
  model::SocketAddress local{.address = {}, .port = ntohs(listener.id.idiag_sport)};
  constexpr std::size_t kMapped = 10;  // zeros before ff:ff and an IPv4 address
  if (listener.idiag_family == AF_INET) {
    local.address.bytes[kMapped] = local.address.bytes[kMapped + 1] = 0xff;
    std::memcpy(&local.address.bytes[kMapped + 2], listener.id.idiag_src, sizeof listener.id.idiag_src[0]);
  } else if (listener.idiag_family == AF_INET6) {
    std::memcpy(local.address.bytes.data(), listener.id.idiag_src, local.address.bytes.size());
  } else {
    return std::nullopt;
  }
  return local;
}

void dump_listeners(int fd, std::uint8_t family, std::uint32_t sequence, std::vector<model::ListenQueue>& full) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.header.nlmsg_seq = sequence;
  message.request.sdiag_family = family;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = 1U << kListen;
  netlink_dump(fd, std::as_bytes(std::span(&message, 1)), [&](std::span<const std::byte> datagram) {
    ListenersPart part = parse_listeners(datagram, sequence);
    for (model::ListenQueue& one : part.full) {
      if (full.size() < NetnsCounters::kMaxListeners) full.push_back(std::move(one));
    }
    return part.more;
  });
}

}  // namespace

std::map<std::string, std::uint64_t> parse_counters(std::string_view text) {
  std::map<std::string, std::uint64_t> counters;
  while (!text.empty()) {
    std::string_view names = take_line(text);
    const std::string_view protocol = take_word(names);
    if (protocol != "Tcp:" && protocol != "TcpExt:") continue;
    std::string_view values = text.substr(0, text.find('\n'));
    if (take_word(values) != protocol) continue;  // no line of values: this may be one of names again
    take_line(text);
    for (;;) {
      const std::string_view name = take_word(names);
      const std::string_view value = take_word(values);
      if (name.empty() || value.empty()) break;
      const auto number = parse_number<std::uint64_t>(value);
      const bool wanted = std::ranges::find(model::kKernelCounters, name) != model::kKernelCounters.end();
      if (wanted && number) counters.emplace(name, *number);
    }
  }
  return counters;
}

ListenersPart parse_listeners(std::span<const std::byte> datagram, std::uint32_t sequence) {
  ListenersPart part;
  part.more = for_each_message(datagram, sequence, [&part](std::uint16_t type, std::span<const std::byte> body) {
    inet_diag_msg listener{};
    if (type != SOCK_DIAG_BY_FAMILY || body.size() < sizeof listener) return;
    std::memcpy(&listener, body.data(), sizeof listener);
    if (listener.idiag_state != kListen || !is_full(listener.idiag_rqueue, listener.idiag_wqueue)) return;
    if (const auto local = address_of(listener)) {
      part.full.push_back({.local = *local, .backlog = listener.idiag_rqueue, .limit = listener.idiag_wqueue});
    }
  });
  return part;
}

Result<NetnsCounters> NetnsCounters::open(const Netns& netns) {
  NetnsCounters counters;
  counters.inode_ = netns.inode;
  int error = 0;
  const Result<> entered = run_in_netns(netns, [&counters, &error] {
    counters.snmp_ = Fd(::open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC));
    if (counters.snmp_) counters.netstat_ = Fd(::open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC));
    error = counters.netstat_ ? 0 : errno;
    counters.diag_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  });
  if (!entered) return tl::unexpected(entered.error());
  if (error != 0) {
    return fail(ExitCode::kNotAble, fmt::format("cannot read the kernel's TCP counters: {}", errno_text(error)),
                cure_of(error, "mount /proc with its net directory"));
  }
  return counters;
}

model::NetnsSample NetnsCounters::read(model::MonoTime at) const {
  model::NetnsSample sample;
  sample.at = at;
  sample.netns_inode = inode_;
  for (const Fd* file : {&snmp_, &netstat_}) {
    if (const auto text = read_again(file->get(), kMostText)) sample.counters.merge(parse_counters(*text));
  }
  if (diag_) {
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
      dump_listeners(diag_.get(), family, ++sequence_, sample.full_listeners);
    }
  }
  return sample;
}

}  // namespace tcpdiag::host
