// SPDX-License-Identifier: Apache-2.0
// Where the report comes from that `tcpdiag size` is asked about.
#include "cli/size_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "support/source_dir.h"
#include "unit/session/in_child.h"
#include "unit/util/fake_tree.h"

namespace tcpdiag::cli {
namespace {

// What it says of the report at `path`; what went wrong.
std::string answer_about(const std::string& path) {
  Options options;
  options.files = {path};
  return test::said_by([&] { return size_command(options); });
}

TEST(SizeCommand, reads_a_file) {
  const std::string answer = answer_about(source_dir() + "/tests/golden/report/incident_b.json");
  EXPECT_NE(answer.find("carries"), std::string::npos) << answer;
}

TEST(SizeCommand, refuses_a_named_pipe_without_waiting_for_a_writer) {
  const test::FakeTree tree;
  const std::string fifo = tree.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string answer = answer_about(fifo);
  EXPECT_NE(answer.find("is not a regular file"), std::string::npos) << answer;
}

}  // namespace
}  // namespace tcpdiag::cli
