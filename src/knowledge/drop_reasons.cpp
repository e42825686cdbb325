// SPDX-License-Identifier: Apache-2.0
#include "knowledge/drop_reasons.h"

#include <array>

namespace tcpdiag::knowledge {
namespace {

// What is looked at for more than one reason.
constexpr std::string_view kRules = "which rule drops them (add `counter` to it), and is the conntrack table full";
constexpr std::string_view kRulesCommand = "nft list ruleset; iptables-save -c; conntrack -S";
constexpr std::string_view kQueue = "which queue drops, how long it is, and what fills it";
constexpr std::string_view kQueueCommand = "tc -s qdisc";
constexpr std::string_view kTc = "which filter or action of tc drops them";
constexpr std::string_view kTcCommand = "tc -s filter show dev DEVICE ingress; tc -s filter show dev DEVICE egress";
constexpr std::string_view kMemory = "how much memory TCP has and takes, and what does not read";
constexpr std::string_view kMemoryCommand =
    "cat /proc/net/sockstat; sysctl net.ipv4.tcp_mem; nstat -az TcpExtTCPRcvQDrop TcpExtTCPBacklogDrop "
    "TcpExtPruneCalled TcpExtOfoPruned";
constexpr std::string_view kRoute = "is there a route both ways, with this source address";
constexpr std::string_view kRouteCommand = "ip route get ADDRESS; ip rule; nstat -az IpOutNoRoutes IpInAddrErrors";
constexpr std::string_view kNeighbour = "does the next hop answer ARP or neighbour discovery";
constexpr std::string_view kNeighbourCommand = "ip -s neigh show; ip -s -s link show";
constexpr std::string_view kDevice = "is the device up, and does it have a carrier";
constexpr std::string_view kDeviceCommand = "ip -s -d link show";
constexpr std::string_view kKeys = "do both sides have the same TCP MD5 or TCP-AO keys";
constexpr std::string_view kKeysCommand = "nstat -az TcpExtTCPMD5NotFound TcpExtTCPMD5Unexpected TcpExtTCPMD5Failure";
constexpr std::string_view kDamaged = "what damages packets: cable, card, offloading, a tunnel";
constexpr std::string_view kDamagedCommand = "nstat -az TcpInCsumErrors IpInHdrErrors; ethtool -k DEVICE";
constexpr std::string_view kCpu = "which CPU takes all packets, and is it busy";
constexpr std::string_view kCpuCommand = "cat /proc/net/softnet_stat; sysctl net.core.netdev_max_backlog";
constexpr std::string_view kPaws = "do several hosts behind one address (NAT) have clocks of their own";
constexpr std::string_view kPawsCommand = "nstat -az TcpExtPAWSEstab TcpExtPAWSTimewait; sysctl net.ipv4.tcp_tw_reuse";
constexpr std::string_view kBpf = "which BPF program or security module refuses them";
constexpr std::string_view kBpfCommand = "bpftool cgroup tree; bpftool net; journalctl -k --grep 'avc|apparmor'";

// Meanings: include/net/dropreason-core.h of 6.18.
constexpr std::array kDropReasons = {
    DropReason{"NETFILTER_DROP", "a rule of the packet filter, or a full conntrack table", kRules, kRulesCommand, true},
    DropReason{"SOCKET_FILTER", "a BPF filter on the socket", kBpf, kBpfCommand, true},
    DropReason{"BPF_CGROUP_EGRESS", "a BPF program of the cgroup", kBpf, kBpfCommand, true},
    DropReason{"SECURITY_HOOK", "a security module (SELinux, AppArmor)", kBpf, kBpfCommand, true},
    DropReason{"XFRM_POLICY", "an IPsec policy", "which policy applies", "ip xfrm policy; ip -s xfrm state", true},
    DropReason{"XDP", "an XDP program", kBpf, kBpfCommand, true},
    DropReason{"TC_INGRESS", "a filter of tc on the way in", kTc, kTcCommand, true},
    DropReason{"TC_EGRESS", "a filter of tc on the way out", kTc, kTcCommand, true},
    DropReason{"TC_COOKIE_ERROR", "an error inside of tc", kTc, kTcCommand, false},
    DropReason{"TC_CHAIN_NOTFOUND", "a chain of tc that is not there", kTc, kTcCommand, false},
    DropReason{"TC_RECLASSIFY_LOOP", "rules of tc in a circle", kTc, kTcCommand, false},
    DropReason{"IP_RPFILTER", "the reverse path filter (rp_filter): no route back by that device",
               "is the route back by another device",
               "sysctl -a --pattern rp_filter; nstat -az TcpExtIPReversePathFilter", true},
    DropReason{"TCP_MINTTL", "a TTL below what the socket demands (IP_MINTTL)", "how many hops away is the sender",
               "nstat -az TcpExtTCPMinTTLDrop", true},
    DropReason{"TCP_AUTH_HDR", "more than one authentication option", kKeys, kKeysCommand, true},
    DropReason{"TCP_MD5NOTFOUND", "no TCP MD5 signature where one is demanded", kKeys, kKeysCommand, true},
    DropReason{"TCP_MD5UNEXPECTED", "a TCP MD5 signature where none is expected", kKeys, kKeysCommand, true},
    DropReason{"TCP_MD5FAILURE", "a wrong TCP MD5 signature", kKeys, kKeysCommand, true},
    DropReason{"TCP_AONOTFOUND", "no TCP-AO signature where one is demanded", kKeys, kKeysCommand, true},
    DropReason{"TCP_AOUNEXPECTED", "a TCP-AO signature where none is expected", kKeys, kKeysCommand, true},
    DropReason{"TCP_AOKEYNOTFOUND", "a TCP-AO key that is not known", kKeys, kKeysCommand, true},
    DropReason{"TCP_AOFAILURE", "a wrong TCP-AO signature", kKeys, kKeysCommand, true},
    DropReason{"QDISC_DROP", "a queue of its own (qdisc) that was full, or policed", kQueue, kQueueCommand, false},
    DropReason{"QDISC_OVERLIMIT", "a queue of its own (qdisc) that was full", kQueue, kQueueCommand, false},
    DropReason{"QDISC_CONGESTED", "a queue of its own (qdisc) that drops to signal congestion", kQueue, kQueueCommand,
               false},
    DropReason{"CAKE_FLOOD", "its qdisc cake, against a flow that does not slow down", kQueue, kQueueCommand, false},
    DropReason{"FQ_BAND_LIMIT", "its qdisc fq: a band was full", kQueue, kQueueCommand, false},
    DropReason{"FQ_HORIZON_LIMIT", "its qdisc fq: to be sent too far in the future", kQueue, kQueueCommand, false},
    DropReason{"FQ_FLOW_LIMIT", "its qdisc fq: too many packets of one flow", kQueue, kQueueCommand, false},
    DropReason{"DUALPI2_STEP_DROP", "its qdisc dualpi2", kQueue, kQueueCommand, false},
    DropReason{"CPU_BACKLOG", "a CPU's queue of received packets was full", kCpu, kCpuCommand, false},
    DropReason{"FULL_RING", "the ring of a virtual device was full", kDevice, kDeviceCommand, false},
    DropReason{"SOCKET_BACKLOG", "the socket's backlog was full while its owner held it", kMemory, kMemoryCommand,
               false},
    DropReason{"TCP_LISTEN_OVERFLOW", "the listening socket's accept queue was full",
               "which listener's queue is full, and why is it not accepted from",
               "nstat -az TcpExtListenOverflows TcpExtListenDrops; ss -ltn", false},
    DropReason{"SOCKET_RCVBUFF", "the socket's receive buffer was full", kMemory, kMemoryCommand, false},
    DropReason{"PROTO_MEM", "TCP's memory was used up (tcp_mem)", kMemory, kMemoryCommand, false},
    DropReason{"NOMEM", "no memory", kMemory, kMemoryCommand, false},
    DropReason{"PFMEMALLOC", "no memory but the emergency reserve", kMemory, kMemoryCommand, false},
    DropReason{"TCP_OFO_QUEUE_PRUNE", "no room for what came out of order", kMemory, kMemoryCommand, false},
    DropReason{"TCP_OFO_DROP", "no room for what came out of order", kMemory, kMemoryCommand, false},
    DropReason{"IP_OUTNOROUTES", "no route", kRoute, kRouteCommand, false},
    DropReason{"IP_INNOROUTES", "no route for a received packet", kRoute, kRouteCommand, false},
    DropReason{"IP_INADDRERRORS", "an address that is not this host's", kRoute, kRouteCommand, false},
    DropReason{"IP_LOCAL_SOURCE", "a source address that is this host's own", kRoute, kRouteCommand, false},
    DropReason{"IP_INVALID_SOURCE", "a source address that nobody can have", kRoute, kRouteCommand, false},
    DropReason{"IP_LOCALNET", "a loopback address from outside (route_localnet)", kRoute, kRouteCommand, false},
    DropReason{"IP_INVALID_DEST", "a destination address that nobody can have", kRoute, kRouteCommand, false},
    DropReason{"IPV6DISABLED", "IPv6 is switched off on that device", "is it meant to be off",
               "sysctl -a --pattern disable_ipv6", true},
    DropReason{"NEIGH_CREATEFAIL", "no room for another neighbour (gc_thresh)", kNeighbour, kNeighbourCommand, false},
    DropReason{"NEIGH_FAILED", "the next hop's address could not be resolved", kNeighbour, kNeighbourCommand, false},
    DropReason{"NEIGH_QUEUEFULL", "too much waits for the next hop's address", kNeighbour, kNeighbourCommand, false},
    DropReason{"NEIGH_DEAD", "the next hop's entry was removed", kNeighbour, kNeighbourCommand, false},
    DropReason{"NEIGH_HH_FILLFAIL", "no link header could be made", kNeighbour, kNeighbourCommand, false},
    DropReason{"DEV_HDR", "the device's driver could not take it", kDevice, kDeviceCommand, false},
    DropReason{"DEV_READY", "the device was not ready", kDevice, kDeviceCommand, false},
    DropReason{"NO_TX_TARGET", "a bond or team without a device that is up", kDevice, kDeviceCommand, false},
    DropReason{"RECURSION_LIMIT", "tunnels in a circle", kDevice, kDeviceCommand, false},
    DropReason{"PKT_TOO_BIG", "larger than the way on takes (MTU)", "which MTU do the devices and the route have",
               "ip -d link show; ip route get ADDRESS", false},
    DropReason{"SKB_GSO_SEG", "it could not be cut into segments", kDamaged, kDamagedCommand, false},
    DropReason{"TCP_CSUM", "a wrong TCP checksum", kDamaged, kDamagedCommand, false},
    DropReason{"IP_CSUM", "a wrong IP checksum", kDamaged, kDamagedCommand, false},
    DropReason{"SKB_CSUM", "a checksum that could not be computed", kDamaged, kDamagedCommand, false},
    DropReason{"IP_INHDR", "an IP header that is not valid", kDamaged, kDamagedCommand, false},
    DropReason{"PKT_TOO_SMALL", "too short", kDamaged, kDamagedCommand, false},
    DropReason{"HDR_TRUNC", "its headers are cut short", kDamaged, kDamagedCommand, false},
    DropReason{"TCP_RFC7323_PAWS", "an older TCP timestamp than before (PAWS)", kPaws, kPawsCommand, false},
    DropReason{"TCP_RFC7323_TW_PAWS", "an older TCP timestamp than the last connection's (PAWS)", kPaws, kPawsCommand,
               false},
};

}  // namespace

const DropReason* find_drop_reason(std::string_view name) {
  for (const DropReason& reason : kDropReasons) {
    if (reason.name == name) return &reason;
  }
  return nullptr;
}

}  // namespace tcpdiag::knowledge
