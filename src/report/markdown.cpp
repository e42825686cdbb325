// SPDX-License-Identifier: Apache-2.0
// A document as Markdown, made to be pasted into a ticket. What does not fit a ticket is left out piece by piece, never
// the end.
#include "report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "report/render.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

std::string with_unit(const Column& column) {
  return column.unit.empty() ? column.heading.text : fmt::format("{}, {}", column.heading.text, column.unit);
}

std::string remark_words(const Row& row) {
  std::vector<std::string> parts;
  for (const Remark& remark : row.remarks) {
    parts.push_back((remark.label.empty() ? "" : remark.label + ": ") + remark.text.text);
  }
  return join(parts, "; ");
}

void put(Markdown& out, const Paragraph& paragraph) { out.paragraph(paragraph.text.text); }

void put(Markdown& out, const List& list) {
  for (const std::string& item : list.items) out.item(item);
  if (!list.more.empty()) out.paragraph(list.more);
}

void put_labelled_command(Markdown& out, const Fact& fact) {
  out.label(fact.label);
  out.command(fact.command);
}

// The first fact makes the headings of a table, the others its rows.
void put_header(Markdown& out, const Facts& facts) {
  std::vector<MarkdownColumn> columns;
  std::vector<std::vector<std::string>> rows;
  for (const Fact& fact : facts.facts) {
    for (const Words& words : fact.texts) {
      if (columns.empty()) {
        columns = {{fact.label}, {words.text}};
      } else {
        rows.push_back({fact.label, words.text});
      }
    }
  }
  if (!columns.empty()) out.table(columns, rows);
  for (const Fact& fact : facts.facts) {
    if (!fact.command.empty()) put_labelled_command(out, fact);
  }
}

void put(Markdown& out, const Fact& fact) {
  for (const Words& words : fact.texts) out.item(fact.label, words.text);
  if (!fact.rows.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [label, value] : fact.rows) rows.push_back({label, value});
    out.table({{fact.label}, {""}}, rows);
  }
  if (!fact.actions.empty()) out.label(fact.label);
  for (std::size_t i = 0; i < fact.actions.size(); ++i) {
    const Action& action = fact.actions[i];
    out.numbered(i + 1, action.whose, action.text);
    if (!action.command.empty()) out.command(action.command, Markdown::InItem::kYes);
  }
  if (!fact.command.empty()) put_labelled_command(out, fact);
}

void put(Markdown& out, const Facts& facts) {
  if (facts.is_header) {
    put_header(out, facts);
    return;
  }
  for (const Fact& fact : facts.facts) put(out, fact);
}

// `heading`: the one above it, which may be its title already.
void put(Markdown& out, const Table& table, const std::string& heading) {
  const auto any = [&](auto has) { return std::any_of(table.rows.begin(), table.rows.end(), has); };
  const bool has_groups = any([](const Row& row) { return !row.group.empty(); });
  const bool has_remarks = any([](const Row& row) { return !row.remarks.empty(); });
  std::vector<MarkdownColumn> columns;
  if (has_groups) columns.push_back({table.group_heading});
  for (const Column& column : table.columns) {
    columns.push_back({with_unit(column), column.align == Align::kRight || column.is_bar});
  }
  if (has_remarks) columns.push_back({table.remark_heading});
  std::vector<std::vector<std::string>> rows;
  for (const Row& row : table.rows) {
    std::vector<std::string>& cells = rows.emplace_back();
    if (has_groups) cells.push_back(row.group);
    for (const Cell& cell : row.cells) cells.push_back(cell.words.text);
    cells.resize(columns.size());
    if (has_remarks) cells.back() = remark_words(row);
  }
  if (!table.title.text.empty() && table.title.text != heading) out.label(table.title.text);
  if (!rows.empty()) out.table(columns, rows);
  for (const Words& note : table.notes) out.item(note.text);
  if (!table.more.text.empty()) out.paragraph(table.more.text);
}

void put(Markdown& out, const Bars& bars) { out.preformatted(join(text_lines(bars), "\n")); }

void put(Markdown& out, const Ladder& ladder) {
  constexpr std::array<std::string_view, 3> kWays = {"here", "to the peer", "from the peer"};
  std::vector<std::vector<std::string>> rows;
  for (const LadderRow& row : ladder.rows) {
    const bool is_pause = row.time.empty();
    rows.push_back({row.time, row.since,
                    is_pause ? std::string() : std::string(kWays[static_cast<std::size_t>(row.way)]), row.words});
  }
  out.paragraph(ladder.title);
  out.table({{"Time (UTC)"}, {"since the last", true}, {"way"}, {"what"}}, rows);
}

void put(Markdown& /*out*/, Drawing /*drawing*/) {}

// A document in pieces that may be left out.
class Pieces {
 public:
  void add(const std::vector<Node>& nodes, bool is_kept) {
    for (const Node& node : nodes) {
      if (const Section* section = std::get_if<Section>(&node.content)) {
        add(*section, is_kept || section->is_kept);
      } else {
        if (start_anew_) start(is_kept);
        std::visit(
            [&](const auto& content) {
              using Content = std::decay_t<decltype(content)>;
              if constexpr (std::is_same_v<Content, Table>) {
                put(pieces_.back().text, content, heading_);
              } else if constexpr (!std::is_same_v<Content, Section>) {
                put(pieces_.back().text, content);
              }
            },
            node.content);
      }
    }
  }

  Markdown& start(bool is_kept) {
    start_anew_ = false;
    return pieces_.emplace_back(Piece{{}, is_kept}).text;
  }

  // Those that are kept, and as many of the others as there is room for, in order.
  std::string take() {
    constexpr std::size_t kRemark = 200;  // bytes
    std::size_t room = kMarkdownBytes - kRemark;
    for (const Piece& piece : pieces_) room -= piece.is_kept ? std::min(room, piece.text.size() + 1) : 0;
    std::string out;
    std::size_t left_out = 0;
    const auto append = [&](const std::string& text) {
      if (!text.empty()) out += (out.empty() ? "" : "\n") + text;
    };
    const auto say_left_out = [&] {
      if (left_out == 0) return;
      Markdown remark;
      remark.paragraph(fmt::format("{} did not fit a ticket: see the text or the JSON report.",
                                   number_of(left_out, "more section")));
      append(remark.take());
      left_out = 0;
    };
    for (Piece& piece : pieces_) {
      const std::size_t size = piece.text.size() + 1;
      if (piece.is_kept) {
        say_left_out();
        append(piece.text.take());
      } else if (size > room) {
        ++left_out;
      } else {
        room -= size;
        append(piece.text.take());
      }
    }
    say_left_out();
    return out;
  }

 private:
  struct Piece {
    Markdown text;
    bool is_kept;
  };

  void add(const Section& section, bool is_kept) {
    const auto* first = section.nodes.empty() ? nullptr : std::get_if<Section>(&section.nodes.front().content);
    const bool is_shown_below = first != nullptr && first->kind == Section::Kind::kFinding;
    heading_ = section.heading.text;
    if (!is_shown_below) {
      Markdown& piece = start(is_kept);
      if (section.kind == Section::Kind::kFolded) {
        piece.label(section.heading.text);
      } else {
        piece.heading(3, section.heading.text);
      }
    }
    add(section.nodes, is_kept);
    start_anew_ = true;
  }

  std::vector<Piece> pieces_;
  std::string heading_;  // that was written last
  bool start_anew_ = true;
};

}  // namespace

std::string render_markdown(const Document& document) {
  Pieces pieces;
  pieces.start(true).heading(2, document.title);
  pieces.add(document.head, true);
  pieces.add(document.body, false);
  return pieces.take();
}

}  // namespace tcpdiag::report
