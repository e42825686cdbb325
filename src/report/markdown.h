// SPDX-License-Identifier: Apache-2.0
// Markdown in the making.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag::report {

inline constexpr std::size_t kMarkdownLine = 300;      // characters
inline constexpr std::size_t kMarkdownBytes = 60'000;  // of a whole document; GitHub takes 65,536 characters

struct MarkdownColumn {
  std::string heading;
  bool is_number = false;  // aligned to the right
};

// A piece of Markdown in the making (GitHub Flavored Markdown 0.29). Whatever comes in is shown as text: each text goes
// through escape_markdown(), what is longer than a line is broken between words or elided. Labels are short.
class Markdown {
 public:
  void heading(int level, std::string_view text);
  void paragraph(std::string_view text);
  void label(std::string_view text);                         // "**text**", above what it names
  void item(std::string_view label, std::string_view text);  // "- **label**: text"
  void item(std::string_view text);
  void numbered(std::size_t number, std::string_view label, std::string_view text);  // "1. **label**: text"
  // Each row has as many cells as there are columns; cells that make a line too long are elided.
  void table(const std::vector<MarkdownColumn>& columns, const std::vector<std::vector<std::string>>& rows);
  // A command line to copy, broken as a shell takes it where it is too long; it may belong to numbered() before it.
  enum class InItem : std::uint8_t { kNo, kYes };
  void command(std::string_view text, InItem in_item = InItem::kNo);
  void preformatted(std::string_view text);

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  std::string take();  // ends with one newline; empty: nothing was written

 private:
  static constexpr std::string_view kNumberedIndent = "   ";  // what belongs to "1. "

  void begin_block();  // a blank line, unless it is the first
  void begin_item();   // the same, unless there is an item before it
  void lines(std::string_view first, std::string_view indent, std::string_view text);
  void fence(const std::vector<std::string>& content, std::string_view language, std::string_view indent);

  std::string text_;
  bool in_list_ = false;
};

}  // namespace tcpdiag::report
