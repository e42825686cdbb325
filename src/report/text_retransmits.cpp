// SPDX-License-Identifier: Apache-2.0
// Why segments were sent again and how long after the first time, and the kernel's own counters to compare with: those
// that nstat shows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "report/format.h"
#include "report/text.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::RetransmitKind;

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

const model::Histogram* measured(const EndpointPicture& endpoint, const char* name) {
  const auto found = endpoint.histograms.find(name);
  return found == endpoint.histograms.end() || found->second.count() == 0 ? nullptr : &found->second;
}

std::string delay_cells(const model::Histogram* h) {
  const auto figures = h == nullptr ? std::array<std::optional<std::uint64_t>, 3>{}
                                    : std::array{h->percentile(0.5), h->percentile(0.99), h->max()};
  return pad_left(us_or_dash(figures[0]), 16) + pad_left(us_or_dash(figures[1]), 10) +
         pad_left(us_or_dash(figures[2]), 10);
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

// Over all traced namespaces; absent where one of them could not be read.
std::optional<std::uint64_t> kernel_counter(const model::Picture& picture, const std::string& name) {
  if (picture.netns.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const model::NetnsPicture& netns : picture.netns) {
    const auto found = netns.counters.find(name);
    if (found == netns.counters.end()) return std::nullopt;
    sum += found->second;
  }
  return sum;
}

bool has_finding(const model::Report& report, std::string_view code) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& f) { return f.code == code; });
}

// Unless a finding tells of them already.
void append_full_listeners(Page& page, const TextContext& context) {
  constexpr std::size_t kShown = 3;
  if (has_finding(context.report, "listen-overflow")) return;
  std::vector<const model::FullListener*> full;
  for (const model::NetnsPicture& netns : context.picture().netns) {
    for (const model::FullListener& listener : netns.full_listeners) full.push_back(&listener);
  }
  for (std::size_t i = 0; i < std::min(full.size(), kShown); ++i) {
    const model::FullListener& listener = *full[i];
    page.paragraph("  ", fmt::format("{}: accept queue full at {}, {} waiting of {}", listener.local.to_string(),
                                     number_of(listener.samples, "sample"), listener.backlog_max, listener.limit));
  }
  if (full.size() > kShown) page.line(fmt::format("  ... {} more in the JSON report", full.size() - kShown));
}

}  // namespace

void append_retransmits(Page& page, const TextContext& context) {
  constexpr std::size_t kLabel = 36;
  const EndpointPicture* endpoint = retransmit_endpoint(context.report);
  if (endpoint == nullptr) return;
  const bool is_inbound = endpoint->key.role == model::Role::kInbound;
  page.blank();
  named_row(page, fmt::format("RETRANSMITTED {} {}", is_inbound ? "AT" : "TO", endpoint->key.at.to_string()), kLabel,
            pad_left("events", 8) + pad_left("again after p50", 16) + pad_left("p99", 10) + pad_left("max", 10),
            Style::kHeading);
  const auto row = [&](std::string_view words, std::uint64_t n, const model::Histogram* delays) {
    page.line(pad_right(fmt::format("  {}", words), kLabel) + pad_left(std::to_string(n), 8) + delay_cells(delays));
  };
  for (const KindRow& kind : kKindRows) {
    const std::uint64_t n = endpoint->totals.retransmits[static_cast<std::size_t>(kind.kind)];
    if (n > 0) row(kind.words, n, measured(*endpoint, kind.histogram));
  }
  if (const model::Histogram* recovery = measured(*endpoint, "recovery")) {
    row("recovery, till all was ACKed", recovery->count(), recovery);
  }
  const std::string further = further_words(*endpoint);
  if (!further.empty()) page.paragraph("  ", further);
}

void append_kernel_counters(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  const model::Totals& totals = picture.totals;
  std::vector<std::string> parts;
  // Of sockets that the filters left out nobody asked.
  const bool everything = picture.start.filters.describe() == "none";
  const auto compare = [&](const char* name, std::uint64_t traced) {
    const std::optional<std::uint64_t> n = kernel_counter(picture, name);
    if (n && (traced > 0 || (everything && *n > 0)))
      parts.push_back(fmt::format("{} {} (traced {})", name, *n, traced));
  };
  compare("RetransSegs", totals.retransmitted_segments);
  compare("OutRsts", totals.resets.sent);
  if (totals.listen_overflows.value_or(0) > 0) {
    parts.push_back(fmt::format("ListenOverflows {}", *totals.listen_overflows));
  }
  if (totals.listen_drops.value_or(0) > 0) parts.push_back(fmt::format("ListenDrops {}", *totals.listen_drops));
  if (picture.endpoints.empty()) page.blank();
  if (!parts.empty()) {
    const std::string whose =
        picture.netns.size() > 1 ? fmt::format("{} namespaces", picture.netns.size()) : std::string("namespace");
    page.paragraph("  ", fmt::format("nstat, all sockets of the {}: {}", whose, join(parts, ", ")));
  }
  append_full_listeners(page, context);
}

}  // namespace tcpdiag::report
