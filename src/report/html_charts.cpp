// SPDX-License-Identifier: Apache-2.0
// The charts: what each of them shows, the JSON that they are drawn from, and their places in the page. What they show
// over time also stands in a table, for paper and for browsers without JavaScript.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "report/html.h"
#include "report/layout.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
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
    if (const model::Histogram* found = endpoint.measured(measure))
      out[model::to_string(measure)] = histogram_of(*found);
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

Json endpoint_of(const HtmlContext& context, std::size_t index) {
  const EndpointPicture& endpoint = context.picture().endpoints[index];
  return {{"id", Ids::endpoint(index)},
          {"role", model::to_string(endpoint.key.role)},
          {"name", context.endpoint_name(endpoint)},
          {"histograms", histograms_of(endpoint)},
          {"series", series_of(endpoint.series)}};
}

Json finding_of(const HtmlContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  const auto seconds = [&](model::MonoTime t) { return model::seconds(t - context.picture().window.start); };
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

// --- The same as a table ---

const model::Series::Values* array_of(const model::Series& series, SeriesId id) {
  const model::Series::Values* values = series.find(id);
  const auto is_known = [](const auto& value) { return value.has_value(); };
  return values != nullptr && std::any_of(values->begin(), values->end(), is_known) ? values : nullptr;
}

// The values of [begin, end) as one, in the chart's unit.
std::string folded(const std::vector<std::optional<std::int64_t>>& values, const ChartLine& line, double interval_s,
                   std::size_t begin, std::size_t end) {
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

void put_table_over_time(Html& html, const HtmlContext& context, const EndpointPicture& endpoint) {
  const model::Series& series = endpoint.series;
  std::vector<HtmlColumn> columns = {{"from, UTC"}};
  std::vector<const ChartLine*> lines;
  for (const ChartSpec& spec : chart_specs()) {
    for (const ChartLine& line : spec.lines) {
      if (array_of(series, line.series) == nullptr) continue;
      lines.push_back(&line);
      columns.push_back({fmt::format("{} ({})", line.label, spec.unit), true});
    }
  }
  if (lines.empty()) return;
  const std::size_t together = (series.n + kTableRows - 1) / kTableRows;
  const double length_s = static_cast<double>(together) * series.interval_s;
  html.put("<details><summary>The same as a table, every {}</summary>\n", duration(length_s * 1e6));
  HtmlTable table(html,
                  fmt::format("{}, in steps of {}: rates are means, counts are sums, delays are the largest value",
                              context.endpoint_name(endpoint), duration(length_s * 1e6)),
                  columns);
  for (std::size_t i = 0; i < series.n; i += together) {
    const auto offset = std::chrono::microseconds(series.start_offset_us) +
                        std::chrono::duration<double>(static_cast<double>(i) * series.interval_s);
    const model::MonoTime at = context.picture().window.start + std::chrono::duration_cast<model::Duration>(offset);
    std::vector<std::string> cells = {context.time(at)};
    for (const ChartLine* line : lines) {
      cells.push_back(folded(*array_of(series, line->series), *line, series.interval_s, i, i + together));
    }
    table.row(cells);
  }
  table.end();
  html.put("</details>\n");
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
        {SeriesId::kConnectFailures, "failed connects", 1, false, Fold::kSum}}},
  };
  return kSpecs;
}

std::vector<std::size_t> charted_endpoints(const HtmlContext& context) {
  const auto& endpoints = context.picture().endpoints;
  std::vector<std::size_t> order;
  std::vector<bool> is_taken(endpoints.size(), false);
  const auto take = [&](std::size_t i) {
    if (!is_taken[i]) order.push_back(i);
    is_taken[i] = true;
  };
  for (const model::Finding& finding : context.report.findings) {
    if (finding.endpoint) take(*finding.endpoint);
  }
  for (std::size_t i = 0; i < endpoints.size() && order.size() < kEndpoints; ++i) take(i);
  order.resize(std::min(order.size(), kEndpoints));
  std::size_t size = 0;
  const auto too_many = std::find_if(order.begin(), order.end(), [&](std::size_t i) {
    size += json_line(endpoint_of(context, i)).size();
    return size > kJsonBytes;
  });
  // The first is there whatever it takes: a series has 1800 values at most.
  const auto kept = std::max<std::ptrdiff_t>(too_many - order.begin(), order.empty() ? 0 : 1);
  order.resize(static_cast<std::size_t>(kept));
  return order;
}

Json chart_data(const HtmlContext& context, const std::vector<std::size_t>& endpoints) {
  const model::Window& window = context.picture().window;
  Json charts = Json::array();
  for (const ChartSpec& spec : chart_specs()) charts.push_back(chart_of(spec));
  if (Json chart = nic_chart(context.picture()); !chart.is_null()) charts.push_back(std::move(chart));
  Json measures = Json::array();
  for (const model::Measure measure : model::kRankedMeasures) {
    const model::MeasureInfo& info = model::info_of(measure);
    measures.push_back({{"name", info.name}, {"words", info.words}, {"inbound_words", info.inbound_words}});
  }
  Json out = Json::object();
  out["part_of"] = "tcpdiag.report/1";
  out["window"] = {{"start_at", rfc3339(context.picture().start.clock.to_wall(window.start))},
                   {"duration_s", model::seconds(window.length())}};
  out["charts"] = std::move(charts);
  out["measures"] = std::move(measures);
  out["endpoints"] = Json::array();
  for (const std::size_t i : endpoints) out["endpoints"].push_back(endpoint_of(context, i));
  out["findings"] = Json::array();
  constexpr std::size_t kFindings = 50;
  for (std::size_t i = 0; i < std::min(context.report.findings.size(), kFindings); ++i) {
    out["findings"].push_back(finding_of(context, i));
  }
  return out;
}

void put_time_charts(Html& html, const HtmlContext& context, const std::vector<std::size_t>& shown) {
  const auto has_series = [&](std::size_t i) { return context.picture().endpoints[i].series.n > 0; };
  const auto first = std::find_if(shown.begin(), shown.end(), has_series);
  if (first == shown.end() && nic_chart(context.picture()).is_null()) return;
  html.put("<section id=\"time\"><h2>Over time</h2>\n");
  html.put(
      "<noscript><p class=\"muted\">The charts need JavaScript; the tables of this page hold their "
      "figures.</p></noscript>\n");
  html.put(
      "<div id=\"time-charts\" hidden>\n"
      "<div class=\"tools\" role=\"group\" aria-label=\"Range of time of all charts\">\n"
      "<label id=\"time-endpoint-label\">Endpoint <select id=\"time-endpoint\"></select></label>\n"
      "<button type=\"button\" id=\"zoom-in\">Zoom in</button>\n"
      "<button type=\"button\" id=\"zoom-out\">Zoom out</button>\n"
      "<button type=\"button\" id=\"earlier\">Earlier</button>\n"
      "<button type=\"button\" id=\"later\">Later</button>\n"
      "<button type=\"button\" id=\"zoom-all\">Whole trace</button>\n"
      "<span id=\"zoom-findings\" class=\"links\"></span>\n"
      "<label id=\"logarithmic-label\"><input type=\"checkbox\" id=\"logarithmic\"> delays logarithmic</label>\n"
      "<output id=\"range\" aria-live=\"polite\"></output>\n"
      "</div>\n"
      "<p class=\"muted no-print\">Drag over a chart to zoom all of them to that time; a double click shows the whole "
      "trace. The bars above a chart are the times of findings.</p>\n"
      "<p id=\"no-series\" class=\"muted\" hidden>Nothing was measured over time at this endpoint.</p>\n"
      "<div id=\"plots\"></div>\n"
      "</div>\n");
  if (first != shown.end()) put_table_over_time(html, context, context.picture().endpoints[*first]);
  html.put("</section>\n");
}

void put_histograms(Html& html) {
  html.put(
      "<div id=\"histograms\" hidden>\n"
      "<div class=\"tools\" role=\"group\" aria-label=\"Histogram\">\n"
      "<label>Endpoint <select id=\"histogram-endpoint\"></select></label>\n"
      "<label>Measure <select id=\"histogram-measure\"></select></label>\n"
      "</div>\n"
      "<figure><figcaption id=\"histogram-words\"></figcaption>\n"
      "<div class=\"plot tall\"><canvas id=\"chart-histogram\" role=\"img\"></canvas></div>\n"
      "<details class=\"numbers\"><summary>Numbers of the histogram</summary>\n"
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Buckets\" id=\"buckets\"></div></details>\n"
      "</figure>\n"
      "</div>\n");
}

}  // namespace tcpdiag::report
