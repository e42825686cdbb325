// SPDX-License-Identifier: Apache-2.0
#include "doctor/feature_table.h"

#include <utility>

namespace tcpdiag::doctor {
namespace {

constexpr std::string_view kSocket = "sock *";
constexpr std::string_view kSocketBuffer = "sock *, sk_buff *";
constexpr std::string_view kWithReason = "sock *, sk_buff *, enum sk_rst_reason";  // 6.10, commit b533fb9cf4f7
constexpr std::string_view kPacket = "sk_buff *";
constexpr std::string_view kFreed = "sk_buff *, void *";
constexpr std::string_view kFreedFor = "sk_buff *, void *, enum skb_drop_reason";         // 5.17, commit c504e5c2f964
constexpr std::string_view kFreedBy = "sk_buff *, void *, enum skb_drop_reason, sock *";  // 6.11, commit c53795d48ee8
constexpr std::string_view kWithError = "sock *, sk_buff *, int";                         // 6.17, commit ad892e912b84

Feature required_tracepoint(std::string_view name, std::string_view title, std::vector<Tracepoint> tracepoints,
                            std::vector<std::string_view> programs, std::string_view lost) {
  Feature feature;
  feature.name = name;
  feature.title = title;
  feature.required = true;
  feature.tracepoints = std::move(tracepoints);
  feature.programs = std::move(programs);
  feature.since = "5.10";
  feature.lost = lost;
  return feature;
}

std::vector<Feature> required_features() {
  std::vector<Feature> all;
  all.push_back({.name = "ring_buffer",
                 .title = "BPF ring buffer",
                 .required = true,
                 .enumerators = {"BPF_MAP_TYPE_RINGBUF"},
                 .since = "5.8",
                 .lost = "events cannot leave the kernel"});
  all.push_back({.name = "iterators",
                 .title = "BPF iterators (tcp, task_file)",
                 .required = true,
                 .functions = {"bpf_iter_tcp", "bpf_iter_task_file"},  // by these names they are attached
                 .programs = {"tcpd_seed", "tcpd_owners", "tcpd_snapshot"},
                 .since = "5.9",
                 .lost = "sockets that are open already are not seen"});
  all.push_back(required_tracepoint(
      "inet_sock_set_state", "tracepoint inet_sock_set_state", {{"inet_sock_set_state", {"sock *, int, int"}}},
      {"tcpd_set_state", "tcpd_set_state_nested", "tcpd_connect_starts", "tcpd_connect_starts_nested",
       "tcpd_connect_ends", "tcpd_connect_ends_nested", "tcpd_accept_begins", "tcpd_accept_begins_nested"},
      "connections are not seen to begin or end"));
  all.push_back(required_tracepoint("tcp_destroy_sock", "tracepoint tcp_destroy_sock",
                                    {{"tcp_destroy_sock", {kSocket}}}, {"tcpd_destroy_sock"},
                                    "sockets are not seen to go"));
  all.push_back(required_tracepoint(
      "tcp_send_reset", "tracepoint tcp_send_reset", {{"tcp_send_reset", {kSocketBuffer, kWithReason}}},
      {"tcpd_send_reset_reason", "tcpd_send_reset_reason_nested", "tcpd_send_reset", "tcpd_send_reset_nested"},
      "resets that this host sends are not seen"));
  all.push_back(required_tracepoint(
      "tcp_receive_reset", "tracepoint tcp_receive_reset", {{"tcp_receive_reset", {kSocket}}},
      {"tcpd_receive_reset", "tcpd_receive_reset_nested"}, "resets that the peer sends are not seen"));
  all.push_back(required_tracepoint(
      "tcp_retransmit_skb", "tracepoint tcp_retransmit_skb", {{"tcp_retransmit_skb", {kSocketBuffer, kWithError}}},
      {"tcpd_retransmit_error", "tcpd_retransmit_error_nested", "tcpd_retransmit", "tcpd_retransmit_nested"},
      "retransmissions are not seen"));
  all.push_back(required_tracepoint("tcp_retransmit_synack", "tracepoint tcp_retransmit_synack",
                                    {{"tcp_retransmit_synack", {"sock *, request_sock *"}}}, {"tcpd_retransmit_synack"},
                                    "retransmissions of SYN-ACKs are not seen"));
  all.push_back(required_tracepoint("tcp_probe", "tracepoint tcp_probe", {{"tcp_probe", {kSocketBuffer}}},
                                    {"tcpd_probe"}, "what arrives is not seen: no delay can be measured"));
  all.push_back(required_tracepoint("net_dev_start_xmit", "tracepoint net_dev_start_xmit",
                                    {{"net_dev_start_xmit", {"sk_buff *, net_device *"}}}, {"tcpd_start_xmit"},
                                    "what is sent is not seen: no delay can be measured"));
  all.push_back(required_tracepoint("net_dev_queue", "tracepoint net_dev_queue", {{"net_dev_queue", {kPacket}}},
                                    {"tcpd_dev_queue_dns", "tcpd_dev_queue"}, "whose a connection is stays unknown"));
  return all;
}

void append_optional(std::vector<Feature>& all) {
  all.push_back({.name = "read_wait",
                 .title = "how long data waits to be read",
                 .tracepoints = {{"tcp_rcv_space_adjust", {kSocket}}},
                 .programs = {"tcpd_rcv_space_adjust"},
                 .lost = "a slow reader is seen by its closed window only"});
  all.push_back({.name = "app_gap",
                 .title = "time before an application calls",
                 .rests_on = "read_wait",
                 .lost = "the time between a user's request and the call that it causes is not measured"});
  all.push_back({.name = kSocketStorage,
                 .title = "storage in the socket itself",
                 .functions = {"bpf_sk_storage_get_tracing", "bpf_sock_from_file"},
                 .since = "5.11",
                 .lost = "sockets are kept in a table of fixed size; the oldest is dropped when it is full"});
  all.push_back({.name = kWaitingReaders,
                 .title = "who waits for more of a response",
                 .functions = {"bpf_iter_bpf_sk_storage_map"},  // by this name it is attached
                 .rests_on = kSocketStorage,
                 .programs = {"tcpd_readers"},
                 .lost = "a response that stopped is told from a complete one only if bytes are missing"});
  all.push_back({.name = kSocketCookie,
                 .title = "socket cookies",
                 .functions = {"bpf_get_socket_ptr_cookie"},
                 .since = "5.12",
                 .lost = "sockets have tcpdiag's own numbers instead of cookies"});
  all.push_back({.name = "error_reports",
                 .title = "ICMP errors during a connect",
                 .tracepoints = {{"inet_sk_error_report", {kSocket}}},
                 .programs = {"tcpd_error_report"},
                 .since = "5.14",
                 .lost = "ICMP errors during a connect are not seen"});
  // bpf/lib/nested.bpf.h. Above what chooses between forms: a twin that is refused is a twin less, and no more.
  all.push_back({.name = "nested_events",
                 .title = "events in interrupted programs",
                 .functions = {"bpf_prog_inc_misses_counter"},
                 .programs = {"tcpd_set_state_nested", "tcpd_connect_starts_nested", "tcpd_connect_ends_nested",
                              "tcpd_accept_begins_nested", "tcpd_receive_reset_nested", "tcpd_send_reset_reason_nested",
                              "tcpd_send_reset_nested", "tcpd_retransmit_error_nested", "tcpd_retransmit_nested",
                              "tcpd_dropped_nested", "tcpd_dropped_rx_nested"},
                 .needless_without = true,
                 .since = "6.1",
                 .lost = "an event of a softirq that interrupts a program at the same tracepoint is not seen"});
  all.push_back({.name = "reset_without_socket",
                 .title = "resets sent without a socket",
                 .tracepoints = {{"tcp_send_reset", {kWithReason}}},
                 .programs = {"tcpd_send_reset_reason", "tcpd_send_reset_reason_nested"},
                 .instead = {"tcpd_send_reset", "tcpd_send_reset_nested"},
                 .since = "6.10",
                 .lost = "a RST sent for no socket or for one in TIME_WAIT is not seen"});
  all.push_back({.name = "reset_reasons",
                 .title = "the kernel's reason for a reset",
                 .enumerators = {"SK_RST_REASON_NOT_SPECIFIED"},
                 .rests_on = "reset_without_socket",
                 .since = "6.10",
                 .lost = "why this host sent a RST is derived from the socket's state"});
  all.push_back({.name = "retransmit_failures",
                 .title = "retransmissions that failed",
                 .tracepoints = {{"tcp_retransmit_skb", {kWithError}}},
                 .programs = {"tcpd_retransmit_error", "tcpd_retransmit_error_nested"},
                 .instead = {"tcpd_retransmit", "tcpd_retransmit_nested"},
                 .since = "6.17",
                 .lost = "retransmissions that could not be sent are not seen per socket"});
  all.push_back(
      {.name = kPacketDrops,
       .title = "packets that this host drops",
       .tracepoints = {{"kfree_skb", {kFreedFor, kFreedBy}, {kFreed}}, {"inet_sock_set_state", {"sock *, int, int"}}},
       .enumerators = {"SKB_DROP_REASON_NOT_SPECIFIED"},
       .programs = {"tcpd_dropped", "tcpd_dropped_nested", "tcpd_dropped_rx", "tcpd_dropped_rx_nested", "tcpd_listens"},
       .since = "5.17",
       .lost = "a packet that this host drops looks like one that the network lost"});
  all.push_back({.name = "drop_receivers",
                 .title = "whose a dropped packet was",
                 .tracepoints = {{"kfree_skb", {kFreedBy}, {kFreed}}},
                 .rests_on = kPacketDrops,
                 .programs = {"tcpd_dropped_rx", "tcpd_dropped_rx_nested"},
                 .instead = {"tcpd_dropped", "tcpd_dropped_nested"},
                 .since = "6.11",
                 .lost = "a received packet that TCP itself drops is found by its addresses only"});
  all.push_back({.name = kDns,
                 .title = "look-ups of names (DNS)",
                 .tracepoints = {{"net_dev_queue", {kPacket}}, {"netif_receive_skb", {kPacket}}},
                 .programs = {"tcpd_dev_queue_dns", "tcpd_dns_arrives"},
                 .instead = {"tcpd_dev_queue"},
                 .lost = "a name that is resolved slowly, or not at all, is not seen"});
  // Newer kernels (6.18 is one) also tell sched_process_exit whether the whole process ends, which is not read.
  all.push_back({.name = kChildren,
                 .title = "processes forked while tracing",
                 .tracepoints = {{"sched_process_fork", {"task_struct *, task_struct *"}},
                                 {"sched_process_exit", {"task_struct *", "task_struct *, _Bool"}}},
                 .programs = {"tcpd_fork", "tcpd_exit"},
                 .only_with_children = true,
                 .lost = "--children is refused"});
}

}  // namespace

const std::vector<Feature>& feature_table() {
  static const std::vector<Feature> table = [] {
    std::vector<Feature> all = required_features();
    append_optional(all);
    return all;
  }();
  return table;
}

}  // namespace tcpdiag::doctor
