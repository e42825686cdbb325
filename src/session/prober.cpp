// SPDX-License-Identifier: Apache-2.0
#include "session/prober.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "host/process.h"
#include "session/confinement.h"
#include "util/io.h"

namespace tcpdiag::session {
namespace {

constexpr int kTargets = 3;  // the child's only descriptor

// What goes through the pipe: less than PIPE_BUF, so it comes whole.
using Batch = std::array<model::SocketAddress, Prober::kMostAtOnce>;

union AnyAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Fd begin_connect(const model::SocketAddress& to) {
  AnyAddress address{};
  socklen_t length = 0;
  if (to.address.is_v4()) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(to.port);
    std::memcpy(&address.v4.sin_addr, to.address.bytes.data() + 12, 4);
    length = sizeof address.v4;
  } else {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(to.port);
    std::memcpy(&address.v6.sin6_addr, to.address.bytes.data(), 16);
    length = sizeof address.v6;
  }
  Fd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (socket && ::connect(socket.get(), &address.any, length) != 0 && errno != EINPROGRESS) socket.reset();
  return socket;
}

// Closed as soon as all have an answer, or no later than the kernel would send a second SYN.
void connect_to(const Batch& batch) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(Prober::kPatienceMilliseconds);
  std::array<Fd, Prober::kMostAtOnce> sockets;
  std::array<pollfd, Prober::kMostAtOnce> waits{};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].port != 0) sockets[i] = begin_connect(batch[i]);
    waits[i] = {.fd = sockets[i].get(), .events = POLLOUT, .revents = 0};  // -1 is left out
  }
  while (std::any_of(waits.begin(), waits.end(), [](const pollfd& wait) { return wait.fd >= 0; })) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0 || ::poll(waits.data(), waits.size(), static_cast<int>(left)) < 0) return;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0) continue;
      waits[i].fd = -1;
      sockets[i].reset();
    }
  }
}

[[noreturn]] void run_child(int targets, const host::Netns& netns) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "tcpdiag-probe");
  const bool entered = netns.is_self || ::setns(netns.fd.get(), CLONE_NEWNET) == 0;
  if (!entered || ::dup2(targets, kTargets) < 0) ::_exit(1);
  // The standard ones too: who reads the report from a pipe waits for its last writer.
  ::close_range(0, kTargets - 1, 0);
  ::close_range(kTargets + 1, ~0U, 0);
  if (!confine_prober()) ::_exit(1);
  Batch batch{};
  while (::read(kTargets, batch.data(), sizeof batch) == sizeof batch) connect_to(batch);
  ::_exit(0);
}

}  // namespace

Result<Prober> Prober::start(const std::vector<host::Netns>& netns) {
  if (!host::shows_host_pids()) {
    return fail(ExitCode::kNotAble, "--probe does not work in a container: its processes have other ids for the kernel",
                "leave it out, or run tcpdiag on the host (docker run --pid=host)");
  }
  Prober prober;
  for (const host::Netns& one : netns) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
      return fail(ExitCode::kNotAble, fmt::format("cannot prepare --probe: {}", errno_text(errno)), "leave it out");
    }
    Fd reads(pipe[0]);
    Child child{.pid = 0, .netns_inode = one.inode, .targets = Fd(pipe[1])};
    // Who does not read gets no more: the tracer must not wait.
    ::fcntl(child.targets.get(), F_SETFL, O_NONBLOCK);
    const pid_t pid = ::fork();
    if (pid < 0) {
      return fail(ExitCode::kNotAble, fmt::format("cannot start a process for --probe: {}", errno_text(errno)),
                  "leave it out");
    }
    if (pid == 0) run_child(reads.get(), one);
    child.pid = static_cast<std::uint32_t>(pid);
    prober.children_.push_back(std::move(child));
  }
  return prober;
}

std::vector<std::uint32_t> Prober::pids() const {
  std::vector<std::uint32_t> pids;
  for (const Child& child : children_) pids.push_back(child.pid);
  return pids;
}

void Prober::probe(const std::vector<model::EndpointKey>& endpoints) {
  for (const Child& child : children_) {
    Batch batch{};
    std::size_t count = 0;
    for (const model::EndpointKey& endpoint : endpoints) {
      // A link-local address is one of an interface, and which is not known.
      const bool reachable = endpoint.at.address.address_class() != model::AddressClass::kLinkLocal;
      if (endpoint.netns_inode != child.netns_inode || !reachable) continue;
      if (count == batch.size() || sent_ + count == kMost) break;
      batch[count++] = endpoint.at;
    }
    if (count > 0 && ::write(child.targets.get(), batch.data(), sizeof batch) == sizeof batch) sent_ += count;
  }
}

}  // namespace tcpdiag::session
