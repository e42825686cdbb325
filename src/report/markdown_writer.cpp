// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "report/layout.h"
#include "report/markdown.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

// Columns of one text, so that no name that somebody else chose fills a page: six lines.
constexpr std::size_t kLongestText = 1800;
// Characters of a row up to which the columns of a table are padded, so that it reads well as it is.
constexpr std::size_t kPaddedRow = 160;

// Of valid UTF-8.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// `text` escaped, elided so far that it takes at most `room` characters.
std::string fitted(std::string_view text, std::size_t room) {
  const std::string safe = elide_middle(escape_terminal(text), room);
  for (std::size_t width = room;; width = width * 3 / 4) {
    std::string out = escape_markdown(elide_middle(safe, width));
    if (characters(out) <= room || width == 0) return out;
  }
}

// A text of several sentences, a sentence each.
std::vector<std::string_view> sentences_of(std::string_view text) {
  std::vector<std::string_view> sentences;
  while (!text.empty()) {
    const std::size_t end = text.find(". ");
    sentences.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return sentences;
}

// `text` escaped, in lines of at most `room` characters. Ticket systems show the break of a line as one, so there is
// none where the text fits a line, and else one behind each sentence at least.
std::vector<std::string> escaped_lines(std::string_view text, std::size_t room) {
  const std::string safe = elide_middle(escape_terminal(text), kLongestText);
  std::vector<std::string> lines = {escape_markdown(safe)};
  if (characters(lines.front()) <= room) return lines;
  lines.clear();
  for (const std::string_view sentence : sentences_of(safe)) {
    const auto fits = [room](const std::string& line) { return characters(line) <= room; };
    std::vector<std::string> pieces;
    for (std::size_t width = room;; width = width * 3 / 4) {  // half of it is enough for a text of nothing but markup
      pieces = wrap(sentence, width);
      std::transform(pieces.begin(), pieces.end(), pieces.begin(), escape_markdown);
      if (std::all_of(pieces.begin(), pieces.end(), fits)) break;
    }
    std::move(pieces.begin(), pieces.end(), std::back_inserter(lines));
  }
  return lines;
}

// A row's cells, escaped, the longest of them elided until the row is a line.
std::vector<std::string> fitted_cells(std::vector<std::string> cells) {
  constexpr std::size_t kBorders = 3;  // " | "
  constexpr std::size_t kShortest = 4;
  std::vector<std::string> out;
  std::vector<std::size_t> room;
  for (std::string& cell : cells) {
    cell = elide_middle(escape_terminal(cell), kMarkdownLine);
    out.push_back(cell == kUnknown ? cell : fitted(cell, kMarkdownLine));  // a cell begins no list
    room.push_back(characters(out.back()));
  }
  const auto width = [&] { return std::accumulate(room.begin(), room.end(), kBorders * (cells.size() + 1)); };
  while (width() > kMarkdownLine) {
    const auto longest = std::max_element(room.begin(), room.end()) - room.begin();
    const auto i = static_cast<std::size_t>(longest);
    if (room[i] <= kShortest) break;
    out[i] = fitted(cells[i], std::max(room[i] * 7 / 8, kShortest));
    room[i] = characters(out[i]);
  }
  return out;
}

// Longer than every run of backticks within.
std::string fence_for(const std::vector<std::string>& lines) {
  std::size_t longest = 2;
  for (const std::string& line : lines) {
    std::size_t run = 0;
    for (const char c : line) {
      run = c == '`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  return std::string(std::min(longest + 1, kMarkdownLine), '`');
}

}  // namespace

void Markdown::begin_block() {
  if (!text_.empty()) text_ += '\n';
  in_list_ = false;
}

void Markdown::begin_item() {
  if (!in_list_) begin_block();
  in_list_ = true;
}

void Markdown::lines(std::string_view first, std::string_view indent, std::string_view text) {
  std::string begin(first);
  for (const std::string& line : escaped_lines(text, kMarkdownLine - std::max(characters(first), indent.size()))) {
    text_ += begin + line + '\n';
    begin = indent;
  }
}

void Markdown::heading(int level, std::string_view text) {
  begin_block();
  const std::string marks(static_cast<std::size_t>(level), '#');
  text_ += fmt::format("{} {}\n", marks, fitted(text, kMarkdownLine - marks.size() - 1));
}

void Markdown::paragraph(std::string_view text) {
  begin_block();
  lines("", "", text);
}

void Markdown::paragraph(std::string_view label, std::string_view text) {
  begin_block();
  lines(fmt::format("**{}**: ", escape_markdown(label)), "", text);
}

void Markdown::label(std::string_view text) {
  begin_block();
  text_ += fmt::format("**{}**\n", fitted(text, kMarkdownLine - 4));
}

void Markdown::item(std::string_view label, std::string_view text) {
  begin_item();
  lines(fmt::format("- **{}**: ", escape_markdown(label)), "  ", text);
}

void Markdown::item(std::string_view text) {
  begin_item();
  lines("- ", "  ", text);
}

void Markdown::numbered(std::size_t number, std::string_view label, std::string_view text) {
  begin_item();
  lines(fmt::format("{}. **{}**: ", number, escape_markdown(label)), kNumberedIndent, text);
}

void Markdown::table(const std::vector<MarkdownColumn>& columns, const std::vector<std::vector<std::string>>& rows) {
  begin_block();
  std::vector<std::vector<std::string>> lines(1);
  for (const MarkdownColumn& column : columns) lines.front().emplace_back(column.heading);
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<std::size_t> widths(columns.size(), 3);  // of "---"
  for (std::vector<std::string>& cells : lines) {
    cells = fitted_cells(cells);
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], tcpdiag::columns(cells[i]));
  }
  const bool padded = std::accumulate(widths.begin(), widths.end(), 3 * columns.size() + 1) <= kPaddedRow;
  const auto write = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t width = padded ? widths[i] : 0;
      text_ += "| " + (columns[i].is_number ? pad_left(cells[i], width) : pad_right(cells[i], width)) + ' ';
    }
    text_ += "|\n";
  };
  write(lines.front());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::string rule(padded ? widths[i] + 2 : 3, '-');
    if (columns[i].is_number) rule.back() = ':';
    text_ += '|' + rule;
  }
  text_ += "|\n";
  std::for_each(lines.begin() + 1, lines.end(), write);
}

void Markdown::fence(const std::vector<std::string>& content, std::string_view language, std::string_view indent) {
  const std::string marks = fence_for(content);
  text_ += fmt::format("{}{}{}\n", indent, marks, language);
  for (const std::string& line : content) {
    text_ += indent;
    text_ += line;
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += '\n';
  }
  text_ += fmt::format("{}{}\n", indent, marks);
}

void Markdown::command(std::string_view text, InItem in_item) {
  const std::string_view indent = in_item == InItem::kYes ? kNumberedIndent : "";
  if (in_item == InItem::kNo) begin_block();
  const std::string safe = elide_middle(escape_terminal(text), kLongestText);
  std::vector<std::string> content = {safe};
  if (characters(safe) + indent.size() > kMarkdownLine) {
    content = wrap_command(safe, 0);
    if (content.size() > 1) content.front().erase(0, content.front().find_first_not_of(' '));
  }
  fence(content, "sh", indent);
}

void Markdown::preformatted(std::string_view text) {
  begin_block();
  std::vector<std::string> content;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    content.push_back(elide_middle(escape_terminal(text.substr(0, end)), kMarkdownLine));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  fence(content, "text", "");
}

std::string Markdown::take() {
  in_list_ = false;
  return std::move(text_);
}

}  // namespace tcpdiag::report
