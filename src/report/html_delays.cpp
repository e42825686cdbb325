// SPDX-License-Identifier: Apache-2.0
// Delays and retransmissions of the endpoints, with their percentiles.
#include <algorithm>
#include <array>
#include <numeric>

#include "model/retransmit.h"
#include "report/html.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::Histogram;
using model::Measure;

std::vector<std::string> percentile_cells(const Histogram* h) {
  if (h == nullptr) return std::vector<std::string>(5, std::string(kUnknown));
  return {us_or_dash(h->percentile(0.5)), us_or_dash(h->percentile(0.9)), us_or_dash(h->percentile(0.95)),
          us_or_dash(h->percentile(0.99)), us_or_dash(h->max())};
}

const char* floor_source_words(std::string_view source) {
  if (source == "handshake") return "of a handshake";
  if (source == "kernel") return "the kernel's smallest of five minutes";
  if (source == "option") return "as given by --floor";
  if (source == "window") return "the smallest of this trace, which may have queued too";
  return "";
}

// What the rows do not tell.
std::vector<std::string> remarks_of(const EndpointPicture& endpoint) {
  std::vector<std::string> remarks;
  if (endpoint.rtt_floor_us) {
    remarks.push_back(fmt::format("RTT without a queue (floor): {}, {}.", us_or_dash(endpoint.rtt_floor_us),
                                  floor_source_words(endpoint.rtt_floor_source)));
  }
  if (const Histogram* queue = endpoint.measured(Measure::kPathQueue);
      queue != nullptr && endpoint.path_queue_ambiguous > 0) {
    remarks.push_back(
        fmt::format("path_queue: of {} samples {} rode on a response, so the peer's thinking may be in them.",
                    queue->count(), endpoint.path_queue_ambiguous));
  }
  const char* missing = why_not_one_way(endpoint.path_queue_in_missing);
  if (missing != nullptr && endpoint.histograms.contains(Measure::kPathQueue)) {
    remarks.push_back(fmt::format("path_queue_in is not known: {}.", missing));
  }
  const model::AppGap& gap = endpoint.app_gap;
  const std::optional<double> coverage = gap.coverage_pct();
  if (coverage && endpoint.measured(Measure::kAppGap) != nullptr) {
    const std::string ambiguous =
        gap.ambiguous > 0 ? fmt::format(", {} of them ambiguous (event loop)", gap.ambiguous) : "";
    remarks.push_back(fmt::format("app_gap is known for {} of {} calls ({}){}.", gap.with_gap, gap.calls,
                                  percent(*coverage), ambiguous));
  }
  return remarks;
}

void put_delay_table(Html& html, const HtmlContext& context, const EndpointPicture& endpoint) {
  const bool is_inbound = endpoint.key.role == model::Role::kInbound;
  HtmlTable table(
      html, "Delays of " + context.endpoint_name(endpoint),
      {{"measure", false}, {"what it is", false}, {"p50"}, {"p90"}, {"p95"}, {"p99"}, {"max"}, {"samples"}});
  for (const Measure measure : model::kRankedMeasures) {
    const Histogram* h = endpoint.measured(measure);
    if (h == nullptr) continue;
    const model::MeasureInfo& info = model::info_of(measure);
    std::vector<std::string> cells = {info.name, is_inbound ? info.inbound_words : info.words};
    for (std::string& cell : percentile_cells(h)) cells.push_back(std::move(cell));
    cells.push_back(std::to_string(h->count()));
    table.row(cells);
  }
  table.end();
  for (const std::string& remark : remarks_of(endpoint)) html.put("<p class=\"muted\">{}</p>\n", remark);
}

bool has_delays(const EndpointPicture& endpoint) {
  return std::any_of(endpoint.histograms.begin(), endpoint.histograms.end(),
                     [](const auto& measured) { return measured.second.count() > 0; });
}

struct KindRow {
  model::RetransmitKind kind;
  const char* words;
};
constexpr std::array<KindRow, model::kRetransmitKinds> kKindRows = {{
    {model::RetransmitKind::kRto, "timeout (RTO)"},
    {model::RetransmitKind::kFast, "fast (duplicate ACKs)"},
    {model::RetransmitKind::kTlp, "tail loss probe (TLP)"},
    {model::RetransmitKind::kOther, "other (repair after a timeout)"},
    {model::RetransmitKind::kSyn, "SYN"},
    {model::RetransmitKind::kSynAck, "SYN-ACK"},
}};

std::uint64_t not_sent(const model::Totals& totals) {
  return totals.retransmit_failures.busy.value_or(0) + totals.retransmit_failures.other.value_or(0);
}

std::uint64_t retransmits_of(const model::Totals& totals) {
  return std::accumulate(totals.retransmits.begin(), totals.retransmits.end(), not_sent(totals));
}

std::string or_unknown(const std::optional<std::uint64_t>& n) { return n ? std::to_string(*n) : "unknown"; }

void put_retransmit_table(Html& html, const HtmlContext& context, const EndpointPicture& endpoint) {
  const model::Totals& totals = endpoint.totals;
  HtmlTable table(html, "Retransmissions at " + context.endpoint_name(endpoint),
                  {{"why", false}, {"events"}, {"again after: p50"}, {"p90"}, {"p95"}, {"p99"}, {"max"}});
  const auto row = [&](const char* words, std::uint64_t n, const Histogram* delays) {
    std::vector<std::string> cells = {words, std::to_string(n)};
    for (std::string& cell : percentile_cells(delays)) cells.push_back(std::move(cell));
    table.row(cells);
  };
  for (const KindRow& kind : kKindRows) {
    const std::uint64_t n = totals.retransmits[static_cast<std::size_t>(kind.kind)];
    if (n > 0) row(kind.words, n, endpoint.measured(model::delay_of(kind.kind)));
  }
  if (const Histogram* recovery = endpoint.measured(Measure::kRecovery))
    row("recovery, until all was ACKed", recovery->count(), recovery);
  table.end();
  html.put(
      "<p class=\"muted\">Retransmitted segments, as the kernel counts: {}. Spurious (DSACK): {}. Not sent because the "
      "first "
      "copy was still in this host: {}; for want of a route or memory: {}.</p>\n",
      totals.retransmitted_segments, or_unknown(totals.spurious_retransmits),
      or_unknown(totals.retransmit_failures.busy), or_unknown(totals.retransmit_failures.other));
}

}  // namespace

void put_delays(Html& html, const HtmlContext& context, const std::vector<std::size_t>& shown) {
  std::vector<const EndpointPicture*> endpoints;
  for (const std::size_t i : shown) {
    if (has_delays(context.picture().endpoints[i])) endpoints.push_back(&context.picture().endpoints[i]);
  }
  if (endpoints.empty()) return;
  html.put("<section id=\"delays\"><h2>Delays</h2>\n");
  html.put(
      "<p class=\"muted\">Four queues are told apart: the network's (path_queue, path_queue_in), this host's "
      "(host_queue), this "
      "application's (read_wait). Percentiles are within 7 % of the exact value.</p>\n");
  put_delay_table(html, context, *endpoints.front());
  put_histograms(html);
  for (std::size_t i = 1; i < endpoints.size(); ++i) {
    html.put("<details><summary>Delays of {}</summary>\n", context.endpoint_name(*endpoints[i]));
    put_delay_table(html, context, *endpoints[i]);
    html.put("</details>\n");
  }
  html.put("</section>\n");
}

void put_retransmits(Html& html, const HtmlContext& context) {
  constexpr std::size_t kShown = 20;
  std::vector<const EndpointPicture*> endpoints;
  for (const EndpointPicture& endpoint : context.picture().endpoints) {
    if (retransmits_of(endpoint.totals) > 0) endpoints.push_back(&endpoint);
  }
  if (endpoints.empty()) return;
  std::stable_sort(endpoints.begin(), endpoints.end(),
                   [](const auto* a, const auto* b) { return retransmits_of(a->totals) > retransmits_of(b->totals); });
  html.put("<section id=\"retransmits\"><h2>Retransmissions</h2>\n");
  for (std::size_t i = 0; i < std::min(endpoints.size(), kShown); ++i)
    put_retransmit_table(html, context, *endpoints[i]);
  if (endpoints.size() > kShown) {
    html.put("<p class=\"more\">and {} in the JSON report</p>\n",
             number_of(endpoints.size() - kShown, "more endpoint"));
  }
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
