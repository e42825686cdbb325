// SPDX-License-Identifier: Apache-2.0
// The inside of the writer: one connection, one open transaction.
//
// Disk space is reserved before records enter the transaction: what does not fit is refused and counted alone. Where
// the file system cannot reserve, or the disk fails otherwise, a transaction that fails is rolled back as a whole, and
// its records are lost and counted. The beginning and the end of the trace are kept in memory until they are in the
// file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "source/recording/database.h"
#include "source/recording/histogram_row.h"
#include "source/recording/new_file.h"
#include "source/recording/schema.h"
#include "source/recording/table_sums.h"
#include "source/recording/thinner.h"
#include "source/recording/writer.h"
#include "util/first_problem.h"

namespace tcpdiag::recording {

struct Writer::Impl {
  Impl(const WriterOptions& options, NewFile created) : file(std::move(created)), max_bytes(options.max_bytes) {}

  // --- creation ---
  Result<> open_database();
  Result<> make_tables();
  Result<> cannot_write();

  // --- records ---
  void write(const model::TraceStart& record);
  void write(const model::TraceEnd& record);
  void write(const model::EndpointSample& sample);
  template <typename Record>
  void write(const Record& record);
  bool wants_records() const { return start.has_value() && !end.has_value() && bool(database); }

  // --- transactions ---
  bool begin();
  // The rest of what stands to be written, and COMMIT. False: rolled back.
  bool commit();
  void roll_back(std::uint64_t records_besides);
  bool write_histogram(std::string_view measure, const HistogramRow& row);
  bool write_end();
  bool write_loss(std::string_view key, std::uint64_t& before, std::uint64_t now);
  bool write_checksums();
  // The losses, the checksums and COMMIT. False: the caller rolls back.
  bool conclude();
  template <typename Record>
  bool write_metadata(const Record& record);
  bool write_metadata(std::string_view key, const Value& value);
  void commit_if_long();

  // --- the bounds of the file's size ---
  bool has_room_for(std::uint64_t bytes, bool is_sample);
  bool fits_in_size(std::uint64_t bytes, bool is_sample);
  bool fits_on_disk(std::uint64_t bytes);
  bool reserve_more();
  void measure_room();
  void thin(std::uint64_t wanted_bytes, int batches);
  std::uint64_t share(std::uint64_t divisor) const { return *max_bytes / divisor; }

  void note_problem(std::string what, std::string hint);
  void note_gaps(int error);
  std::string removed() const;
  void close();

  NewFile file;
  std::optional<std::uint64_t> max_bytes;
  Database database;  // above the statements, so that it is closed after them

  template <typename Record>
  struct Insert {
    using Of = Record;
    Statement statement;
  };
  std::tuple<Insert<model::Event>, Insert<model::SocketSnapshot>, Insert<model::EndpointSample>,
             Insert<model::NetnsSample>, Insert<model::NicSample>, Insert<model::ProcessInfo>,
             Insert<model::DnsMessage>>
      inserts;
  Statement insert_histogram;
  Statement insert_metadata;
  Statement insert_checksum;
  Statement release_reserve;
  Statement begin_transaction;
  Statement commit_transaction;
  Statement roll_back_transaction;
  std::optional<Thinner> thinner;  // only with max_bytes

  std::optional<model::TraceStart> start;
  std::optional<model::TraceEnd> end;
  struct Written {
    bool start = false;
    bool end = false;
    std::uint64_t disk_full = 0;
    std::uint64_t samples_thinned = 0;
    TableSums sums;
  };
  Written written;    // also in the open transaction
  Written committed;  // for good

  std::int64_t seq = 0;            // of the newest record
  std::uint64_t open_records = 0;  // in the open transaction
  std::uint64_t open_bytes = 0;
  bool failed = false;  // nothing more is tried before the next commit()

  // What the rows of each endpoint's histograms add up to, and what they did before the open transaction.
  std::map<model::EndpointKey, EndpointHistograms> stored;
  std::map<model::EndpointKey, EndpointHistograms> stored_before;

  std::uint64_t used = 0;       // bytes of the file, as of the last commit, and what the next may need besides its rows
  std::uint64_t reserved = 0;   // of the file, from its beginning: the disk has these bytes for it
  bool disk_is_full = false;    // nothing more is reserved before the next commit()
  std::uint64_t room = 0;       // bytes that still fit, as far as they were counted; only with max_bytes
  bool all_is_thinned = false;  // the last pass found nothing, and no sample has come since

  std::uint64_t disk_full = 0;
  std::uint64_t samples_thinned = 0;
  FirstProblem problem;
};

}  // namespace tcpdiag::recording
