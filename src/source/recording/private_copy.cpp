// SPDX-License-Identifier: Apache-2.0
#include "source/recording/private_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <vector>

#include "util/io.h"

namespace tcpdiag::recording {
namespace {

auto cannot_copy(int error) {
  return fail(ExitCode::kFailed, fmt::format("cannot make a temporary copy of the recording: {}", errno_text(error)),
              "set TMPDIR to a directory with room");
}

std::string temporary_directory() {
  const char* const chosen = ::getenv("TMPDIR");
  return chosen != nullptr && *chosen == '/' ? chosen : "/tmp";
}

Result<Fd> open_without_name() {
  const std::string directory = temporary_directory();
  Fd made(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (made) return made;
  // Not every file system knows O_TMPFILE (some overlays, NFS).
  std::string name = directory + "/tcpdiag-XXXXXX";
  made = Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!made) return cannot_copy(errno);
  ::unlink(name.c_str());
  return made;
}

// From where `from` is to its end.
Result<> append(int from, int to, std::uint64_t limit, const std::string& shown, const std::string& too_long) {
  constexpr std::size_t kBlock = 256 * 1024;
  std::vector<char> block(kBlock);
  for (std::uint64_t copied = 0;;) {
    const ssize_t got = ::read(from, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ExitCode::kFailed, fmt::format("cannot read {}: {}", shown, errno_text(errno)));
    if (got == 0) return {};
    copied += static_cast<std::uint64_t>(got);
    if (copied > limit) return fail(ExitCode::kFailed, fmt::format("{} {}", shown, too_long), "copy it again");
    const std::string_view piece(block.data(), static_cast<std::size_t>(got));
    if (const int error = write_all(to, piece); error != 0) return cannot_copy(error);
  }
}

}  // namespace

Result<Fd> copy_without_name(int from, std::string_view begin, std::uint64_t limit, const std::string& shown,
                             const std::string& too_long) {
  Result<Fd> made = open_without_name();
  if (!made) return made;
  if (const int error = write_all(made->get(), begin); error != 0) return cannot_copy(error);
  const Result<> copied = append(from, made->get(), limit - begin.size(), shown, too_long);
  if (!copied) return tl::unexpected(copied.error());
  return made;
}

Result<NamedCopies> NamedCopies::make() {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  std::string directory = temporary_directory() + "/tcpdiag-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return cannot_copy(error);
  }
  return NamedCopies(std::move(directory), before);
}

NamedCopies::~NamedCopies() {
  if (directory_.empty()) return;
  ::unlink(path().c_str());
  ::unlink(journal_path().c_str());
  ::rmdir(directory_.c_str());
  ::pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

Result<Fd> NamedCopies::give_name(Fd copy, const std::string& name) {
  const std::string unnamed = fmt::format("/proc/self/fd/{}", copy.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return copy;
  Fd made(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made || ::lseek(copy.get(), 0, SEEK_SET) != 0) return cannot_copy(errno);
  const Result<> copied =
      append(copy.get(), made.get(), std::numeric_limits<std::uint64_t>::max(), "the temporary copy", {});
  if (!copied) return tl::unexpected(copied.error());
  return made;
}

}  // namespace tcpdiag::recording
