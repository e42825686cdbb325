// SPDX-License-Identifier: Apache-2.0
// Checksums of what is in a recording's tables by now: as if it had been recorded so.
#pragma once

#include <string>
#include <string_view>

#include "source/recording/database.h"
#include "source/recording/schema.h"
#include "source/recording/table_sums.h"

namespace tcpdiag::recording::testing {

// False: SQLite cannot, or not within some million steps.
inline bool reseal(const std::string& path) {
  constexpr int kSteps = 10'000'000;
  Database database;
  if (database.open(path, SQLITE_OPEN_READWRITE) != SQLITE_OK) return false;
  ::sqlite3_progress_handler(
      database.get(), kSteps, [](void*) { return 1; }, nullptr);
  for (const std::string_view table : TableSums::kTables) {
    TableSum sum;
    Statement rows = database.prepare("SELECT * FROM " + std::string(table));
    if (!rows) return false;
    int result = rows.step();
    for (; result == SQLITE_ROW; result = rows.step()) sum.add(hash_of_row(rows));
    rows = {};
    Statement insert = database.prepare(kInsertChecksum);
    if (result != SQLITE_DONE || !insert) return false;
    insert.bind(1, table);
    insert.bind(2, sum.rows);
    insert.bind(3, to_value(sum.checksum));
    if (insert.run() != SQLITE_OK) return false;
  }
  return true;
}

}  // namespace tcpdiag::recording::testing
