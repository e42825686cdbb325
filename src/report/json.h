// SPDX-License-Identifier: Apache-2.0
// The parts of the JSON report, for the files that make them. The contract is docs/json.md: every key always present,
// null where unknown, in the order given there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "model/report.h"

namespace tcpdiag::report {

using Json = nlohmann::ordered_json;

// Which sockets a report shows, and what everything is called in it. Ids are positions in the report, so they hold for
// the JSON and the text of one report alike.
class Ids {
 public:
  Ids(const model::Report& report, std::size_t socket_limit);

  const std::vector<std::size_t>& shown_sockets() const { return shown_sockets_; }  // indexes into Picture::sockets
  std::string socket(std::size_t index) const;                                      // "s1"; of a socket that is shown
  static std::string endpoint(std::size_t index);                                   // "e1"
  static std::string finding(std::size_t index);                                    // "f1"

 private:
  std::vector<std::size_t> shown_sockets_;  // ascending
};

// What all parts need: the report and how times are told in it.
struct JsonContext {
  const model::Report& report;
  Ids ids;

  Json at(model::MonoTime t) const;  // "2026-11-21T02:31:07.004Z"
  Json at(const std::optional<model::MonoTime>& t) const;
  std::int64_t offset(model::MonoTime t) const;
};

// json_parts.cpp: what is made of one thing of the model.
Json text_json(std::string_view text);     // valid UTF-8 whatever comes
Json text_or_null(std::string_view text);  // null when empty
Json texts_json(const std::vector<std::string>& texts);
Json address_json(const model::SocketAddress& at);
// Whole microseconds from `start`, rounded down: negative before it.
std::int64_t offset_us(model::MonoTime start, model::MonoTime t);
double to_thousandths(double value);  // rounded to three digits after the point
Json us_or_null(const std::optional<model::Duration>& d);
template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json role_json(model::Role role);
Json owner_json(const model::Owner& owner);  // of an event; that of a socket has its cgroup's path too
Json retransmits_json(const model::RetransmitCounts& counts, std::uint64_t unseen);
Json resets_json(const model::ResetCounts& resets);
void append_totals(Json& out, const model::Totals& totals);
Json histogram_json(const model::Histogram& histogram);
Json histograms_json(const model::EndpointPicture& endpoint);
Json series_json(const model::Series& series);

// json_host.cpp: where it was traced, by what.
Json tool_json(const model::TraceStart& start);
Json filters_json(const model::Filters& filters);
Json features_json(const std::vector<model::Feature>& features);
Json host_json(const model::HostInfo& host);
Json tcp_sysctls_json(const std::vector<model::NetnsInfo>& namespaces);
Json nics_json(const JsonContext& context);

// json_look_ups.cpp: one resolver.
Json look_ups_json(const JsonContext& context, std::size_t index);

// json_lists.cpp: the three long lists.
Json endpoint_json(const JsonContext& context, std::size_t index);
Json socket_json(const JsonContext& context, std::size_t index);
Json finding_json(const JsonContext& context, std::size_t index);

// json_writer.cpp: the text of one JSON object, member by member, so that a list of many sockets never stands in memory
// as a tree. A line for each member and entry, but short ones and lists of numbers on one line.
class JsonDocument {
 public:
  void add(std::string_view key, const Json& value);
  // A list of `n` objects, made one at a time.
  void add_list(std::string_view key, std::size_t n, const std::function<Json(std::size_t)>& entry);
  // The whole text, with a newline at its end. Ends the document.
  std::string take();

 private:
  void begin_member(std::string_view key);

  std::string text_;
};

// The same object on one line, without blanks between its parts and without a newline.
class JsonLine {
 public:
  void add(std::string_view key, const Json& value);
  void add_list(std::string_view key, std::size_t n, const std::function<Json(std::size_t)>& entry);
  std::string take();

 private:
  void begin_member(std::string_view key);

  std::string text_;
};
std::string json_line(const Json& value);  // ASCII, no newline

}  // namespace tcpdiag::report
