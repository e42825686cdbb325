// SPDX-License-Identifier: Apache-2.0
#include "source/recording/schema.h"

#include <fmt/format.h>

namespace tcpdiag::recording {
namespace {

std::string_view type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger:
      return "INTEGER";
    case ColumnType::kReal:
      return "REAL";
    case ColumnType::kText:
      return "TEXT";
  }
  return "BLOB";
}

template <typename Record>
TableSql table_of_records() {
  std::string sql = fmt::format("CREATE TABLE {}(seq INTEGER PRIMARY KEY", kTable<Record>);
  for (const Column& column : columns_of<Record>()) {
    sql += fmt::format(",{} {}{}", column.name, type_name(column.type), column.may_be_null ? "" : " NOT NULL");
  }
  return {std::string(kTable<Record>), sql + ")"};
}

template <typename Record>
std::vector<Column> keys_of(const std::string& prefix) {
  std::vector<Column> keys;
  describe<Record>(prefix, false, keys);
  return keys;
}

std::string names(const std::vector<Column>& columns) {
  std::string list = "seq";
  for (const Column& column : columns) list += "," + column.name;
  return list;
}

}  // namespace

const std::vector<TableSql>& all_tables() {
  static const std::vector<TableSql> kTables{
      {std::string(kMetadataTable), "CREATE TABLE metadata(key TEXT PRIMARY KEY NOT NULL,value) WITHOUT ROWID"},
      table_of_records<model::Event>(),
      table_of_records<model::SocketSnapshot>(),
      table_of_records<model::EndpointSample>(),
      {std::string(kHistogramTable),
       "CREATE TABLE histograms(sample_seq INTEGER NOT NULL,measure TEXT NOT NULL,count INTEGER NOT NULL,"
       "sum_us INTEGER NOT NULL,min_us INTEGER,max_us INTEGER,buckets TEXT NOT NULL,"
       "PRIMARY KEY(sample_seq,measure)) WITHOUT ROWID"},
      table_of_records<model::NetnsSample>(),
      table_of_records<model::NicSample>(),
      table_of_records<model::ProcessInfo>(),
      table_of_records<model::DnsMessage>(),
      {std::string(kChecksumTable),
       "CREATE TABLE checksums(name TEXT PRIMARY KEY NOT NULL,rows INTEGER NOT NULL,checksum INTEGER NOT NULL) "
       "WITHOUT ROWID"},
      {std::string(kReserveTable), "CREATE TABLE reserve(space BLOB NOT NULL)"},
  };
  return kTables;
}

template <>
const std::vector<Column>& metadata_keys<model::TraceStart>() {
  static const std::vector<Column> kKeys = keys_of<model::TraceStart>("start");
  return kKeys;
}

template <>
const std::vector<Column>& metadata_keys<model::TraceEnd>() {
  static const std::vector<Column> kKeys = keys_of<model::TraceEnd>("end");
  return kKeys;
}

std::string insert_sql(std::string_view table, const std::vector<Column>& columns) {
  std::string marks = "?";
  for (std::size_t i = 0; i < columns.size(); ++i) marks += ",?";
  return fmt::format("INSERT INTO {}({}) VALUES({})", table, names(columns), marks);
}

std::string select_sql(std::string_view table, const std::vector<Column>& columns) {
  return fmt::format("SELECT {} FROM {} ORDER BY seq", names(columns), table);
}

}  // namespace tcpdiag::recording
