// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "knowledge/client_messages.h"
#include "knowledge/errno_names.h"
#include "knowledge/not_visible.h"
#include "knowledge/reset_reasons.h"

namespace tcpdiag::knowledge {
namespace {

using model::LocalResetCause;
using testing::HasSubstr;

TEST(ClientMessages, ruby_comes_first) {
  EXPECT_EQ(client_messages(CallFailure::kReset, 443).front(),
            "\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed, Errno::ECONNRESET)");
  EXPECT_EQ(client_messages(CallFailure::kConnectGaveUp, 443).front(),
            "\"execution expired\" (Ruby: Faraday::ConnectionFailed, Net::OpenTimeout)");
  EXPECT_THAT(client_messages(CallFailure::kReadGaveUp, 443).front(), HasSubstr("Faraday::TimeoutError"));
}

TEST(ClientMessages, every_failure_has_one_and_every_row_is_complete) {
  for (int i = 0; i <= static_cast<int>(CallFailure::kNoAttempt); ++i) {
    EXPECT_FALSE(client_messages(static_cast<CallFailure>(i), 443).empty()) << i;
    EXPECT_FALSE(client_messages(static_cast<CallFailure>(i), 6379).empty()) << i;
  }
  for (const ClientMessage& row : client_message_table()) {
    EXPECT_FALSE(row.text.empty());
    EXPECT_FALSE(row.client.empty());
  }
}

TEST(ClientMessages, a_client_without_a_class_has_no_colon) {
  EXPECT_THAT(client_messages(CallFailure::kReadGaveUp, 6379), testing::Contains("\"Command timed out\" (ioredis)"));
}

TEST(ClientMessages, are_those_of_the_likely_clients) {
  using testing::Contains;
  using testing::Not;
  EXPECT_THAT(client_messages(CallFailure::kReset, 443), Not(Contains(HasSubstr("redis-py"))));
  EXPECT_THAT(client_messages(CallFailure::kReset, 6379), Contains(HasSubstr("redis-py")));
  EXPECT_THAT(client_messages(CallFailure::kReset, 6379), Not(Contains(HasSubstr("Faraday"))));
}

TEST(ErrnoNames, are_the_kernels) {
  EXPECT_EQ(errno_name(EHOSTUNREACH), "EHOSTUNREACH");
  EXPECT_EQ(errno_name(ENETUNREACH), "ENETUNREACH");
  EXPECT_EQ(errno_name(EADDRNOTAVAIL), "EADDRNOTAVAIL");
  EXPECT_EQ(errno_name(EADDRINUSE), "EADDRINUSE");
  EXPECT_EQ(errno_name(EACCES), "EACCES");
  EXPECT_EQ(errno_name(EPERM), "EPERM");
  EXPECT_EQ(errno_name(EPIPE), "EPIPE");
  EXPECT_EQ(errno_name(ENOMEM), "ENOMEM");
  EXPECT_EQ(errno_name(ENOBUFS), "ENOBUFS");
  EXPECT_EQ(errno_name(EINVAL), "EINVAL");
  EXPECT_EQ(errno_name(ENOPROTOOPT), "ENOPROTOOPT");
  EXPECT_EQ(errno_name(ECONNABORTED), "ECONNABORTED");
  EXPECT_EQ(errno_name(ECONNRESET), "ECONNRESET");
  EXPECT_EQ(errno_name(ECONNREFUSED), "ECONNREFUSED");
  EXPECT_EQ(errno_name(ETIMEDOUT), "ETIMEDOUT");
  EXPECT_EQ(errno_name(4711), "errno 4711");
  EXPECT_FALSE(errno_words(EHOSTUNREACH).empty());
  EXPECT_TRUE(errno_words(4711).empty());
}

TEST(ResetReasons, have_words) {
  EXPECT_THAT(std::string(reset_reason_words("TCP_ABORT_ON_CLOSE")), HasSubstr("unread"));
  EXPECT_THAT(std::string(reset_reason_words("MPTCP_RST_EUNSPEC")), HasSubstr("Multipath TCP"));
  EXPECT_TRUE(reset_reason_words("SOMETHING_NEW").empty());
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(LocalResetCause::kUnknown); ++i) {
    words.insert(local_reset_cause_words(static_cast<LocalResetCause>(i)));
  }
  EXPECT_EQ(words.size(), 9U);
  EXPECT_EQ(local_reset_cause_words("app_closed_unread"), local_reset_cause_words(LocalResetCause::kAppClosedUnread));
  EXPECT_EQ(local_reset_cause_words("something_new"), "something_new");
}

TEST(NotVisible, ids_are_unique_and_all_have_words) {
  std::set<std::string_view> ids;
  for (const NotVisible& row : not_visible_table()) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id;
    EXPECT_FALSE(row.words.empty());
    EXPECT_FALSE(row.why.empty());
    EXPECT_EQ(find_not_visible(row.id), &row);
  }
  EXPECT_EQ(find_not_visible("no such id"), nullptr);
}

}  // namespace
}  // namespace tcpdiag::knowledge
