// SPDX-License-Identifier: Apache-2.0
// How many rows a table has, and a checksum of them: SQLite has none of its own, and a flipped bit would be another
// value.
//
// Idea: the checksum of a table is the sum, modulo 2^64, of one hash of each row. So a row that comes, goes or changes
// costs its own hash and not that of the table, and their order does not matter. It finds damage; it does not keep
// anybody from making another recording.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/recording/database.h"
#include "source/recording/schema.h"
#include "source/recording/value.h"

namespace tcpdiag::recording {

// Of one row, of its values in the order of the columns. docs/recording.md has the algorithm.
class RowHash {
 public:
  void add(const Value& value);
  std::uint64_t value() const { return state_; }

 private:
  void mix(std::uint64_t kind, std::uint64_t word);
  std::uint64_t state_ = 0;
};

// Of the row that the statement is at.
std::uint64_t hash_of_row(const Statement& row);

struct TableSum {
  std::int64_t rows = 0;
  std::uint64_t checksum = 0;

  void add(std::uint64_t row_hash) {
    ++rows;
    checksum += row_hash;
  }
  void remove(std::uint64_t row_hash) {
    --rows;
    checksum -= row_hash;
  }
  bool operator==(const TableSum&) const = default;
};

// All tables that hold records.
class TableSums {
 public:
  static constexpr std::array kTables{kMetadataTable, kEventTable, kSocketTable,  kEndpointTable, kHistogramTable,
                                      kNetnsTable,    kNicTable,   kProcessTable, kDnsTable};

  TableSum& of(std::string_view table) { return sums_[index_of(table)]; }
  const TableSum& of(std::string_view table) const { return sums_[index_of(table)]; }

 private:
  static constexpr std::size_t index_of(std::string_view table) {
    std::size_t index = 0;
    while (kTables[index] != table) ++index;
    return index;
  }

  std::array<TableSum, kTables.size()> sums_;
};

}  // namespace tcpdiag::recording
