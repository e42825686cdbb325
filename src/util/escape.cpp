// SPDX-License-Identifier: Apache-2.0
#include "util/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "util/number.h"

namespace tcpdiag {
namespace {

using Range = std::pair<char32_t, char32_t>;  // both ends belong to it

// `ranges` ascend.
bool is_in(std::span<const Range> ranges, char32_t c) {
  if (c < ranges.front().first) return false;
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return r.first <= c && c <= r.second; });
}

// Characters that are not seen themselves but change how others are shown.
constexpr std::array<Range, 11> kInvisible = {{
    {0x00ad, 0x00ad},    // soft hyphen
    {0x061c, 0x061c},    // Arabic letter mark
    {0x180e, 0x180e},    // Mongolian vowel separator
    {0x200b, 0x200f},    // zero width, left-to-right and right-to-left marks
    {0x2028, 0x202e},    // line and paragraph separators, bidirectional embeddings and overrides
    {0x2060, 0x206f},    // word joiner, bidirectional isolates
    {0xfe00, 0xfe0f},    // variation selectors
    {0xfeff, 0xfeff},    // byte order mark
    {0xfff9, 0xfffb},    // interlinear annotation
    {0xe0000, 0xe007f},  // tags
    {0xe0100, 0xe01ef},  // variation selectors supplement
}};

// East Asian Width W and F of Unicode 15, in coarse blocks.
constexpr std::array<Range, 10> kWide = {{
    {0x1100, 0x115f},
    {0x231a, 0x231b},
    {0x2e80, 0x303e},
    {0x3041, 0xa4cf},
    {0xa960, 0xa97f},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff00, 0xffe6},
    {0x16fe0, 0x3fffd},
}};

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void append_hex(std::string& out, std::uint32_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kDigits[(value >> shift) & 0xf];
}

// ":smile:" and the like somewhere in `word`; also within an IPv6 address (":100:" is one). Not the time "02:31:07".
bool has_emoji_name(std::string_view word) {
  for (std::size_t colon = word.find(':'); colon != std::string_view::npos; colon = word.find(':', colon + 1)) {
    const std::string_view rest = word.substr(colon + 1);
    const auto ends = std::find_if_not(rest.begin(), rest.end(),
                                       [](char c) { return is_alphanumeric(c) || c == '_' || c == '+' || c == '-'; });
    const std::string_view name = rest.substr(0, static_cast<std::size_t>(ends - rest.begin()));
    const bool is_clock = name.size() <= 2 && std::all_of(name.begin(), name.end(), is_digit);
    if (!is_clock && ends != rest.end() && *ends == ':') return true;
  }
  return false;
}

// What is made a link, a formula or a picture of where no markup asks for it.
bool is_linked_unasked(std::string_view word) {
  const bool is_reference = word.find_first_of("@#$") != std::string_view::npos;
  const bool is_url = word.find("://") != std::string_view::npos || word.find("www.") != std::string_view::npos;
  return is_reference || is_url || has_emoji_name(word);
}

// `c` in the middle of a line of Markdown, between `before` and `after` (0: none).
bool is_markup(char c, char before, char after) {
  constexpr std::string_view kAlways = "\\`*[]<|~&";
  if (c == '_') return !is_alphanumeric(before) || !is_alphanumeric(after);  // within a word it is an underscore
  return kAlways.find(c) != std::string_view::npos;
}

// The character of `line` that makes it a list item, a quotation, a rule or the underline of a heading; npos: none
// does.
std::size_t block_marker(std::string_view line) {
  if (line.empty()) return std::string_view::npos;
  const char second = line.size() > 1 ? line[1] : ' ';
  if (line[0] == '>' || line[0] == '=') return 0;
  if (line[0] == '-' || line[0] == '+') return second == ' ' || second == '-' ? 0 : std::string_view::npos;
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  const bool is_number = digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')');
  const bool is_item = is_number && (digits + 1 == line.size() || line[digits + 1] == ' ');
  return is_item ? digits : std::string_view::npos;
}

}  // namespace

std::size_t utf8_length(std::string_view text, char32_t* character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (text.empty()) return 0;
  const std::uint8_t first = byte(0);
  std::size_t length = 0;
  char32_t c = 0;
  char32_t smallest = 0;  // smaller: an overlong form
  if (first < 0x80) {
    length = 1, c = first, smallest = 0;
  } else if ((first & 0xe0) == 0xc0) {
    length = 2, c = first & 0x1f, smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, c = first & 0x0f, smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, c = first & 0x07, smallest = 0x10000;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    c = (c << 6) | (byte(i) & 0x3f);
  }
  const bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
  if (c < smallest || c > 0x10ffff || is_surrogate) return 0;
  if (character != nullptr) *character = c;
  return length;
}

std::string escape_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t c = 0;
    const std::size_t length = utf8_length(text, &c);
    const std::size_t taken = std::max<std::size_t>(length, 1);
    if (length == 0 || is_control(c)) {
      for (const char byte : text.substr(0, taken)) {
        out += "\\x";
        append_hex(out, static_cast<std::uint8_t>(byte), 2);
      }
    } else if (is_in(kInvisible, c)) {
      const bool is_short = c <= 0xffff;
      out += is_short ? "\\u" : "\\U";
      append_hex(out, static_cast<std::uint32_t>(c), is_short ? 4 : 8);
    } else {
      out += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : escape_terminal(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// CommonMark 0.31 and GitHub's extensions. A word that would be linked becomes a code span, which holds none of the
// three characters that have a meaning there too: a backtick, a table's bar and the backslash before one.
std::string escape_markdown(std::string_view text) {
  const std::string safe = escape_terminal(text);
  const std::size_t marker = block_marker(safe);
  std::string out;
  std::size_t at = 0;
  while (at < safe.size()) {
    const std::size_t end = std::min(safe.find_first_of(" `|\\", at), safe.size());
    const std::string_view word = std::string_view(safe).substr(at, end - at);
    if (is_linked_unasked(word)) {
      out += '`' + std::string(word) + '`';
      at = end;
      continue;
    }
    for (const std::size_t stop = std::min(end + 1, safe.size()); at < stop; ++at) {
      const char before = at > 0 ? safe[at - 1] : '\0';
      const char after = at + 1 < safe.size() ? safe[at + 1] : '\0';
      const bool at_an_end = at == 0 || at + 1 == safe.size();
      if (safe[at] == ' ' && at_an_end) {
        out += "&#32;";  // four would be code at the beginning, two a new line at the end
        continue;
      }
      if (at == marker || is_markup(safe[at], before, after)) out += '\\';
      out += safe[at];
    }
  }
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    char32_t c = 0;
    const std::size_t length = utf8_length(text, &c);
    sum += is_in(kWide, c) ? 2 : 1;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return sum;
}

}  // namespace tcpdiag
