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

// The hint for an errno: which limit is to be raised, where it says that one is reached, and `otherwise` where not.
std::string cure_of(int error, std::string_view otherwise);

// Writes all of `data`. 0, or the errno that ended it; SIGPIPE is the caller's to ignore. Waits while a non-blocking
// descriptor is not writable.
int write_all(int fd, std::string_view data);

// All of a file that is small by nature (/proc, /sys); nothing where it cannot be read or is longer than `limit` bytes.
std::optional<std::string> read_small_file(const std::string& path, std::size_t limit = 65536);

// To read a file that a person named. Never waits: a pipe or a device is refused without being opened. Errors (kUsage):
// it is none that can be opened, or no regular file; the hint says to name `wanted` ("a recording").
Result<Fd> open_regular_file(const std::string& path, std::string_view wanted);

}  // namespace tcpdiag
