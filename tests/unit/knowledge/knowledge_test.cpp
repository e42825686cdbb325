// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <string_view>

#include "knowledge/client_messages.h"
#include "knowledge/drop_reasons.h"
#include "knowledge/errno_names.h"
#include "knowledge/not_visible.h"
#include "knowledge/reset_reasons.h"
#include "model/drop_reason.h"

namespace tcpdiag::knowledge {
namespace {

using model::LocalResetCause;
using testing::HasSubstr;

TEST(ClientMessages, ruby_comes_first) {
  EXPECT_EQ(client_messages(CallFailure::kReset, 443).front(),
            "\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed, Errno::ECONNRESET)");
  EXPECT_EQ(client_messages(CallFailure::kConnectGaveUp, 443).front(),
            "\"execution expired\" (Ruby: Faraday::ConnectionFailed, Net::OpenTimeout)");
  EXPECT_THAT(client_messages(CallFailure::kReadGaveUp, 443).front(), HasSubstr("Faraday::TimeoutError"));
}

TEST(ClientMessages, every_failure_has_one_and_every_row_is_complete) {
  for (int i = 0; i <= static_cast<int>(CallFailure::kNoAttempt); ++i) {
    EXPECT_FALSE(client_messages(static_cast<CallFailure>(i), 443).empty()) << i;
    EXPECT_FALSE(client_messages(static_cast<CallFailure>(i), 6379).empty()) << i;
  }
  for (const ClientMessage& row : client_message_table()) {
    EXPECT_FALSE(row.text.empty());
    EXPECT_FALSE(row.client.empty());
  }
}

TEST(ClientMessages, a_client_without_a_class_has_no_colon) {
  EXPECT_THAT(client_messages(CallFailure::kReadGaveUp, 6379), testing::Contains("\"Command timed out\" (ioredis)"));
}

TEST(ClientMessages, are_those_of_the_likely_clients) {
  using testing::Contains;
  using testing::Not;
  EXPECT_THAT(client_messages(CallFailure::kReset, 443), Not(Contains(HasSubstr("redis-py"))));
  EXPECT_THAT(client_messages(CallFailure::kReset, 6379), Contains(HasSubstr("redis-py")));
  EXPECT_THAT(client_messages(CallFailure::kReset, 6379), Not(Contains(HasSubstr("Faraday"))));
}

TEST(ErrnoNames, are_the_kernels) {
  EXPECT_EQ(errno_name(EHOSTUNREACH), "EHOSTUNREACH");
  EXPECT_EQ(errno_name(ENETUNREACH), "ENETUNREACH");
  EXPECT_EQ(errno_name(EADDRNOTAVAIL), "EADDRNOTAVAIL");
  EXPECT_EQ(errno_name(EADDRINUSE), "EADDRINUSE");
  EXPECT_EQ(errno_name(EACCES), "EACCES");
  EXPECT_EQ(errno_name(EPERM), "EPERM");
  EXPECT_EQ(errno_name(EPIPE), "EPIPE");
  EXPECT_EQ(errno_name(ENOMEM), "ENOMEM");
  EXPECT_EQ(errno_name(ENOBUFS), "ENOBUFS");
  EXPECT_EQ(errno_name(EINVAL), "EINVAL");
  EXPECT_EQ(errno_name(ENOPROTOOPT), "ENOPROTOOPT");
  EXPECT_EQ(errno_name(ECONNABORTED), "ECONNABORTED");
  EXPECT_EQ(errno_name(ECONNRESET), "ECONNRESET");
  EXPECT_EQ(errno_name(ECONNREFUSED), "ECONNREFUSED");
  EXPECT_EQ(errno_name(ETIMEDOUT), "ETIMEDOUT");
  EXPECT_EQ(errno_name(4711), "errno 4711");
  EXPECT_FALSE(errno_words(EHOSTUNREACH).empty());
  EXPECT_TRUE(errno_words(4711).empty());
}

TEST(ResetReasons, have_words) {
  EXPECT_THAT(std::string(reset_reason_words("TCP_ABORT_ON_CLOSE")), HasSubstr("unread"));
  EXPECT_THAT(std::string(reset_reason_words("MPTCP_RST_EUNSPEC")), HasSubstr("Multipath TCP"));
  EXPECT_TRUE(reset_reason_words("SOMETHING_NEW").empty());
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(LocalResetCause::kUnknown); ++i) {
    words.insert(local_reset_cause_words(static_cast<LocalResetCause>(i)));
  }
  EXPECT_EQ(words.size(), 10U);
  EXPECT_EQ(local_reset_cause_words("app_closed_unread"), local_reset_cause_words(LocalResetCause::kAppClosedUnread));
  EXPECT_EQ(local_reset_cause_words("something_new"), "something_new");
}

TEST(NotVisible, ids_are_unique_and_all_have_words) {
  std::set<std::string_view> ids;
  for (const NotVisible& row : not_visible_table()) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id;
    EXPECT_FALSE(row.words.empty());
    EXPECT_FALSE(row.why.empty());
    EXPECT_EQ(find_not_visible(row.id), &row);
  }
  EXPECT_EQ(find_not_visible("no such id"), nullptr);
}

// enum skb_drop_reason of 6.18.
constexpr auto kDropReasonsOf618 = std::to_array<std::string_view>({"NOT_SPECIFIED",
                                                                    "NO_SOCKET",
                                                                    "SOCKET_CLOSE",
                                                                    "SOCKET_FILTER",
                                                                    "SOCKET_RCVBUFF",
                                                                    "UNIX_DISCONNECT",
                                                                    "UNIX_SKIP_OOB",
                                                                    "PKT_TOO_SMALL",
                                                                    "TCP_CSUM",
                                                                    "UDP_CSUM",
                                                                    "NETFILTER_DROP",
                                                                    "OTHERHOST",
                                                                    "IP_CSUM",
                                                                    "IP_INHDR",
                                                                    "IP_RPFILTER",
                                                                    "UNICAST_IN_L2_MULTICAST",
                                                                    "XFRM_POLICY",
                                                                    "IP_NOPROTO",
                                                                    "PROTO_MEM",
                                                                    "TCP_AUTH_HDR",
                                                                    "TCP_MD5NOTFOUND",
                                                                    "TCP_MD5UNEXPECTED",
                                                                    "TCP_MD5FAILURE",
                                                                    "TCP_AONOTFOUND",
                                                                    "TCP_AOUNEXPECTED",
                                                                    "TCP_AOKEYNOTFOUND",
                                                                    "TCP_AOFAILURE",
                                                                    "SOCKET_BACKLOG",
                                                                    "TCP_FLAGS",
                                                                    "TCP_ABORT_ON_DATA",
                                                                    "TCP_ZEROWINDOW",
                                                                    "TCP_OLD_DATA",
                                                                    "TCP_OVERWINDOW",
                                                                    "TCP_OFOMERGE",
                                                                    "TCP_RFC7323_PAWS",
                                                                    "TCP_RFC7323_PAWS_ACK",
                                                                    "TCP_RFC7323_TW_PAWS",
                                                                    "TCP_RFC7323_TSECR",
                                                                    "TCP_LISTEN_OVERFLOW",
                                                                    "TCP_OLD_SEQUENCE",
                                                                    "TCP_INVALID_SEQUENCE",
                                                                    "TCP_INVALID_END_SEQUENCE",
                                                                    "TCP_INVALID_ACK_SEQUENCE",
                                                                    "TCP_RESET",
                                                                    "TCP_INVALID_SYN",
                                                                    "TCP_CLOSE",
                                                                    "TCP_FASTOPEN",
                                                                    "TCP_OLD_ACK",
                                                                    "TCP_TOO_OLD_ACK",
                                                                    "TCP_ACK_UNSENT_DATA",
                                                                    "TCP_OFO_QUEUE_PRUNE",
                                                                    "TCP_OFO_DROP",
                                                                    "IP_OUTNOROUTES",
                                                                    "BPF_CGROUP_EGRESS",
                                                                    "IPV6DISABLED",
                                                                    "NEIGH_CREATEFAIL",
                                                                    "NEIGH_FAILED",
                                                                    "NEIGH_QUEUEFULL",
                                                                    "NEIGH_DEAD",
                                                                    "NEIGH_HH_FILLFAIL",
                                                                    "TC_EGRESS",
                                                                    "SECURITY_HOOK",
                                                                    "QDISC_DROP",
                                                                    "QDISC_OVERLIMIT",
                                                                    "QDISC_CONGESTED",
                                                                    "CAKE_FLOOD",
                                                                    "FQ_BAND_LIMIT",
                                                                    "FQ_HORIZON_LIMIT",
                                                                    "FQ_FLOW_LIMIT",
                                                                    "CPU_BACKLOG",
                                                                    "XDP",
                                                                    "TC_INGRESS",
                                                                    "UNHANDLED_PROTO",
                                                                    "SKB_CSUM",
                                                                    "SKB_GSO_SEG",
                                                                    "SKB_UCOPY_FAULT",
                                                                    "DEV_HDR",
                                                                    "DEV_READY",
                                                                    "FULL_RING",
                                                                    "NOMEM",
                                                                    "HDR_TRUNC",
                                                                    "TAP_FILTER",
                                                                    "TAP_TXFILTER",
                                                                    "ICMP_CSUM",
                                                                    "INVALID_PROTO",
                                                                    "IP_INADDRERRORS",
                                                                    "IP_INNOROUTES",
                                                                    "IP_LOCAL_SOURCE",
                                                                    "IP_INVALID_SOURCE",
                                                                    "IP_LOCALNET",
                                                                    "IP_INVALID_DEST",
                                                                    "PKT_TOO_BIG",
                                                                    "DUP_FRAG",
                                                                    "FRAG_REASM_TIMEOUT",
                                                                    "FRAG_TOO_FAR",
                                                                    "TCP_MINTTL",
                                                                    "IPV6_BAD_EXTHDR",
                                                                    "IPV6_NDISC_FRAG",
                                                                    "IPV6_NDISC_HOP_LIMIT",
                                                                    "IPV6_NDISC_BAD_CODE",
                                                                    "IPV6_NDISC_BAD_OPTIONS",
                                                                    "IPV6_NDISC_NS_OTHERHOST",
                                                                    "QUEUE_PURGE",
                                                                    "TC_COOKIE_ERROR",
                                                                    "PACKET_SOCK_ERROR",
                                                                    "TC_CHAIN_NOTFOUND",
                                                                    "TC_RECLASSIFY_LOOP",
                                                                    "VXLAN_INVALID_HDR",
                                                                    "VXLAN_VNI_NOT_FOUND",
                                                                    "MAC_INVALID_SOURCE",
                                                                    "VXLAN_ENTRY_EXISTS",
                                                                    "NO_TX_TARGET",
                                                                    "IP_TUNNEL_ECN",
                                                                    "TUNNEL_TXINFO",
                                                                    "LOCAL_MAC",
                                                                    "ARP_PVLAN_DISABLE",
                                                                    "MAC_IEEE_MAC_CONTROL",
                                                                    "BRIDGE_INGRESS_STP_STATE",
                                                                    "CAN_RX_INVALID_FRAME",
                                                                    "CANFD_RX_INVALID_FRAME",
                                                                    "CANXL_RX_INVALID_FRAME",
                                                                    "PFMEMALLOC",
                                                                    "DUALPI2_STEP_DROP",
                                                                    "PSP_INPUT",
                                                                    "PSP_OUTPUT",
                                                                    "RECURSION_LIMIT"});

TEST(DropReasons, each_that_counts_has_words_and_a_command) {
  std::size_t drops = 0;
  for (const std::string_view name : kDropReasonsOf618) {
    const DropReason* known = find_drop_reason(name);
    EXPECT_EQ(known != nullptr, model::is_drop(name)) << name;
    if (known == nullptr) continue;
    ++drops;
    EXPECT_FALSE(known->words.empty() || known->look.empty() || known->command.empty()) << name;
  }
  EXPECT_GT(drops, 60U);
}

TEST(DropReasons, what_tcp_lays_aside_is_no_drop) {
  for (const char* ordinary :
       {"NOT_SPECIFIED", "NO_SOCKET", "TCP_OLD_DATA", "TCP_OLD_ACK", "TCP_ZEROWINDOW", "TCP_OVERWINDOW", "TCP_OFOMERGE",
        "TCP_RESET", "TCP_CLOSE", "OTHERHOST", "NEW_FASHION"}) {
    EXPECT_FALSE(model::is_drop(ordinary)) << ordinary;
  }
}

}  // namespace
}  // namespace tcpdiag::knowledge
