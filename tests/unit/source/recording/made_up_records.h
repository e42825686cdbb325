// SPDX-License-Identifier: Apache-2.0
// Records with every field set, made from the list of fields, so that a new field is tested without being mentioned;
// and what says where two records differ.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "model/fields.h"
#include "model/sink.h"
#include "source/recording/columns.h"
#include "unit/model/buckets_of.h"

namespace tcpdiag::recording::testing {

using Record = std::variant<model::Event, model::Sample>;

// Text that somebody else chose.
inline const std::vector<std::string> kHostileTexts{
    "puma",
    "\xff\xfe\x80",
    std::string("a\0b\0", 4),
    "\x1b[31mred\x1b]0;title\x07",
    "'; DROP TABLE events;--",
    "\"quoted\\ \r\n\t\x7f",
    "\xed\xa0\x80 lone surrogate",
    "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x92\xa9 \xe2\x80\xae",
    R"({"hex":"00"})",
    std::string(5000, 'x'),
};

enum class Values { kDistinct, kLargest };

class MadeUp {
 public:
  explicit MadeUp(Values values = Values::kDistinct, std::uint64_t seed = 0) : values_(values), next_(seed) {}

  template <typename T>
  T make() {
    T record{};
    fill(record);
    return record;
  }
  template <typename Body>
  model::Event event() {
    auto made = make<model::Event>();
    made.body = make<Body>();
    return made;
  }

 private:
  bool largest() const { return values_ == Values::kLargest; }

  template <typename T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = true;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(1 + next_++ % (kEnumNames<T>.size() - 1));
    } else if constexpr (std::is_integral_v<T>) {
      const auto number = static_cast<T>(1 + next_++ % 100);
      value = largest() ? std::numeric_limits<T>::max() : static_cast<T>(std::is_signed_v<T> ? -number : number);
    } else if constexpr (std::is_same_v<T, double>) {
      value = static_cast<double>(1 + next_++) / 3.0;
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = kHostileTexts[next_++ % kHostileTexts.size()];
    } else if constexpr (std::is_same_v<T, model::Address>) {
      value = *model::Address::parse(next_ % 2 == 0 ? "10.1.2." + std::to_string(1 + next_ % 250)
                                                    : "2001:db8::" + std::to_string(1 + next_ % 250));
      ++next_;
    } else if constexpr (std::is_same_v<T, model::SocketId>) {
      fill(value.value);
    } else if constexpr (kIsTime<T>) {
      constexpr std::int64_t kTo = std::is_same_v<T, model::Duration>   ? kLongestNs
                                   : std::is_same_v<T, model::WallTime> ? kLatestWallNs
                                                                        : kLatestNs;
      value = T(model::Duration(largest() ? kTo - 1 : 1'000'000'007 * static_cast<std::int64_t>(1 + next_++ % 1000)));
    } else if constexpr (std::is_same_v<T, model::Histogram>) {
      value.add(next_ % 7);
      value.add(100 + next_++);
      value.add(largest() ? model::kLongestUs / 4 : 123456);
    } else if constexpr (kIsOptional<T>) {
      fill(value.emplace());
    } else if constexpr (kIsList<T>) {
      for (int i = 0; i < 3; ++i) fill(value.emplace_back());
    } else if constexpr (Map<T>) {
      for (int i = 0; i < 3; ++i) {
        typename T::key_type key{};
        fill(key);
        fill(value[key]);
      }
    } else if constexpr (Measures<T>) {
      for (std::size_t i = 0; i < value.size(); ++i) fill(value[i]);
    } else if constexpr (!Body<T>) {
      model::for_each_field<T>([&](const auto& field) {
        fill(value.*field.member);
        if (wrong_unit(field.name, value.*field.member) != nullptr) shorten(value.*field.member);
      });
    }
    obey(value);
  }

  template <typename T>
  static void shorten(T& duration) {
    if constexpr (std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::optional<std::uint64_t>>) {
      duration = model::kLongestUs;
    }
  }

  // Conditions that hold of every record.
  template <typename T>
  static void obey(T&) {}
  static void obey(model::Cidr& block) { block.prefix_length = 120; }
  static void obey(model::HostInfo& host) {
    host.utc_offset_s = -12600;
    host.cpus = 64;
  }
  static void obey(model::Filters& filters) { filters.families = {6, 4}; }
  static void obey(model::Expression& expression) {
    expression.steps.resize(3);
    expression.steps[0].op = model::ExpressionOp::kNet;
    expression.steps[1].op = model::ExpressionOp::kPort;
    expression.steps[2].op = model::ExpressionOp::kAnd;
  }

  Values values_;
  std::uint64_t next_;
};

// The first field in which two values differ, "flow.opened_at"; empty: none.
template <typename T>
std::string difference(const T& a, const T& b, const std::string& path = {}) {
  if constexpr (model::HasFields<T>) {
    std::string found;
    model::for_each_field<T>([&](const auto& field) {
      if (found.empty()) found = difference(a.*field.member, b.*field.member, path + "." + std::string(field.name));
    });
    return found;
  } else if constexpr (kIsOptional<T>) {
    if (a.has_value() != b.has_value()) return path + " (present)";
    return a ? difference(*a, *b, path) : "";
  } else if constexpr (Measures<T>) {
    std::string found;
    for (std::size_t i = 0; i < a.size() && found.empty(); ++i) {
      found = difference(a[i], b[i], path + "[" + std::to_string(i) + "]");
    }
    return found;
  } else if constexpr (kIsList<T>) {
    if (a.size() != b.size()) return path + " (size)";
    std::string found;
    for (std::size_t i = 0; i < a.size() && found.empty(); ++i) {
      found = difference(a[i], b[i], path + "[" + std::to_string(i) + "]");
    }
    return found;
  } else if constexpr (std::is_same_v<T, model::Histogram>) {
    const bool same = model::buckets_of(a) == model::buckets_of(b) && a.count() == b.count() && a.sum() == b.sum() &&
                      a.min() == b.min() && a.max() == b.max() && a.percentile(0.0) == b.percentile(0.0) &&
                      a.percentile(0.5) == b.percentile(0.5) && a.percentile(1.0) == b.percentile(1.0);
    return same ? "" : path;
  } else if constexpr (requires { a.valueless_by_exception(); }) {
    if (a.index() != b.index()) return path + " (alternative)";
    return std::visit([&](const auto& one) { return difference(one, std::get<std::decay_t<decltype(one)>>(b), path); },
                      a);
  } else {
    return a == b ? "" : path;
  }
}

inline std::string difference(const std::vector<Record>& a, const std::vector<Record>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const std::string found = difference(a[i], b[i]); !found.empty()) return std::to_string(i) + found;
  }
  return a.size() == b.size() ? "" : std::to_string(a.size()) + " and " + std::to_string(b.size()) + " records";
}

// Keeps all that it is given.
class Collector : public model::Sink {
 public:
  void on_event(const model::Event& event) override { records.emplace_back(event); }
  void on_sample(const model::Sample& sample) override { records.emplace_back(sample); }

  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Record& record : records) {
      const auto* sample = std::get_if<model::Sample>(&record);
      if (sample == nullptr) continue;
      if (const T* one = std::get_if<T>(sample)) found.push_back(*one);
    }
    return found;
  }
  std::size_t events() const {
    std::size_t count = 0;
    for (const Record& record : records) count += std::holds_alternative<model::Event>(record) ? 1 : 0;
    return count;
  }

  std::vector<Record> records;
};

inline void emit(model::Sink& sink, const Record& record) {
  if (const auto* event = std::get_if<model::Event>(&record)) return sink.on_event(*event);
  sink.on_sample(std::get<model::Sample>(record));
}

}  // namespace tcpdiag::recording::testing
