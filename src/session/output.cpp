// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include "util/escape.h"
#include "util/io.h"
#include "util/uuid.h"

namespace tcpdiag::session {
namespace {

constexpr mode_t kMode = 0644;  // less the umask

auto wrong_file(const std::string& path, std::string_view what, std::string_view hint) {
  return fail(ExitCode::kUsage, fmt::format("'{}' {}", escape_terminal(path), what), std::string(hint));
}

auto cannot_create(const std::string& path, int error, const std::optional<Caller>& caller) {
  std::string what = fmt::format("cannot create '{}': {}", escape_terminal(path), errno_text(error));
  if (caller && (error == EACCES || error == EPERM)) {
    return fail(ExitCode::kUsage, what + fmt::format(" for user {}, who called sudo", caller->uid),
                "choose a directory that this user may write to");
  }
  return fail(ExitCode::kUsage, std::move(what), "choose another file with -o");
}

Result<> check_standard_output() {
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return {};
  return fail(ExitCode::kUsage, "standard output is closed", "name a file for the report with -o");
}

bool same_file(int directory, const std::string& name, int fd) {
  struct stat named {};
  struct stat opened {};
  return ::fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

}  // namespace

Result<Output> Output::open(const std::string& path, bool force, const std::optional<Caller>& caller) {
  Output output;
  if (path.empty()) {
    if (const Result<> open = check_standard_output(); !open) return tl::unexpected(open.error());
    return output;
  }
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  output.path_ = path;
  output.name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  output.caller_ = caller;
  if (output.name_.empty()) return wrong_file(path, "is a directory", "name a file in it");

  const ActAs act(caller);
  if (!act.ok()) return cannot_create(path, EPERM, caller);
  output.directory_ = Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!output.directory_) return cannot_create(path, errno, caller);
  output.file_ = Fd(::openat(output.directory_.get(), output.name_.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  output.note_created();
  if (output.created_) return output;
  if (errno != EEXIST) return cannot_create(path, errno, caller);
  if (!force) return wrong_file(path, "exists", "choose another name with -o, or overwrite it with --force");
  if (const Result<> opened = output.open_existing(path); !opened) return tl::unexpected(opened.error());
  return output;
}

Result<> Output::open_existing(const std::string& path) {
  struct stat status {};
  if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return cannot_create(path, errno, caller_);
  }
  if (S_ISLNK(status.st_mode)) return wrong_file(path, "is a symbolic link", "name the file that it leads to");
  if (S_ISDIR(status.st_mode)) return wrong_file(path, "is a directory", "name a file in it");
  if (!S_ISREG(
          status.st_mode)) {  // a device or pipe has nothing to lose; without O_NONBLOCK a pipe would wait for a reader
    file_ = Fd(::openat(directory_.get(), name_.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file_) return cannot_create(path, errno, caller_);
    return {};
  }
  // Taking the name needs no permission on the file, so that is asked for: a write-protected file is meant to stay.
  if (::faccessat(directory_.get(), name_.c_str(), W_OK, AT_EACCESS) != 0) return cannot_create(path, errno, caller_);
  const Result<std::string> unique = random_uuid();
  if (!unique) return tl::unexpected(unique.error());
  temporary_ = fmt::format(".tcpdiag-{}.tmp", *unique);
  file_ =
      Fd(::openat(directory_.get(), temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  note_created();
  if (!created_) return cannot_create(path, errno, caller_);
  return {};
}

void Output::note_created() {
  const int error = errno;
  struct stat status {};
  created_ = file_ && ::fstat(file_.get(), &status) == 0;
  if (created_) unfinished_ = UnfinishedFile(directory_.get(), created_name(), status);
  errno = error;
}

// No name leads to it any more: what is written goes when it is closed.
bool Output::is_removed() const {
  struct stat status {};
  return created_ && ::fstat(file_.get(), &status) == 0 && status.st_nlink == 0;
}

std::string Output::shown() const {
  if (!is_file()) return "standard output";
  const std::string directory = path_.substr(0, path_.size() - name_.size());
  return "'" + escape_terminal(directory + (complete_ ? name_ : created_name())) + "'";
}

Output::~Output() { discard(); }

Output::Written Output::write_some(std::string_view text, bool waits) {
  const int fd = is_file() ? file_.get() : STDOUT_FILENO;
  Written all;
  while (all.bytes < text.size()) {
    // A pipe that is ready takes PIPE_BUF bytes without waiting; a file always does.
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    const int polled = is_file() ? 1 : ::poll(&ready, 1, waits ? -1 : 0);
    if (polled == 0) break;
    const ssize_t written =
        polled < 0 ? -1
                   : ::write(fd, text.data() + all.bytes, std::min<std::size_t>(text.size() - all.bytes, PIPE_BUF));
    if (written >= 0) {
      all.bytes += static_cast<std::size_t>(written);
      unfinished_.done();  // lines are worth keeping, whatever follows
      kept_ = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!waits) break;
    } else if (errno != EINTR) {
      all.error = errno;
      break;
    }
  }
  return all;
}

Result<> Output::write_file(std::string_view text) {
  if (is_removed()) {
    return fail(ExitCode::kFailed,
                fmt::format("'{}' was removed or replaced before it was written", escape_terminal(path_)));
  }
  int error = write_all(file_.get(), text);
  // Some file systems find out that they are full only now. Devices and pipes cannot be synchronised: EINVAL.
  if (error == 0 && ::fsync(file_.get()) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  if (error == 0 && !temporary_.empty()) {
    const ActAs act(caller_);
    if (!act.ok()) {
      error = EPERM;
    } else if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0) {
      error = errno;
    }
  }
  if (error != 0) {
    return fail(ExitCode::kFailed, fmt::format("cannot write '{}': {}", escape_terminal(path_), errno_text(error)));
  }
  complete_ = true;
  unfinished_.done();
  return {};
}

void Output::keep() {
  kept_ = true;
  unfinished_.done();
}

void Output::discard() {
  unfinished_.done();
  if (!directory_ || !created_ || complete_ || kept_) return;
  created_ = false;
  const ActAs act(caller_);
  // Somebody may have put another file under the name meanwhile: that one is not ours to remove.
  const std::string& name = created_name();
  if (act.ok() && same_file(directory_.get(), name, file_.get())) ::unlinkat(directory_.get(), name.c_str(), 0);
}

}  // namespace tcpdiag::session
