// SPDX-License-Identifier: Apache-2.0
#include "cli/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cli/command_table.h"

namespace tcpdiag::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(OptionTable, rows_are_whole) {
  for (const OptionRow& row : option_table()) {
    for (const std::string& name : row.all_names()) EXPECT_TRUE(name.starts_with('-')) << name;
    EXPECT_EQ(row.kind == Value::kNone, std::string_view(row.value).empty()) << row.names;
    EXPECT_NE(row.commands, 0U) << row.names;
    EXPECT_FALSE(std::string_view(row.group).empty()) << row.names;
    EXPECT_FALSE(std::string_view(row.help).empty()) << row.names;
    EXPECT_TRUE(row.take) << row.names;
  }
}

TEST(OptionTable, no_command_has_a_name_twice) {
  for (const CommandRow& command : command_table()) {
    std::set<std::string> names{"-h", "--help"};
    for (const OptionRow& row : option_table()) {
      if ((row.commands & command.id) == 0) continue;
      for (const std::string& name : row.all_names()) EXPECT_TRUE(names.insert(name).second) << command.name << name;
    }
  }
}

// Else what a redacted report keeps of a value would depend on the row that is asked.
TEST(OptionTable, rows_of_one_name_have_one_kind_of_value) {
  std::map<std::string, Value> kinds;
  for (const OptionRow& row : option_table()) {
    EXPECT_EQ(kinds.try_emplace(row.names, row.kind).first->second, row.kind) << row.names;
  }
}

TEST(OwnWords, are_those_of_the_tables) {
  const redact::OwnWords own = own_words();
  EXPECT_THAT(own.commands, ElementsAre("trace", "report", "diff", "size", "doctor"));
  for (const char* name : {"-A", "--remote", "-4", "--help", "--version"}) EXPECT_THAT(own.options, Contains(name));
}

TEST(OwnWords, plain_values_are_times_sizes_numbers_and_words_of_the_program) {
  const auto is_plain = own_words().is_plain;
  EXPECT_TRUE(is_plain("-d", "30s"));
  EXPECT_TRUE(is_plain("--remote-port", "80,443"));
  EXPECT_TRUE(is_plain("--format", "json"));
  EXPECT_FALSE(is_plain("-d", "alice")) << "a recording may be anybody's";
  EXPECT_FALSE(is_plain("-A", "10.0.0.1"));
  EXPECT_FALSE(is_plain("--comm", "443"));
  EXPECT_FALSE(is_plain("-o", "30s"));
  EXPECT_FALSE(is_plain("--nothing", "30s"));
}

}  // namespace
}  // namespace tcpdiag::cli
