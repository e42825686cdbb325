// SPDX-License-Identifier: Apache-2.0
#include "host/facts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace tcpdiag::host {
namespace {

// Sets TZ for the test and puts it back.
class TimeZone {
 public:
  explicit TimeZone(const char* zone) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone, 1);
  }
  ~TimeZone() {
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
  }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  std::optional<std::string> before_;
};

TEST(HostFacts, names_and_processors) {
  const model::HostInfo facts = host_facts(0);
  EXPECT_FALSE(facts.kernel.empty());
  EXPECT_FALSE(facts.arch.empty());
  EXPECT_GT(facts.cpus, 0);
}

TEST(HostFacts, local_time_is_that_of_the_moment) {
  {
    const TimeZone zone("JST-9");  // POSIX turns the sign round
    const model::HostInfo facts = host_facts(1'795'228'267);
    EXPECT_EQ(facts.utc_offset_s, 9 * 3600);
    EXPECT_EQ(facts.utc_offset_name, "JST");
  }
  const TimeZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(host_facts(1'784'000'000).utc_offset_name, "CEST");  // July 2026
  EXPECT_EQ(host_facts(1'795'228'267).utc_offset_name, "CET");   // November 2026
}

}  // namespace
}  // namespace tcpdiag::host
