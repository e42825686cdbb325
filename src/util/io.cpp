// SPDX-License-Identifier: Apache-2.0
#include "util/io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "util/escape.h"

namespace tcpdiag {

std::string errno_text(int error) { return std::generic_category().message(error); }

std::string cure_of(int error, std::string_view otherwise) {
  switch (error) {
    case EMFILE:
      return "raise the limit of open files (ulimit -n)";
    case ENFILE:
      return "raise the system's limit of open files (sysctl fs.file-max)";
    case ENOMEM:
      return "raise the limit of memory (ulimit -v, memory.max of its cgroup)";
    case EFBIG:
      return "raise the limit of a file's size (ulimit -f)";
    default:
      return std::string(otherwise);
  }
}

int write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written >= 0) {
      data.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return errno;
    // Another program that shares the descriptor made it non-blocking.
    pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
    if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return errno;
  }
  return 0;
}

std::optional<std::string> read_small_file(const std::string& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return std::nullopt;
  std::string text;
  std::array<char, 4096> block{};
  while (true) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got == 0) return text;
    if (got < 0) {
      if (errno == EINTR) continue;
      return std::nullopt;
    }
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) return std::nullopt;
  }
}

Result<Fd> open_regular_file(const std::string& path, std::string_view wanted) {
  const std::string shown = fmt::format("'{}'", escape_terminal(path));
  const auto cannot_open = [&](int error) {
    return fail(ExitCode::kUsage, fmt::format("cannot open {}: {}", shown, errno_text(error)),
                fmt::format("name {}", wanted));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return cannot_open(errno);
  if (S_ISDIR(status.st_mode)) {
    return fail(ExitCode::kUsage, shown + " is a directory", fmt::format("name {} in it", wanted));
  }
  constexpr const char* kInput = "lead it into standard input, and name -";
  if (!S_ISREG(status.st_mode)) return fail(ExitCode::kUsage, shown + " is not a regular file", kInput);
  // Another file may have the name meanwhile: O_NONBLOCK, and it is looked at again.
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return cannot_open(errno);
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return cannot_open(EINVAL);
  return fd;
}

}  // namespace tcpdiag
