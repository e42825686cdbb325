// SPDX-License-Identifier: Apache-2.0
#include "util/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpdiag {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kOptions = {"-p",      "--pid", "-L",     "--local-port", "-D",      "--remote-port",
                                           "--local", "-A",    "--role", "--remote",     "--netns", "--format",
                                           "--force"};

TEST(Nearest, letters_missing_swapped_or_wrong) {
  EXPECT_THAT(nearest("--remot-port", kOptions), ElementsAre("--remote-port"));
  EXPECT_THAT(nearest("--fromat", kOptions), ElementsAre("--format"));
  EXPECT_THAT(nearest("--Pid", kOptions), ElementsAre("--pid"));
  EXPECT_THAT(nearest("--net-ns", kOptions), ElementsAre("--netns"));
}

TEST(Nearest, parts_of_names) {
  EXPECT_THAT(nearest("--port", kOptions), ElementsAre("--local-port", "--remote-port"));
}

TEST(Nearest, short_options_only_by_case) {
  EXPECT_THAT(nearest("-P", kOptions), ElementsAre("-p"));
  EXPECT_THAT(nearest("-a", kOptions), ElementsAre("-A"));
  EXPECT_THAT(nearest("-x", kOptions), IsEmpty());
}

TEST(Nearest, nothing_is_near_to_nonsense) {
  EXPECT_THAT(nearest("--xyzzy", kOptions), IsEmpty());
  EXPECT_THAT(nearest("", kOptions), IsEmpty());
  EXPECT_THAT(nearest("--", kOptions), IsEmpty());
  EXPECT_THAT(nearest(std::string(100000, 'a'), kOptions), IsEmpty());
}

}  // namespace
}  // namespace tcpdiag
