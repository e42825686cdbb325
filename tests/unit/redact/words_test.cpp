// SPDX-License-Identifier: Apache-2.0
// Which words may stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redact/device_names.h"
#include "redact/own_words.h"
#include "unit/redact/own_words.h"

namespace tcpdiag::redact {
namespace {

using ::testing::ElementsAre;

using Words = std::vector<std::string>;

Words redacted(const Words& words) { return redacted_command(words, testing::own_words()); }

TEST(RedactedCommand, KeepsProgramCommandAndOptions) {
  EXPECT_THAT(redacted({"/home/alice/bin/tcpdiag", "trace", "-A", "10.0.0.1", "--comm=ruby", "-d", "alice"}),
              ElementsAre("tcpdiag", "trace", "-A", "(redacted)", "--comm=(redacted)", "-d", "(redacted)"));
}

TEST(RedactedCommand, KeepsPlainValuesWhereTheyBelong) {
  EXPECT_THAT(redacted({"tcpdiag", "trace", "-d", "30s", "--duration=30s", "--comm", "30s", "30s", "--duration=alice"}),
              ElementsAre("tcpdiag", "trace", "-d", "30s", "--duration=30s", "--comm", "(redacted)", "(redacted)",
                          "--duration=(redacted)"));
}

TEST(RedactedCommand, KeepsNoValueInAnyForm) {
  for (const char* word : {"-A10.0.0.1", "--remote10.0.0.1", "--unknown", "--unknown=10.0.0.1", "-A=10.0.0.1",
                           "10.0.0.1", "host", "--", "-", "", "=", "--=x", "--comm"}) {
    const Words kept = redacted({"tcpdiag", "trace", "x", word});
    if (std::string_view(word) == "--" || std::string_view(word) == "--comm") {
      EXPECT_EQ(kept[3], word);
    } else {
      EXPECT_EQ(kept[3], "(redacted)") << word;
    }
  }
}

TEST(RedactedCommand, KeepsTheCommandOnceOnly) {  // a process may be called "top"
  EXPECT_THAT(redacted({"tcpdiag", "trace", "--comm", "top", "--", "report", "-A"}),
              ElementsAre("tcpdiag", "trace", "--comm", "(redacted)", "--", "(redacted)", "(redacted)"));
}

TEST(RedactedCommand, TellsNoNameOfTheProgramButItsOwn) {
  EXPECT_THAT(redacted({"/opt/acme-tcpdiag"}), ElementsAre("(redacted)"));
  EXPECT_TRUE(redacted({}).empty());
}

TEST(RedactedCommand, IsDoneOnce) {
  const Words once = redacted({"/bin/tcpdiag", "report", "secret.tcpdiag", "--from=02:31", "-w", "x"});
  EXPECT_EQ(redacted(once), once);
}

TEST(PlainDevice, IsAPlaceAndNoChosenName) {
  for (const char* name : {"lo", "eth0", "eth12", "ens5", "eno1", "enp0s3", "enp129s0f0np0", "enP2p1s0", "wlp3s0",
                           "wlan0", "ib0", "enp1s0d1"}) {
    EXPECT_TRUE(is_plain_device(name)) << name;
  }
  for (const char* name : {"", "eth", "ethacme0", "enx001122334455", "en", "ens", "ensacme", "br-acme", "veth1234abc",
                           "docker0", "eth0.100", "ens5-acme", "acme", "enp", "enp0", "tailscale0", "eth123456789"}) {
    EXPECT_FALSE(is_plain_device(name)) << name;
  }
}

}  // namespace
}  // namespace tcpdiag::redact
