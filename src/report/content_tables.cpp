// SPDX-License-Identifier: Apache-2.0
// Delays and retransmissions of the endpoint that the first finding is about.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "report/content.h"
#include "report/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::RetransmitKind;

struct DelayRow {
  const char* name;
  const char* words;
  const char* inbound_words;  // where the roles are the other way round
};
constexpr std::array<DelayRow, 9> kDelayRows = {{
    {"path_queue", "network <=", "network <="},
    {"path_queue_in", "one way", "one way"},
    {"host_queue", "this host", "this host"},
    {"read_wait", "this app", "this app"},
    {"app_gap", "user->call", "user->call"},
    {"first_byte", "", "this app"},
    {"last_byte", "", ""},
    {"connect", "", ""},
    {"rtt", "", ""},
}};

// How many of the calls the row "app_gap" is of; empty: there is no such row.
std::string app_gap_words(const EndpointPicture& endpoint) {
  const model::AppGap& gap = endpoint.app_gap;
  const auto found = endpoint.histograms.find("app_gap");
  const std::optional<double> coverage = gap.coverage_pct();
  if (!coverage || found == endpoint.histograms.end() || found->second.count() == 0) return {};
  const std::string ambiguous = gap.ambiguous > 0 ? fmt::format(", {} ambiguous (event loop)", gap.ambiguous) : "";
  return fmt::format("app_gap known for {} of {} calls ({}){}", gap.with_gap, gap.calls, percent(*coverage), ambiguous);
}

bool has_delays(const EndpointPicture& endpoint) {
  return std::any_of(kDelayRows.begin(), kDelayRows.end(), [&](const DelayRow& row) {
    const auto found = endpoint.histograms.find(row.name);
    return found != endpoint.histograms.end() && found->second.count() > 0;
  });
}

struct KindRow {
  RetransmitKind kind;
  const char* histogram;
  const char* words;
};
constexpr std::array<KindRow, model::kRetransmitKinds> kKindRows = {{
    {RetransmitKind::kRto, "retransmit_rto", "timeout (RTO)"},
    {RetransmitKind::kFast, "retransmit_fast", "fast (duplicate ACKs)"},
    {RetransmitKind::kTlp, "retransmit_tlp", "tail probe (TLP)"},
    {RetransmitKind::kOther, "retransmit_other", "other (repair after RTO)"},
    {RetransmitKind::kSyn, "retransmit_syn", "SYN"},
    {RetransmitKind::kSynAck, "retransmit_synack", "SYN-ACK"},
}};

std::uint64_t events_of(const model::Totals& totals) {
  return std::accumulate(totals.retransmits.begin(), totals.retransmits.end(), std::uint64_t{0});
}

std::uint64_t failed_retransmissions(const model::Totals& totals) {
  return totals.retransmit_failures.busy.value_or(0) + totals.retransmit_failures.other.value_or(0);
}

bool has_retransmits(const EndpointPicture& endpoint) {
  return events_of(endpoint.totals) + failed_retransmissions(endpoint.totals) > 0;
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
    return events_of(a.totals) + failed_retransmissions(a.totals) <
           events_of(b.totals) + failed_retransmissions(b.totals);
  });
  return most != endpoints.end() && has_retransmits(*most) ? &*most : nullptr;
}

const model::Histogram* measured(const EndpointPicture& endpoint, const char* name) {
  const auto found = endpoint.histograms.find(name);
  return found == endpoint.histograms.end() || found->second.count() == 0 ? nullptr : &found->second;
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
  for (const DelayRow& delay : kDelayRows) {
    const auto found = endpoint.histograms.find(delay.name);
    if (found == endpoint.histograms.end() || found->second.count() == 0) continue;
    table.rows.push_back({delay.name, is_inbound ? delay.inbound_words : delay.words, &found->second});
  }
  const char* missing = why_not_one_way(endpoint.path_queue_in_missing);
  if (missing != nullptr && endpoint.histograms.contains("path_queue")) {
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
    if (n > 0) table.rows.push_back({kind.words, n, measured(endpoint, kind.histogram)});
  }
  if (const model::Histogram* recovery = measured(endpoint, "recovery")) {
    table.rows.push_back({"recovery, till all was ACKed", recovery->count(), recovery});
  }
  table.remark = further_words(endpoint);
  return table;
}

}  // namespace tcpdiag::report
