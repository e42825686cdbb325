// SPDX-License-Identifier: Apache-2.0
// The table is our own and not strerror(): that one follows the locale, and a report must not.
#include "knowledge/errno_names.h"

#include <fmt/format.h>

#include <array>

namespace tcpdiag::knowledge {
namespace {

struct ErrnoRow {
  int number;
  const char* name;
  const char* words;
};

// include/uapi/asm-generic/errno*.h; which of them TCP uses when: net/ipv4/tcp_ipv4.c (tcp_v4_connect, tcp_v4_err),
// net/ipv4/icmp.c (icmp_err_convert), man 7 tcp.
constexpr std::array kErrnos = {
    ErrnoRow{1, "EPERM", "a local firewall rule or policy dropped the packet on its way out"},
    ErrnoRow{12, "ENOMEM", "the kernel had no memory for it"},
    ErrnoRow{13, "EACCES", "a local policy or a prohibited route forbids it"},
    ErrnoRow{16, "EBUSY", "the first copy has not left this host"},
    ErrnoRow{22, "EINVAL", "the route or address is not valid for a connection"},
    ErrnoRow{32, "EPIPE", "the connection was already closed"},
    ErrnoRow{92, "ENOPROTOOPT", "an ICMP message says that the peer's host does not speak TCP"},
    ErrnoRow{98, "EADDRINUSE", "the local address is in use"},
    ErrnoRow{99, "EADDRNOTAVAIL", "no local port or address was left for it"},
    ErrnoRow{101, "ENETUNREACH", "there is no route to the network"},
    ErrnoRow{103, "ECONNABORTED", "the connection was aborted on this host"},
    ErrnoRow{104, "ECONNRESET", "the connection was reset"},
    ErrnoRow{105, "ENOBUFS", "the kernel or the device had no buffer for it"},
    ErrnoRow{110, "ETIMEDOUT", "nothing answered"},
    ErrnoRow{111, "ECONNREFUSED", "the port answered with a RST"},
    ErrnoRow{113, "EHOSTUNREACH",
             "a router, a firewall (ICMP) or the missing neighbour says that the host cannot be reached"},
};

const ErrnoRow* find_row(int number) {
  for (const ErrnoRow& row : kErrnos) {
    if (row.number == number) return &row;
  }
  return nullptr;
}

}  // namespace

std::string errno_name(int number) {
  const ErrnoRow* row = find_row(number);
  return row != nullptr ? row->name : fmt::format("errno {}", number);
}

std::string_view errno_words(int number) {
  const ErrnoRow* row = find_row(number);
  return row != nullptr ? row->words : std::string_view{};
}

}  // namespace tcpdiag::knowledge
