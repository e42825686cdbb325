// SPDX-License-Identifier: Apache-2.0
// Delays and retransmissions of the endpoint that the first finding is about.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "model/retransmit.h"
#include "report/content.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::RetransmitKind;

// How many of the calls the row "app_gap" is of; empty: there is no such row.
std::string app_gap_words(const EndpointPicture& endpoint) {
  const model::AppGap& gap = endpoint.app_gap;
  const std::optional<double> coverage = gap.coverage_pct();
  if (!coverage || endpoint.measured(Measure::kAppGap) == nullptr) return {};
  const std::string ambiguous = gap.ambiguous > 0 ? fmt::format(", {} ambiguous (event loop)", gap.ambiguous) : "";
  return fmt::format("app_gap known for {} of {} calls ({}){}", gap.with_gap, gap.calls, percent(*coverage), ambiguous);
}

bool is_delay(Measure measure) { return model::info_of(measure).group == model::MeasureGroup::kDelay; }

bool has_delays(const EndpointPicture& endpoint) {
  return std::any_of(model::kAllMeasures.begin(), model::kAllMeasures.end(),
                     [&](Measure measure) { return is_delay(measure) && endpoint.measured(measure) != nullptr; });
}

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

std::uint64_t failures_of(const model::Totals& totals) {
  return totals.retransmit_failures.busy.value_or(0) + totals.retransmit_failures.other.value_or(0);
}

bool has_retransmits(const EndpointPicture& endpoint) {
  return events_of(endpoint.totals) + failures_of(endpoint.totals) > 0;
}

// That of the first finding about loss; else that whose delays are shown; else that with most of them.
const EndpointPicture* retransmit_endpoint(const model::Report& report) {
  const auto& endpoints = report.picture.endpoints;
  for (const model::Finding& finding : report.findings) {
    if (finding.code != "retransmit-loss" || !finding.endpoint) continue;
    if (has_retransmits(endpoints[*finding.endpoint])) return &endpoints[*finding.endpoint];
  }
  const EndpointPicture* shown = delay_endpoint(report);
  if (shown != nullptr && has_retransmits(*shown)) return shown;
  const auto most = std::max_element(endpoints.begin(), endpoints.end(), [](const auto& a, const auto& b) {
    return events_of(a.totals) + failures_of(a.totals) < events_of(b.totals) + failures_of(b.totals);
  });
  return most != endpoints.end() && has_retransmits(*most) ? &*most : nullptr;
}

// What the rows do not tell; empty: nothing.
std::string further_words(const EndpointPicture& endpoint) {
  const model::Totals& totals = endpoint.totals;
  std::vector<std::string> parts;
  if (totals.retransmitted_segments != events_of(totals)) {
    parts.push_back(number_of(totals.retransmitted_segments, "segment"));
  }
  if (totals.spurious_retransmits.value_or(0) > 0) {
    parts.push_back(fmt::format("spurious {} (DSACK)", *totals.spurious_retransmits));
  }
  const auto add_failures = [&](std::optional<std::uint64_t> n, std::string_view why) {
    if (n.value_or(0) > 0) parts.push_back(fmt::format("not sent {} ({})", *n, why));
  };
  add_failures(totals.retransmit_failures.busy, "first copy still in this host");
  add_failures(totals.retransmit_failures.other, "no route or no memory");
  if (endpoint.recovery_unfinished > 0) {
    parts.push_back(fmt::format("recovery unfinished {}", endpoint.recovery_unfinished));
  }
  return join(parts, ", ");
}

}  // namespace

const char* why_not_one_way(std::string_view missing) {
  if (missing == "no_timestamps") return "the peer sends no TCP timestamps";
  if (missing == "tick_unknown") return "the ticks of the peer's TCP timestamps are not known";
  if (missing == "no_own_floor") return "no socket was seen before its delay rose";
  if (missing == "not_measured") return "there was no room to measure it";
  return nullptr;
}

std::vector<std::string> delay_cells(const model::Histogram* h) {
  if (h == nullptr) return {3, std::string(kUnknown)};
  return {us_or_dash(h->percentile(0.5)), us_or_dash(h->percentile(0.99)), us_or_dash(h->max())};
}

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

std::optional<DelayTable> delay_table(const model::Report& report) {
  DelayTable table;
  table.endpoint = delay_endpoint(report);
  if (table.endpoint == nullptr) return std::nullopt;
  const EndpointPicture& endpoint = *table.endpoint;
  const bool is_inbound = endpoint.key.role == model::Role::kInbound;
  for (const Measure measure : model::kRankedMeasures) {
    const model::Histogram* histogram = endpoint.measured(measure);
    if (!is_delay(measure) || histogram == nullptr) continue;
    const model::MeasureInfo& info = model::info_of(measure);
    table.rows.push_back({measure, is_inbound ? info.inbound_whose : info.whose, histogram});
  }
  const char* missing = why_not_one_way(endpoint.path_queue_in_missing);
  if (missing != nullptr && endpoint.histograms.contains(Measure::kPathQueue)) {
    table.remarks.push_back(fmt::format("path_queue_in is not known: {}", missing));
  }
  std::string coverage = app_gap_words(endpoint);
  if (!coverage.empty()) table.remarks.push_back(std::move(coverage));
  return table;
}

std::optional<RetransmitTable> retransmit_table(const model::Report& report) {
  RetransmitTable table;
  table.endpoint = retransmit_endpoint(report);
  if (table.endpoint == nullptr) return std::nullopt;
  const EndpointPicture& endpoint = *table.endpoint;
  for (const KindRow& kind : kKindRows) {
    const std::uint64_t n = endpoint.totals.retransmits[static_cast<std::size_t>(kind.kind)];
    if (n > 0) table.rows.push_back({kind.words, n, endpoint.measured(model::delay_of(kind.kind))});
  }
  if (const model::Histogram* recovery = endpoint.measured(Measure::kRecovery)) {
    table.rows.push_back({"recovery, till all was ACKed", recovery->count(), recovery});
  }
  table.remark = further_words(endpoint);
  return table;
}

}  // namespace tcpdiag::report
