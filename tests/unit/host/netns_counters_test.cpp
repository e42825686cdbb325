// SPDX-License-Identifier: Apache-2.0
// The kernel's counters and its list of listening sockets, as they are and as they must not be.
#include "host/netns_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <cstring>
#include <random>

namespace tcpdiag::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// Of Linux 6.18; some columns left out.
constexpr std::string_view kSnmp =
    "Ip: Forwarding DefaultTTL InReceives\n"
    "Ip: 2 64 7001\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs "
    "OutSegs "
    "RetransSegs InErrs OutRsts InCsumErrors\n"
    "Tcp: 1 200 120000 -1 812 644 31 12 9 70211 69804 55 0 48 0\n"
    "Udp: InDatagrams NoPorts\n"
    "Udp: 17 0\n";

constexpr std::string_view kNetstat =
    "TcpExt: SyncookiesSent EmbryonicRsts ListenOverflows ListenDrops TCPTimeouts TCPDSACKRecv TCPRetransFail\n"
    "TcpExt: 0 2 18446744073709551615 6 7 8 9\n"
    "IpExt: InNoRoutes ListenDrops\n"
    "IpExt: 0 4711\n"
    "MPTcpExt: MPCapableSYNRX TCPTimeouts\n"
    "MPTcpExt: 0 4711\n";

TEST(Counters, of_snmp) {
  EXPECT_THAT(parse_counters(kSnmp),
              ElementsAre(Pair("ActiveOpens", 812U), Pair("AttemptFails", 31U), Pair("EstabResets", 12U),
                          Pair("OutRsts", 48U), Pair("RetransSegs", 55U)));
}

TEST(Counters, of_netstat_and_of_no_other_protocol) {
  EXPECT_THAT(parse_counters(kNetstat),
              ElementsAre(Pair("EmbryonicRsts", 2U), Pair("ListenDrops", 6U),
                          Pair("ListenOverflows", 18446744073709551615U), Pair("SyncookiesSent", 0U),
                          Pair("TCPDSACKRecv", 8U), Pair("TCPRetransFail", 9U), Pair("TCPTimeouts", 7U)));
}

TEST(Counters, what_makes_no_sense_is_left_out) {
  for (const char* text :
       {"", "\n", "Tcp:", "Tcp: OutRsts", "Tcp: OutRsts\n", "Tcp: OutRsts\nTcp:", "Tcp: OutRsts\nTcp: \n",
        "Tcp: OutRsts\nTcp: -1\n", "Tcp: OutRsts\nTcp: x\n", "Tcp: OutRsts\nUdp: 5\n",
        "Tcp: OutRsts\nTcp: 18446744073709551616\n", "Tcp OutRsts\nTcp 5\n", "OutRsts 5\n", "Tcp: outrsts\nTcp: 5\n"}) {
    EXPECT_THAT(parse_counters(text), IsEmpty()) << text;
  }
  EXPECT_THAT(parse_counters("Tcp: OutRsts EstabResets\nTcp: 5\n"), ElementsAre(Pair("OutRsts", 5U)));
  EXPECT_THAT(parse_counters("Tcp: OutRsts\nTcp: 5 6 7"), ElementsAre(Pair("OutRsts", 5U)));
  EXPECT_THAT(parse_counters("Tcp:   OutRsts \nTcp: 5"), ElementsAre(Pair("OutRsts", 5U)));
  // names whose values are missing are not taken for the values of others
  EXPECT_THAT(parse_counters("Tcp: EstabResets\nTcpExt: TCPTimeouts\nTcpExt: 3\n"),
              ElementsAre(Pair("TCPTimeouts", 3U)));
}

std::string with_noise(std::string_view text, std::mt19937& random) {
  std::string noisy(text);
  for (int i = 0; i < 5; ++i) noisy[random() % noisy.size()] = static_cast<char>(random());
  noisy.resize(random() % (noisy.size() + 1));
  return noisy;
}

TEST(Counters, noise_is_tolerated) {
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same noise in every run
  for (int i = 0; i < 5000; ++i) {
    EXPECT_LE(parse_counters(with_noise(i % 2 == 0 ? kSnmp : kNetstat, random)).size(), 10U);
  }
}

class Dump {
 public:
  void add(const void* body, std::size_t size, std::uint16_t type = SOCK_DIAG_BY_FAMILY,
           std::uint32_t sequence = kSequence) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + size);
    header.nlmsg_type = type;
    header.nlmsg_seq = sequence;
    append(&header, sizeof header);
    append(body, size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  void add_listener(std::uint16_t port, std::uint32_t waiting, std::uint32_t limit, std::uint8_t family = AF_INET,
                    std::uint32_t sequence = kSequence) {
    inet_diag_msg one{};
    one.idiag_family = family;
    one.idiag_state = 10;
    one.id.idiag_sport = htons(port);
    one.id.idiag_src[0] = htonl(0x0a000001);  // 10.0.0.1, or a00:1::
    one.idiag_rqueue = waiting;
    one.idiag_wqueue = limit;
    add(&one, sizeof one, SOCK_DIAG_BY_FAMILY, sequence);
  }
  void add_end() {
    const int result = 0;
    add(&result, sizeof result, NLMSG_DONE);
  }
  std::vector<std::byte>& bytes() { return bytes_; }
  ListenersPart parse() const { return parse_listeners(bytes_, kSequence); }

  static constexpr std::uint32_t kSequence = 5;

 private:
  void append(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  std::vector<std::byte> bytes_;
};

std::vector<std::string> shown(const ListenersPart& part) {
  std::vector<std::string> all;
  for (const model::ListenQueue& one : part.full) {
    all.push_back(one.local.to_string() + " " + std::to_string(one.backlog) + "/" + std::to_string(one.limit));
  }
  return all;
}

TEST(Listeners, only_those_that_are_full) {
  Dump dump;
  dump.add_listener(80, 0, 128);
  dump.add_listener(81, 127, 128);
  dump.add_listener(82, 128, 128);
  dump.add_listener(83, 129, 128);
  dump.add_listener(84, 0, 0);  // listen(fd, 0): one may wait
  dump.add_listener(85, 1, 0);
  dump.add_listener(86, 2, 1, AF_INET6);
  dump.add_listener(87, 2, 1, AF_UNIX);
  EXPECT_THAT(shown(dump.parse()),
              ElementsAre("10.0.0.1:82 128/128", "10.0.0.1:83 129/128", "10.0.0.1:85 1/0", "[a00:1::]:86 2/1"));
  EXPECT_TRUE(dump.parse().more);
}

TEST(Listeners, ends_where_the_kernel_says_so) {
  Dump dump;
  dump.add_listener(82, 2, 1);
  dump.add_end();
  dump.add_listener(83, 2, 1);
  EXPECT_THAT(shown(dump.parse()), ElementsAre("10.0.0.1:82 2/1"));
  EXPECT_FALSE(dump.parse().more);
  Dump refused;
  nlmsgerr error{};
  error.error = -ENOENT;
  refused.add(&error, sizeof error, NLMSG_ERROR);
  EXPECT_FALSE(refused.parse().more);
}

TEST(Listeners, of_another_dump_are_passed_over) {
  Dump dump;
  dump.add_listener(82, 2, 1, AF_INET, Dump::kSequence - 1);
  dump.add_listener(83, 2, 1);
  EXPECT_THAT(shown(dump.parse()), ElementsAre("10.0.0.1:83 2/1"));
}

TEST(Listeners, what_makes_no_sense_is_left_out) {
  EXPECT_THAT(shown(parse_listeners({}, 5)), IsEmpty());
  Dump dump;
  dump.add("x", 1);
  dump.add_listener(82, 2, 1);
  for (const std::uint32_t length : {0U, 15U, 4096U, 0xffffffffU}) {
    Dump wrong = dump;
    std::memcpy(wrong.bytes().data(), &length, sizeof length);  // of the first message
    EXPECT_THAT(shown(wrong.parse()), IsEmpty()) << length;
  }
  EXPECT_THAT(shown(dump.parse()), ElementsAre("10.0.0.1:82 2/1"));
  for (std::size_t size = 0; size < dump.bytes().size(); ++size) {
    Dump cut = dump;
    cut.bytes().resize(size);
    EXPECT_THAT(shown(cut.parse()), IsEmpty()) << size;
  }
}

TEST(Listeners, noise_is_tolerated) {
  Dump dump;
  for (std::uint16_t port = 1; port <= 10; ++port) dump.add_listener(port, 2, 1);
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same noise in every run
  for (int i = 0; i < 5000; ++i) {
    Dump noisy = dump;
    for (int j = 0; j < 5; ++j) noisy.bytes()[random() % noisy.bytes().size()] = static_cast<std::byte>(random());
    EXPECT_LE(noisy.parse().full.size(), 100U);
  }
}

// Of this machine: needs no privileges for the own namespace.
TEST(NetnsCounters, own_namespace_is_read_again_and_again) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  const auto counters = NetnsCounters::open(*own);
  ASSERT_TRUE(counters) << counters.error().what;
  const model::MonoTime at(std::chrono::seconds(7));
  const model::NetnsSample first = counters->read(at);
  const model::NetnsSample second = counters->read(at);
  EXPECT_EQ(first.at, at);
  EXPECT_EQ(first.netns_inode, own->inode);
  EXPECT_FALSE(first.gone);
  for (const char* name : {"RetransSegs", "OutRsts", "ListenOverflows", "ListenDrops", "TCPTimeouts"}) {
    ASSERT_TRUE(first.counters.contains(name)) << name;
    EXPECT_GE(second.counters.at(name), first.counters.at(name)) << name;
  }
}

TEST(NetnsCounters, what_is_no_namespace_cannot_be_entered) {
  Netns none;
  none.fd = Fd(::dup(STDIN_FILENO));
  const auto counters = NetnsCounters::open(none);
  ASSERT_FALSE(counters);
  EXPECT_EQ(counters.error().exit_code, ExitCode::kNotAble);
}

}  // namespace
}  // namespace tcpdiag::host
