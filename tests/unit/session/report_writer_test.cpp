// SPDX-License-Identifier: Apache-2.0
#include "session/report_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "unit/session/pipe.h"
#include "unit/util/fake_tree.h"

namespace tcpdiag::session {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class ReportWriter : public testing::Test {
 protected:
  Result<> write(Output& output, std::string_view text) {
    return write_report(output, text, signals_, {.out = out_.to.get(), .err = err_.to.get()});
  }
  Output standard_output() const { return *Output::open("", false, std::nullopt); }

  Signals signals_ = *Signals::block();
  test::Pipe out_;
  test::Pipe err_;
  test::FakeTree tree_;
};

TEST_F(ReportWriter, to_standard_output) {
  Output output = standard_output();
  EXPECT_TRUE(write(output, "the report\n"));
  EXPECT_EQ(out_.read_now(), "the report\n");
}

TEST_F(ReportWriter, to_a_file) {
  auto output = Output::open(tree_.path("report"), false, std::nullopt);
  ASSERT_TRUE(output);
  EXPECT_TRUE(write(*output, "the report\n"));
  EXPECT_EQ(out_.read_now(), "");
}

TEST_F(ReportWriter, file_that_cannot_be_written_is_replaced_by_standard_output) {
  auto output = Output::open("/dev/full", true, std::nullopt);
  ASSERT_TRUE(output);
  const Result<> written = write(*output, "the report\n");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().exit_code, ExitCode::kFailed);
  EXPECT_THAT(written.error().hint, HasSubstr("standard output"));
  EXPECT_EQ(out_.read_now(), "the report\n");
}

TEST_F(ReportWriter, reader_that_left) {
  out_.from.reset();
  Output output = standard_output();
  const Result<> written = write(output, "the report\n");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().exit_code, ExitCode::kFailed);
  EXPECT_THAT(written.error().what, HasSubstr("closed"));
}

TEST_F(ReportWriter, signals_sent_before_it_do_not_count) {
  ::kill(::getpid(), SIGINT);
  Output output = standard_output();
  EXPECT_TRUE(write(output, "the report\n"));
  EXPECT_EQ(err_.read_now(), "");
}

TEST_F(ReportWriter, slow_reader_gets_all_in_spite_of_one_signal) {
  out_.fill();
  std::string got;
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    got = out_.read_now();
  });
  Output output = standard_output();
  EXPECT_TRUE(write(output, "the report\n"));
  reader.join();
  got += out_.read_now();
  EXPECT_THAT(got, EndsWith(".the report\n"));
  EXPECT_THAT(err_.read_now(), HasSubstr("once more ends without it"));
}

TEST_F(ReportWriter, second_signal_leaves_a_reader_that_reads_nothing) {
  out_.fill();
  std::thread user([] {
    for (int i = 0; i < 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      ::kill(::getpid(), SIGINT);
    }
  });
  Output output = standard_output();
  const Result<> written = write(output, "the report\n");
  user.join();
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().what, HasSubstr("interrupted"));
}

}  // namespace
}  // namespace tcpdiag::session
