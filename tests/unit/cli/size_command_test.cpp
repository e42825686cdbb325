// SPDX-License-Identifier: Apache-2.0
// Where the report comes from that `tcpdiag size` is asked about.
#include "cli/size_command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/source_dir.h"
#include "unit/session/in_child.h"
#include "unit/util/fake_tree.h"
#include "util/fd.h"
#include "util/io.h"

namespace tcpdiag::cli {
namespace {

std::string report() {
  std::ostringstream text;
  text << std::ifstream(source_dir() + "/tests/golden/report/incident_b.json").rdbuf();
  return text.str();
}

// What it says of the report at `path`; what went wrong.
std::string answer_about(const std::string& path) {
  Options options;
  options.files = {path};
  return test::said_by([&] { return size_command(options); });
}

// Writes the report to whoever opens the FIFO first. Whoever opens it again finds it empty, and does not wait for ever.
class FifoWriter {
 public:
  FifoWriter(std::string path, std::string content) : thread_([this, path, content] { write(path, content); }) {}
  ~FifoWriter() {
    done_ = true;
    thread_.join();
  }
  FifoWriter(const FifoWriter&) = delete;
  FifoWriter& operator=(const FifoWriter&) = delete;

 private:
  void write(const std::string& path, const std::string& content) {
    if (const Fd first(::open(path.c_str(), O_WRONLY | O_CLOEXEC)); first) {
      static_cast<void>(write_all(first.get(), content));
    }
    while (!done_) {
      const Fd again(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> done_ = false;
  std::thread thread_;
};

// How often somebody who could only read closed the file since then.
class ReadersGone {
 public:
  explicit ReadersGone(const std::string& path) : notices_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    EXPECT_GE(::inotify_add_watch(notices_.get(), path.c_str(), IN_OPEN | IN_CLOSE_NOWRITE), 0);
  }
  int count() const {
    int gone = 0;
    inotify_event notice{};  // of a file itself: without a name behind it
    while (::read(notices_.get(), &notice, sizeof notice) == sizeof notice) {
      if ((notice.mask & IN_CLOSE_NOWRITE) != 0) ++gone;
    }
    return gone;
  }

 private:
  Fd notices_;
};

TEST(SizeCommand, reads_a_named_pipe_as_it_reads_a_file) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is a failure of this test, not its end
  const test::FakeTree tree;
  const std::string fifo = tree.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string file = tree.path("report.json");
  std::ofstream(file) << report();
  const std::string expected = answer_about(file);
  ASSERT_NE(expected.find("carries"), std::string::npos) << expected;
  const ReadersGone readers(fifo);
  const FifoWriter writer(fifo, report());
  EXPECT_EQ(answer_about(fifo), expected);
  EXPECT_EQ(readers.count(), 1);  // what was written between two readers may be lost, or not
}

}  // namespace
}  // namespace tcpdiag::cli
