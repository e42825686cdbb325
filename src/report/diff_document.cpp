// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag diff`: the answer first, then what differs with both sides beside each other.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "report/diff.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using diff::Comparison;
using diff::Difference;
using diff::OnlyIn;
using diff::Side;
using diff::Unit;
using model::Histogram;
using Differences = std::vector<const Difference*>;

constexpr std::size_t kRows = 30;
constexpr std::size_t kDoubtfulRows = 8;
constexpr std::size_t kListRows = 12;
constexpr std::size_t kCharts = 3;

struct Names {
  const char* good;
  const char* bad;
};
Names names_of(const Comparison& comparison) {
  return comparison.mode == diff::Mode::kOneRun ? Names{"good", "failed"} : Names{"GOOD", "BAD"};
}

std::string left_out(std::size_t all, std::size_t shown) {
  return all > shown ? fmt::format("... {} more in the JSON report", all - shown) : "";
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

Row row_of(const Difference& d) {
  const Scale scale = scale_of(d);
  Row row{{d.what, scale.unit, side_cell(d.good, scale), side_cell(d.bad, scale), change_cell(d)}};
  row.style = style_of(d);
  row.group = diff::words_for(d.scope);
  if (!d.bad.text.empty()) {
    row.remarks.push_back(
        {"", fmt::format("{}; against: {}", d.bad.text, d.good.text.empty() ? "the whole time" : d.good.text)});
  }
  row.remarks.push_back({"", reason_words(d)});
  return row;
}

// --- sections ---

Section chapter(const char* id, Words heading) {
  Section section;
  section.id = id;
  section.heading = std::move(heading);
  return section;
}

void add_table(Document& document, Section section, const char* title, const Differences& all, std::size_t limit,
               const Names& names) {
  if (all.empty()) return;
  Table table;
  table.title = Words(section.heading.text, title);
  table.columns = {{"measure", Align::kLeft, 30},
                   {"unit", Align::kLeft, 6},
                   {fmt::format("{} p50/p99", names.good), Align::kRight, 15},
                   {fmt::format("{} p50/p99", names.bad), Align::kRight, 15},
                   {"change", Align::kRight, 14}};
  table.remark_indent = 4;
  table.group_heading = "where";
  table.remark_heading = "how sure";
  for (std::size_t i = 0; i < std::min(all.size(), limit); ++i) table.rows.push_back(row_of(*all[i]));
  table.more = left_out(all.size(), limit);
  section.nodes.emplace_back(std::move(table));
  document.body.emplace_back(std::move(section));
}

void add_list(Document& document, Section section, std::vector<std::string> items, std::size_t limit,
              const char* marker) {
  if (items.empty()) return;
  List list;
  list.marker = marker;
  list.more = left_out(items.size(), limit);
  items.resize(std::min(items.size(), limit));
  list.items = std::move(items);
  section.nodes.emplace_back(std::move(list), true);
  document.body.emplace_back(std::move(section));
}

std::vector<std::string> settings(const Comparison& comparison) {
  std::vector<std::string> items;
  for (const Difference& d : comparison.differences) {
    if (d.unit != Unit::kText) continue;
    const auto text = [](const std::string& value) { return value.empty() ? std::string("unknown") : value; };
    const std::string where =
        d.scope.kind == diff::ScopeKind::kHost ? "" : fmt::format(" ({})", diff::words_for(d.scope));
    items.push_back(fmt::format("{}{}: {} -> {}", d.what, where, text(d.good.text), text(d.bad.text)));
  }
  return items;
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

std::optional<Table> distribution(const Difference& d, const Names& names) {
  constexpr std::size_t kBins = 14;
  const Histogram& good = *d.good.distribution;
  const Histogram& bad = *d.bad.distribution;
  const std::vector<Bin> bins = shared_bins(good, bad, kBins);
  double largest = 0;
  for (const Bin& bin : bins) largest = std::max({largest, bin.good, bin.bad});
  if (largest <= 0) return std::nullopt;
  const auto side = [](const char* name, const Histogram& h) {
    return Column{fmt::format("{}: {}", name, number_of(h.count(), "value")), Align::kLeft, 26, 0, {}, true};
  };
  const auto share = [&](double part) { return Cell(part > 0 ? percent(part * 100) : std::string(), part / largest); };
  Table table;
  table.title = fmt::format("{} of {}", d.what, diff::words_for(d.scope));
  table.title_apart = true;
  table.indent = 0;
  table.columns = {{Words("from - to", " "), Align::kRight, 21}, side(names.good, good), side(names.bad, bad)};
  for (const Bin& bin : bins) {
    const std::string range = fmt::format("{} - {}", duration(bin.low), duration(bin.high));
    table.rows.push_back({{range, share(bin.good), share(bin.bad)}});
  }
  return table;
}

void add_distributions(Document& document, const Differences& rows, const Names& names) {
  Section section = chapter("distributions", "Distributions");
  for (const Difference* d : rows) {
    if (section.nodes.size() == kCharts) break;
    if (!d->good.distribution || !d->bad.distribution) continue;
    if (std::optional<Table> table = distribution(*d, names)) section.nodes.emplace_back(std::move(*table));
  }
  if (!section.nodes.empty()) document.body.emplace_back(std::move(section));
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

std::vector<std::string> only_in(const Comparison& comparison, bool in_bad) {
  std::vector<std::string> items;
  for (const OnlyIn& only : comparison.only_in) {
    if (only.in_bad == in_bad) items.push_back(only_words(only));
  }
  return items;
}

std::vector<std::string> not_compared(const Comparison& comparison) {
  std::vector<std::string> items;
  for (const diff::NotCompared& missing : comparison.not_compared) {
    items.push_back(fmt::format("{}: {}", missing.what, missing.why));
  }
  return items;
}

// --- the head ---

Fact run_fact(const char* label, const char* lead, const diff::RunSummary& run) {
  std::string words = fmt::format("{} {} UTC, {}", date(run.start_at), clock_time(run.start_at),
                                  duration(std::round(run.length_s * 10) * 1e5));
  if (run.partial) words += " (cut short)";
  words += fmt::format(", {}; {}, {} ({} failed)", run.hostname, number_of(run.endpoints, "endpoint"),
                       number_of(run.exchanges, "exchange"), run.exchanges_failed);
  if (run.connects > 0)
    words += fmt::format(", {} ({} failed)", number_of(run.connects, "connect"), run.connects_failed);
  if (run.filters != "none") words += fmt::format("; filters: {}", run.filters);
  if (run.lost > 0) words += fmt::format("; {} lost", number_of(run.lost, "event"));
  return {label, lead, {words}};
}

Style answer_style(const Comparison& comparison) {
  const bool is_grave = comparison.verdict == diff::Trend::kWorse || comparison.verdict == diff::Trend::kMixed;
  return is_grave ? Style::kCritical : Style::kHeading;
}

}  // namespace

Document diff_document(const Comparison& comparison) {
  const Names names = names_of(comparison);
  const bool is_one_run = comparison.mode == diff::Mode::kOneRun;
  Document document;
  document.title = is_one_run ? "What failed against what was good" : "BAD against GOOD";
  document.kicker = "tcpdiag diff";
  document.head.emplace_back(Paragraph{diff_answer(comparison), answer_style(comparison)});
  Facts runs;
  if (is_one_run) {
    runs.facts = {run_fact("Run", "RUN   ", comparison.bad)};
  } else {
    runs.facts = {run_fact("GOOD", "GOOD  ", comparison.good), run_fact("BAD", "BAD   ", comparison.bad)};
  }
  document.head.emplace_back(std::move(runs));

  Differences certain;
  Differences doubtful;
  for (const Difference& difference : comparison.differences) {
    if (difference.unit == Unit::kText) continue;
    (difference.confidence == model::Confidence::kLow ? doubtful : certain).push_back(&difference);
  }
  add_table(document, chapter("differences", "Differences"), "DIFFERENCE", certain, kRows, names);
  add_distributions(document, certain, names);
  add_table(document, chapter("perhaps", "Perhaps (it may be chance)"), "PERHAPS (it may be chance)", doubtful,
            kDoubtfulRows, names);
  const std::string from_to = fmt::format("{} -> {}", names.good, names.bad);
  std::vector<std::string> differing = settings(comparison);
  const std::size_t all_settings = differing.size();
  add_list(document, chapter("settings", Words("Settings, " + from_to, "SETTINGS  " + from_to)), std::move(differing),
           all_settings, "  ");
  const auto only = [](const char* name) {
    return Words(fmt::format("Only in {}", name), fmt::format("ONLY IN {}", name));
  };
  add_list(document, chapter("only-bad", only(names.bad)), only_in(comparison, true), kListRows, "- ");
  add_list(document, chapter("only-good", only(names.good)), only_in(comparison, false), kListRows, "- ");
  add_list(document, chapter("not-compared", Words("Not compared", "NOT COMPARED")), not_compared(comparison),
           kListRows, "- ");
  add_list(document, chapter("guessed", Words("Paired by guess", "PAIRED BY GUESS")), comparison.notes, kListRows,
           "- ");
  return document;
}

}  // namespace tcpdiag::report
