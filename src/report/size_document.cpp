// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag size`: the answer first, then what it was computed from.
#include <fmt/format.h>

#include <cmath>

#include "report/layout.h"
#include "report/size.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr double kMega = 1e6;

// In text, what does not fit its column, with a blank before it, is rounded: "1.2e+12".
Cell cell(const std::optional<double>& value, std::size_t width, std::string (*words)(double)) {
  if (!value) return std::string(kUnknown);
  std::string text = words(*value);
  const bool fits = text.size() < width;
  return Words(std::move(text), fits ? "" : fmt::format("{:.1e}", *value));
}

std::string whole(double value) { return fmt::format("{:.0f}", value); }
// Measured means are no whole numbers.
std::string count_words(double value) {
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}
std::string tenths(double value) { return fmt::format("{:.1f}", value); }

Column number(Words heading, std::size_t width, std::string unit = {}) {
  return {std::move(heading), Align::kRight, width, 0, std::move(unit)};
}

Section section_of(const char* id, const char* heading, Table table) {
  Section section;
  section.id = id;
  section.heading = heading;
  section.nodes.emplace_back(std::move(table));
  return section;
}

Facts sources(const size::Plan& plan) {
  Facts facts;
  if (plan.limit) {
    const size::Limit& limit = *plan.limit;
    std::string words = bit_rate(limit.bit_per_s) + " in each direction";
    if (limit.source == size::LimitSource::kCeiling) words += ", the ceiling that the trace found";
    if (!limit.instance_type.empty()) {
      words += fmt::format(", the baseline of {} (table of {})", limit.instance_type, plan.table_date);
    }
    if (limit.source == size::LimitSource::kTraceHost) words += ", the type of the traced host";
    facts.facts.push_back({"Limit", "LIMIT     ", {words}});
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
    facts.facts.push_back({"Traffic", "TRAFFIC   ", {words}});
  }
  return facts;
}

Row direction(const char* label, const size::Direction& d) {
  std::optional<double> mbit = d.wire_bit_per_s;
  if (mbit) *mbit /= kMega;
  return {{label, cell(d.payload_bytes, 8, whole), cell(d.segments, 9, count_words), cell(d.acks, 8, whole),
           cell(d.wire_bytes, 8, whole), cell(d.by_payload_per_s, 11, rate), cell(d.on_wire_per_s, 13, rate),
           cell(mbit, 10, tenths)}};
}

Table directions(const size::Plan& plan) {
  const std::optional<double>& asked = plan.traffic.rate_per_s;
  const std::string at = asked ? fmt::format("at {}/s", rate(*asked)) : "at rate";
  Table table;
  table.title = Words("What an exchange takes", "PER EXCHANGE");
  table.indent = 0;
  table.columns = {{"", Align::kLeft, 13},
                   number("payload", 8, "B"),
                   number("segments", 9),
                   number("ACKs", 8),
                   number("on wire", 8, "B"),
                   number("by payload", 11, "per second"),
                   number("with headers", 13, "per second"),
                   number(Words(at, at.size() <= 9 ? "" : "at rate"), 10, "Mbit/s")};
  table.rows.push_back(direction("sent", plan.out));
  if (plan.in) table.rows.push_back(direction("received", *plan.in));
  table.notes.emplace_back(fmt::format("Segments of at most {} B, each with {} B of Ethernet, IP and TCP headers.",
                                       plan.traffic.mss_bytes, plan.traffic.header_bytes));
  return table;
}

Table queueing(const size::Plan& plan) {
  constexpr std::size_t kFirst = 16;
  constexpr std::size_t kColumn = 7;
  Table table;
  table.title = Words("Queueing delay by clients that have one request outstanding each, without pause",
                      "QUEUEING DELAY  by clients that have one request outstanding each, without pause");
  table.title_apart = true;
  table.indent = 0;
  table.columns = {{"clients", Align::kLeft, kFirst}};
  Row delays{{"wait ms"}};
  for (const size::Queueing& row : plan.queueing) {
    const double ms = row.delay_s * 1e3;
    table.columns.push_back(number(fmt::format("{}", row.clients), kColumn));
    delays.cells.emplace_back(row.drops ? fmt::format("{:.0f}+", ms) : fmt::format("{:.{}f}", ms, ms < 9.95 ? 1 : 0));
  }
  table.rows = {std::move(delays)};
  table.notes.emplace_back(
      fmt::format("{}Up to {} clients wait without a drop.",
                  plan.queueing.back().drops ? "+: the queue is full, and packets are dropped. " : "",
                  *plan.clients_without_drops));
  return table;
}

Row type_row(const size::TypeFit& fit) {
  const auto mbit = [](std::uint64_t bit_per_s) { return decimal(static_cast<double>(bit_per_s) / kMega); };
  const std::string burst = fit.type.burst_bit_per_s == 0 ? std::string(kUnknown) : mbit(fit.type.burst_bit_per_s);
  return {{std::string(fit.type.type), mbit(fit.type.baseline_bit_per_s), burst, cell(fit.carries_per_s, 14, rate),
           whole(fit.used_pct)}};
}

Table types(const size::Plan& plan) {
  Table table;
  const std::string carry =
      fmt::format("that carry {}/s (table of {})", rate(*plan.traffic.rate_per_s), plan.table_date);
  table.title = Words("Smallest types " + carry, "SMALLEST TYPES " + carry);
  table.title_apart = true;
  table.indent = 0;
  table.columns = {{"type", Align::kLeft, 24},
                   number("baseline Mbit/s", 16),
                   number("burst Mbit/s", 15),
                   number("exchanges/s", 14),
                   number("used %", 9)};
  if (plan.types.empty()) {
    table.notes.emplace_back("none");
    return table;
  }
  bool family_shown = !plan.same_family;
  for (const size::TypeFit& fit : plan.types) {
    table.rows.push_back(type_row(fit));
    family_shown = family_shown || fit.type.type == plan.same_family->type.type;
  }
  if (!family_shown) table.rows.push_back(type_row(*plan.same_family));
  const std::size_t left = plan.types_omitted - (family_shown ? 0 : 1);
  if (left > 0) table.more = fmt::format("and {} more", left);
  return table;
}

}  // namespace

Document size_document(const size::Plan& plan) {
  Document document;
  document.title = "What the network carries";
  document.kicker = "tcpdiag size";
  const bool full = plan.verdict == size::Fit::kTooMuch || plan.verdict == size::Fit::kAtLimit;
  document.head.emplace_back(Paragraph{size_answer(plan), full ? Style::kCritical : Style::kHeading});
  if (Facts facts = sources(plan); !facts.facts.empty()) document.head.emplace_back(std::move(facts));
  document.body.emplace_back(section_of("exchange", "Per exchange", directions(plan)));
  if (!plan.queueing.empty()) document.body.emplace_back(section_of("queueing", "Queueing delay", queueing(plan)));
  if (plan.traffic.rate_per_s) document.body.emplace_back(section_of("types", "Smallest types", types(plan)));
  Section notes;
  notes.id = "notes";
  notes.heading = Words("Notes", "NOTES");
  notes.nodes.emplace_back(List{size_notes(plan)}, true);
  document.body.emplace_back(std::move(notes));
  return document;
}

}  // namespace tcpdiag::report
