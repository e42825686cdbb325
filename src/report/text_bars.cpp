// SPDX-License-Identifier: Apache-2.0
// Two bars of the time of the trace: what the endpoint moved, and how long its segments waited. Each is one line,
// scaled to its largest second, which stands behind it; a blank is a second in which nothing was measured.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "report/text.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::Family;
using model::SeriesId;

using Values = std::vector<std::optional<double>>;

constexpr std::size_t kLabelColumns = 16;
constexpr std::size_t kBarColumns = 52;
constexpr double kShortestSeconds = 10;  // below that a bar says no more than the table

enum class Fold { kMean, kMax };

struct Bar {
  std::string label;
  Values values;  // one for each interval of the series
  Fold fold;
};

Values scaled(const model::Series& series, model::SeriesId id, double factor) {
  Values values(series.n);
  const model::Series::Values* found = series.find(id);
  if (found == nullptr) return values;
  for (std::size_t i = 0; i < std::min(series.n, found->size()); ++i) {
    if (const auto& value = (*found)[i]) values[i] = static_cast<double>(*value) * factor;
  }
  return values;
}

std::size_t known(const Values& values) {
  return static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [](const auto& v) { return !!v; }));
}

double sum(const Values& values) {
  double total = 0;
  for (const auto& value : values) total += value.value_or(0);
  return total;
}

// In the direction in which more moved.
Bar rate_bar(const model::Series& series) {
  const double to_mbit = 8 / 1e6 / std::max(series.interval_s, 1e-3);
  Values in = scaled(series, SeriesId::kBytesReceived, to_mbit);
  Values out = scaled(series, SeriesId::kBytesSent, to_mbit);
  if (sum(out) > sum(in)) return {"RATE out Mbit/s", std::move(out), Fold::kMean};
  return {"RATE in Mbit/s", std::move(in), Fold::kMean};
}

// The wait that the first finding is about, else that on the path.
Bar wait_bar(const model::Series& series, std::optional<Family> family) {
  constexpr double kToMs = 1e-3;
  if (family == Family::kHostQueue) return {"HOST p99 ms", scaled(series, SeriesId::kHostQueueP99, kToMs), Fold::kMax};
  if (family == Family::kReading) return {"READ p99 ms", scaled(series, SeriesId::kReadWaitP99, kToMs), Fold::kMax};
  Bar both_ways = {"QUEUE p50 ms", scaled(series, SeriesId::kPathQueueP50, kToMs), Fold::kMax};
  if (known(both_ways.values) > 0) return both_ways;
  return {"QUEUE in p50 ms", scaled(series, SeriesId::kPathQueueInP50, kToMs), Fold::kMax};
}

// The values that fall into column `i` of `n`, as one.
std::optional<double> column_value(const Values& values, Fold fold, std::size_t i, std::size_t n) {
  const std::size_t begin = i * values.size() / n;
  const std::size_t end = std::max((i + 1) * values.size() / n, begin + 1);
  double largest = 0;
  double total = 0;
  std::size_t count = 0;
  for (std::size_t at = begin; at < end; ++at) {
    if (!values[at]) continue;
    largest = std::max(largest, *values[at]);
    total += *values[at];
    ++count;
  }
  if (count == 0) return std::nullopt;
  return fold == Fold::kMax ? largest : total / static_cast<double>(count);
}

char glyph(std::optional<double> value, double max) {
  constexpr std::array<char, 5> kLevels = {'_', '.', ':', '+', '#'};
  if (!value) return ' ';
  if (max <= 0) return kLevels.front();
  const auto level = static_cast<std::size_t>(std::floor(*value / max * kLevels.size()));
  return kLevels[std::min(level, kLevels.size() - 1)];
}

void append_bar(Page& page, const Bar& bar) {
  double max = 0;
  for (const auto& value : bar.values) max = std::max(max, value.value_or(0));
  std::string columns;
  for (std::size_t i = 0; i < kBarColumns; ++i) {
    columns += glyph(column_value(bar.values, bar.fold, i, kBarColumns), max);
  }
  page.line(fmt::format("{}|{}| max {}", pad_right(bar.label, kLabelColumns), columns, rate(max)));
}

bool has_queueing(const model::Report& report, const model::EndpointPicture& endpoint) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const model::Finding& finding) {
    return is_about_delay(finding.family) && finding.endpoint &&
           &report.picture.endpoints[*finding.endpoint] == &endpoint;
  });
}

// Of the first finding about this endpoint.
std::optional<Family> first_family(const model::Report& report, const model::EndpointPicture& endpoint) {
  for (const model::Finding& finding : report.findings) {
    if (finding.endpoint && &report.picture.endpoints[*finding.endpoint] == &endpoint) return finding.family;
  }
  return std::nullopt;
}

}  // namespace

void append_bars(Page& page, const model::Report& report) {
  const model::EndpointPicture* endpoint = delay_endpoint(report);
  if (endpoint == nullptr || endpoint->series.n == 0) return;
  const model::Series& series = endpoint->series;
  const bool expected = has_queueing(report, *endpoint);
  std::vector<Bar> bars;
  for (Bar& bar : std::array{rate_bar(series), wait_bar(series, first_family(report, *endpoint))}) {
    const auto measured = static_cast<double>(known(bar.values));
    const bool moved = bar.fold == Fold::kMax || sum(bar.values) > 0;
    if (measured > 0 && moved && (expected || measured * series.interval_s >= kShortestSeconds)) {
      bars.push_back(std::move(bar));
    }
  }
  if (bars.empty()) return;
  page.blank();
  for (const Bar& bar : bars) append_bar(page, bar);
  const auto at = [&](double intervals) {
    const std::chrono::duration<double> offset(static_cast<double>(series.start_offset_us) / 1e6 +
                                               intervals * series.interval_s);
    return clock_seconds(
        report.picture.start.clock.to_wall(report.picture.window.start + std::chrono::round<model::Duration>(offset)));
  };
  const std::string last = at(static_cast<double>(series.n - 1));
  page.line(std::string(kLabelColumns + 1, ' ') + pad_right(at(0), kBarColumns - last.size()) + last);
}

}  // namespace tcpdiag::report
