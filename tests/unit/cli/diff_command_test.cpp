// SPDX-License-Identifier: Apache-2.0
// Two recordings, compared by way of their files.
#include "cli/diff_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/option_table.h"
#include "redact/redactor.h"
#include "source/recording/writer.h"
#include "unit/session/in_child.h"
#include "unit/session/slice/view_builder.h"
#include "unit/util/fake_tree.h"

namespace tcpdiag::cli {
namespace {

using session::testing::Stream;
using session::testing::Trace;
using ::testing::HasSubstr;
using ::testing::Not;

struct Server {
  const char* address = "";
  int calls = 0;
  int failed = 0;  // of them
};
constexpr int kCalls = 60;

// A connection for each call, one server after the other.
Stream run(const std::vector<Server>& servers) {
  Trace trace;
  double at = 10;
  std::uint64_t id = 0;
  for (const Server& server : servers) {
    for (int i = 0; i < server.calls; ++i) {
      auto call = trace.outbound(++id, 6379);
      call.ref.remote.address = *model::Address::parse(server.address);
      call.open(at);
      call.request(at + 2);
      if (i < server.failed) {
        call.reset_received(at + 3);
      } else {
        call.response(at + 3);
        call.close(at + 4);
        call.gone(at + 5);
      }
      at += 10;
    }
  }
  return trace.end(at);
}

class DiffCommand : public ::testing::Test {
 protected:
  DiffCommand() { ::unsetenv("SUDO_UID"); }  // root through sudo would become somebody else, and stay it

  std::string file(const std::string& name, Stream trace) const {
    auto writer = recording::Writer::create({.path = tree_.path(name), .force = false, .max_bytes = {}});
    EXPECT_TRUE(writer);
    EXPECT_TRUE(trace.replay(**writer));
    EXPECT_TRUE((*writer)->finish());
    return tree_.path(name);
  }
  static std::string answer(const std::string& good, const std::string& bad, bool redact) {
    Options options;
    options.files = {good, bad};
    options.format = Format::kJson;
    options.redact = redact;
    return test::said_by([&] { return diff_command(options); });
  }
  static std::string replaced(std::string text, std::string_view original, std::string_view token) {
    for (std::size_t at = 0; (at = text.find(original, at)) != std::string::npos; at += token.size()) {
      text.replace(at, original.size(), token);
    }
    return text;
  }

  test::FakeTree tree_;
};

TEST_F(DiffCommand, redacted_finds_the_same_as_it_finds_in_the_originals) {
  const std::string good = file("good", run({{"10.0.0.2", kCalls, 0}, {"10.0.0.3", kCalls, 0}}));
  // In another order: each for itself would get the other's token.
  const std::string bad = file("bad", run({{"10.0.0.3", kCalls, kCalls / 2}, {"10.0.0.2", kCalls, 0}}));
  std::string expected = answer(good, bad, false);
  ASSERT_THAT(expected, HasSubstr("10.0.0.3"));
  ASSERT_THAT(expected, HasSubstr("\"verdict\": \"bad_is_worse\""));
  expected = replaced(expected, "10.0.0.3", "private-v4-3");  // 1 is this host
  expected = replaced(expected, "10.0.0.2", "private-v4-2");
  expected = replaced(expected, "ruby", "process-1");
  EXPECT_EQ(answer(good, bad, true), expected);
}

TEST_F(DiffCommand, token_of_one_recording_is_not_given_to_another_address) {
  Stream raw = run({{"10.0.0.2", kCalls, 0}});
  Stream redacted;
  redact::Redactor redactor(own_words(), redacted);
  ASSERT_TRUE(run({{"10.0.0.3", kCalls, 0}}).replay(redactor));
  const std::string original = file("original", raw);
  const std::string tokens = file("tokens", redacted);
  for (const std::string& text : {answer(original, tokens, true), answer(tokens, original, true)}) {
    // The only ones of their port, so they are compared, and it is said that this is a guess.
    EXPECT_THAT(text, HasSubstr("private-v4-2"));
    EXPECT_THAT(text, HasSubstr("private-v4-1000002"));
    EXPECT_THAT(text, Not(HasSubstr("10.0.0.")));
  }
}

}  // namespace
}  // namespace tcpdiag::cli
