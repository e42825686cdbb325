// SPDX-License-Identifier: Apache-2.0
// --probe's child against a listener on this machine's loopback.
#include "session/prober.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fstream>
#include <string>

#include "host/netns.h"
#include "host/process.h"

namespace tcpdiag::session {
namespace {

class ProberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!host::shows_host_pids()) GTEST_SKIP() << "in a container";
    auto own = host::own_netns();
    ASSERT_TRUE(own);
    inode_ = own->inode;
    netns_.push_back(std::move(*own));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    socklen_t length = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener_.get(), any, length), 0);
    ASSERT_EQ(::listen(listener_.get(), 100), 0);
    ASSERT_EQ(::getsockname(listener_.get(), any, &length), 0);
    here_ = {.role = model::Role::kOutbound,
             .at = {*model::Address::parse("127.0.0.1"), ntohs(address.sin_port)},
             .netns_inode = inode_};
  }

  // So many connections come, and each ends without a byte.
  int connections(int most) {
    int count = 0;
    pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    while (count < most && ::poll(&wait, 1, 10'000) == 1) {
      const Fd socket(::accept(listener_.get(), nullptr, nullptr));
      char byte = 0;
      EXPECT_EQ(::read(socket.get(), &byte, 1), 0);
      ++count;
    }
    return count;
  }

  std::vector<host::Netns> netns_;
  std::uint32_t inode_ = 0;
  Fd listener_;
  model::EndpointKey here_;
};

TEST_F(ProberTest, ConnectsAndClosesAtOnceAndEndsWithItsOwner) {
  int status = 0;
  pid_t child = 0;
  {
    auto prober = Prober::start(netns_);
    ASSERT_TRUE(prober) << prober.error().what;
    ASSERT_EQ(prober->pids().size(), 1U);
    child = static_cast<pid_t>(prober->pids().front());
    prober->probe({here_});
    EXPECT_EQ(connections(1), 1);
    EXPECT_EQ(host::comm_of(static_cast<std::uint32_t>(child)), "tcpdiag-probe");
    std::ifstream table("/proc/" + std::to_string(child) + "/status");
    const std::string words((std::istreambuf_iterator<char>(table)), std::istreambuf_iterator<char>());
    EXPECT_NE(words.find("CapEff:\t0000000000000000"), std::string::npos);
    EXPECT_NE(words.find("Seccomp:\t2"), std::string::npos);
    prober->probe({here_, here_});
    EXPECT_EQ(connections(2), 2);
  }
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProberTest, HasItsLimits) {
  auto prober = Prober::start(netns_);
  ASSERT_TRUE(prober);
  const std::vector<model::EndpointKey> many(2 * Prober::kMostAtOnce, here_);
  int expected = 0;
  for (std::size_t sent = 0; sent < Prober::kMost; sent += Prober::kMostAtOnce) {
    const int now = static_cast<int>(std::min(Prober::kMostAtOnce, Prober::kMost - sent));
    prober->probe(many);
    EXPECT_EQ(connections(now), now);
    expected += now;
  }
  EXPECT_EQ(expected, static_cast<int>(Prober::kMost));
  prober->probe(many);
  pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&wait, 1, 0), 0);
}

TEST_F(ProberTest, LeavesOutWhatItCannotReach) {
  auto prober = Prober::start(netns_);
  ASSERT_TRUE(prober);
  model::EndpointKey elsewhere = here_;
  elsewhere.netns_inode = inode_ + 1;
  model::EndpointKey link_local = here_;
  link_local.at.address = *model::Address::parse("fe80::1");
  prober->probe({elsewhere, link_local, here_});
  EXPECT_EQ(connections(1), 1);
}

}  // namespace
}  // namespace tcpdiag::session
