// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/iterators.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "source/bpf/link.h"
#include "util/io.h"
#include "util/thread.h"

namespace tcpdiag::bpf {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;

tl::unexpected<Error> iterator_error(const char* doing, int error) {
  return fail(ExitCode::kNotAble, fmt::format("cannot {} the list of open sockets: {}", doing, std::strerror(error)),
              cure_of(error, "run it with sudo; entering a network namespace needs CAP_SYS_ADMIN"));
}

Result<Fd> open_here(bpf_program* program, int netns_fd) {
  if (netns_fd >= 0 && setns(netns_fd, CLONE_NEWNET) != 0) return iterator_error("enter the namespace of", errno);
  const Link link(bpf_program__attach_iter(program, nullptr));
  if (!link) return iterator_error("open", errno);
  Fd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd) return iterator_error("open", errno);
  return fd;
}

}  // namespace

Result<Iterator> Iterator::open(bpf_program* program, int netns_fd) {
  Result<Fd> fd;
  if (netns_fd < 0) {
    fd = open_here(program, netns_fd);
  } else {
    const Result<> ran = run_on_thread([&] { fd = open_here(program, netns_fd); });
    if (!ran) return tl::unexpected(ran.error());
  }
  if (!fd) return tl::unexpected(fd.error());
  return Iterator(std::move(*fd));
}

Result<std::vector<std::byte>> Iterator::run() {
  const Fd fd = std::move(fd_);
  std::vector<std::byte> out;
  std::size_t used = 0;
  while (fd) {
    out.resize(used + kChunk);
    const ssize_t n = ::read(fd.get(), out.data() + used, kChunk);
    // EAGAIN: so many objects passed without output that the kernel paused (MAX_ITER_OBJECTS)
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return iterator_error("read", errno);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  out.resize(used);
  return out;
}

Result<RepeatedPass> RepeatedPass::over(bpf_program* program, int map_fd) {
  bpf_iter_link_info info{};
  info.map.map_fd = static_cast<__u32>(map_fd);
  bpf_iter_attach_opts options{};
  options.sz = sizeof(options);
  options.link_info = &info;
  options.link_info_len = sizeof(info);
  Link link(bpf_program__attach_iter(program, &options));
  if (!link) return iterator_error("open", errno);
  return RepeatedPass(std::move(link));
}

int RepeatedPass::run() const {
  const Fd fd(bpf_iter_create(bpf_link__fd(link_.get())));
  if (!fd) return errno;
  std::byte nothing{};
  while (true) {
    const ssize_t n = ::read(fd.get(), &nothing, sizeof(nothing));
    if (n == 0) return 0;
    if (n < 0 && errno != EINTR && errno != EAGAIN) return errno;
  }
}

}  // namespace tcpdiag::bpf
