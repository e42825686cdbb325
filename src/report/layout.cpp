// SPDX-License-Identifier: Apache-2.0
#include "report/layout.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "util/escape.h"

namespace tcpdiag::report {
namespace {

enum class Least : std::uint8_t { kNothing, kOneCharacter };

// Splits off as much of `text` as `width` columns hold, never within a character.
std::string_view take(std::string_view& text, std::size_t width, Least least) {
  std::size_t end = 0;
  std::size_t used = 0;
  while (end < text.size()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text.substr(end)), 1);
    const std::size_t more = columns(text.substr(end, length));
    const bool must = end == 0 && least == Least::kOneCharacter;
    if (!must && used + more > width) break;
    used += more;
    end += length;
  }
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

bool is_unit(std::string_view word) {
  constexpr std::array<std::string_view, 13> kUnits = {"%",   "us",  "ms",    "s",      "B",      "KiB",   "MiB",
                                                       "GiB", "TiB", "bit/s", "kbit/s", "Mbit/s", "Gbit/s"};
  while (!word.empty() && std::string_view(".,;:)").find(word.back()) != std::string_view::npos) word.remove_suffix(1);
  return std::find(kUnits.begin(), kUnits.end(), word) != kUnits.end();
}

// The next word; a number and its unit are one: "29 %", "64 Mbit/s,".
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::size_t end = std::min(text.find(' '), text.size());
  if (end > 0 && text[end - 1] >= '0' && text[end - 1] <= '9') {
    const std::string_view rest = text.substr(std::min(end + 1, text.size()));
    const std::string_view unit = rest.substr(0, rest.find(' '));
    if (is_unit(unit)) end += 1 + unit.size();
  }
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

// The next word of a command line, in which quoted blanks do not separate.
std::string_view next_command_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  char quote = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const char c = text[end];
    if (quote == 0 && c == ' ') break;
    if (quote == c) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    }
  }
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

// Cuts a word that no line holds. The halves begin in column 0, where a shell joins them again; a single-quoted text
// has to be closed and opened again for that.
std::vector<std::string> cut_command_word(std::string_view word) {
  std::vector<std::string> lines(1);
  bool quoted = false;
  while (!word.empty()) {
    std::string_view rest = word;
    const std::string_view character = take(rest, 1, Least::kOneCharacter);
    if (columns(lines.back()) + columns(character) > kPageColumns - 2) {
      lines.back() += quoted ? "'\\" : "\\";
      lines.emplace_back(quoted ? "'" : "");
    }
    if (character == "'") quoted = !quoted;
    lines.back() += character;
    word = rest;
  }
  return lines;
}

const char* escape_sequence(Style style) {
  switch (style) {
    case Style::kPlain:
    case Style::kMuted:
      return "";
    case Style::kHeading:
      return "\x1b[1m";
    case Style::kCritical:
      return "\x1b[1;31m";
    case Style::kWarning:
      return "\x1b[1;33m";
  }
  return "";
}

}  // namespace

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  while (true) {
    std::string_view word = next_word(text);
    if (word.empty()) break;
    const std::size_t wanted = columns(word);
    if (used > 0 && used + 1 + wanted <= width) {
      lines.back() += ' ';
      ++used;
    } else if (used > 0) {
      lines.emplace_back();
      used = 0;
    }
    while (columns(word) > width) {
      lines.back() = take(word, width, Least::kOneCharacter);
      lines.emplace_back();
    }
    lines.back() += word;
    used += columns(word);
  }
  return lines;
}

std::string elide_middle(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  constexpr std::string_view kMark = "...";
  if (width <= kMark.size()) return std::string(kMark.substr(0, width));
  const std::size_t kept = width - kMark.size();
  const std::size_t tail_width = kept / 2;
  std::string_view rest = text;
  const std::string head(take(rest, kept - tail_width, Least::kNothing));
  for (std::size_t left = columns(rest); left > tail_width;) left -= columns(take(rest, 1, Least::kOneCharacter));
  return head + std::string(kMark) + std::string(rest);
}

std::vector<std::string> wrap_command(std::string_view command, std::size_t indent) {
  constexpr std::size_t kIndent = 2;
  for (const std::size_t blanks : {indent, kIndent}) {
    if (blanks + columns(command) <= kPageColumns) return {std::string(blanks, ' ') + std::string(command)};
  }
  std::vector<std::string> lines = {std::string(kIndent, ' ')};
  bool is_first = true;
  for (std::string_view word = next_command_word(command); !word.empty(); word = next_command_word(command)) {
    const bool is_last = command.find_first_not_of(' ') == std::string_view::npos;
    const std::size_t room = kPageColumns - (is_last ? 0 : 2);  // for " \\"
    const std::string blank = is_first ? "" : " ";
    is_first = false;
    if (columns(lines.back()) + columns(blank) + columns(word) <= room) {
      lines.back() += blank + std::string(word);
      continue;
    }
    lines.back() += " \\";
    lines.push_back(std::string(2 * kIndent, ' ') + std::string(word));
    if (columns(lines.back()) > room) {
      lines.pop_back();
      for (std::string& piece : cut_command_word(word)) lines.push_back(std::move(piece));
    }
  }
  return lines;
}

std::string pad_right(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t used = columns(text);
  if (used < width) out.append(width - used, ' ');
  return out;
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::string first_that_fits(const std::vector<std::string>& variants, std::size_t width) {
  for (const std::string& variant : variants) {
    if (columns(variant) <= width) return variant;
  }
  return variants.empty() ? std::string() : variants.back();
}

void Page::line(std::string_view text, Style style) {
  std::string safe = elide_middle(escape_terminal(text), kPageColumns);
  safe.erase(safe.find_last_not_of(' ') + 1);
  const bool styled = colour_ && *escape_sequence(style) != 0 && !safe.empty();
  if (styled) text_ += escape_sequence(style);
  text_ += safe;
  if (styled) text_ += "\x1b[0m";
  text_ += '\n';
}

void Page::blank() {
  if (!text_.empty() && !text_.ends_with("\n\n")) text_ += '\n';
}

std::string Page::take() {
  while (text_.ends_with("\n\n")) text_.pop_back();
  return std::move(text_);
}

void Page::paragraph(std::string_view first, std::string_view text, Style style) {
  const std::size_t indent = columns(first);
  std::string begin(first);
  for (const std::string& piece : wrap(escape_terminal(text), kPageColumns - indent)) {
    line(begin + piece, style);
    begin.assign(indent, ' ');
  }
}

}  // namespace tcpdiag::report
