// SPDX-License-Identifier: Apache-2.0
// Delays and retransmissions of endpoints: that of the first finding, and, where everything is told, the others.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "model/retransmit.h"
#include "report/trace_document.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::Histogram;
using model::Measure;
using model::RetransmitKind;
using Endpoints = std::vector<const EndpointPicture*>;

// What somebody waits for; the repair of losses has a table of its own.
bool is_delay(Measure measure) { return model::info_of(measure).group == model::MeasureGroup::kDelay; }

bool has_delays(const EndpointPicture& endpoint) {
  return std::any_of(model::kAllMeasures.begin(), model::kAllMeasures.end(),
                     [&](Measure measure) { return is_delay(measure) && endpoint.measured(measure) != nullptr; });
}

std::string at_or_to(const EndpointPicture& endpoint) {
  return fmt::format("{} {}", endpoint.key.role == model::Role::kInbound ? "AT" : "TO", endpoint.key.at.to_string());
}

// The percentiles and the largest value.
void append_values(Row& row, const Histogram* h, const std::vector<double>& quantiles) {
  for (const double q : quantiles) {
    row.cells.emplace_back(h == nullptr ? std::string(kUnknown) : us_or_dash(h->percentile(q)));
  }
  row.cells.emplace_back(h == nullptr ? std::string(kUnknown) : us_or_dash(h->max()));
}

const std::vector<double> kAllQuantiles = {0.5, 0.9, 0.95, 0.99};

const char* floor_source_words(std::string_view source) {
  if (source == "handshake") return "of a handshake";
  if (source == "kernel") return "the kernel's smallest of five minutes";
  if (source == "option") return "as given by --floor";
  if (source == "window") return "the smallest of this trace, which may have queued too";
  return "";
}

// Of EndpointPicture::path_queue_in_missing; null: nothing to be said.
const char* why_not_one_way(std::string_view missing) {
  if (missing == "no_timestamps") return "the peer sends no TCP timestamps";
  if (missing == "tick_unknown") return "the ticks of the peer's TCP timestamps are not known";
  if (missing == "no_own_floor") return "no socket was seen before its delay rose";
  if (missing == "not_measured") return "there was no room to measure it";
  return nullptr;
}

// As "ss -ti" shows it. On a screen only where it is much of the time.
std::string limit_note(const TraceView& view, const EndpointPicture& endpoint) {
  constexpr std::uint64_t kMuch = 10;  // a part of 10 %
  if (!endpoint.busy_us || *endpoint.busy_us == 0) return {};
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& us) {
    if (!us || *us == 0 || (view.is_screen() && *us < *endpoint.busy_us / kMuch)) return;
    parts.push_back(fmt::format("{} {} ({})", name, duration(*us),
                                percent(100.0 * static_cast<double>(*us) / static_cast<double>(*endpoint.busy_us))));
  };
  add("rwnd_limited", endpoint.rwnd_limited_us);
  add("sndbuf_limited", endpoint.sndbuf_limited_us);
  if (parts.empty() && view.is_screen()) return {};
  return fmt::format("sockets busy {}{}{}", duration(*endpoint.busy_us), parts.empty() ? "" : ", of that ",
                     join(parts, ", "));
}

// What the rows do not tell.
std::vector<Words> delay_notes(const TraceView& view, const EndpointPicture& endpoint) {
  std::vector<Words> notes;
  if (!view.is_screen() && endpoint.rtt_floor_us) {
    notes.emplace_back(fmt::format("RTT without a queue (floor): {}, {}", us_or_dash(endpoint.rtt_floor_us),
                                   floor_source_words(endpoint.rtt_floor_source)));
  }
  const Histogram* queue = endpoint.measured(Measure::kPathQueue);
  if (!view.is_screen() && queue != nullptr && endpoint.path_queue_ambiguous > 0) {
    notes.emplace_back(
        fmt::format("path_queue: of {} samples {} rode on a response, so the peer's thinking may be in them",
                    queue->count(), endpoint.path_queue_ambiguous));
  }
  const char* missing = why_not_one_way(endpoint.path_queue_in_missing);
  if (missing != nullptr && endpoint.histograms.contains(Measure::kPathQueue)) {
    notes.emplace_back(fmt::format("path_queue_in is not known: {}", missing));
  }
  if (std::string limits = limit_note(view, endpoint); !limits.empty()) notes.emplace_back(std::move(limits));
  const model::AppGap& gap = endpoint.app_gap;
  const std::optional<double> coverage = gap.coverage_pct();
  if (coverage && endpoint.measured(Measure::kAppGap) != nullptr) {
    const std::string ambiguous = gap.ambiguous > 0 ? fmt::format(", {} ambiguous (event loop)", gap.ambiguous) : "";
    notes.emplace_back(
        fmt::format("app_gap known for {} of {} calls ({}){}", gap.with_gap, gap.calls, percent(*coverage), ambiguous));
  }
  return notes;
}

Table delay_table(const TraceView& view, const EndpointPicture& endpoint) {
  const bool is_inbound = endpoint.key.role == model::Role::kInbound;
  Table table;
  table.title = Words("Delays of " + view.endpoint_name(endpoint), "DELAY " + at_or_to(endpoint));
  table.labels = 2;
  table.columns = {
      {"measure", Align::kLeft, 17}, {"what it is", Align::kLeft, 10}, number("p50", 9), number("p90", 10)};
  if (view.is_page()) table.columns.push_back(number("p95", 10));
  table.columns.insert(table.columns.end(), {number("p99", 10), number("max", 10), number("samples", 10)});
  for (const Measure measure : model::kRankedMeasures) {
    const Histogram* h = endpoint.measured(measure);
    if (h == nullptr || (!is_delay(measure) && !view.is_page())) continue;
    const model::MeasureInfo& info = model::info_of(measure);
    const char* whose = is_inbound ? info.inbound_whose : info.whose;
    Row& row = table.rows.emplace_back();
    row.cells = {info.name, Words(is_inbound ? info.inbound_words : info.words, *whose == 0 ? " " : whose)};
    append_values(row, h, view.is_page() ? kAllQuantiles : std::vector{0.5, 0.9, 0.99});
    row.cells.emplace_back(std::to_string(h->count()));
  }
  table.notes = delay_notes(view, endpoint);
  return table;
}

// --- Retransmissions ---

struct KindRow {
  RetransmitKind kind;
  const char* words;
};
constexpr std::array<KindRow, model::kRetransmitKinds> kKindRows = {{
    {RetransmitKind::kRto, "timeout (RTO)"},
    {RetransmitKind::kFast, "fast (duplicate ACKs)"},
    {RetransmitKind::kTlp, "tail probe (TLP)"},
    {RetransmitKind::kOther, "other (repair after RTO)"},
    {RetransmitKind::kSyn, "SYN"},
    {RetransmitKind::kSynAck, "SYN-ACK"},
}};

std::uint64_t events_of(const model::Totals& totals) {
  return std::accumulate(totals.retransmits.begin(), totals.retransmits.end(), std::uint64_t{0});
}

// With those that could not be sent.
std::uint64_t retransmits_of(const EndpointPicture& endpoint) {
  const model::Totals& totals = endpoint.totals;
  return events_of(totals) + totals.retransmit_failures.busy.value_or(0) + totals.retransmit_failures.other.value_or(0);
}

// That of the first finding about loss; else that whose delays are shown; else that with most. Then the others that
// have any, by their number.
Endpoints retransmit_endpoints(const model::Report& report) {
  const auto& all = report.picture.endpoints;
  Endpoints endpoints;
  for (const EndpointPicture& endpoint : all) {
    if (retransmits_of(endpoint) > 0) endpoints.push_back(&endpoint);
  }
  std::stable_sort(endpoints.begin(), endpoints.end(),
                   [](const auto* a, const auto* b) { return retransmits_of(*a) > retransmits_of(*b); });
  const auto put_first = [&](const EndpointPicture* endpoint) {
    const auto found = std::find(endpoints.begin(), endpoints.end(), endpoint);
    if (found != endpoints.end()) std::rotate(endpoints.begin(), found, found + 1);
    return found != endpoints.end();
  };
  for (const model::Finding& finding : report.findings) {
    if (finding.family != model::Family::kPath || !finding.endpoint) continue;
    if (put_first(&all[*finding.endpoint])) return endpoints;
  }
  put_first(delay_endpoint(report));
  return endpoints;
}

// What the rows do not tell. What is 0 or unknown is told where there is room.
std::string retransmit_note(const TraceView& view, const EndpointPicture& endpoint) {
  const model::Totals& totals = endpoint.totals;
  std::vector<std::string> parts;
  const auto add = [&](std::string_view words, std::optional<std::uint64_t> n, std::string_view why) {
    if (n.value_or(0) > 0 || view.is_page()) {
      parts.push_back(fmt::format("{} {} ({})", words, n ? std::to_string(*n) : "unknown", why));
    }
  };
  if (totals.retransmitted_segments != events_of(totals) || view.is_page()) {
    parts.push_back(number_of(totals.retransmitted_segments, "segment"));
  }
  add("spurious", totals.spurious_retransmits, "DSACK");
  add("not sent", totals.retransmit_failures.busy, "first copy still in this host");
  add("not sent", totals.retransmit_failures.other, "no route or no memory");
  if (endpoint.recovery_unfinished > 0) {
    parts.push_back(fmt::format("recovery unfinished {}", endpoint.recovery_unfinished));
  }
  return join(parts, ", ");
}

Table retransmit_table(const TraceView& view, const EndpointPicture& endpoint) {
  Table table;
  table.title = Words("Retransmitted at " + view.endpoint_name(endpoint), "RETRANSMITTED " + at_or_to(endpoint));
  table.columns = {{"why", Align::kLeft, 36}, number("events", 8), number("again after p50", 16)};
  if (view.is_page()) table.columns.insert(table.columns.end(), {number("p90", 10), number("p95", 10)});
  table.columns.insert(table.columns.end(), {number("p99", 10), number("max", 10)});
  const auto add = [&](const char* words, std::uint64_t n, const Histogram* delays) {
    Row row{{words, std::to_string(n)}};
    append_values(row, delays, view.is_page() ? kAllQuantiles : std::vector{0.5, 0.99});
    table.rows.push_back(std::move(row));
  };
  for (const KindRow& kind : kKindRows) {
    const std::uint64_t n = endpoint.totals.retransmits[static_cast<std::size_t>(kind.kind)];
    if (n > 0) add(kind.words, n, endpoint.measured(model::delay_of(kind.kind)));
  }
  if (const Histogram* recovery = endpoint.measured(Measure::kRecovery)) {
    add("recovery, till all was ACKed", recovery->count(), recovery);
  }
  if (std::string note = retransmit_note(view, endpoint); !note.empty()) table.notes.emplace_back(std::move(note));
  return table;
}

}  // namespace

const EndpointPicture* delay_endpoint(const model::Report& report) {
  for (const model::Finding& finding : report.findings) {
    if (!finding.endpoint) continue;
    const EndpointPicture& endpoint = report.picture.endpoints[*finding.endpoint];
    if (has_delays(endpoint)) return &endpoint;
    break;
  }
  const auto found = std::find_if(report.picture.endpoints.begin(), report.picture.endpoints.end(), has_delays);
  return found == report.picture.endpoints.end() ? nullptr : &*found;
}

void add_delays(Document& document, const TraceView& view, const std::vector<std::size_t>& charted) {
  const EndpointPicture* first = delay_endpoint(view.report);
  if (first == nullptr) return;
  Section section = chapter("delays", "Delays");
  if (view.is_page()) {
    section.nodes.emplace_back(Paragraph{
        "Four queues are told apart: the network's (path_queue, path_queue_in), this host's (host_queue), this "
        "application's (read_wait). Percentiles are within 7 % of the exact value.",
        Style::kMuted});
  }
  section.nodes.emplace_back(delay_table(view, *first));
  if (view.is_page()) section.nodes.emplace_back(Drawing::kHistograms);
  for (const std::size_t i : charted) {
    const EndpointPicture& endpoint = view.picture().endpoints[i];
    if (!view.is_page() || &endpoint == first || !has_delays(endpoint)) continue;
    Section other;
    other.kind = Section::Kind::kFolded;
    other.heading = "Delays of " + view.endpoint_name(endpoint);
    other.nodes.emplace_back(delay_table(view, endpoint));
    section.nodes.emplace_back(std::move(other));
  }
  document.body.emplace_back(std::move(section));
}

void add_retransmits(Document& document, const TraceView& view) {
  const Endpoints endpoints = retransmit_endpoints(view.report);
  if (endpoints.empty()) return;
  const std::size_t shown = std::min(endpoints.size(), view.limit(1, 1, 20));
  Section section = chapter("retransmits", "Retransmissions");
  for (std::size_t i = 0; i < shown; ++i) section.nodes.emplace_back(retransmit_table(view, *endpoints[i]));
  if (view.is_page() && endpoints.size() > shown) {
    section.nodes.emplace_back(Paragraph{left_out(endpoints.size(), shown, "endpoints"), Style::kMuted});
  }
  document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
