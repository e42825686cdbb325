// SPDX-License-Identifier: Apache-2.0
// The measures of an endpoint, as histograms and by the second, and what is known of each beforehand. The rows stand in
// measures.def; docs/measures.md says how each is taken and how far it can be off. All are in microseconds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "model/socket.h"

namespace tcpdiag::model {

// In the order of the JSON report.
enum class Measure : std::uint8_t {
#define KERNEL_MEASURE(c_name, cpp_name, ...) cpp_name,
#define EVENT_MEASURE(cpp_name, ...) cpp_name,
#include "model/measures.def"
};

// What a comparison makes of it: a delay that somebody waits for, the repair of losses, or how connections ended.
enum class MeasureGroup : std::uint8_t { kDelay, kLoss, kEnds };

// What there must have been before a measure of the kernel could have a value. Without it, no value is an empty
// histogram, not an unknown one.
enum class Traffic : std::uint8_t { kData, kSegments, kExchanges, kRetransmits, kCalls };

struct MeasureInfo {
  const char* name = "";              // in JSON, comparisons and documents; also of the feature that it needs, if any
  bool in_kernel = false;             // summed up there, else made of events
  const char* words = "";             // from what to what, where there is room
  const char* inbound_words = words;  // where the roles are the other way round
  const char* whose = "";             // whose time it is, in a narrow column
  const char* inbound_whose = whose;
  MeasureGroup group = MeasureGroup::kDelay;
  int rank = 0;                    // place in tables for people, ascending
  Role only = Role::kUnknown;      // endpoints of this role have it; kUnknown: all
  Traffic needs = Traffic::kData;  // of those in the kernel
  bool has_p50_series = false;     // is reported by the second too; of those in the kernel
  bool has_p99_series = false;
  bool is_above_floor = false;  // samples hold it with the floor, which is subtracted where a picture is made
  bool is_exchange = false;     // each value is an exchange, a connect or a call
  const char* recorded = name;  // in recordings: part of the file format
};

inline constexpr std::array kMeasureInfos{
#define KERNEL_MEASURE(c_name, cpp_name, text, ...) MeasureInfo{.name = text, .in_kernel = true, __VA_ARGS__},
#define EVENT_MEASURE(cpp_name, text, ...) MeasureInfo{.name = text, __VA_ARGS__},
#include "model/measures.def"
};
inline constexpr std::size_t kMeasures = kMeasureInfos.size();

constexpr const MeasureInfo& info_of(Measure measure) { return kMeasureInfos[static_cast<std::size_t>(measure)]; }
constexpr const char* to_string(Measure measure) { return info_of(measure).name; }  // "path_queue_in"
constexpr bool is_reported_by_second(Measure measure) {
  return info_of(measure).has_p50_series || info_of(measure).has_p99_series;
}
constexpr bool is_of_role(Measure measure, Role role) {
  return info_of(measure).only == Role::kUnknown || info_of(measure).only == role;
}

inline constexpr std::array kAllMeasures{
#define KERNEL_MEASURE(c_name, cpp_name, ...) Measure::cpp_name,
#define EVENT_MEASURE(cpp_name, ...) Measure::cpp_name,
#include "model/measures.def"
};

// Those that are summed up in the kernel, in the order of EndpointSample::measures and of wire.h.
inline constexpr std::array kKernelMeasures{
#define KERNEL_MEASURE(c_name, cpp_name, ...) Measure::cpp_name,
#include "model/measures.def"
};
// The place of one of them in kKernelMeasures.
constexpr std::size_t kernel_index(Measure measure) {
  return static_cast<std::size_t>(std::find(kKernelMeasures.begin(), kKernelMeasures.end(), measure) -
                                  kKernelMeasures.begin());
}

// In the order of tables for people.
inline constexpr auto kRankedMeasures = [] {
  auto ranked = kAllMeasures;
  std::sort(ranked.begin(), ranked.end(), [](Measure a, Measure b) { return info_of(a).rank < info_of(b).rank; });
  return ranked;
}();

// The arrays by the second of an endpoint, in the order of the JSON report. Of the measures only those that their rows
// name are filled.
enum class SeriesId : std::uint8_t {
  kBytesSent,
  kBytesReceived,
  kExchanges,
  kConnects,
  kConnectFailures,
  kRetransmits,
  kOutOfOrder,
  kResets,
  kDrops,
#define KERNEL_MEASURE(c_name, cpp_name, ...) cpp_name##P50, cpp_name##P99,
#include "model/measures.def"
};
inline constexpr std::size_t kCountSeries = 9;

struct SeriesInfo {
  const char* name = "";  // "path_queue_in_p50_us"
  bool is_reported = true;
};
inline constexpr std::array kSeriesInfos{
    SeriesInfo{"bytes_sent"},   SeriesInfo{"bytes_received"},   SeriesInfo{"exchanges"},
    SeriesInfo{"connects"},     SeriesInfo{"connect_failures"}, SeriesInfo{"retransmits"},
    SeriesInfo{"out_of_order"}, SeriesInfo{"resets"},           SeriesInfo{"drops"},
#define KERNEL_MEASURE(c_name, cpp_name, text, ...)                      \
  SeriesInfo{text "_p50_us", info_of(Measure::cpp_name).has_p50_series}, \
      SeriesInfo{text "_p99_us", info_of(Measure::cpp_name).has_p99_series},
#include "model/measures.def"
};
static_assert(kSeriesInfos.size() == kCountSeries + 2 * kKernelMeasures.size());

constexpr const char* to_string(SeriesId id) { return kSeriesInfos[static_cast<std::size_t>(id)].name; }
constexpr SeriesId p50_series(Measure measure) {
  return static_cast<SeriesId>(kCountSeries + 2 * kernel_index(measure));
}
constexpr SeriesId p99_series(Measure measure) {
  return static_cast<SeriesId>(kCountSeries + 2 * kernel_index(measure) + 1);
}

}  // namespace tcpdiag::model
