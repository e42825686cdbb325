// SPDX-License-Identifier: Apache-2.0
// Recordings whose writer was killed, and disks that are full.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "correlate/correlator.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Interruption : public RecordingCase {
 protected:
  static std::uint64_t newest_event(const std::vector<Record>& records) {
    std::uint64_t newest = 0;
    for (const Record& record : records) {
      if (const auto* event = std::get_if<model::Event>(&record)) newest = std::max(newest, event->socket.id.value);
    }
    return newest;
  }
  static const model::TraceEnd& end_of(const std::vector<Record>& records) {
    return std::get<model::TraceEnd>(std::get<model::Sample>(records.back()));
  }
};

TEST_F(Interruption, file_alone_can_be_read_between_two_commits) {
  const auto writer = create();
  writer->on_sample(trace_start());
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    writer->on_event(realistic_event(i));
    if (i == 1000) writer->commit();
  }
  fs::copy_file(path(), path("copy"));  // as backup tools and scp do
  EXPECT_EQ(records_of(path("copy")).size(), 1002U);
  fs::copy_file(path("x.tcpdiag-journal"), path("copy-journal"));
  EXPECT_EQ(records_of(path("copy")).size(), 1002U);
}

TEST_F(Interruption, missing_end_is_reported_as_such) {
  const auto writer = create();
  writer->on_sample(trace_start());
  for (std::uint64_t i = 1; i <= 10; ++i) writer->on_event(realistic_event(i));
  writer->commit();
  fs::copy_file(path(), path("copy"));
  const std::vector<Record> records = records_of(path("copy"));
  ASSERT_EQ(records.size(), 12U);
  EXPECT_EQ(end_of(records).ended_by, model::EndedBy::kError);
  EXPECT_TRUE(end_of(records).partial);
  EXPECT_EQ(end_of(records).at, realistic_event(10).at);
  EXPECT_EQ(end_of(records).loss.total(), 0U);
}

TEST_F(Interruption, recording_without_an_end_makes_a_picture) {
  const auto writer = create();
  writer->on_sample(trace_start());
  RealisticEndpoint busy;
  for (int n = 0; n < 10; ++n) {
    writer->on_sample(busy.second(n, 20));
    writer->on_event(realistic_event(static_cast<std::uint64_t>(1000 * n)));
  }
  writer->commit();
  fs::copy_file(path(), path("copy"));
  correlate::Correlator correlator;
  ASSERT_EQ(read(path("copy"), correlator), std::nullopt);
  const model::Picture picture = correlator.finish();
  EXPECT_TRUE(picture.window.partial);
  EXPECT_EQ(picture.window.end, realistic_event(9000).at);
  EXPECT_THAT(picture.endpoints, SizeIs(1));
}

TEST_F(Interruption, recording_that_was_killed_before_its_trace_began_says_so) {
  const auto writer = create();
  fs::copy_file(path(), path("copy"));
  EXPECT_THAT(error_of(path("copy")), HasSubstr("holds no trace"));
  write_file(path("empty"), "");
  EXPECT_THAT(error_of(path("empty")), HasSubstr("is empty"));
}

// A child writes as fast as it can and tells through a pipe what it has committed; it is killed at 20 different
// moments.
TEST_F(Interruption, kill_loses_only_what_came_after_the_last_commit) {
  int hot = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    int ends[2] = {};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto writer = Writer::create({.path = path(), .force = true, .max_bytes = {}});
      if (!writer) ::_exit(1);
      (*writer)->on_sample(trace_start());
      for (std::uint64_t i = 1;; ++i) {
        (*writer)->on_event(realistic_event(i));
        if (i % 20 != 0) continue;
        (*writer)->commit();
        if (::write(ends[1], &i, sizeof(i)) != sizeof(i)) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::uint64_t committed = 0;
    for (std::uint64_t commits = 0; commits < 10 + 7 * round; ++commits) {
      ASSERT_EQ(::read(ends[0], &committed, sizeof(committed)), static_cast<ssize_t>(sizeof(committed)));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(ends[0], &committed, sizeof(committed)) == static_cast<ssize_t>(sizeof(committed))) continue;
    ::close(ends[0]);
    const std::string journal = bytes_of_file(path("x.tcpdiag-journal"));
    if (!journal.empty() && journal[0] != '\0') ++hot;
    const std::string before = bytes_of_file(path());

    const std::vector<Record> records = records_of(path());
    // What was committed is there, in full, and at most one commit that the child could not tell of any more.
    const std::uint64_t newest = newest_event(records);
    EXPECT_TRUE(newest == committed || newest == committed + 20) << newest << " of " << committed;
    EXPECT_EQ(records.size(), newest + 2);
    EXPECT_EQ(bytes_of_file(path()), before);
    EXPECT_EQ(bytes_of_file(path("x.tcpdiag-journal")), journal);
    EXPECT_THAT(names(), ElementsAre("x.tcpdiag", "x.tcpdiag-journal"));
  }
  RecordProperty("hot_journals", hot);
}

// The half commit, made certain: pages of the next state over a file whose journal is that of the former one.
TEST_F(Interruption, half_a_commit_is_taken_back_in_a_copy) {
  const auto writer = create();
  writer->on_sample(trace_start());
  for (std::uint64_t i = 1; i <= 100; ++i) writer->on_event(realistic_event(i));
  writer->commit();
  const std::string former = bytes_of_file(path());
  for (std::uint64_t i = 101; i <= 200; ++i) writer->on_event(realistic_event(i));
  constexpr std::size_t kHeader = 28;
  std::string journal = bytes_of_file(path("x.tcpdiag-journal")).substr(0, kHeader);
  ASSERT_NE(journal[0], '\0');
  writer->commit();
  journal += bytes_of_file(path("x.tcpdiag-journal")).substr(kHeader);  // only its header is taken back
  const std::string next = bytes_of_file(path());
  ASSERT_GT(next.size(), former.size());
  for (std::size_t part = 0; part <= next.size(); part += 4096) {
    // The pages in the order of a commit: some of the new ones over the old ones.
    std::string half = next.substr(0, part);
    if (half.size() < former.size()) half += former.substr(half.size());
    write_file(path("half"), half);
    write_file(path("half-journal"), journal);
    EXPECT_EQ(records_of(path("half")).size(), 102U) << part;
    EXPECT_EQ(bytes_of_file(path("half")), half);
  }
  EXPECT_THAT(names(), ElementsAre("half", "half-journal", "x.tcpdiag", "x.tcpdiag-journal"));
}

TEST_F(Interruption, recording_that_is_being_written_is_not_read) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->commit();
  const pid_t child = ::fork();  // another process sees the lock; this one must not close the file
  ASSERT_GE(child, 0);
  if (child == 0) {
    Collector collector;
    const std::optional<Error> error = read(path(), collector);
    ::_exit(error && error->what.find("still being written") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// --- full disks ---

class FullDisk : public Interruption {
 protected:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &own_);
    former_ = ::signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() override {
    has_room();
    ::signal(SIGXFSZ, former_);
  }
  // No file may grow beyond this: writing gives EFBIG, as it gives ENOSPC on a full disk.
  void is_full_at(std::uint64_t bytes) const {
    const struct rlimit limit { bytes, own_.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void has_room() const { ::setrlimit(RLIMIT_FSIZE, &own_); }

 private:
  struct rlimit own_ {};
  void (*former_)(int) = nullptr;
};

TEST_F(FullDisk, what_does_not_fit_is_counted_and_the_end_still_fits) {
  const auto writer = create();
  writer->on_sample(trace_start());
  is_full_at(fs::file_size(path()) + 200'000);
  std::uint64_t emitted = 0;
  for (int second = 0; second < 50; ++second) {
    for (int i = 0; i < 100; ++i) writer->on_event(realistic_event(++emitted));
    writer->commit();
  }
  EXPECT_GT(writer->disk_full(), 1000U);
  const auto problem = writer->take_problem();
  ASSERT_TRUE(problem);
  EXPECT_THAT(problem->what, HasSubstr("File too large"));
  EXPECT_THAT(problem->hint, HasSubstr("ulimit -f"));
  EXPECT_FALSE(writer->take_problem()) << "reported once";
  model::TraceEnd end = trace_end(1'000'000);
  end.loss.disk_full = writer->disk_full();
  writer->on_sample(end);
  const auto finished = writer->finish();
  ASSERT_TRUE(finished) << finished.error().what;
  has_room();
  const std::vector<Record> records = records_of(path());
  EXPECT_EQ(records.size() - 2 + writer->disk_full(), emitted);
  EXPECT_EQ(end_of(records).loss.disk_full, writer->disk_full());
  EXPECT_EQ(end_of(records).ended_by, model::EndedBy::kDuration);
  EXPECT_THAT(names(), ElementsAre("x.tcpdiag"));
}

TEST_F(FullDisk, recording_goes_on_when_there_is_room_again) {
  const auto writer = create();
  writer->on_sample(trace_start());
  RealisticEndpoint busy;
  writer->on_sample(busy.second(0, 20));
  writer->commit();
  is_full_at(fs::file_size(path()));
  for (std::uint64_t i = 1; i <= 500; ++i) writer->on_event(realistic_event(i));
  writer->on_sample(busy.second(1, 20));
  writer->commit();
  EXPECT_EQ(writer->disk_full(), 501U);
  has_room();
  const model::EndpointSample last = busy.second(2, 0);  // the same histograms as in the second that was lost
  writer->on_sample(last);
  writer->on_event(realistic_event(501));
  writer->commit();
  EXPECT_EQ(writer->disk_full(), 501U);
  writer->on_sample(trace_end(1'000'000));
  ASSERT_TRUE(writer->finish());
  Collector collector;
  ASSERT_EQ(read(path(), collector), std::nullopt);
  EXPECT_EQ(collector.events(), 1U);
  ASSERT_THAT(collector.all<model::EndpointSample>(), SizeIs(2));
  EXPECT_EQ(difference(collector.all<model::EndpointSample>()[1], last), "");
}

TEST_F(FullDisk, beginning_that_did_not_fit_is_written_when_there_is_room) {
  const auto writer = create();
  is_full_at(0);
  writer->on_sample(trace_start());
  writer->on_event(realistic_event(1));
  writer->commit();
  EXPECT_EQ(writer->disk_full(), 1U);
  has_room();
  writer->on_event(realistic_event(2));
  writer->commit();
  writer->on_sample(trace_end(1'000'000));
  ASSERT_TRUE(writer->finish());
  const std::vector<Record> records = records_of(path());
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(difference(records[0], Record(model::Sample(trace_start()))), "");
}

TEST_F(FullDisk, cut_off_recording_tells_of_what_the_writer_had_lost) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->commit();
  is_full_at(fs::file_size(path()));
  for (std::uint64_t i = 1; i <= 500; ++i) writer->on_event(realistic_event(i));
  writer->commit();
  has_room();
  writer->commit();
  fs::copy_file(path(), path("copy"));
  EXPECT_EQ(end_of(records_of(path("copy"))).loss.disk_full, 500U);
}

TEST_F(FullDisk, end_that_cannot_be_written_is_an_error_and_the_rest_is_readable) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->on_event(realistic_event(1));
  writer->commit();
  is_full_at(0);
  writer->on_sample(trace_end(1'000'000));
  const auto finished = writer->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().exit_code, ExitCode::kFailed);
  EXPECT_THAT(finished.error().what, HasSubstr("lacks the end"));
  has_room();
  const std::vector<Record> records = records_of(path());
  EXPECT_EQ(records.size(), 3U);
  EXPECT_TRUE(end_of(records).partial);
}

TEST_F(FullDisk, nothing_is_left_where_the_recording_cannot_be_created) {
  is_full_at(8192);
  const auto writer = Writer::create({.path = path(), .force = false, .max_bytes = {}});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(writer.error().what, HasSubstr("File too large"));
  EXPECT_THAT(writer.error().hint, HasSubstr("ulimit -f"));
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::recording::testing
