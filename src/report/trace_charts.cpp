// SPDX-License-Identifier: Apache-2.0
// What is measured over time: two bars for a screen and a ticket; for a page the JSON that its charts are drawn from,
// and the same as a table, for paper and for browsers without JavaScript.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>

#include "report/json.h"
#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::Family;
using model::SeriesId;

constexpr std::size_t kEndpoints = 30;
constexpr std::size_t kJsonBytes = 400'000;  // of all endpoints together
constexpr std::size_t kTableRows = 40;

Json histogram_of(const model::Histogram& histogram) {
  Json whole = histogram_json(histogram);
  Json out = Json::object();
  for (const char* key : {"count", "p50", "p90", "p99", "max", "buckets"}) out[key] = std::move(whole[key]);
  return out;
}

Json histograms_of(const EndpointPicture& endpoint) {
  Json out = Json::object();
  for (const model::Measure measure : model::kRankedMeasures) {
    if (const model::Histogram* found = endpoint.measured(measure)) {
      out[model::to_string(measure)] = histogram_of(*found);
    }
  }
  return out;
}

// Arrays in which nothing was measured are left out.
Json series_of(const model::Series& series) {
  Json whole = series_json(series);
  Json out = Json::object();
  for (auto& item : whole.items()) {
    const bool is_empty = item.value().is_array() && std::all_of(item.value().begin(), item.value().end(),
                                                                 [](const Json& value) { return value.is_null(); });
    if (!is_empty) out[item.key()] = std::move(item.value());
  }
  return out;
}

Json endpoint_of(const TraceView& view, std::size_t index) {
  const EndpointPicture& endpoint = view.picture().endpoints[index];
  return {{"id", Ids::endpoint(index)},
          {"role", model::to_string(endpoint.key.role)},
          {"name", view.endpoint_name(endpoint)},
          {"histograms", histograms_of(endpoint)},
          {"series", series_of(endpoint.series)}};
}

Json finding_of(const TraceView& view, std::size_t index) {
  const model::Finding& finding = view.report.findings[index];
  const auto seconds = [&](model::MonoTime t) { return model::seconds(t - view.picture().window.start); };
  return {{"id", Ids::finding(index)},
          {"number", index + 1},
          {"code", finding.code},
          {"severity", model::to_string(finding.severity)},
          {"endpoint", finding.endpoint ? Json(Ids::endpoint(*finding.endpoint)) : Json(nullptr)},
          {"title", escape_terminal(finding.title)},
          {"first_s", seconds(finding.first_at)},
          {"last_s", seconds(finding.last_at)}};
}

Json chart_of(const ChartSpec& spec) {
  Json lines = Json::array();
  for (const ChartLine& line : spec.lines) {
    lines.push_back({{"key", model::to_string(line.series)},
                     {"label", line.label},
                     {"factor", line.factor},
                     {"per_second", line.per_second}});
  }
  return {{"id", spec.id},
          {"title", spec.title},
          {"unit", spec.unit},
          {"of_endpoint", true},
          {"may_be_logarithmic", spec.may_be_logarithmic},
          {"lines", std::move(lines)}};
}

// Of a card's counters the intervals are those of the endpoints' series: whole seconds of UTC.
Json nic_series(const model::Picture& picture, std::size_t n) {
  const auto first =
      std::find_if(picture.endpoints.begin(), picture.endpoints.end(), [](const auto& e) { return e.series.n > 0; });
  if (first != picture.endpoints.end()) {
    return {{"start_offset_us", first->series.start_offset_us}, {"interval_s", first->series.interval_s}, {"n", n}};
  }
  const model::WallTime start = picture.start.clock.to_wall(picture.window.start);
  double interval_s = 1;
  while (static_cast<double>(n) * interval_s < model::seconds(picture.window.length())) interval_s *= 2;
  return {{"start_offset_us", model::microseconds(std::chrono::floor<std::chrono::seconds>(start) - start)},
          {"interval_s", interval_s},
          {"n", n}};
}

// Allowances that were exceeded, of all cards; null where none was.
Json nic_chart(const model::Picture& picture) {
  constexpr std::size_t kLines = 7;  // each has a colour of its own
  Json lines = Json::array();
  Json series = nullptr;
  for (const model::NicPicture& nic : picture.nics) {
    for (const model::AllowanceLimit& limit : nic.limits) {
      if (limit.delta == 0 || limit.per_second.empty() || lines.size() == kLines) continue;
      if (series.is_null()) series = nic_series(picture, limit.per_second.size());
      const std::string key = "line_" + std::to_string(lines.size());
      const std::string label =
          fmt::format("{} {}", elide_middle(escape_terminal(nic.device), 20), limit_words(limit.limit));
      lines.push_back({{"key", key}, {"label", label}, {"factor", 1}, {"per_second", true}});
      series[key] = limit.per_second;
    }
  }
  if (lines.empty()) return nullptr;
  return {{"id", "allowance"},           {"title", "Over the network card's allowance"},
          {"unit", "packets/s"},         {"of_endpoint", false},
          {"may_be_logarithmic", false}, {"lines", std::move(lines)},
          {"series", std::move(series)}};
}

// Where an interval begins.
model::MonoTime time_of(const TraceView& view, const model::Series& series, double interval) {
  const std::chrono::duration<double> offset(static_cast<double>(series.start_offset_us) / 1e6 +
                                             interval * series.interval_s);
  return view.picture().window.start + std::chrono::round<model::Duration>(offset);
}

// --- The same as a table ---

const model::Series::Values* array_of(const model::Series& series, SeriesId id) {
  const model::Series::Values* values = series.find(id);
  const auto is_known = [](const auto& value) { return value.has_value(); };
  return values != nullptr && std::any_of(values->begin(), values->end(), is_known) ? values : nullptr;
}

// The values of [begin, end) as one, in the chart's unit.
std::string folded(const model::Series::Values& values, const ChartLine& line, double interval_s, std::size_t begin,
                   std::size_t end) {
  double sum = 0;
  double most = 0;
  std::size_t n = 0;
  for (std::size_t i = begin; i < std::min(end, values.size()); ++i) {
    if (!values[i]) continue;
    const double value = static_cast<double>(*values[i]) * line.factor / (line.per_second ? interval_s : 1);
    sum += value;
    most = std::max(most, value);
    ++n;
  }
  if (n == 0) return std::string(kUnknown);
  switch (line.fold) {
    case Fold::kMean:
      return rate(sum / static_cast<double>(n));
    case Fold::kSum:
      return decimal(sum);
    case Fold::kMax:
      return rate(most);
  }
  return std::string(kUnknown);
}

void add_table_over_time(Section& section, const TraceView& view, const EndpointPicture& endpoint) {
  const model::Series& series = endpoint.series;
  Table table;
  table.columns = {{"from (UTC)", Align::kTime}};
  std::vector<const ChartLine*> lines;
  for (const ChartSpec& spec : chart_specs()) {
    for (const ChartLine& line : spec.lines) {
      if (array_of(series, line.series) == nullptr) continue;
      lines.push_back(&line);
      table.columns.push_back(number(fmt::format("{} ({})", line.label, spec.unit)));
    }
  }
  if (lines.empty()) return;
  const std::size_t together = (series.n + kTableRows - 1) / kTableRows;
  const std::string step = duration(static_cast<double>(together) * series.interval_s * 1e6);
  table.title = fmt::format("{}, in steps of {}: rates are means, counts are sums, delays are the largest value",
                            view.endpoint_name(endpoint), step);
  for (std::size_t i = 0; i < series.n; i += together) {
    Row& row = table.rows.emplace_back();
    row.cells.emplace_back(view.time(time_of(view, series, static_cast<double>(i))));
    for (const ChartLine* line : lines) {
      row.cells.emplace_back(folded(*array_of(series, line->series), *line, series.interval_s, i, i + together));
    }
  }
  Section same;
  same.kind = Section::Kind::kFolded;
  same.heading = "The same as a table, every " + step;
  same.nodes.emplace_back(std::move(table));
  section.nodes.emplace_back(std::move(same));
}

// --- Bars ---

using Values = std::vector<std::optional<double>>;

Values scaled(const model::Series& series, SeriesId id, double factor) {
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
Bars::Line rate_bar(const model::Series& series) {
  const double to_mbit = 8 / 1e6 / std::max(series.interval_s, 1e-3);
  Values in = scaled(series, SeriesId::kBytesReceived, to_mbit);
  Values out = scaled(series, SeriesId::kBytesSent, to_mbit);
  if (sum(out) > sum(in)) return {"RATE out Mbit/s", std::move(out), true};
  return {"RATE in Mbit/s", std::move(in), true};
}

// The wait that the first finding is about, else that on the path.
Bars::Line wait_bar(const model::Series& series, std::optional<Family> family) {
  constexpr double kToMs = 1e-3;
  if (family == Family::kHostQueue) return {"HOST p99 ms", scaled(series, SeriesId::kHostQueueP99, kToMs)};
  if (family == Family::kReading) return {"READ p99 ms", scaled(series, SeriesId::kReadWaitP99, kToMs)};
  Bars::Line both_ways = {"QUEUE p50 ms", scaled(series, SeriesId::kPathQueueP50, kToMs)};
  if (known(both_ways.values) > 0) return both_ways;
  return {"QUEUE in p50 ms", scaled(series, SeriesId::kPathQueueInP50, kToMs)};
}

bool is_of(const model::Finding& finding, const model::Report& report, const EndpointPicture& endpoint) {
  return finding.endpoint && &report.picture.endpoints[*finding.endpoint] == &endpoint;
}

bool has_queueing(const model::Report& report, const EndpointPicture& endpoint) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const model::Finding& finding) {
    return is_about_delay(finding.family) && is_of(finding, report, endpoint);
  });
}

// Of the first finding about this endpoint.
std::optional<Family> first_family(const model::Report& report, const EndpointPicture& endpoint) {
  for (const model::Finding& finding : report.findings) {
    if (is_of(finding, report, endpoint)) return finding.family;
  }
  return std::nullopt;
}

std::optional<Bars> bars_of(const TraceView& view) {
  constexpr double kShortestSeconds = 10;  // below that a bar says no more than the table
  const EndpointPicture* endpoint = delay_endpoint(view.report);
  if (endpoint == nullptr || endpoint->series.n == 0) return std::nullopt;
  const model::Series& series = endpoint->series;
  const bool expected = has_queueing(view.report, *endpoint);
  Bars bars;
  for (Bars::Line& line : std::array{rate_bar(series), wait_bar(series, first_family(view.report, *endpoint))}) {
    const auto measured = static_cast<double>(known(line.values));
    const bool moved = !line.is_mean || sum(line.values) > 0;
    if (measured > 0 && moved && (expected || measured * series.interval_s >= kShortestSeconds)) {
      bars.lines.push_back(std::move(line));
    }
  }
  if (bars.lines.empty()) return std::nullopt;
  bars.from = clock_seconds(view.wall(time_of(view, series, 0)));
  bars.to = clock_seconds(view.wall(time_of(view, series, static_cast<double>(series.n - 1))));
  return bars;
}

}  // namespace

const std::vector<ChartSpec>& chart_specs() {
  constexpr double kMbit = 8e-6;
  constexpr double kMs = 1e-3;
  static const std::vector<ChartSpec> kSpecs = {
      {"throughput",
       "Throughput (payload)",
       "Mbit/s",
       false,
       {{SeriesId::kBytesReceived, "received", kMbit, true, Fold::kMean},
        {SeriesId::kBytesSent, "sent", kMbit, true, Fold::kMean}}},
      {"work",
       "Exchanges and connects",
       "per second",
       false,
       {{SeriesId::kExchanges, "exchanges", 1, true, Fold::kMean},
        {SeriesId::kConnects, "connects", 1, true, Fold::kMean}}},
      {"delays",
       "RTT and queueing",
       "ms",
       true,
       {{SeriesId::kRttP50, "RTT p50", kMs, false, Fold::kMax},
        {SeriesId::kPathQueueInP50, "path_queue_in p50", kMs, false, Fold::kMax},
        {SeriesId::kPathQueueInP99, "path_queue_in p99", kMs, false, Fold::kMax},
        {SeriesId::kPathQueueP50, "path_queue p50", kMs, false, Fold::kMax},
        {SeriesId::kPathQueueP99, "path_queue p99", kMs, false, Fold::kMax},
        {SeriesId::kHostQueueP99, "host_queue p99", kMs, false, Fold::kMax},
        {SeriesId::kReadWaitP99, "read_wait p99", kMs, false, Fold::kMax}}},
      {"trouble",
       "Retransmits, resets and failed connects",
       "in each interval",
       false,
       {{SeriesId::kRetransmits, "retransmits", 1, false, Fold::kSum},
        {SeriesId::kOutOfOrder, "received out of order", 1, false, Fold::kSum},
        {SeriesId::kResets, "resets", 1, false, Fold::kSum},
        {SeriesId::kDrops, "dropped by this host", 1, false, Fold::kSum},
        {SeriesId::kConnectFailures, "failed connects", 1, false, Fold::kSum}}},
  };
  return kSpecs;
}

std::vector<std::size_t> charted_endpoints(const TraceView& view) {
  const auto& endpoints = view.picture().endpoints;
  std::vector<std::size_t> order;
  std::vector<bool> is_taken(endpoints.size(), false);
  const auto take = [&](std::size_t i) {
    if (!is_taken[i]) order.push_back(i);
    is_taken[i] = true;
  };
  for (const model::Finding& finding : view.report.findings) {
    if (finding.endpoint) take(*finding.endpoint);
  }
  for (std::size_t i = 0; i < endpoints.size() && order.size() < kEndpoints; ++i) take(i);
  order.resize(std::min(order.size(), kEndpoints));
  std::size_t size = 0;
  const auto too_many = std::find_if(order.begin(), order.end(), [&](std::size_t i) {
    size += json_line(endpoint_of(view, i)).size();
    return size > kJsonBytes;
  });
  // The first is there whatever it takes: a series has 1800 values at most.
  const auto kept = std::max<std::ptrdiff_t>(too_many - order.begin(), order.empty() ? 0 : 1);
  order.resize(static_cast<std::size_t>(kept));
  return order;
}

std::string chart_data(const TraceView& view, const std::vector<std::size_t>& endpoints) {
  const model::Window& window = view.picture().window;
  Json charts = Json::array();
  for (const ChartSpec& spec : chart_specs()) charts.push_back(chart_of(spec));
  if (Json chart = nic_chart(view.picture()); !chart.is_null()) charts.push_back(std::move(chart));
  Json measures = Json::array();
  for (const model::Measure measure : model::kRankedMeasures) {
    const model::MeasureInfo& info = model::info_of(measure);
    measures.push_back({{"name", info.name}, {"words", info.words}, {"inbound_words", info.inbound_words}});
  }
  Json out = Json::object();
  out["part_of"] = "tcpdiag.report/1";
  out["window"] = {{"start_at", rfc3339(view.picture().start.clock.to_wall(window.start))},
                   {"duration_s", model::seconds(window.length())}};
  out["charts"] = std::move(charts);
  out["measures"] = std::move(measures);
  out["endpoints"] = Json::array();
  for (const std::size_t i : endpoints) out["endpoints"].push_back(endpoint_of(view, i));
  out["findings"] = Json::array();
  constexpr std::size_t kFindings = 50;
  for (std::size_t i = 0; i < std::min(view.report.findings.size(), kFindings); ++i) {
    out["findings"].push_back(finding_of(view, i));
  }
  return json_line(out);
}

void add_time(Document& document, const TraceView& view, const std::vector<std::size_t>& charted) {
  Section section = chapter("time", view.is_page() ? "Over time" : "Over time (UTC)");
  if (!view.is_page()) {
    if (std::optional<Bars> bars = bars_of(view)) section.nodes.emplace_back(std::move(*bars));
  } else {
    const auto has_series = [&](std::size_t i) { return view.picture().endpoints[i].series.n > 0; };
    const auto first = std::find_if(charted.begin(), charted.end(), has_series);
    if (first == charted.end() && nic_chart(view.picture()).is_null()) return;
    section.nodes.emplace_back(Drawing::kSeries);
    if (first != charted.end()) add_table_over_time(section, view, view.picture().endpoints[*first]);
  }
  if (!section.nodes.empty()) document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
