// SPDX-License-Identifier: Apache-2.0
#include "knowledge/not_visible.h"

#include <array>

namespace tcpdiag::knowledge {
namespace {

// The order is that of a person's likely question: what delays a call before TCP starts comes first.
constexpr std::array kRows = {
    NotVisible{
        "dns", "DNS",
        "A name that resolves slowly or not at all is over before any connect; a request that waits for it shows as "
        "no-outbound-attempt at most. Look at the resolver and at the link-local limit of the network card."},
    NotVisible{"connect_without_route", "a connect without a route",
               "The kernel refuses it (ENETUNREACH) before there is a connection, and no event tells of it."},
    NotVisible{"tls_inside", "the inside of TLS",
               "Which request, which status and which TLS alert: only the application and its peer know. Payload is "
               "never read."},
    NotVisible{"peer_nic_counters", "the peer's network card",
               "Whether the peer or its cloud limits the traffic is counted there (CloudWatch, ethtool -S on that "
               "host)."},
    NotVisible{"netfilter_rst", "resets made by a firewall of this host",
               "A REJECT rule with tcp-reset sends its RST past the TCP code that is traced."},
    NotVisible{
        "resets_received_half_open", "resets received in TIME_WAIT or for half-open connections",
        "TCP handles them before there is a socket of its own; only the namespace's counter EmbryonicRsts tells of "
        "those that ended a handshake."},
    NotVisible{
        "calls_of_other_threads", "which user's request a call made by another thread belongs to",
        "The time from a user's request to a call is that of one thread: with io_uring, reactors and thread pools "
        "that hand requests on it is missing (app_gap's coverage), or a guess (ambiguous)."},
    NotVisible{"bridged_container_uplink", "the uplink of a bridged container",
               "Inside a container's namespace only its veth is seen; the queue of the host's own device is not."},
    NotVisible{"resets_without_socket", "resets of this host for packets without a socket",
               "This kernel reports a RST sent only where a full socket exists; answers to closed ports and in "
               "TIME_WAIT are missing (in the namespace's OutRsts they are counted)."},
    NotVisible{"reset_reasons", "the kernel's reasons for resets",
               "This kernel does not say why it sent a RST; causes are derived from the state of the socket."},
    NotVisible{
        "packet_drops", "the packets that this host drops",
        "This kernel does not say why it drops a packet: what its own filter or queue dropped looks like what the "
        "network lost."},
};

}  // namespace

std::span<const NotVisible> not_visible_table() { return kRows; }

const NotVisible* find_not_visible(std::string_view id) {
  for (const NotVisible& row : kRows) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

}  // namespace tcpdiag::knowledge
