// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag diff` as text: the answer first, then what differs with both sides beside each other.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "report/diff.h"
#include "report/layout.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using diff::Comparison;
using diff::Difference;
using diff::OnlyIn;
using diff::Side;
using diff::Unit;
using model::Histogram;

constexpr std::size_t kRows = 30;
constexpr std::size_t kDoubtfulRows = 8;
constexpr std::size_t kListRows = 12;
constexpr std::size_t kCharts = 3;

struct Names {
  std::string_view good;
  std::string_view bad;
};
Names names_of(const Comparison& comparison) {
  return comparison.mode == diff::Mode::kOneRun ? Names{"good", "failed"} : Names{"GOOD", "BAD"};
}

// --- cells ---

struct Scale {
  const char* unit;
  double divisor;
};

Scale time_scale(double us) {
  if (us >= 10e6) return {"s", 1e6};
  if (us >= 100) return {"ms", 1e3};
  return {"us", 1};
}

Scale byte_scale(double bytes_moved) {
  if (bytes_moved >= 10.0 * 1024 * 1024) return {"MiB", 1024.0 * 1024};
  if (bytes_moved >= 100'000) return {"KiB", 1024};
  return {"B", 1};
}

// Three digits that tell.
std::string figure(double value) {
  const double size = std::abs(value);
  if (size >= 99.5 || size <= 0) return fmt::format("{:.0f}", value);
  if (size >= 9.95) return fmt::format("{:.1f}", value);
  if (size >= 0.0995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3f}", value);
}

double larger(const Difference& d) {
  double most = std::max(d.good.value.value_or(0), d.bad.value.value_or(0));
  for (const Side* side : {&d.good, &d.bad}) {
    if (side->distribution) most = std::max(most, static_cast<double>(side->distribution->percentile(0.5).value_or(0)));
  }
  return most;
}

Scale scale_of(const Difference& d) {
  switch (d.unit) {
    case Unit::kMicroseconds:
      return time_scale(larger(d));
    case Unit::kBytes:
      return byte_scale(larger(d));
    case Unit::kBytesPerSecond: {
      const Scale scale = byte_scale(larger(d));
      return {scale.divisor > 1e6 ? "MiB/s" : scale.divisor > 1 ? "KiB/s" : "B/s", scale.divisor};
    }
    case Unit::kPercent:
      return {"%", 1};
    case Unit::kPerSecond:
      return {"/s", 1};
    default:
      return {"", 1};
  }
}

std::string side_cell(const Side& side, const Scale& scale) {
  if (!side.value) return std::string(kUnknown);
  if (side.distribution && side.distribution->count() > 0) {
    const auto at = [&](double q) {
      return figure(static_cast<double>(*side.distribution->percentile(q)) / scale.divisor);
    };
    return at(0.5) + "/" + at(0.99);
  }
  return figure(*side.value / scale.divisor);
}

std::string change_cell(const Difference& d) {
  std::string change = std::string(kUnknown);
  if (d.unit == Unit::kPercent && d.absolute) {
    change = fmt::format("{}{} points", *d.absolute > 0 ? "+" : "-", figure(std::abs(*d.absolute)));
  } else if (d.ratio) {
    change = fmt::format("x{}", figure(*d.ratio));
  } else if (d.absolute) {
    change = *d.absolute > 0 ? "new" : "gone";
  }
  return d.quantile.empty() ? change : fmt::format("{} {}", d.quantile, change);
}

constexpr std::size_t kMeasure = 30;
constexpr std::size_t kUnit = 6;
constexpr std::size_t kSide = 15;
constexpr std::size_t kChange = 14;

std::string row(std::string_view measure, std::string_view unit, std::string_view good, std::string_view bad,
                std::string_view change) {
  return pad_right(measure, kMeasure) + pad_right(unit, kUnit) + pad_left(good, kSide) + pad_left(bad, kSide) +
         pad_left(change, kChange);
}

// "about 96 more failures", "about 1485 faster"
std::string affected_words(const Difference& d) {
  if (!d.affected || *d.affected == 0) return {};
  const bool is_better = d.direction == diff::Direction::kBetter;
  switch (d.tier) {
    case diff::Tier::kFailures:
      if (d.direction == diff::Direction::kChanged) return fmt::format("of {} that failed", *d.affected);
      return fmt::format("about {} {}", *d.affected, is_better ? "fewer" : "more");
    case diff::Tier::kDelays:
      return fmt::format("about {} {}", *d.affected, is_better ? "faster" : "slower");
    case diff::Tier::kLoss:
      return fmt::format("about {} {}", *d.affected, is_better ? "fewer" : "more");
    default:
      return {};
  }
}

std::string reason_words(const Difference& d) {
  std::vector<std::string> parts;
  if (std::string words = affected_words(d); !words.empty()) parts.push_back(std::move(words));
  if (d.time_lost_s && *d.time_lost_s > 0.0005) {
    parts.push_back(fmt::format("{} {} in all", duration(*d.time_lost_s * 1e6),
                                d.direction == diff::Direction::kBetter ? "won" : "lost"));
  }
  if (d.explained_by) {
    parts.push_back(fmt::format("explained by f{} {}", d.explained_by->index + 1, d.explained_by->code));
  }
  std::string confidence = fmt::format("confidence {}", model::to_string(d.confidence));
  if (!d.confidence_reasons.empty()) confidence += ": " + join(d.confidence_reasons, "; ");
  parts.push_back(std::move(confidence));
  return join(parts, "; ");
}

Style style_of(const Difference& d) {
  if (d.direction != diff::Direction::kWorse || d.confidence == model::Confidence::kLow) return Style::kPlain;
  return d.tier == diff::Tier::kFailures ? Style::kCritical : Style::kWarning;
}

void append_row(Page& page, const Difference& d) {
  const Scale scale = scale_of(d);
  const std::string good = side_cell(d.good, scale);
  const std::string bad = side_cell(d.bad, scale);
  const std::string name = "  " + d.what;
  if (columns(name) >= kMeasure) {
    page.line(name, style_of(d));
    page.line(row("", scale.unit, good, bad, change_cell(d)), style_of(d));
  } else {
    page.line(row(name, scale.unit, good, bad, change_cell(d)), style_of(d));
  }
  if (!d.bad.text.empty())
    page.paragraph("    ",
                   fmt::format("{}; against: {}", d.bad.text, d.good.text.empty() ? "the whole time" : d.good.text));
  page.paragraph("    ", reason_words(d));
}

// --- tables ---

void append_table(Page& page, const std::string& heading, const std::vector<const Difference*>& rows, std::size_t limit,
                  const Names& names) {
  if (rows.empty()) return;
  page.blank();
  page.line(row(heading, "unit", fmt::format("{} p50/p99", names.good), fmt::format("{} p50/p99", names.bad), "change"),
            Style::kHeading);
  const diff::Scope* scope = nullptr;
  for (std::size_t i = 0; i < std::min(rows.size(), limit); ++i) {
    if (scope == nullptr || *scope != rows[i]->scope) page.paragraph("", diff::words_for(rows[i]->scope));
    scope = &rows[i]->scope;
    append_row(page, *rows[i]);
  }
  if (rows.size() > limit) page.line(fmt::format("  ... {} more in the JSON report", rows.size() - limit));
}

void append_settings(Page& page, const Comparison& comparison, const Names& names) {
  bool first = true;
  for (const Difference& d : comparison.differences) {
    if (d.unit != Unit::kText) continue;
    if (first) {
      page.blank();
      page.line(fmt::format("SETTINGS  {} -> {}", names.good, names.bad), Style::kHeading);
    }
    first = false;
    const auto text = [](const std::string& value) { return value.empty() ? std::string("unknown") : value; };
    const std::string where =
        d.scope.kind == diff::ScopeKind::kHost ? "" : fmt::format(" ({})", diff::words_for(d.scope));
    page.paragraph("  ", fmt::format("{}{}: {} -> {}", d.what, where, text(d.good.text), text(d.bad.text)));
  }
}

// --- distributions beside each other ---

struct Bin {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  double good = 0;  // share of the values, 0..1
  double bad = 0;
};

// At most `most` bins that both share, each of 1, 2, 4, ... of the histogram's buckets.
std::vector<Bin> shared_bins(const Histogram& good, const Histogram& bad, std::size_t most) {
  std::size_t first = Histogram::kBuckets;
  std::size_t last = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (good.count_in(i) + bad.count_in(i) == 0) continue;
    first = std::min(first, i);
    last = i + 1;
  }
  std::size_t width = 1;
  while ((last - 1) / width - first / width + 1 > most) width *= 2;
  std::vector<Bin> bins;
  for (std::size_t begin = first / width * width; begin < last; begin += width) {
    Bin bin{Histogram::low_of(begin), Histogram::high_of(std::min(begin + width, Histogram::kBuckets) - 1), 0, 0};
    for (std::size_t i = begin; i < std::min(begin + width, Histogram::kBuckets); ++i) {
      bin.good += static_cast<double>(good.count_in(i)) / static_cast<double>(good.count());
      bin.bad += static_cast<double>(bad.count_in(i)) / static_cast<double>(bad.count());
    }
    bins.push_back(bin);
  }
  return bins;
}

// "####      12.5 %"; what is there is never drawn as nothing.
std::string bar(double share, double largest) {
  constexpr std::size_t kBar = 18;
  std::size_t length = static_cast<std::size_t>(std::lround(share / largest * kBar));
  if (share > 0) length = std::max<std::size_t>(length, 1);
  const std::string figures = share > 0 ? percent(share * 100) : std::string();
  return pad_right(std::string(length, '#'), kBar) + pad_left(figures, 8);
}

void append_distribution(Page& page, const Difference& d, const Names& names) {
  constexpr std::size_t kBins = 14;
  const Histogram& good = *d.good.distribution;
  const Histogram& bad = *d.bad.distribution;
  const std::vector<Bin> bins = shared_bins(good, bad, kBins);
  double largest = 0;
  for (const Bin& bin : bins) largest = std::max({largest, bin.good, bin.bad});
  if (largest <= 0) return;
  page.blank();
  page.paragraph("", fmt::format("{} of {}", d.what, diff::words_for(d.scope)), Style::kHeading);
  const auto heading = [](std::string_view name, const Histogram& h) {
    return fmt::format("{}: {}", name, number_of(h.count(), "value"));
  };
  page.line(pad_right("", 23) + pad_right(heading(names.good, good), 28) + heading(names.bad, bad));
  for (const Bin& bin : bins) {
    const std::string range = fmt::format("{} - {}", duration(bin.low), duration(bin.high));
    page.line(pad_left(range, 21) + " |" + bar(bin.good, largest) + " |" + bar(bin.bad, largest));
  }
}

void append_distributions(Page& page, const std::vector<const Difference*>& rows, const Names& names) {
  std::size_t shown = 0;
  for (const Difference* d : rows) {
    if (shown == kCharts) return;
    if (!d->good.distribution || !d->bad.distribution) continue;
    append_distribution(page, *d, names);
    ++shown;
  }
}

// --- lists ---

std::string only_words(const OnlyIn& only) {
  std::vector<std::string> parts;
  const auto volume = [&] {
    parts.push_back(number_of(only.sockets_seen, "socket"));
    if (only.kind != diff::OnlyKind::kPeer) parts.push_back(number_of(only.exchanges, "exchange"));
    parts.push_back(bytes(only.bytes));
    if (only.failures > 0) parts.push_back(fmt::format("{} failed", only.failures));
  };
  switch (only.kind) {
    case diff::OnlyKind::kFinding:
      return fmt::format("finding f{} {} ({}): {}", only.finding->index + 1, only.finding->code,
                         model::to_string(*only.severity), only.finding->title);
    case diff::OnlyKind::kEndpoint:
      volume();
      return fmt::format("endpoint {}: {}", diff::words_for(only.scope), join(parts, ", "));
    case diff::OnlyKind::kProcess:
      volume();
      return fmt::format("process {}: {}", diff::words_for(only.scope), join(parts, ", "));
    case diff::OnlyKind::kPeer:
      volume();
      return fmt::format("peer {} of {}: {}", only.peer ? only.peer->to_string() : std::string(kUnknown),
                         diff::words_for(only.scope), join(parts, ", "));
  }
  return {};
}

void append_only_in(Page& page, const Comparison& comparison, bool in_bad, const Names& names) {
  std::vector<const OnlyIn*> rows;
  for (const OnlyIn& only : comparison.only_in) {
    if (only.in_bad == in_bad) rows.push_back(&only);
  }
  if (rows.empty()) return;
  page.blank();
  page.line(fmt::format("ONLY IN {}", in_bad ? names.bad : names.good), Style::kHeading);
  for (std::size_t i = 0; i < std::min(rows.size(), kListRows); ++i) page.paragraph("- ", only_words(*rows[i]));
  if (rows.size() > kListRows) page.line(fmt::format("  ... {} more in the JSON report", rows.size() - kListRows));
}

void append_not_compared(Page& page, const Comparison& comparison) {
  if (!comparison.not_compared.empty()) {
    page.blank();
    page.line("NOT COMPARED", Style::kHeading);
    const std::size_t shown = std::min(comparison.not_compared.size(), kListRows);
    for (std::size_t i = 0; i < shown; ++i) {
      const diff::NotCompared& missing = comparison.not_compared[i];
      page.paragraph("- ", fmt::format("{}: {}", missing.what, missing.why));
    }
    if (comparison.not_compared.size() > shown) {
      page.line(fmt::format("  ... {} more in the JSON report", comparison.not_compared.size() - shown));
    }
  }
  if (comparison.notes.empty()) return;
  page.blank();
  page.line("PAIRED BY GUESS", Style::kHeading);
  const std::size_t shown = std::min(comparison.notes.size(), kListRows);
  for (std::size_t i = 0; i < shown; ++i) page.paragraph("- ", comparison.notes[i]);
  if (comparison.notes.size() > shown) {
    page.line(fmt::format("  ... {} more in the JSON report", comparison.notes.size() - shown));
  }
}

void append_run(Page& page, std::string_view label, const diff::RunSummary& run) {
  std::string words = fmt::format("{} {} UTC, {}", date(run.start_at), clock_time(run.start_at),
                                  duration(std::round(run.length_s * 10) * 1e5));
  if (run.partial) words += " (cut short)";
  words += fmt::format(", {}; {}, {} ({} failed)", run.hostname, number_of(run.endpoints, "endpoint"),
                       number_of(run.exchanges, "exchange"), run.exchanges_failed);
  if (run.connects > 0)
    words += fmt::format(", {} ({} failed)", number_of(run.connects, "connect"), run.connects_failed);
  if (run.filters != "none") words += fmt::format("; filters: {}", run.filters);
  if (run.lost > 0) words += fmt::format("; {} lost", number_of(run.lost, "event"));
  page.paragraph(pad_right(label, 6), words);
}

Style answer_style(const Comparison& comparison) {
  const bool is_grave = comparison.verdict == diff::Trend::kWorse || comparison.verdict == diff::Trend::kMixed;
  return is_grave ? Style::kCritical : Style::kHeading;
}

}  // namespace

std::string render_diff_text(const Comparison& comparison, bool colour) {
  Page page(colour);
  const Names names = names_of(comparison);
  page.paragraph("", diff_answer(comparison), answer_style(comparison));
  page.blank();
  if (comparison.mode == diff::Mode::kOneRun) {
    append_run(page, "RUN", comparison.bad);
  } else {
    append_run(page, "GOOD", comparison.good);
    append_run(page, "BAD", comparison.bad);
  }
  std::vector<const Difference*> certain;
  std::vector<const Difference*> doubtful;
  for (const Difference& difference : comparison.differences) {
    if (difference.unit == Unit::kText) continue;
    (difference.confidence == model::Confidence::kLow ? doubtful : certain).push_back(&difference);
  }
  append_table(page, "DIFFERENCE", certain, kRows, names);
  append_distributions(page, certain, names);
  append_table(page, "PERHAPS (it may be chance)", doubtful, kDoubtfulRows, names);
  append_settings(page, comparison, names);
  append_only_in(page, comparison, true, names);
  append_only_in(page, comparison, false, names);
  append_not_compared(page, comparison);
  return page.take();
}

}  // namespace tcpdiag::report
