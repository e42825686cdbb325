// SPDX-License-Identifier: Apache-2.0
// Whole reads and writes on file descriptors: interruptions, short counts and non-blocking descriptors are dealt with.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag {

// What the system says about an errno, in its own words: "No space left on device".
std::string errno_text(int error);

// Writes all of `data`. 0, or the errno that ended it; SIGPIPE is the caller's to ignore. Waits while a non-blocking
// descriptor is not writable.
int write_all(int fd, std::string_view data);

// All of a file that is small by nature (/proc, /sys); nothing where it cannot be read or is longer than `limit` bytes.
std::optional<std::string> read_small_file(const std::string& path, std::size_t limit = 65536);

}  // namespace tcpdiag
