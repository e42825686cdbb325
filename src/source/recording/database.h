// SPDX-License-Identifier: Apache-2.0
// Owners of an SQLite connection and of its prepared statements. What they return is SQLite's result code: what it
// means is known to the caller.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "source/recording/value.h"

namespace tcpdiag::recording {

class Statement {
 public:
  Statement() = default;

  explicit operator bool() const { return bool(statement_); }
  // Parameters count from 1, columns from 0. A string_view must live until the next reset().
  void bind(int parameter, const Value& value);
  void bind_zeros(int parameter, int bytes) { ::sqlite3_bind_zeroblob(statement_.get(), parameter, bytes); }
  int step() { return ::sqlite3_step(statement_.get()); }  // SQLITE_ROW, SQLITE_DONE or an error
  // Runs a statement that gives no rows, and makes it ready for the next time.
  int run();
  void reset() { ::sqlite3_reset(statement_.get()); }
  std::size_t columns() const { return static_cast<std::size_t>(::sqlite3_column_count(statement_.get())); }
  Value at(std::size_t column) const;  // a string_view lives until the next step()

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // `flags` as in sqlite3_open_v2().
  int open(const std::string& path, int flags);
  void close() { connection_.reset(); }

  explicit operator bool() const { return bool(connection_); }
  sqlite3* get() const { return connection_.get(); }
  int run(const char* sql) { return ::sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr); }
  // Without a statement where SQLite refuses it.
  Statement prepare(std::string_view sql) const;
  // The first column of the first row of a query; 0 where it cannot be had.
  std::int64_t number(std::string_view sql) const;
  bool in_transaction() const { return ::sqlite3_get_autocommit(connection_.get()) == 0; }
  bool file_has_moved() const;
  std::string message() const { return ::sqlite3_errmsg(connection_.get()); }
  int error_code() const { return ::sqlite3_errcode(connection_.get()); }
  int system_error() const { return ::sqlite3_system_errno(connection_.get()); }  // an errno, 0: none

 private:
  struct Close {
    void operator()(sqlite3* connection) const { ::sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace tcpdiag::recording
