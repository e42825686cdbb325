// SPDX-License-Identifier: Apache-2.0
#include "host/other_netns.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "host/files.h"
#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kTcpHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::string tcp_line(std::string_view state, std::uint64_t inode) {
  return fmt::format(
      "   0: 0100007F:1F90 0100007F:C350 {} 00000000:00000000 00:00000000 00000000  1000        0 {} 1 "
      "0000000000000000\n",
      state, inode);
}

class OtherNetnsOfFakeHost : public testing::Test {
 protected:
  // A process in namespace `netns`, which is a file.
  void process(std::uint32_t pid, std::string_view netns, std::string_view comm) const {
    if (!std::filesystem::exists(tree_.path(netns))) tree_.write(netns, netns);
    tree_.link(netns, fmt::format("proc/{}/ns/net", pid));
    tree_.write(fmt::format("proc/{}/comm", pid), fmt::format("{}\n", comm));
  }
  void counts(std::uint32_t pid, int established, int v4, int v6) const {
    tree_.write(fmt::format("proc/{}/net/snmp", pid),
                fmt::format("Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm MaxConn CurrEstab InSegs\nTcp: 1 -1 {} 99\n",
                            established));
    tree_.write(fmt::format("proc/{}/net/sockstat", pid),
                fmt::format("sockets: used 9\nTCP: inuse {} orphan 0 tw 0 alloc 9 mem 0\nUDP: inuse 7\n", v4));
    tree_.write(fmt::format("proc/{}/net/sockstat6", pid), fmt::format("TCP6: inuse {}\nUDP6: inuse 7\n", v6));
  }
  void descriptor(std::uint32_t pid, int fd, std::string_view target) const {
    const std::string path = tree_.path(fmt::format("proc/{}/fd/{}", pid, fd));
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::filesystem::create_symlink(target, path);
  }
  std::uint32_t inode(std::string_view netns) const {
    return static_cast<std::uint32_t>(identity_at(tree_.path(netns))->inode);
  }
  std::vector<model::OtherNetns> scan(const std::vector<std::uint32_t>& traced = {},
                                      const OtherNetnsLimits& limits = {.processes = 4096,
                                                                        .time = std::chrono::seconds(60)}) const {
    return other_netns(traced, tree_.path("proc"), limits);
  }

  test::FakeTree tree_;
};

TEST_F(OtherNetnsOfFakeHost, none_where_there_is_no_proc) { EXPECT_THAT(scan(), IsEmpty()); }

TEST_F(OtherNetnsOfFakeHost, the_busiest_first_without_what_is_traced_or_has_no_socket) {
  process(1, "host", "systemd");
  counts(1, 9, 9, 9);
  process(20, "few", "nginx");
  counts(20, 1, 1, 7);
  process(30, "many", "redis-server");
  counts(30, 40, 41, 0);
  process(40, "none", "sleep");
  counts(40, 0, 0, 0);
  process(50, "listens", "sshd");
  counts(50, 0, 1, 1);
  tree_.write("proc/cpuinfo", "not a process");
  const auto found = scan({inode("host")});
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].comm, "redis-server");
  EXPECT_EQ(found[0].pid, 30U);
  EXPECT_EQ(found[0].inode, inode("many"));
  EXPECT_EQ(found[0].established, 40U);
  EXPECT_EQ(found[0].sockets, 41U);
  EXPECT_EQ(found[1].comm, "nginx");
  EXPECT_EQ(found[1].sockets, 8U);
  EXPECT_EQ(found[2].comm, "sshd");
  EXPECT_EQ(found[2].established, 0U);
}

TEST_F(OtherNetnsOfFakeHost, names_who_holds_a_connection) {
  process(20, "pod", "pause");
  counts(20, 1, 2, 0);
  tree_.write("proc/20/net/tcp", std::string(kTcpHead) + tcp_line("0A", 500) + tcp_line("01", 501));
  for (const std::uint32_t pid : {21U, 22U}) process(pid, "pod", pid == 22 ? "puma" : "listener");
  descriptor(21, 3, "socket:[500]");
  descriptor(22, 0, "/dev/null");
  descriptor(22, 7, "socket:[501]");
  const auto found = scan();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].pid, 22U);
  EXPECT_EQ(found[0].comm, "puma");
}

TEST_F(OtherNetnsOfFakeHost, a_thread_of_the_kernel_stands_for_nobody) {
  process(2, "host", "kthreadd");
  process(300, "host", "sshd");
  counts(2, 0, 1, 0);
  std::filesystem::create_symlink("/usr/sbin/sshd", tree_.path("proc/300/exe"));
  const auto found = scan();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].comm, "sshd");
}

TEST_F(OtherNetnsOfFakeHost, a_process_that_has_vanished_is_passed_over) {
  process(20, "pod", "gone");
  process(21, "pod", "puma");
  process(30, "all_gone", "gone");
  counts(21, 3, 3, 0);
  counts(30, 3, 3, 0);
  std::filesystem::remove(tree_.path("proc/20/comm"));
  std::filesystem::remove(tree_.path("proc/30/comm"));
  tree_.write("proc/99/comm", "no namespace to be seen\n");
  const auto found = scan();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].pid, 21U);
}

TEST_F(OtherNetnsOfFakeHost, this_program_is_nobody) {
  process(20, "pod", "tcpdiag");
  counts(20, 3, 3, 0);
  std::filesystem::create_symlink("20", tree_.path("proc/self"));
  EXPECT_THAT(scan(), IsEmpty());
}

TEST_F(OtherNetnsOfFakeHost, is_bounded) {
  for (std::uint32_t pid = 1; pid <= 8; ++pid) {
    process(pid, fmt::format("netns{}", pid), "puma");
    counts(pid, static_cast<int>(pid), 9, 9);
  }
  EXPECT_THAT(scan(), SizeIs(model::kOtherNetnsShown));
  EXPECT_EQ(scan().front().pid, 8U);
  EXPECT_THAT(scan({}, {.processes = 2, .time = std::chrono::seconds(60)}), SizeIs(2));
  EXPECT_THAT(scan({}, {.processes = 4096, .time = std::chrono::milliseconds(0)}), IsEmpty());
}

TEST_F(OtherNetnsOfFakeHost, what_makes_no_sense_is_no_socket) {
  process(20, "pod", "puma");
  tree_.write("proc/20/net/snmp", "Tcp: CurrEstab\nTcp: many\nTcp:");
  tree_.write("proc/20/net/sockstat", "TCP: inuse \n");
  tree_.write("proc/20/net/sockstat6", "TCP6: inuse");
  EXPECT_THAT(scan(), IsEmpty());
}

TEST(SocketInodes, established_before_others) {
  const std::string table = std::string(kTcpHead) + tcp_line("0A", 500) + tcp_line("01", 501) + tcp_line("01", 0);
  EXPECT_THAT(socket_inodes(table), ElementsAre(501));
  EXPECT_THAT(socket_inodes(std::string(kTcpHead) + tcp_line("0A", 500)), ElementsAre(500));
}

TEST(SocketInodes, a_line_that_is_cut_off_is_left_out) {
  const std::string table = std::string(kTcpHead) + tcp_line("01", 501) + tcp_line("01", 5023);
  for (std::size_t cut = kTcpHead.size() + tcp_line("01", 501).size(); cut < table.size(); ++cut) {
    EXPECT_THAT(socket_inodes(std::string_view(table).substr(0, cut)), ElementsAre(501));
  }
  EXPECT_THAT(socket_inodes(""), IsEmpty());
  EXPECT_THAT(socket_inodes("\n\n  \n"), IsEmpty());
}

// Of this machine: whatever it has, nothing of the own namespace.
TEST(OtherNetns, of_this_machine) {
  const auto own = identity_at("/proc/self/ns/net");
  ASSERT_TRUE(own);
  for (const model::OtherNetns& one : other_netns({static_cast<std::uint32_t>(own->inode)})) {
    EXPECT_NE(one.inode, own->inode);
    EXPECT_FALSE(one.comm.empty());
    EXPECT_GT(one.established + one.sockets, 0U);
  }
}

}  // namespace
}  // namespace tcpdiag::host
