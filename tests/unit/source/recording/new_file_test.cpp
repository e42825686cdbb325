// SPDX-License-Identifier: Apache-2.0
// What is created where, what is refused, and that nothing is opened later.
#include <dirent.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NewRecording : public RecordingCase {
 protected:
  Result<std::unique_ptr<Writer>> try_create(const std::string& file, bool force = false) const {
    return Writer::create({.path = file, .force = force, .max_bytes = {}});
  }
  void expect_refused(const std::string& file, bool force, const std::string& what, const std::string& hint) const {
    const auto writer = try_create(file, force);
    ASSERT_FALSE(writer);
    EXPECT_THAT(writer.error().what, HasSubstr(what));
    EXPECT_THAT(writer.error().hint, HasSubstr(hint));
    EXPECT_EQ(writer.error().exit_code, ExitCode::kUsage);
  }
  static std::set<std::string> open_files() {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the one that lists the directory
      found.insert(entry.path().filename().string() + " " + fs::read_symlink(entry.path(), gone).string());
    }
    return found;
  }
};

TEST_F(NewRecording, is_for_its_owner_alone_and_one_file_in_the_end) {
  const auto writer = create();
  struct stat status {};
  for (const char* name : {"x.tcpdiag", "x.tcpdiag-journal"}) {
    ASSERT_EQ(::lstat(path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777, 0600U) << name;
  }
  writer->on_sample(trace_start());
  writer->on_sample(trace_end(1'000'000));
  ASSERT_TRUE(writer->finish());
  EXPECT_THAT(names(), ElementsAre("x.tcpdiag"));
}

TEST_F(NewRecording, says_what_it_is_to_file_and_sqlite) {
  write_realistic(path());
  const std::string bytes = bytes_of_file(path());
  EXPECT_EQ(bytes.substr(0, 15), "SQLite format 3");
  EXPECT_EQ(bytes.substr(68, 4), "tcpd");
  EXPECT_EQ(bytes.substr(60, 4), std::string("\0\0\0\3", 4));
}

TEST_F(NewRecording, takes_names_that_mean_something_elsewhere) {
  for (const std::string name : {"file:x?mode=memory", ":memory:", "a b%20c#d", "-x", "\xff"}) {
    const auto emitted = write_realistic(path(name), 2);
    EXPECT_EQ(difference(emitted, records_of(path(name))), "") << name;
  }
  EXPECT_EQ(names().size(), 5U);
}

TEST_F(NewRecording, existing_file_stays_without_force) {
  write_file(path(), "mine");
  expect_refused(path(), false, "exists", "--force");
  EXPECT_EQ(bytes_of_file(path()), "mine");
}

TEST_F(NewRecording, force_replaces_a_file_and_the_journal_that_it_left) {
  write_file(path(), "mine");
  write_file(path("x.tcpdiag-journal"), "its");
  const auto emitted = write_realistic(path(), 2);
  EXPECT_EQ(difference(emitted, records_of(path())), "");
  EXPECT_THAT(names(), ElementsAre("x.tcpdiag"));
}

TEST_F(NewRecording, symbolic_links_are_never_followed) {
  write_file(path("target"), "mine");
  fs::create_symlink(path("target"), path("link"));
  fs::create_symlink(path("nowhere"), path("dangling"));
  for (const bool force : {false, true}) {
    expect_refused(path("link"), force, "is a symbolic link", "name the file");
    expect_refused(path("dangling"), force, "is a symbolic link", "name the file");
  }
  EXPECT_EQ(bytes_of_file(path("target")), "mine");
  EXPECT_THAT(names(), ElementsAre("dangling", "link", "target"));
}

TEST_F(NewRecording, directory_may_be_reached_through_a_symbolic_link) {
  fs::create_directory(path("real"));
  fs::create_directory_symlink(path("real"), path("link"));
  const auto emitted = write_realistic(path("link/x.tcpdiag"), 2);
  EXPECT_EQ(difference(emitted, records_of(path("real/x.tcpdiag"))), "");
}

TEST_F(NewRecording, directories_and_devices_are_refused) {
  fs::create_directory(path("directory"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  for (const bool force : {false, true}) {
    expect_refused(path("directory"), force, "is a directory", "name a file");
    expect_refused(path("directory/"), force, "is a directory", "name a file");
    expect_refused(path("pipe"), force, "is not a regular file", "-w");
    expect_refused(path("none/x"), force, "No such file or directory", "-w");
  }
  EXPECT_THAT(names(), ElementsAre("directory", "pipe"));
}

TEST_F(NewRecording, what_lies_where_the_journal_would_be_is_left_alone) {
  for (const char* suffix : {"-journal", "-wal", "-shm"}) {
    const std::string beside = path() + suffix;
    write_file(beside, "theirs");
    for (const bool force : {false, true}) {
      expect_refused(path(), force, suffix, "remove it");
    }
    EXPECT_EQ(bytes_of_file(beside), "theirs");
    EXPECT_FALSE(fs::exists(path()));
    fs::remove(beside);
  }
  // Beside a file that is replaced, its journal goes too, but nothing else.
  write_file(path(), "old");
  fs::create_symlink(path("elsewhere"), path("x.tcpdiag-journal"));
  expect_refused(path(), true, "-journal", "remove it");
  EXPECT_EQ(bytes_of_file(path()), "old");
}

TEST_F(NewRecording, discard_leaves_nothing) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->commit();
  writer->discard();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(NewRecording, discard_leaves_a_file_that_took_its_name) {
  const auto writer = create();
  fs::rename(path(), path("moved"));
  write_file(path(), "another");
  writer->discard();
  EXPECT_EQ(bytes_of_file(path()), "another");
}

// The program that traces is root; the recording belongs to who called it.
TEST_F(NewRecording, belongs_to_whose_privileges_it_is_created_with) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uid_t kOther = 65534;
  ASSERT_EQ(::chown(directory().c_str(), kOther, kOther), 0);
  ASSERT_EQ(::seteuid(kOther), 0);
  const auto writer = create();
  ASSERT_EQ(::seteuid(0), 0);
  writer->on_sample(trace_start());
  writer->on_event(realistic_event(1));
  writer->commit();
  for (const char* name : {"x.tcpdiag", "x.tcpdiag-journal"}) {
    struct stat status {};
    ASSERT_EQ(::lstat(path(name).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, kOther) << name;
  }
  writer->on_sample(trace_end(1'000'000));
  ASSERT_EQ(::seteuid(kOther), 0);
  const auto finished = writer->finish();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_TRUE(finished);
  EXPECT_EQ(records_of(path()).size(), 3U);
  EXPECT_THAT(names(), ElementsAre("x.tcpdiag"));
}

TEST_F(NewRecording, file_may_be_renamed_meanwhile) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->commit();
  fs::rename(path(), path("moved"));
  writer->on_event(realistic_event(1));
  writer->commit();
  EXPECT_EQ(writer->disk_full(), 0U);
  writer->on_sample(trace_end(1'000'000));
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(records_of(path("moved")).size(), 3U);
  EXPECT_THAT(names(), ElementsAre("moved"));
}

TEST_F(NewRecording, writer_that_is_not_finished_leaves_what_was_committed) {
  auto writer = create();
  writer->on_sample(trace_start());
  writer->on_event(realistic_event(1));
  writer->commit();
  writer->on_event(realistic_event(2));
  writer.reset();
  EXPECT_THAT(names(), ElementsAre("x.tcpdiag"));
  EXPECT_EQ(records_of(path()).size(), 3U);  // beginning, one event, an end that says that there was none
}

// Later the process may be forbidden to open anything.
TEST_F(NewRecording, nothing_is_opened_after_create) {
  const auto writer = create({.path = path(), .force = false, .max_bytes = kLeastBytes});
  ASSERT_TRUE(writer);
  const std::set<std::string> before = open_files();
  struct rlimit own {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  const struct rlimit none { 0, own.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  writer->on_sample(trace_start());
  RealisticEndpoint busy;
  for (int n = 0; n < 1000; ++n) {  // beyond the size: samples are thinned
    writer->on_sample(busy.second(n, 5));
    for (int i = 0; i < 3; ++i) writer->on_event(realistic_event(static_cast<std::uint64_t>(3 * n + i)));
    writer->commit();
  }
  const std::uint64_t thinned = writer->samples_thinned();
  writer->on_sample(trace_end(1'000'000));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &own), 0);
  EXPECT_EQ(open_files(), before);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto finished = writer->finish();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &own), 0);
  EXPECT_TRUE(finished) << finished.error().what;
  EXPECT_GT(thinned, 0U);
  EXPECT_EQ(error_of(path()), "");
}

}  // namespace
}  // namespace tcpdiag::recording::testing
