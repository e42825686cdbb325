// SPDX-License-Identifier: Apache-2.0
// A document as text of 80 columns. Who reads it is under pressure and perhaps reads only the first screen.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "report/layout.h"
#include "report/render.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

std::string blanks(std::size_t n) { return std::string(n, ' '); }

// Brief words are laid out already: a line each. Others are wrapped behind `lead`.
void put_words(Page& page, std::string_view lead, const Words& words, Style style = Style::kPlain) {
  if (words.brief.empty()) {
    page.paragraph(lead, words.text, style);
    return;
  }
  std::string begin(lead);
  for (std::string_view rest = words.brief; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    page.line(begin + std::string(rest.substr(0, end)), style);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    begin.assign(columns(begin), ' ');
  }
}

void put_more(Page& page, const Words& more) {
  if (!more.narrow().empty()) page.line("  " + more.narrow());
}

// --- Facts ---

void put_rows(Page& page, std::string begin, const Fact& fact) {
  constexpr std::size_t kWidestLabel = 24;
  std::size_t width = 0;
  for (const auto& [label, value] : fact.rows) width = std::max(width, std::min(columns(label), kWidestLabel));
  for (const auto& [label, value] : fact.rows) {
    page.paragraph(begin + pad_right(elide_middle(escape_terminal(label), kWidestLabel), width) + "  ", value);
    begin.assign(begin.size(), ' ');
  }
}

void put_actions(Page& page, std::string begin, const std::vector<Action>& actions) {
  std::size_t number = 0;
  for (const Action& action : actions) {
    begin += actions.size() > 1 ? fmt::format("{} ", ++number) : "";
    page.paragraph(begin, fmt::format("{} [{}]", action.text, action.whose));
    if (!action.command.empty()) {
      for (const std::string& line : wrap_command(escape_terminal(action.command), begin.size())) page.line(line);
    }
    begin = blanks(begin.size() - (actions.size() > 1 ? std::to_string(number).size() + 1 : 0));
  }
}

// As it can be typed again: wrapped between arguments.
void put_command(Page& page, std::string_view lead, std::string_view text) {
  const std::string command = escape_terminal(text);
  if (columns(lead) + columns(command) <= kPageColumns) {
    page.line(std::string(lead) + command);
    return;
  }
  page.line(lead);
  for (const std::string& line : wrap_command(command, 2)) page.line(line);
}

void put_fact(Page& page, const Fact& fact) {
  std::string begin = fact.lead.empty() && !fact.label.empty() ? fact.label + ": " : fact.lead;
  for (const Words& words : fact.texts) {
    put_words(page, begin, words);
    begin.assign(columns(begin), ' ');
  }
  put_rows(page, begin, fact);
  put_actions(page, begin, fact.actions);
  if (!fact.command.empty()) put_command(page, begin, fact.command);
}

// --- Tables ---

// "####      12.5 %"; what is there is never drawn as nothing.
std::string bar(const Cell& cell, std::size_t width) {
  constexpr std::size_t kFigures = 8;
  const std::size_t room = width - kFigures;
  auto length = static_cast<std::size_t>(std::lround(cell.share * static_cast<double>(room)));
  if (cell.share > 0) length = std::max<std::size_t>(length, 1);
  return pad_right(std::string(length, '#'), room) + pad_left(cell.words.narrow(), kFigures);
}

// A table whose columns have their widths.
class TextTable {
 public:
  TextTable(Page& page, const Table& table) : page_(page), table_(table), columns_(table.columns) { measure(); }

  void put() {
    put_headings();
    if (!table_.above.empty()) page_.line(blanks(table_.indent) + table_.above);
    const std::string* group = nullptr;
    for (const Row& row : table_.rows) {
      if (!row.group.empty() && (group == nullptr || *group != row.group)) page_.paragraph("", row.group);
      group = &row.group;
      put_row(row);
    }
    for (const Words& note : table_.notes) put_words(page_, "  ", note);
    put_more(page_, table_.more);
  }

 private:
  void measure() {
    for (std::size_t i = table_.labels; i < columns_.size(); ++i) {
      if (columns_[i].width == 0) set_width_by_heading(columns_[i]);
    }
    Column& first = columns_.front();
    if (first.width == 0) first.width = kPageColumns - std::min(width_of_figures(), kPageColumns - 1);
    for (std::size_t i = 0; i < table_.labels; ++i) label_width_ += columns_[i].width;
  }

  // Two blanks before each heading, or one where that leaves room for the names.
  void set_width_by_heading(Column& column) {
    const std::size_t own = columns(column.heading.narrow());
    column.gap = 1;
    column.width = own + (leaves_room(2) || !leaves_room(1) ? 1 : 0);
  }

  bool leaves_room(std::size_t gap) const {
    std::size_t used = 0;
    for (std::size_t i = table_.labels; i < table_.columns.size(); ++i) {
      const Column& column = table_.columns[i];
      used += column.width != 0 ? column.gap + column.width : gap + columns(column.heading.narrow());
    }
    return std::all_of(table_.rows.begin(), table_.rows.end(), [&](const Row& row) {
      return used + table_.indent + columns(text_of(row.cells.front())) <= kPageColumns;
    });
  }

  std::size_t width_of_figures() const {
    std::size_t used = 0;
    for (std::size_t i = table_.labels; i < columns_.size(); ++i) used += columns_[i].gap + columns_[i].width;
    return used;
  }

  static std::string text_of(const Cell& cell) { return escape_terminal(cell.words.narrow()); }

  std::string label_of(const Row& row) const {
    std::string label = blanks(table_.indent);
    std::size_t used = 0;
    for (std::size_t i = 0; i < std::min(table_.labels, row.cells.size()); ++i) {
      label = pad_right(label, used) + (columns_[i].align == Align::kRight
                                            ? pad_left(text_of(row.cells[i]), columns_[i].width)
                                            : text_of(row.cells[i]));
      used += table_.columns[i].width;
    }
    return label;
  }

  static std::string padded(const Column& column, const std::string& text) {
    return blanks(column.gap) +
           (column.align == Align::kLeft ? pad_right(text, column.width) : pad_left(text, column.width));
  }

  template <typename TextOf>
  std::string figures(std::size_t cells, TextOf text_of_column) const {
    std::string out;
    for (std::size_t i = table_.labels; i < std::min(cells, columns_.size()); ++i) out += text_of_column(i);
    return out;
  }

  // A name and its figures; they go to the next line where the name reaches into them.
  void put_named(const std::string& name, const std::string& figures, Style style) {
    const bool parted =
        columns(name) < label_width_ || (columns(name) == label_width_ && (figures.empty() || figures[0] == ' '));
    if (parted) {
      page_.line(pad_right(name, label_width_) + figures, style);
    } else {
      page_.line(name, style);
      page_.line(blanks(label_width_) + figures, style);
    }
  }

  void put_headings() {
    if (table_.title_apart) put_words(page_, "", table_.title, Style::kHeading);
    if (!table_.has_headings || (table_.rows.empty() && table_.title_apart)) return;
    const std::string name = table_.title_apart ? columns_.front().heading.narrow() : table_.title.narrow();
    put_named(escape_terminal(name),
              figures(columns_.size(),
                      [&](std::size_t i) {
                        const std::string heading = escape_terminal(columns_[i].heading.narrow());
                        if (columns_[i].is_bar) return "  " + pad_right(heading, columns_[i].width);
                        return padded(columns_[i], heading);
                      }),
              table_.title_apart ? Style::kPlain : Style::kHeading);
    if (std::any_of(columns_.begin(), columns_.end(), [](const Column& column) { return !column.unit.empty(); })) {
      page_.line(blanks(label_width_) +
                 figures(columns_.size(), [&](std::size_t i) { return padded(columns_[i], columns_[i].unit); }));
    }
  }

  void put_row(const Row& row) {
    const std::string label = label_of(row);
    if (row.cells.size() == columns_.size() && columns_.back().wraps && !text_of(row.cells.back()).empty()) {
      page_.paragraph(
          pad_right(label, label_width_) +
              figures(columns_.size() - 1, [&](std::size_t i) { return padded(columns_[i], text_of(row.cells[i])); }),
          row.cells.back().words.text, row.style);
    } else {
      put_named(label,
                figures(row.cells.size(),
                        [&](std::size_t i) {
                          if (columns_[i].is_bar) return " |" + bar(row.cells[i], columns_[i].width);
                          return padded(columns_[i], text_of(row.cells[i]));
                        }),
                row.style);
    }
    for (const Remark& remark : row.remarks) {
      put_words(page_, blanks(table_.remark_indent) + (remark.label.empty() ? "" : remark.label + ": "), remark.text);
    }
  }

  Page& page_;
  const Table& table_;
  std::vector<Column> columns_;
  std::size_t label_width_ = 0;
};

// --- Bars: a blank is a time in which nothing was measured ---

// The values that fall into column `i` of `n`, as one.
std::optional<double> column_value(const Bars::Line& line, std::size_t i, std::size_t n) {
  const std::size_t begin = i * line.values.size() / n;
  const std::size_t end = std::max((i + 1) * line.values.size() / n, begin + 1);
  double largest = 0;
  double total = 0;
  std::size_t count = 0;
  for (std::size_t at = begin; at < end; ++at) {
    if (!line.values[at]) continue;
    largest = std::max(largest, *line.values[at]);
    total += *line.values[at];
    ++count;
  }
  if (count == 0) return std::nullopt;
  return line.is_mean ? total / static_cast<double>(count) : largest;
}

char glyph(std::optional<double> value, double max) {
  constexpr std::array<char, 5> kLevels = {'_', '.', ':', '+', '#'};
  if (!value) return ' ';
  if (max <= 0) return kLevels.front();
  const auto level = static_cast<std::size_t>(std::floor(*value / max * kLevels.size()));
  return kLevels[std::min(level, kLevels.size() - 1)];
}

// --- Nodes ---

class TextRenderer {
 public:
  explicit TextRenderer(bool colour) : page_(colour) {}

  void put(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) {
      if (!node.joined) page_.blank();
      std::visit(*this, node.content);
    }
  }
  std::string take() { return page_.take(); }

  void operator()(const Paragraph& paragraph) { put_words(page_, paragraph.lead, paragraph.text, paragraph.style); }
  void operator()(const List& list) {
    for (const std::string& item : list.items) page_.paragraph(list.marker, item);
    put_more(page_, list.more);
  }
  void operator()(const Facts& facts) {
    for (const Fact& fact : facts.facts) put_fact(page_, fact);
  }
  void operator()(const Table& table) { TextTable(page_, table).put(); }
  void operator()(const Bars& bars) {
    for (const std::string& line : text_lines(bars)) page_.line(line);
  }
  void operator()(const Ladder& ladder) {
    page_.paragraph("  ", ladder.title);
    for (const LadderRow& row : ladder.rows) {
      constexpr std::array<std::string_view, 3> kWays = {"      ", "  ->  ", "  <-  "};
      page_.paragraph("  " + pad_right(row.time, 12) + pad_left(row.since, 10) +
                          std::string(kWays[static_cast<std::size_t>(row.way)]),
                      row.words);
    }
  }
  void operator()(Drawing) {}
  void operator()(const Section& section) {
    if (!section.heading.brief.empty()) put_words(page_, "", section.heading, section.style);
    put(section.nodes);
  }

 private:
  Page page_;
};

}  // namespace

std::vector<std::string> text_lines(const Bars& bars) {
  constexpr std::size_t kLabelColumns = 16;
  constexpr std::size_t kBarColumns = 52;
  std::vector<std::string> lines;
  for (const Bars::Line& line : bars.lines) {
    double max = 0;
    for (const auto& value : line.values) max = std::max(max, value.value_or(0));
    std::string drawn;
    for (std::size_t i = 0; i < kBarColumns; ++i) drawn += glyph(column_value(line, i, kBarColumns), max);
    lines.push_back(fmt::format("{}|{}| max {}", pad_right(line.label, kLabelColumns), drawn, rate(max)));
  }
  lines.push_back(blanks(kLabelColumns + 1) + pad_right(bars.from, kBarColumns - bars.to.size()) + bars.to);
  return lines;
}

std::string render_text(const Document& document, bool colour) {
  TextRenderer out(colour);
  if (!document.banner.text.narrow().empty()) out(document.banner);
  out.put(document.head);
  out.put(document.body);
  return out.take();
}

}  // namespace tcpdiag::report
