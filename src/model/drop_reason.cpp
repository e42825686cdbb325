// SPDX-License-Identifier: Apache-2.0
#include "model/drop_reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/picture.h"

namespace tcpdiag::model {
namespace {

// Not among them, though somebody might look for it: NO_SOCKET (a RST answers it, which is an event of its own),
// TCP_ZEROWINDOW and TCP_OVERWINDOW (the application does not read: `slow-reader`), TCP_CLOSE, TCP_RESET and
// TCP_ABORT_ON_DATA (the connection is over), OTHERHOST (seen only because a card is promiscuous), QUEUE_PURGE (a queue
// is taken down with what is in it), NOT_SPECIFIED (ordinary frees on many paths).
constexpr auto kDrops = std::to_array<std::string_view>({
    // somebody's rule
    "NETFILTER_DROP",
    "SOCKET_FILTER",
    "BPF_CGROUP_EGRESS",
    "SECURITY_HOOK",
    "XFRM_POLICY",
    "XDP",
    "TC_INGRESS",
    "TC_EGRESS",
    "TC_COOKIE_ERROR",
    "TC_CHAIN_NOTFOUND",
    "TC_RECLASSIFY_LOOP",
    "IP_RPFILTER",
    "TCP_MINTTL",
    "TCP_AUTH_HDR",
    "TCP_MD5NOTFOUND",
    "TCP_MD5UNEXPECTED",
    "TCP_MD5FAILURE",
    "TCP_AONOTFOUND",
    "TCP_AOUNEXPECTED",
    "TCP_AOKEYNOTFOUND",
    "TCP_AOFAILURE",
    // a full queue
    "QDISC_DROP",
    "QDISC_OVERLIMIT",
    "QDISC_CONGESTED",
    "CAKE_FLOOD",
    "FQ_BAND_LIMIT",
    "FQ_HORIZON_LIMIT",
    "FQ_FLOW_LIMIT",
    "DUALPI2_STEP_DROP",
    "CPU_BACKLOG",
    "FULL_RING",
    "SOCKET_BACKLOG",
    "TCP_LISTEN_OVERFLOW",
    // memory
    "SOCKET_RCVBUFF",
    "PROTO_MEM",
    "NOMEM",
    "PFMEMALLOC",
    "TCP_OFO_QUEUE_PRUNE",
    "TCP_OFO_DROP",
    // no way on
    "IP_OUTNOROUTES",
    "IP_INNOROUTES",
    "IP_INADDRERRORS",
    "IP_LOCAL_SOURCE",
    "IP_INVALID_SOURCE",
    "IP_LOCALNET",
    "IP_INVALID_DEST",
    "IPV6DISABLED",
    "NEIGH_CREATEFAIL",
    "NEIGH_FAILED",
    "NEIGH_QUEUEFULL",
    "NEIGH_DEAD",
    "NEIGH_HH_FILLFAIL",
    "DEV_HDR",
    "DEV_READY",
    "NO_TX_TARGET",
    "RECURSION_LIMIT",
    "PKT_TOO_BIG",
    "SKB_GSO_SEG",
    // damaged, or stale
    "TCP_CSUM",
    "IP_CSUM",
    "SKB_CSUM",
    "IP_INHDR",
    "PKT_TOO_SMALL",
    "HDR_TRUNC",
    "TCP_RFC7323_PAWS",
    "TCP_RFC7323_TW_PAWS",
});

}  // namespace

bool is_drop(std::string_view reason) { return std::ranges::find(kDrops, reason) != kDrops.end(); }

DropCount& DropCount::operator+=(const DropCount& other) {
  packets += other.packets;
  segments += other.segments;
  syns += other.syns;
  with_data += other.with_data;
  if (other.first_at) first_at = std::min(first_at.value_or(*other.first_at), *other.first_at);
  if (other.last_at) last_at = std::max(last_at.value_or(*other.last_at), *other.last_at);
  return *this;
}

DropImpact& DropImpact::operator+=(const DropImpact& other) {
  sockets += other.sockets;
  connects_failed += other.connects_failed;
  connects_delayed += other.connects_delayed;
  exchanges_failed += other.exchanges_failed;
  retransmits += other.retransmits;
  timeouts += other.timeouts;
  return *this;
}

std::string drop_reason(const TraceStart& start, std::uint32_t reason) {
  const auto found = start.drop_reasons.find(reason);
  return found != start.drop_reasons.end() ? found->second : fmt::format("reason_{}", reason);
}

}  // namespace tcpdiag::model
