// SPDX-License-Identifier: Apache-2.0
#include "source/recording/private_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "util/format.h"
#include "util/io.h"

namespace tcpdiag::recording {
namespace {

auto cannot_copy(int error) {
  return fail(ExitCode::kFailed, fmt::format("cannot make a temporary copy of the recording: {}", errno_text(error)),
              "set TMPDIR to a directory with room");
}

}  // namespace

Result<PrivateCopy> PrivateCopy::make() {
  const char* const chosen = ::getenv("TMPDIR");
  std::string directory = chosen != nullptr && *chosen == '/' ? chosen : "/tmp";
  directory += "/tcpdiag-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return cannot_copy(errno);
  return PrivateCopy(std::move(directory));
}

PrivateCopy::~PrivateCopy() {
  if (directory_.empty()) return;
  ::unlink(path().c_str());
  ::unlink(journal_path().c_str());
  ::rmdir(directory_.c_str());
}

Result<Fd> PrivateCopy::copy(int from, const std::string& to, std::uint64_t limit, const std::string& shown) {
  Fd made(::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return cannot_copy(errno);
  constexpr std::size_t kBlock = 256 * 1024;
  std::vector<char> block(kBlock);
  for (std::uint64_t copied = 0;;) {
    const ssize_t got = ::read(from, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ExitCode::kFailed, fmt::format("cannot read {}: {}", shown, errno_text(errno)));
    if (got == 0) return made;
    copied += static_cast<std::uint64_t>(got);
    if (copied > limit) {
      return fail(ExitCode::kFailed, fmt::format("{} is longer than {}", shown, size_in_words(limit)),
                  "save it as a file and name that");
    }
    const std::string_view piece(block.data(), static_cast<std::size_t>(got));
    if (const int error = write_all(made.get(), piece); error != 0) return cannot_copy(error);
  }
}

}  // namespace tcpdiag::recording
