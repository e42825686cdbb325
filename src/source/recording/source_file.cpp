// SPDX-License-Identifier: Apache-2.0
#include "source/recording/source_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "source/recording/file_format.h"
#include "source/recording/private_copy.h"
#include "source/recording/schema.h"
#include "source/recording/sha256.h"
#include "util/escape.h"
#include "util/format.h"
#include "util/io.h"

namespace tcpdiag::recording {
namespace {

constexpr const char* kInput = "standard input";
constexpr std::uint64_t kAnyLength = std::numeric_limits<std::uint64_t>::max();

auto cannot_open(const std::string& shown, int error) {
  return fail(ExitCode::kUsage, fmt::format("cannot open {}: {}", shown, errno_text(error)), "name a recording");
}

auto wrong_file(const std::string& shown, std::string_view what, std::string_view hint) {
  return fail(ExitCode::kUsage, fmt::format("{} {}", shown, what), std::string(hint));
}

// What SQLite offers beyond reading tables is switched off, and what a file may ask of it is bounded. The tables have
// about a hundred columns.
void harden(Database& database) {
  sqlite3* const connection = database.get();
  for (const auto& [option, value] :
       std::initializer_list<std::pair<int, int>>{{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                                  {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                                  {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                                  {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                                                  {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                                  {SQLITE_DBCONFIG_ENABLE_FKEY, 0},
                                                  {SQLITE_DBCONFIG_DQS_DDL, 0},
                                                  {SQLITE_DBCONFIG_DQS_DML, 0}}) {
    ::sqlite3_db_config(connection, option, value, nullptr);
  }
  for (const auto& [limit, value] : std::initializer_list<std::pair<int, int>>{{SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024},
                                                                               {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},
                                                                               {SQLITE_LIMIT_COLUMN, 200},
                                                                               {SQLITE_LIMIT_EXPR_DEPTH, 10},
                                                                               {SQLITE_LIMIT_COMPOUND_SELECT, 2},
                                                                               {SQLITE_LIMIT_VDBE_OP, 5000},
                                                                               {SQLITE_LIMIT_FUNCTION_ARG, 8},
                                                                               {SQLITE_LIMIT_ATTACHED, 0},
                                                                               {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
                                                                               {SQLITE_LIMIT_VARIABLE_NUMBER, 10},
                                                                               {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                                                                               {SQLITE_LIMIT_WORKER_THREADS, 0}}) {
    ::sqlite3_limit(connection, limit, value);
  }
  // None of these reads the file.
  database.run("PRAGMA cell_size_check=ON;PRAGMA mmap_size=0;PRAGMA temp_store=MEMORY;PRAGMA synchronous=OFF;");
}

Result<> check_header(int fd, std::uint64_t file_bytes, const std::string& shown) {
  std::array<std::uint8_t, kFileHeaderBytes> header{};
  const ssize_t got = ::pread(fd, header.data(), header.size(), 0);
  if (got < 0) return fail(ExitCode::kFailed, fmt::format("cannot read {}: {}", shown, errno_text(errno)));
  return check_file_header(std::span(header).first(static_cast<std::size_t>(got)), file_bytes, shown);
}

std::uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// The path as an SQLite URI. immutable: nothing is locked, and no journal is looked for.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                          c == '.' || c == '-' || c == '_';
    uri += is_plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return uri + "?immutable=1";
}

// `fd` is what lies at `path`.
Result<Database> open_immutable(const std::string& path, int fd, const std::string& shown) {
  Database database;
  const int result = database.open(
      immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE);
  struct stat checked {};
  struct stat opened {};
  if (result != SQLITE_OK || ::fstat(fd, &checked) != 0 || ::stat(path.c_str(), &opened) != 0 ||
      checked.st_dev != opened.st_dev || checked.st_ino != opened.st_ino) {
    return fail(ExitCode::kUsage,
                fmt::format("cannot open {}: {}", shown,
                            result != SQLITE_OK ? database.message() : "it was replaced meanwhile"),
                "try again");
  }
  harden(database);
  return database;
}

// --- the journal ---

// SQLite's locking range (os.h of SQLite, PENDING_BYTE): the writer holds it exclusively for as long as it lives.
bool is_being_written(int fd) {
  struct flock range {};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  range.l_start = 0x40000000;
  range.l_len = 512;
  return ::fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type == F_WRLCK;
}

struct Journal {
  Fd fd;
  std::uint64_t bytes = 0;
};

// The hot journal of the file at `path`; nothing where there is none. Error: something else lies there.
Result<std::optional<Journal>> hot_journal(const std::string& path, int file, const std::string& shown) {
  const auto foreign = [&shown](std::string_view suffix, std::string_view why) {
    return fail(ExitCode::kFailed, fmt::format("'{}' beside {} {}", suffix, shown, why),
                "look where it comes from; to read the recording without it, copy the recording alone elsewhere");
  };
  struct stat status {};
  for (const char* suffix : {"-wal", "-shm"}) {
    if (::lstat((path + suffix).c_str(), &status) == 0) return foreign(suffix, "is not part of a recording");
  }
  const std::string name = path + "-journal";
  if (::lstat(name.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail(ExitCode::kFailed, fmt::format("cannot look for the journal of {}: {}", shown, errno_text(errno)));
  }
  if (!S_ISREG(status.st_mode)) return foreign("-journal", "is not a regular file");
  struct stat own {};
  if (::fstat(file, &own) != 0 || status.st_uid != own.st_uid) return foreign("-journal", "belongs to another user");
  if (status.st_size == 0) return std::nullopt;
  Journal journal;
  journal.fd = Fd(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!journal.fd) {
    return fail(ExitCode::kFailed, fmt::format("cannot read the journal of {}: {}", shown, errno_text(errno)),
                "the recording was cut off in the middle of a commit, and cannot be read without its journal");
  }
  struct stat opened {};
  if (::fstat(journal.fd.get(), &opened) != 0 || opened.st_ino != status.st_ino || opened.st_dev != status.st_dev) {
    return foreign("-journal", "was replaced meanwhile");
  }
  journal.bytes = static_cast<std::uint64_t>(opened.st_size);
  std::array<std::uint8_t, kJournalHeaderBytes> begin{};
  std::array<std::uint8_t, 8> end{};
  const ssize_t got = ::pread(journal.fd.get(), begin.data(), begin.size(), 0);
  const auto end_at = static_cast<off_t>(journal.bytes - std::min<std::uint64_t>(journal.bytes, end.size()));
  const ssize_t got_end = ::pread(journal.fd.get(), end.data(), end.size(), end_at);
  if (got < 0 || got_end < 0) {
    return fail(ExitCode::kFailed, fmt::format("cannot read the journal of {}: {}", shown, errno_text(errno)));
  }
  switch (journal_state(std::span(begin).first(static_cast<std::size_t>(got)),
                        std::span(end).first(static_cast<std::size_t>(got_end)), size_of(file))) {
    case JournalState::kCold:
      return std::nullopt;
    case JournalState::kHot:
      return journal;
    case JournalState::kForeign:
      break;
  }
  return foreign("-journal", "is not the one of this recording");
}

// Takes back the half commit, in the copy.
Result<Database> open_recovered(int file, const Journal& journal, const std::string& shown) {
  constexpr const char* kGrows = "grows";
  if (::lseek(file, 0, SEEK_SET) != 0) return cannot_open(shown, errno);
  Result<Fd> database = copy_without_name(file, {}, size_of(file), shown, kGrows);
  if (!database) return tl::unexpected(database.error());
  Result<Fd> beside = copy_without_name(journal.fd.get(), {}, journal.bytes, shown, kGrows);
  if (!beside) return tl::unexpected(beside.error());
  const Result<NamedCopies> copy = NamedCopies::make();
  if (!copy) return tl::unexpected(copy.error());
  const Result<Fd> copied = NamedCopies::give_name(std::move(*database), copy->path());
  if (!copied) return tl::unexpected(copied.error());
  beside = NamedCopies::give_name(std::move(*beside), copy->journal_path());
  if (!beside) return tl::unexpected(beside.error());
  Database recovering;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  if (recovering.open(copy->path(), kFlags) != SQLITE_OK) {
    return fail(ExitCode::kFailed, fmt::format("cannot put {} in order: {}", shown, recovering.message()));
  }
  harden(recovering);
  recovering.number("PRAGMA application_id");  // the first read plays the journal back
  recovering.close();
  if (const Result<> header = check_header(copied->get(), size_of(copied->get()), shown); !header) {
    return tl::unexpected(header.error());
  }
  return open_immutable(copy->path(), copied->get(), shown);
}

// --- where it comes from ---

// The header, or all there is: what is no recording is not copied.
Result<std::string> read_header(int fd) {
  std::string header(kFileHeaderBytes, '\0');
  std::size_t have = 0;
  while (have < header.size()) {
    const ssize_t got = ::read(fd, header.data() + have, header.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ExitCode::kFailed, fmt::format("cannot read {}: {}", kInput, errno_text(errno)));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  header.resize(have);
  return header;
}

Result<Fd> copy_of_input() {
  const Result<std::string> begin = read_header(STDIN_FILENO);
  if (!begin) return tl::unexpected(begin.error());
  const std::span header(reinterpret_cast<const std::uint8_t*>(begin->data()), begin->size());
  const Result<> checked = check_file_header(header, begin->empty() ? 0 : kAnyLength, kInput);
  if (!checked) return tl::unexpected(checked.error());
  const std::uint64_t length = claimed_bytes(header);
  if (length > kMostFromInput) {
    return fail(ExitCode::kFailed, fmt::format("{} is longer than {}", kInput, size_in_words(kMostFromInput)),
                "save it as a file and name that");
  }
  return copy_without_name(STDIN_FILENO, *begin, length, kInput, "goes on where the recording in it ends");
}

Result<SourceFile> open_input() {
  SourceFile source;
  source.shown = kInput;
  if (::isatty(STDIN_FILENO) == 1) return wrong_file(kInput, "is a terminal", "name a recording, or lead one into it");
  Result<Fd> copied = copy_of_input();
  if (!copied) return tl::unexpected(copied.error());
  source.file.bytes = size_of(copied->get());
  if (const Result<> header = check_header(copied->get(), source.file.bytes, source.shown); !header) {
    return tl::unexpected(header.error());
  }
  Result<std::string> digest = sha256_of(copied->get());
  if (!digest) return tl::unexpected(digest.error());
  source.file.sha256 = std::move(*digest);
  const Result<NamedCopies> copy = NamedCopies::make();
  if (!copy) return tl::unexpected(copy.error());
  copied = NamedCopies::give_name(std::move(*copied), copy->path());
  if (!copied) return tl::unexpected(copied.error());
  Result<Database> database = open_immutable(copy->path(), copied->get(), source.shown);
  if (!database) return tl::unexpected(database.error());
  source.database = std::move(*database);
  return source;
}

std::string path_of(int fd, const std::string& otherwise) {
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
  const bool is_whole = length > 0 && static_cast<std::size_t>(length) < target.size();
  return is_whole ? std::string(target.data(), static_cast<std::size_t>(length)) : otherwise;
}

}  // namespace

Result<SourceFile> SourceFile::open(const std::string& path) {
  if (path == "-") return open_input();
  SourceFile source;
  source.shown = fmt::format("'{}'", escape_terminal(path));
  const std::string& shown = source.shown;
  const Result<Fd> opened = open_regular_file(path, "a recording");
  if (!opened) return tl::unexpected(opened.error());
  const Fd& fd = *opened;
  source.file.bytes = size_of(fd.get());
  // What a half commit says of the file's length does not matter yet.
  const std::uint64_t length = source.file.bytes == 0 ? 0 : kAnyLength;
  if (const Result<> header = check_header(fd.get(), length, shown); !header) return tl::unexpected(header.error());
  if (is_being_written(fd.get())) {
    return wrong_file(shown, "is still being written", "end its trace first");
  }
  const std::string real_path = path_of(fd.get(), path);
  Result<std::optional<Journal>> journal = hot_journal(real_path, fd.get(), shown);
  if (!journal) return tl::unexpected(journal.error());
  if (!*journal) {
    if (const Result<> header = check_header(fd.get(), source.file.bytes, shown); !header) {
      return tl::unexpected(header.error());
    }
  }
  Result<std::string> digest = sha256_of(fd.get());
  if (!digest) return tl::unexpected(digest.error());
  source.file.sha256 = std::move(*digest);
  Result<Database> database =
      *journal ? open_recovered(fd.get(), **journal, shown) : open_immutable(real_path, fd.get(), shown);
  if (!database) return tl::unexpected(database.error());
  source.database = std::move(*database);
  return source;
}

}  // namespace tcpdiag::recording
