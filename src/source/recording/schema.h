// SPDX-License-Identifier: Apache-2.0
// The tables of a recording (docs/recording.md) and the SQL that makes, fills and reads them: all of it follows from
// model/fields.h.
//
// Every event and sample has a number, `seq`, that rises over all tables together: in its order they were emitted. The
// beginning and the end of the trace are the rows of `metadata`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/recording/columns.h"

namespace tcpdiag::recording {

inline constexpr std::int32_t kApplicationId = 0x74637064;  // "tcpd"
inline constexpr std::int32_t kUserVersion = 3;             // of the format

inline constexpr std::string_view kEventTable = "events";
inline constexpr std::string_view kSocketTable = "sample_sockets";
inline constexpr std::string_view kEndpointTable = "sample_endpoints";
inline constexpr std::string_view kHistogramTable = "histograms";
inline constexpr std::string_view kNetnsTable = "sample_netns";
inline constexpr std::string_view kNicTable = "sample_nic";
inline constexpr std::string_view kProcessTable = "processes";
inline constexpr std::string_view kDnsTable = "dns";
inline constexpr std::string_view kMetadataTable = "metadata";
inline constexpr std::string_view kChecksumTable = "checksums";  // table_sums.h: of all tables above
inline constexpr std::string_view kReserveTable = "reserve";

// The table of a record; the beginning and end of the trace have none.
template <typename Record>
inline constexpr std::string_view kTable{};
template <>
inline constexpr std::string_view kTable<model::Event> = kEventTable;
template <>
inline constexpr std::string_view kTable<model::SocketSnapshot> = kSocketTable;
template <>
inline constexpr std::string_view kTable<model::EndpointSample> = kEndpointTable;
template <>
inline constexpr std::string_view kTable<model::NetnsSample> = kNetnsTable;
template <>
inline constexpr std::string_view kTable<model::NicSample> = kNicTable;
template <>
inline constexpr std::string_view kTable<model::ProcessInfo> = kProcessTable;
template <>
inline constexpr std::string_view kTable<model::DnsMessage> = kDnsTable;

// Keys of `metadata`: all of TraceStart and TraceEnd, and what the writer itself had to leave out so far, which stands
// in for the end's Loss where a recording was cut off.
template <typename Record>
const std::vector<Column>& metadata_keys();  // in the order of the record's columns
inline constexpr std::string_view kLostDiskFull = "lost_disk_full";
inline constexpr std::string_view kLostSamplesThinned = "lost_samples_thinned";

// Of one table: every statement that makes it, in the words in which SQLite keeps them.
struct TableSql {
  std::string name;
  std::string create;
};
const std::vector<TableSql>& all_tables();

std::string insert_sql(std::string_view table, const std::vector<Column>& columns);  // seq first
std::string select_sql(std::string_view table, const std::vector<Column>& columns);  // the same order, rising seq

inline constexpr std::string_view kInsertMetadata = "INSERT OR REPLACE INTO metadata VALUES(?,?)";
inline constexpr std::string_view kSelectMetadata = "SELECT key,value FROM metadata";
inline constexpr std::string_view kInsertChecksum = "INSERT OR REPLACE INTO checksums VALUES(?,?,?)";
inline constexpr std::string_view kSelectChecksums = "SELECT name,rows,checksum FROM checksums";
inline constexpr std::string_view kInsertHistogram = "INSERT INTO histograms VALUES(?,?,?,?,?,?,?)";
inline constexpr std::string_view kSelectHistograms =
    "SELECT sample_seq,measure,count,sum_us,min_us,max_us,buckets FROM histograms ORDER BY sample_seq,measure";

}  // namespace tcpdiag::recording
