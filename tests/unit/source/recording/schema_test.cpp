// SPDX-License-Identifier: Apache-2.0
// The tables are a format: this holds them to docs/recording.md, which says what to do when they change.
#include "source/recording/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "support/source_dir.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording {
namespace {

std::string document() {
  std::ifstream file(source_dir() + "/docs/recording.md");
  std::string text;
  for (std::string line; std::getline(file, line);) text += line + "\n";
  return text;
}

// `name` in backticks.
bool mentions(const std::string& text, const std::string& name) {
  return text.find("`" + name + "`") != std::string::npos;
}

template <typename Record>
void expect_documented(const std::string& text, const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    EXPECT_TRUE(mentions(text, column.name)) << column.name << " is not in docs/recording.md";
  }
}

TEST(Schema, every_table_and_column_is_documented) {
  const std::string text = document();
  ASSERT_FALSE(text.empty());
  for (const TableSql& table : all_tables()) EXPECT_TRUE(mentions(text, table.name)) << table.name;
  expect_documented<model::Event>(text, columns_of<model::Event>());
  expect_documented<model::SocketSnapshot>(text, columns_of<model::SocketSnapshot>());
  expect_documented<model::EndpointSample>(text, columns_of<model::EndpointSample>());
  expect_documented<model::NetnsSample>(text, columns_of<model::NetnsSample>());
  expect_documented<model::NicSample>(text, columns_of<model::NicSample>());
  expect_documented<model::ProcessInfo>(text, columns_of<model::ProcessInfo>());
  expect_documented<model::DnsMessage>(text, columns_of<model::DnsMessage>());
  expect_documented<model::TraceStart>(text, metadata_keys<model::TraceStart>());
  expect_documented<model::TraceEnd>(text, metadata_keys<model::TraceEnd>());
  EXPECT_TRUE(mentions(text, std::string(kLostDiskFull)));
  EXPECT_TRUE(mentions(text, std::string(kLostSamplesThinned)));
}

// All names that end up in a file: of fields, also inside of JSON, and the words of enums.
template <typename T>
void add_names(std::string& names) {
  if constexpr (model::HasFields<T>) {
    model::for_each_field<T>([&names](const auto& field) {
      names += std::string(field.name) + "{";
      add_names<typename std::decay_t<decltype(field)>::Value>(names);
      names += "}";
    });
  } else if constexpr (kIsOptional<T> || kIsList<T>) {
    add_names<typename T::value_type>(names);
  } else if constexpr (Map<T>) {
    add_names<typename T::mapped_type>(names);
  } else if constexpr (Body<T>) {
    [&names]<typename... Bodies>(const std::variant<Bodies...>*) {
      ((names += Bodies::kName, add_names<Bodies>(names)), ...);
    }(static_cast<const T*>(nullptr));
  } else if constexpr (std::is_enum_v<T>) {
    for (const std::string_view word : kEnumNames<T>) names += std::string(word) + ",";
  }
}

// A recording of yesterday must not be misread today. When this fails: raise kUserVersion, unless no release has the
// present one, and put the new figure here.
TEST(Schema, has_not_changed_within_a_version) {
  std::string names;
  for (const TableSql& table : all_tables()) names += table.create;
  add_names<model::Event>(names);
  add_names<model::SocketSnapshot>(names);
  add_names<model::EndpointSample>(names);
  add_names<model::NetnsSample>(names);
  add_names<model::NicSample>(names);
  add_names<model::ProcessInfo>(names);
  add_names<model::DnsMessage>(names);
  add_names<model::TraceStart>(names);
  add_names<model::TraceEnd>(names);
  for (const model::Measure measure : model::kKernelMeasures) names += model::info_of(measure).recorded;
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : names) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  EXPECT_EQ(kUserVersion, 3);
  EXPECT_EQ(hash, 2595624308663601422U);
}

TEST(Schema, names_are_plain_and_no_two_columns_share_one) {
  const auto check = [](const std::vector<Column>& columns) {
    std::set<std::string> seen{"seq"};
    for (const Column& column : columns) {
      EXPECT_THAT(column.name, ::testing::MatchesRegex("[a-z][a-z0-9_]*"));
      EXPECT_TRUE(seen.insert(column.name).second) << column.name << " is there twice";
    }
  };
  check(columns_of<model::Event>());
  check(columns_of<model::SocketSnapshot>());
  check(columns_of<model::EndpointSample>());
  check(metadata_keys<model::TraceStart>());
  check(metadata_keys<model::TraceEnd>());
}

TEST(Schema, columns_are_counted_as_they_are_described) {
  EXPECT_EQ(column_count<model::Event>(), columns_of<model::Event>().size());
  EXPECT_EQ(column_count<model::EndpointSample>(), columns_of<model::EndpointSample>().size());
  EXPECT_EQ(column_count<model::TraceStart>(), metadata_keys<model::TraceStart>().size());
}

using Documented = testing::RecordingCase;

TEST_F(Documented, examples_run_and_give_rows) {
  const auto emitted = write_realistic(path(), 3);
  const auto writer = create({.path = path(), .force = true, .max_bytes = {}});
  model::Event reset = testing::realistic_event(2500);
  reset.body = model::ResetReceived{};
  reset.flow.outstanding = true;
  for (std::size_t i = 0; i < emitted.size(); ++i) {
    if (i + 1 == emitted.size()) writer->on_event(reset);
    testing::emit(*writer, emitted[i]);
  }
  ASSERT_TRUE(writer->finish());
  sqlite3* database = nullptr;
  ASSERT_EQ(::sqlite3_open(path().c_str(), &database), SQLITE_OK);
  const std::string text = document();
  int examples = 0;
  for (std::size_t at = text.find("```sql\n"); at != std::string::npos;
       at = text.find("```sql\n", at + 1), ++examples) {
    const std::string sql = text.substr(at + 7, text.find("```", at + 7) - at - 7);
    int rows = 0;
    const auto count = [](void* counted, int, char**, char**) { return ++*static_cast<int*>(counted), 0; };
    EXPECT_EQ(::sqlite3_exec(database, sql.c_str(), count, &rows, nullptr), SQLITE_OK)
        << ::sqlite3_errmsg(database) << "\n"
        << sql;
    EXPECT_GT(rows, 0) << sql;
  }
  ::sqlite3_close(database);
  EXPECT_GE(examples, 6);
}

}  // namespace
}  // namespace tcpdiag::recording
