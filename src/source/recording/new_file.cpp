// SPDX-License-Identifier: Apache-2.0
#include "source/recording/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "util/escape.h"
#include "util/io.h"

namespace tcpdiag::recording {
namespace {

constexpr mode_t kMode = 0600;  // raw addresses and names: the owner's alone
constexpr const char* kJournal = "-journal";
constexpr const char* kOtherName = "choose another name with -w";

auto refuse(const std::string& shown, std::string_view what, std::string_view hint) {
  return fail(ExitCode::kUsage, fmt::format("'{}' {}", shown, what), std::string(hint));
}

auto cannot_create(const std::string& shown, int error) {
  const bool not_permitted = error == EACCES || error == EPERM || error == EROFS;
  return fail(ExitCode::kUsage, fmt::format("cannot create '{}': {}", shown, errno_text(error)),
              not_permitted ? "choose a directory that this user may write to" : kOtherName);
}

std::optional<struct stat> status_of(int directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status;
}

FileId id_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

std::optional<FileId> id_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return id_of(status);
}

std::string without_links(const std::string& directory) {
  struct Free {
    void operator()(char* text) const { std::free(text); }  // realpath() allocates with malloc()
  };
  const std::unique_ptr<char, Free> path(::realpath(directory.c_str(), nullptr));
  return path ? path.get() : std::string();
}

}  // namespace

Result<NewFile> NewFile::create(const std::string& path, bool force) {
  NewFile made;
  made.shown_ = escape_terminal(path);
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  made.name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  if (made.name_.empty() || made.name_ == "." || made.name_ == "..") {
    return refuse(made.shown_, "is a directory", "name a file in it");
  }
  made.directory_ = Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!made.directory_) return cannot_create(made.shown_, errno);
  if (const Result<> room = made.make_room_for(force); !room) return tl::unexpected(room.error());
  made.file_ = Fd(
      ::openat(made.directory_.get(), made.name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  struct stat status {};
  if (!made.file_ || ::fstat(made.file_.get(), &status) != 0) return cannot_create(made.shown_, errno);
  made.unfinished_ = UnfinishedFile(made.directory_.get(), made.name_, status);
  const std::string real = without_links(directory);
  made.full_path_ = real.ends_with('/') ? real + made.name_ : real + "/" + made.name_;
  if (!made.is_in_place()) {
    made.remove();
    return refuse(made.shown_, "was moved while it was created", "try again");
  }
  return made;
}

// Nothing may lie where the file or what SQLite puts beside it would be.
Result<> NewFile::make_room_for(bool force) const {
  const int directory = directory_.get();
  const auto file = status_of(directory, name_);
  if (file) {
    if (S_ISLNK(file->st_mode)) return refuse(shown_, "is a symbolic link", "name the file that it leads to");
    if (S_ISDIR(file->st_mode)) return refuse(shown_, "is a directory", "name a file in it");
    if (!S_ISREG(file->st_mode)) return refuse(shown_, "is not a regular file", kOtherName);
    if (!force) return refuse(shown_, "exists", "choose another name with -w, or replace it with --force");
    // Taking the name needs no permission on the file, so that is asked for: a write-protected file is meant to stay.
    if (::faccessat(directory, name_.c_str(), W_OK, AT_EACCESS) != 0) return cannot_create(shown_, errno);
  }
  for (const char* suffix : {kJournal, "-wal", "-shm"}) {
    const auto beside = status_of(directory, name_ + suffix);
    if (!beside) continue;
    const bool is_left_over = file && suffix == kJournal && S_ISREG(beside->st_mode);
    if (!is_left_over) {
      return refuse(shown_ + suffix, "lies where the recording's journal would be",
                    "remove it, or choose another name with -w");
    }
  }
  if (!file) return {};
  // The journal last: without it, what is left of the file could not be read any more.
  if (::unlinkat(directory, name_.c_str(), 0) != 0) return cannot_create(shown_, errno);
  if (::unlinkat(directory, (name_ + kJournal).c_str(), 0) != 0 && errno != ENOENT) return cannot_create(shown_, errno);
  return {};
}

bool NewFile::is_in_place() const {
  const auto named = status_of(AT_FDCWD, full_path_);
  return named && S_ISREG(named->st_mode) && id_of(*named) == id_of(file_.get());
}

bool NewFile::is_removed() const {
  struct stat status {};
  return ::fstat(file_.get(), &status) == 0 && status.st_nlink == 0;
}

void NewFile::release_reserved() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) == 0) (void)!::ftruncate(file_.get(), status.st_size);
}

bool NewFile::adopt_journal() {
  const auto journal = status_of(directory_.get(), name_ + kJournal);
  struct stat own {};
  if (!journal || ::fstat(file_.get(), &own) != 0) return false;
  const bool is_ours = S_ISREG(journal->st_mode) && journal->st_uid == own.st_uid && journal->st_nlink == 1 &&
                       (journal->st_mode & 077) == 0 && journal->st_dev == own.st_dev;
  if (!is_ours) return false;
  journal_ = id_of(*journal);
  unfinished_journal_ = UnfinishedFile(directory_.get(), name_ + kJournal, *journal);
  return true;
}

void NewFile::remove_journal() {
  const std::string name = name_ + kJournal;
  const auto there = journal_ ? status_of(directory_.get(), name) : std::nullopt;
  if (there && id_of(*there) == *journal_) ::unlinkat(directory_.get(), name.c_str(), 0);
  journal_.reset();
  unfinished_journal_.done();
}

void NewFile::remove() {
  const auto there = file_ ? status_of(directory_.get(), name_) : std::nullopt;
  if (there && id_of(*there) == id_of(file_.get())) ::unlinkat(directory_.get(), name_.c_str(), 0);
  unfinished_.done();
}

}  // namespace tcpdiag::recording
