// SPDX-License-Identifier: Apache-2.0
// The names of enums are a contract with every reader of the JSON report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/event.h"
#include "model/picture.h"
#include "model/report.h"

namespace tcpdiag::model {
namespace {

template <typename Enum>
std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(to_string(static_cast<Enum>(i)));
  return all;
}

TEST(Names, AreThoseOfTheContract) {
  using testing::ElementsAre;
  EXPECT_THAT(names<RetransmitKind>(kRetransmitKinds), ElementsAre("syn", "synack", "rto", "fast", "tlp", "other"));
  EXPECT_THAT(names<ConnectOutcome>(kConnectOutcomes),
              ElementsAre("established", "refused", "reset", "timed_out", "unreachable", "abandoned", "local_error",
                          "pending"));
  EXPECT_THAT(names<Phase>(kPhases),
              ElementsAre("syn_sent", "established", "after_local_fin", "after_remote_fin", "time_wait", "no_socket"));
  EXPECT_THAT(names<LocalResetCause>(10),
              ElementsAre("app_closed_unread", "app_linger0", "process_killed", "keepalive_expired", "out_of_memory",
                          "aborted_by_admin", "listener_closed", "no_socket", "time_wait", "unknown"));
  EXPECT_THAT(names<Role>(3), ElementsAre("unknown", "outbound", "inbound"));
  EXPECT_THAT(names<Severity>(3), ElementsAre("notice", "warning", "critical"));
  EXPECT_THAT(names<Confidence>(3), ElementsAre("low", "medium", "high"));
  EXPECT_THAT(names<Whose>(3), ElementsAre("us", "peer", "cloud"));
  EXPECT_THAT(names<Verdict>(6), ElementsAre("cause_found", "symptoms_only", "nothing_found", "nothing_matched",
                                             "nothing_seen", "not_trustworthy"));
}

TEST(Names, OfSeveritiesInCapitals) {
  for (const auto severity : {Severity::kNotice, Severity::kWarning, Severity::kCritical}) {
    std::string name = to_string(severity);
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    EXPECT_EQ(in_capitals(severity), name);
  }
}

template <typename... Bodies>
std::vector<std::string_view> names_of(const std::variant<Bodies...>*) {
  return {Bodies::kName...};
}

TEST(Names, OfTheTimelineAndOfEventsAreDistinct) {
  auto marks = names_of(static_cast<const MarkBody*>(nullptr));
  marks.push_back(mark::Retransmit::kFailedName);
  EXPECT_EQ(std::set(marks.begin(), marks.end()).size(), marks.size());
  const auto events = names_of(static_cast<const EventBody*>(nullptr));
  EXPECT_EQ(std::set(events.begin(), events.end()).size(), events.size());
}

}  // namespace
}  // namespace tcpdiag::model
