// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag size` as text: the answer first, then what it was computed from.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "report/layout.h"
#include "report/size.h"
#include "size/bit_rate.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr double kMega = 1e6;

// What does not fit its column, with a blank before it, is rounded: "1.2e+12".
std::string cell(const std::optional<double>& value, std::size_t width, std::string (*words)(double)) {
  if (!value) return pad_left(kUnknown, width);
  const std::string text = words(*value);
  return pad_left(text.size() < width ? text : fmt::format("{:.1e}", *value), width);
}

std::string whole(double value) { return fmt::format("{:.0f}", value); }
// Measured means are no whole numbers.
std::string count_words(double value) {
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}
std::string tenths(double value) { return fmt::format("{:.1f}", value); }

void append_sources(Page& page, const size::Plan& plan) {
  constexpr std::string_view kIndent = "          ";
  if (plan.limit) {
    const size::Limit& limit = *plan.limit;
    std::string words = bit_rate(limit.bit_per_s) + " in each direction";
    if (limit.source == size::LimitSource::kCeiling) words += ", the ceiling that the trace found";
    if (!limit.instance_type.empty()) {
      words += fmt::format(", the baseline of {} (table of {})", limit.instance_type, plan.table_date);
    }
    if (limit.source == size::LimitSource::kTraceHost) words += ", the type of the traced host";
    page.paragraph(pad_right("LIMIT", kIndent.size()), words);
  }
  if (plan.measured) {
    const size::Measured& measured = *plan.measured;
    std::string words =
        fmt::format("of the trace: {} {}", measured.endpoint.to_string(), model::to_string(measured.role));
    if (measured.endpoints_in_report > 1) words += fmt::format(", of {} endpoints", measured.endpoints_in_report);
    words += fmt::format(", {}", number_of(measured.exchanges, "exchange"));
    if (measured.mean_per_s) {
      words += fmt::format("; over {} {}/s, at most {}/s", duration(1e6 * measured.seconds), rate(*measured.mean_per_s),
                           rate(*measured.busiest_per_s));
    }
    page.paragraph(pad_right("TRAFFIC", kIndent.size()), words);
  }
}

void direction_row(Page& page, std::string_view label, const size::Direction& direction) {
  std::optional<double> mbit = direction.wire_bit_per_s;
  if (mbit) *mbit /= kMega;
  page.line(pad_right(label, 13) + cell(direction.payload_bytes, 8, whole) + cell(direction.segments, 9, count_words) +
            cell(direction.acks, 8, whole) + cell(direction.wire_bytes, 8, whole) +
            cell(direction.by_payload_per_s, 11, rate) + cell(direction.on_wire_per_s, 13, rate) +
            cell(mbit, 10, tenths));
}

void append_directions(Page& page, const size::Plan& plan) {
  const std::optional<double>& asked = plan.traffic.rate_per_s;
  const std::string at = asked ? first_that_fits({fmt::format("at {}/s", rate(*asked)), "at rate"}, 9) : "at rate";
  page.line("PER EXCHANGE  payload segments    ACKs on wire by payload with headers" + pad_left(at, 10),
            Style::kHeading);
  page.line("                    B                        B per second   per second    Mbit/s");
  direction_row(page, "sent", plan.out);
  if (plan.in) direction_row(page, "received", *plan.in);
  page.line(fmt::format("  Segments of at most {} B, each with {} B of Ethernet, IP and TCP headers.",
                        plan.traffic.mss_bytes, plan.traffic.header_bytes));
}

void append_queueing(Page& page, const size::Plan& plan) {
  if (plan.queueing.empty()) return;
  constexpr std::size_t kFirst = 16;
  constexpr std::size_t kColumn = 7;
  std::string clients = pad_right("clients", kFirst);
  std::string delays = pad_right("wait ms", kFirst);
  for (const size::Queueing& row : plan.queueing) {
    const double ms = row.delay_s * 1e3;
    clients += pad_left(fmt::format("{}", row.clients), kColumn);
    delays += pad_left(row.drops ? fmt::format("{:.0f}+", ms) : fmt::format("{:.{}f}", ms, ms < 9.95 ? 1 : 0), kColumn);
  }
  page.line("QUEUEING DELAY  by clients that have one request outstanding each, without pause", Style::kHeading);
  page.line(clients);
  page.line(delays);
  const bool drops = plan.queueing.back().drops;
  page.paragraph(
      "  ", fmt::format("{}Up to {} clients wait without a drop.",
                        drops ? "+: the queue is full, and packets are dropped. " : "", *plan.clients_without_drops));
}

void append_types(Page& page, const size::Plan& plan) {
  if (!plan.traffic.rate_per_s) return;
  page.line(
      fmt::format("SMALLEST TYPES that carry {}/s (table of {})", rate(*plan.traffic.rate_per_s), plan.table_date),
      Style::kHeading);
  if (plan.types.empty()) {
    page.line("  none");
    return;
  }
  page.line("type                     baseline Mbit/s   burst Mbit/s   exchanges/s   used %");
  const auto row = [&page](const size::TypeFit& fit) {
    const auto mbit = [](std::uint64_t bit_per_s) { return decimal(static_cast<double>(bit_per_s) / kMega); };
    const std::string burst = fit.type.burst_bit_per_s == 0 ? std::string(kUnknown) : mbit(fit.type.burst_bit_per_s);
    page.line(pad_right(fit.type.type, 24) + pad_left(mbit(fit.type.baseline_bit_per_s), 16) + pad_left(burst, 15) +
              cell(fit.carries_per_s, 14, rate) + pad_left(whole(fit.used_pct), 9));
  };
  bool family_shown = !plan.same_family;
  for (const size::TypeFit& fit : plan.types) {
    row(fit);
    family_shown = family_shown || fit.type.type == plan.same_family->type.type;
  }
  if (!family_shown) row(*plan.same_family);
  const std::size_t left = plan.types_omitted - (family_shown ? 0 : 1);
  if (left > 0) page.line(fmt::format("  and {} more", left));
}

}  // namespace

std::string render_size_text(const size::Plan& plan, bool colour) {
  Page page(colour);
  const bool full = plan.verdict == size::Fit::kTooMuch || plan.verdict == size::Fit::kAtLimit;
  page.paragraph("", size_answer(plan), full ? Style::kCritical : Style::kHeading);
  page.blank();
  append_sources(page, plan);
  page.blank();
  append_directions(page, plan);
  page.blank();
  append_queueing(page, plan);
  page.blank();
  append_types(page, plan);
  page.blank();
  page.line("NOTES", Style::kHeading);
  for (const std::string& note : size_notes(plan)) page.paragraph("- ", note);
  return page.take();
}

}  // namespace tcpdiag::report
