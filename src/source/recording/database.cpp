// SPDX-License-Identifier: Apache-2.0
#include "source/recording/database.h"

#include "util/escape.h"

namespace tcpdiag::recording {
namespace {

// What the sqlite3 program and Python can show as text. All else is a blob, or they would stop there.
bool is_showable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

void Statement::bind(int parameter, const Value& value) {
  sqlite3_stmt* const statement = statement_.get();
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    ::sqlite3_bind_int64(statement, parameter, *number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    ::sqlite3_bind_double(statement, parameter, *real);
  } else if (const auto text = text_of(value)) {
    const bool lives_on = std::holds_alternative<std::string_view>(value);
    const char* const data = text->empty() ? "" : text->data();  // a null pointer would be NULL
    // SQLITE_TRANSIENT is a cast in SQLite's header that the compiler warns about.
    const auto transient = reinterpret_cast<sqlite3_destructor_type>(-1);
    const sqlite3_destructor_type lifetime = lives_on ? nullptr : transient;
    if (is_showable(*text)) {
      ::sqlite3_bind_text64(statement, parameter, data, text->size(), lifetime, SQLITE_UTF8);
    } else {
      ::sqlite3_bind_blob64(statement, parameter, data, text->size(), lifetime);
    }
  } else {
    ::sqlite3_bind_null(statement, parameter);
  }
}

int Statement::run() {
  const int result = step();
  const int reset = ::sqlite3_reset(statement_.get());
  return result == SQLITE_DONE || result == SQLITE_ROW ? reset : result;
}

Value Statement::at(std::size_t column) const {
  sqlite3_stmt* const statement = statement_.get();
  const int index = static_cast<int>(column);
  switch (::sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER:
      return std::int64_t{::sqlite3_column_int64(statement, index)};
    case SQLITE_FLOAT:
      return ::sqlite3_column_double(statement, index);
    case SQLITE_TEXT:
    case SQLITE_BLOB: {
      const void* const data = ::sqlite3_column_blob(statement, index);
      const int bytes = ::sqlite3_column_bytes(statement, index);
      if (data == nullptr || bytes <= 0) return std::string_view("");
      return std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
    }
    default:
      return {};
  }
}

int Database::open(const std::string& path, int flags) {
  sqlite3* connection = nullptr;
  const int result = ::sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  connection_.reset(connection);
  if (connection != nullptr) ::sqlite3_extended_result_codes(connection, 0);
  return result;
}

Statement Database::prepare(std::string_view sql) const {
  Statement made;
  sqlite3_stmt* statement = nullptr;
  ::sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                       &statement, nullptr);
  made.statement_.reset(statement);
  return made;
}

std::int64_t Database::number(std::string_view sql) const {
  Statement statement = prepare(sql);
  if (!statement || statement.step() != SQLITE_ROW) return 0;
  const Value value = statement.at(0);
  const auto* number = std::get_if<std::int64_t>(&value);
  return number != nullptr ? *number : 0;
}

bool Database::file_has_moved() const {
  int moved = 1;
  ::sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

}  // namespace tcpdiag::recording
