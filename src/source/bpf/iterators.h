// SPDX-License-Identifier: Apache-2.0
// Running a BPF iterator and reading what it writes.
#pragma once

#include <cstddef>
#include <vector>

#include "source/bpf/link.h"
#include "util/fd.h"
#include "util/result.h"

struct bpf_program;

namespace tcpdiag::bpf {

// One run of a program over all that there is when run() is called. What needs privileges is done by open(), so that it
// may be called long before.
class Iterator {
 public:
  // netns_fd >= 0: over that network namespace (iter/tcp shows the namespace of the thread that opens it; a thread of
  // its own enters it, so the caller stays where it is), which it keeps alive until it has run.
  static Result<Iterator> open(bpf_program* program, int netns_fd = -1);

  // Once: a second run writes nothing.
  Result<std::vector<std::byte>> run();

 private:
  explicit Iterator(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

// A program that writes nothing, over the sockets of a storage map, as often as wanted.
class RepeatedPass {
 public:
  // What needs privileges.
  static Result<RepeatedPass> over(bpf_program* program, int map_fd);

  // 0 or errno.
  int run() const;

 private:
  explicit RepeatedPass(Link link) : link_(std::move(link)) {}

  Link link_;
};

}  // namespace tcpdiag::bpf
