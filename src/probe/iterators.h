// SPDX-License-Identifier: Apache-2.0
// Running a BPF iterator and reading what it writes.
#pragma once

#include <cstddef>
#include <vector>

#include "util/result.h"

struct bpf_program;

namespace tcpdiag::probe {

// Runs `program` once, to its end. netns_fd >= 0: inside that network namespace (iter/tcp shows the namespace of the
// thread that creates it; a thread of its own enters it, so the caller stays where it is).
Result<std::vector<std::byte>> run_iterator(bpf_program* program, int netns_fd = -1);

}  // namespace tcpdiag::probe
