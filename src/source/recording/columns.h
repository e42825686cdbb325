// SPDX-License-Identifier: Apache-2.0
// The columns that a record becomes: its fields in the order of model/fields.h, those of a struct inside it with that
// field's name before theirs. One walk each for the names, for writing and for reading; all follow the same list.
//
//   value, enum, text       one column; a point in time or a duration adds "_ns" to the name
//   list, map               one column with JSON text
//   struct                  its columns; where it may be absent: all NULL, the first never is when it is there
//   the body of an event    `kind`, then the columns of all kinds, NULL but for this one's
//   measures                none: they are rows of their own table
#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/fields.h"
#include "source/recording/json_text.h"
#include "source/recording/value.h"

namespace tcpdiag::recording {

struct Column {
  std::string name;
  ColumnType type = ColumnType::kInteger;
  bool may_be_null = false;
};

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
concept OptionalStruct = kIsOptional<T> && model::HasFields<typename T::value_type>;
template <typename T>
concept Measures = std::is_same_v<T, decltype(model::EndpointSample::measures)>;
template <typename T>
concept Body = std::is_same_v<T, model::EventBody>;

// --- names ---

// "endpoint_address" says more than "key_at_address".
template <typename F>
std::string_view column_part(const F& field) {
  return field.name;
}
inline std::string_view column_part(const model::Field<model::EndpointSample, model::EndpointKey>&) {
  return "endpoint";
}
inline std::string_view column_part(const model::Field<model::EndpointKey, model::SocketAddress>&) { return ""; }

inline std::string joined(std::string_view prefix, std::string_view part) {
  if (prefix.empty() || part.empty()) return std::string(prefix) + std::string(part);
  return std::string(prefix) + "_" + std::string(part);
}

template <typename T>
struct ColumnOf {
  static constexpr bool kMayBeNull = false;
  static constexpr bool kHasUnit = kIsTime<T>;
  static constexpr ColumnType kType = std::is_same_v<T, double> ? ColumnType::kReal
                                      : std::is_integral_v<T> || kIsTime<T> || std::is_same_v<T, model::SocketId>
                                          ? ColumnType::kInteger
                                          : ColumnType::kText;
};
template <typename T>
struct ColumnOf<std::optional<T>> : ColumnOf<T> {
  static constexpr bool kMayBeNull = true;
};

template <typename T>
void describe(const std::string& name, bool may_be_null, std::vector<Column>& columns) {
  if constexpr (model::HasFields<T>) {
    model::for_each_field<T>([&](const auto& field) {
      describe<typename std::decay_t<decltype(field)>::Value>(joined(name, column_part(field)), may_be_null, columns);
    });
  } else if constexpr (OptionalStruct<T>) {
    describe<typename T::value_type>(name, true, columns);
  } else if constexpr (Body<T>) {
    columns.push_back({"kind", ColumnType::kText, false});
    [&]<typename... Bodies>(const std::variant<Bodies...>*) {
      (describe<Bodies>(std::string(Bodies::kName), true, columns), ...);
    }(static_cast<const T*>(nullptr));
  } else if constexpr (!Measures<T>) {
    using Of = ColumnOf<T>;
    columns.push_back({Of::kHasUnit ? name + "_ns" : name, Of::kType, may_be_null || Of::kMayBeNull});
  }
}

template <typename T>
const std::vector<Column>& columns_of() {
  static const std::vector<Column> kColumns = [] {
    std::vector<Column> columns;
    describe<T>("", false, columns);
    return columns;
  }();
  return kColumns;
}

template <typename T>
constexpr std::size_t column_count() {
  if constexpr (model::HasFields<T>) {
    return std::apply(
        [](const auto&... field) {
          return (std::size_t{0} + ... + column_count<typename std::decay_t<decltype(field)>::Value>());
        },
        model::Fields<T>::kAll);
  } else if constexpr (OptionalStruct<T>) {
    return column_count<typename T::value_type>();
  } else if constexpr (Body<T>) {
    return []<typename... Bodies>(const std::variant<Bodies...>*) {
      return (std::size_t{1} + ... + column_count<Bodies>());
    }(static_cast<const T*>(nullptr));
  } else {
    return Measures<T> ? 0 : 1;
  }
}

// --- writing: put(value) for each column ---

template <typename T, typename Put>
void write_nulls(Put& put) {
  for (std::size_t i = 0; i < column_count<T>(); ++i) put(Value());
}

template <typename T, typename Put>
void write_columns(const T& record, Put& put) {
  if constexpr (model::HasFields<T>) {
    model::for_each_field<T>([&](const auto& field) { write_columns(record.*field.member, put); });
  } else if constexpr (OptionalStruct<T>) {
    if (record) {
      write_columns(*record, put);
    } else {
      write_nulls<typename T::value_type>(put);
    }
  } else if constexpr (Body<T>) {
    std::visit([&]<typename B>(const B&) { put(Value(B::kName)); }, record);
    [&]<typename... Bodies>(const std::variant<Bodies...>& body) {
      const auto one = [&]<typename B>(const B* present) {
        if (present != nullptr) {
          write_columns(*present, put);
        } else {
          write_nulls<B>(put);
        }
      };
      (one(std::get_if<Bodies>(&body)), ...);
    }(record);
  } else if constexpr (Container<T>) {
    put(Value(to_json_text(record)));
  } else if constexpr (!Measures<T>) {
    put(to_value(record));
  }
}

// --- reading: a Row has at(column) and is asked for the columns in their order ---

struct Wrong {
  std::size_t column = 0;
  const char* what = nullptr;  // nullptr: nothing
};

template <typename Row>
class ColumnReader {
 public:
  explicit ColumnReader(Row& row) : row_(row) {}

  // Of the first value that is not as it should be.
  const Wrong& wrong() const { return wrong_; }

  template <typename T>
  void read(T& record) {
    if constexpr (model::HasFields<T>) {
      const std::size_t first = next_;
      model::for_each_field<T>([&](const auto& field) {
        const std::size_t column = next_;
        read(record.*field.member);
        note(column, wrong_unit(field.name, record.*field.member));
      });
      if (const char* what = wrong_in(record)) note(first, what);
    } else if constexpr (OptionalStruct<T>) {
      const bool is_absent = std::holds_alternative<std::monostate>(Value(row_.at(next_)));
      if (is_absent) {
        record.reset();
        next_ += column_count<T>();
      } else {
        read(record.emplace());
      }
    } else if constexpr (Body<T>) {
      read_body(record);
    } else if constexpr (Container<T>) {
      const Value value = row_.at(next_);
      const std::optional<std::string_view> text = text_of(value);
      note(next_, text ? from_json_text(*text, record) : "is not text");
      ++next_;
    } else if constexpr (!Measures<T>) {
      note(next_, from_value(row_.at(next_), record));
      ++next_;
    }
  }

 private:
  void note(std::size_t column, const char* what) {
    if (wrong_.what == nullptr && what != nullptr) wrong_ = {column, what};
  }

  template <typename... Bodies>
  void read_body(std::variant<Bodies...>& body) {
    const Value value = row_.at(next_);
    const std::optional<std::string_view> kind = text_of(value);
    bool known = false;
    const std::size_t kind_at = next_++;
    const auto one = [&]<typename B>(std::type_identity<B>) {
      if (kind == B::kName) {
        known = true;
        B content{};
        read(content);
        body = content;
      } else {
        next_ += column_count<B>();
      }
    };
    (one(std::type_identity<Bodies>()), ...);
    if (!known) note(kind_at, "is not a kind of event");
  }

  Row& row_;
  std::size_t next_ = 0;
  Wrong wrong_;
};

}  // namespace tcpdiag::recording
