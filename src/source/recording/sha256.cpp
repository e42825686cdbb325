// SPDX-License-Identifier: Apache-2.0
#include "source/recording/sha256.h"

#include <sha2.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "util/io.h"

namespace tcpdiag::recording {

Result<std::string> sha256_of(int fd) {
  constexpr std::size_t kBlock = 256 * 1024;
  std::vector<std::uint8_t> block(kBlock);
  SHA2_CTX context;
  ::SHA256Init(&context);
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(fd, block.data(), block.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ExitCode::kFailed, "cannot read the recording: " + errno_text(errno));
    if (got == 0) break;
    ::SHA256Update(&context, block.data(), static_cast<std::size_t>(got));
    at += got;
  }
  std::array<char, SHA256_DIGEST_STRING_LENGTH> digits{};
  return std::string(::SHA256End(&context, digits.data()));
}

}  // namespace tcpdiag::recording
