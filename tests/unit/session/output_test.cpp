// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/util/fake_tree.h"

namespace tcpdiag::session {
namespace {

using testing::HasSubstr;

class OutputFile : public testing::Test {
 protected:
  Result<Output> open(std::string_view name, bool force = false) const {
    return Output::open(tree_.path(name), force, std::nullopt);
  }
  std::string refusal(std::string_view name, bool force = false) const {
    const Result<Output> output = open(name, force);
    if (output) {
      ADD_FAILURE() << "was opened";
      return {};
    }
    EXPECT_EQ(output.error().exit_code, ExitCode::kUsage);
    return output.error().what + "; " + output.error().hint;
  }
  std::string content(std::string_view name) const {
    std::ostringstream text;
    text << std::ifstream(tree_.path(name)).rdbuf();
    return text.str();
  }
  bool exists(std::string_view name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(tree_.path(name)));
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(tree_.root()), {}));
  }

  test::FakeTree tree_;
};

TEST_F(OutputFile, new_file_takes_its_name_at_once) {
  {
    Result<Output> output = open("report");
    ASSERT_TRUE(output);
    EXPECT_TRUE(output->is_file());
    EXPECT_TRUE(exists("report"));
    EXPECT_TRUE(output->write_file("the report\n"));
  }
  EXPECT_EQ(content("report"), "the report\n");
  struct stat status {};
  ASSERT_EQ(::stat(tree_.path("report").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0133U, 0U);
}

TEST_F(OutputFile, is_removed_when_nothing_was_written) {
  { ASSERT_TRUE(open("report")); }
  EXPECT_EQ(files(), 0U);
}

TEST_F(OutputFile, somebody_elses_file_under_the_name_is_not_removed) {
  {
    Result<Output> output = open("report");
    ASSERT_TRUE(output);
    std::filesystem::remove(tree_.path("report"));
    tree_.write("report", "theirs");
  }
  EXPECT_EQ(content("report"), "theirs");
}

TEST_F(OutputFile, is_never_overwritten_unasked) {
  tree_.write("report", "old");
  EXPECT_THAT(refusal("report"), HasSubstr("exists; choose another name with -o, or overwrite it with --force"));
  EXPECT_EQ(content("report"), "old");
}

TEST_F(OutputFile, force_replaces_it_only_when_the_new_one_is_whole) {
  tree_.write("report", "old");
  { ASSERT_TRUE(open("report", true)); }
  EXPECT_EQ(content("report"), "old");
  EXPECT_EQ(files(), 1U);
  {
    Result<Output> output = open("report", true);
    ASSERT_TRUE(output);
    EXPECT_EQ(content("report"), "old");
    EXPECT_TRUE(output->write_file("new"));
  }
  EXPECT_EQ(content("report"), "new");
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFile, force_without_an_old_file) {
  Result<Output> output = open("report", true);
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->write_file("new"));
  EXPECT_EQ(content("report"), "new");
}

TEST_F(OutputFile, symbolic_links_are_not_followed) {
  tree_.write("target", "precious");
  std::filesystem::create_symlink(tree_.path("target"), tree_.path("link"));
  std::filesystem::create_symlink(tree_.path("nowhere"), tree_.path("dangling"));
  EXPECT_THAT(refusal("link"), HasSubstr("exists"));
  EXPECT_THAT(refusal("link", true), HasSubstr("is a symbolic link"));
  EXPECT_THAT(refusal("dangling"), HasSubstr("exists"));
  EXPECT_THAT(refusal("dangling", true), HasSubstr("is a symbolic link"));
  EXPECT_EQ(content("target"), "precious");
  EXPECT_FALSE(exists("nowhere"));
}

TEST_F(OutputFile, directories) {
  std::filesystem::create_directory(tree_.path("directory"));
  EXPECT_THAT(refusal("directory", true), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("directory/"), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("missing/report"), HasSubstr("No such file or directory"));
}

TEST_F(OutputFile, name_cannot_drive_a_terminal) {
  EXPECT_EQ(refusal("missing\x1b[31m\n/report").find_first_of("\x1b\n"), std::string::npos);
}

// Root may write anywhere: there the caller's privileges are lacking, elsewhere the own ones.
TEST_F(OutputFile, directory_that_may_not_be_written_to) {
  std::filesystem::permissions(tree_.root(), std::filesystem::perms{0555});
  const bool root = ::geteuid() == 0;
  const std::optional<Caller> caller = root ? std::optional<Caller>(Caller{.uid = 65534, .gid = 65534}) : std::nullopt;
  const Result<Output> output = Output::open(tree_.path("report"), false, caller);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(output.error().what, HasSubstr("Permission denied"));
  EXPECT_EQ(output.error().what.find("user 65534, who called sudo") != std::string::npos, root);
  EXPECT_EQ(files(), 0U);
  std::filesystem::permissions(tree_.root(), std::filesystem::perms{0755});
}

TEST_F(OutputFile, belongs_to_the_person_who_called_sudo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::permissions(tree_.root(), std::filesystem::perms{0777});
  const Caller caller{.uid = 65534, .gid = 65534};
  for (const bool again : {false, true}) {
    Result<Output> output = Output::open(tree_.path("report"), again, caller);
    ASSERT_TRUE(output) << output.error().what;
    EXPECT_EQ(::geteuid(), 0U);
    EXPECT_TRUE(output->write_file("x"));
    struct stat status {};
    ASSERT_EQ(::stat(tree_.path("report").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 65534U);
    EXPECT_EQ(status.st_gid, 65534U);
  }
}

TEST_F(OutputFile, full_device) {
  Result<Output> output = Output::open("/dev/full", true, std::nullopt);
  ASSERT_TRUE(output);
  const Result<> written = output->write_file("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().exit_code, ExitCode::kFailed);
  EXPECT_THAT(written.error().what, HasSubstr("No space left on device"));
}

TEST_F(OutputFile, part_of_a_report_is_removed_or_kept) {
  for (const bool keep : {false, true}) {
    Result<Output> output = open("report");
    ASSERT_TRUE(output);
    if (keep) {
      output->keep();
    } else {
      output->discard();
    }
    EXPECT_EQ(exists("report"), keep);
  }
  EXPECT_TRUE(exists("report"));
}

TEST_F(OutputFile, that_was_removed_or_replaced_is_an_error) {
  for (const bool replaced : {false, true}) {
    Result<Output> output = open("report");
    ASSERT_TRUE(output);
    std::filesystem::remove(tree_.path("report"));
    if (replaced) tree_.write("report", "another's");
    const Result<> written = output->write_file("x");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().exit_code, ExitCode::kFailed);
    EXPECT_THAT(written.error().what, HasSubstr("report' was removed or replaced"));
    output->discard();
    EXPECT_EQ(content("report"), replaced ? "another's" : "");
    std::filesystem::remove(tree_.path("report"));
  }
}

TEST(StandardOutput, is_no_file) {
  const Result<Output> output = Output::open("", false, std::nullopt);
  ASSERT_TRUE(output);
  EXPECT_FALSE(output->is_file());
}

}  // namespace
}  // namespace tcpdiag::session
