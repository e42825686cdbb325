// SPDX-License-Identifier: Apache-2.0
#include "host/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace tcpdiag::host {
namespace {

constexpr std::size_t kDatagram = std::size_t{32} << 10;  // the kernel fills no more for a dump
constexpr int kMostDatagrams = 10'000;                    // 400 listeners each, or 30 devices

}  // namespace

void netlink_dump(int fd, std::span<const std::byte> request,
                  const std::function<bool(std::span<const std::byte>)>& take) {
  if (::send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) return;
  std::vector<std::byte> buffer(kDatagram);
  for (int i = 0; i < kMostDatagrams; ++i) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    if (!take({buffer.data(), static_cast<std::size_t>(got)})) return;
  }
}

bool for_each_message(std::span<const std::byte> datagram, std::uint32_t sequence,
                      const std::function<void(std::uint16_t type, std::span<const std::byte> body)>& visit) {
  while (!datagram.empty()) {
    nlmsghdr header{};
    if (datagram.size() < sizeof header) break;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) break;
    const std::span<const std::byte> body = datagram.subspan(sizeof header, header.nlmsg_len - sizeof header);
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
    if (header.nlmsg_seq != sequence) continue;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) return false;
    visit(header.nlmsg_type, body);
  }
  return true;
}

}  // namespace tcpdiag::host
