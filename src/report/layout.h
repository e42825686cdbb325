// SPDX-License-Identifier: Apache-2.0
// Text that fits a terminal: wrapping, eliding, and the page that holds every line to 80 columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/document.h"

namespace tcpdiag::report {

inline constexpr std::size_t kPageColumns = 80;

// Words of `text` in lines of at most `width` columns; a number stays beside its unit ("29 %"). A word that is longer
// is cut: nothing is lost. At least one line.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// `text`, or its two ends with "..." between them when it is wider than `width`: both ends of a cgroup's path tell.
std::string elide_middle(std::string_view text, std::size_t width);

// A shell command as lines of a page, indented by `indent` where it fits on one. Otherwise it is broken between words,
// or, as a last resort, within one; pasted as it is, it is the same command.
std::vector<std::string> wrap_command(std::string_view command, std::size_t indent);

std::string pad_right(std::string_view text, std::size_t width);  // text, then spaces
std::string pad_left(std::string_view text, std::size_t width);   // spaces, then text

// The first of `variants` that takes at most `width` columns, else the last. They go from the best to the shortest.
std::string first_that_fits(const std::vector<std::string>& variants, std::size_t width);

// The lines written so far. Every line goes through escape_terminal(), loses its trailing blanks and, as a last resort,
// is elided to 80 columns: whoever composes lines has made them fit already.
class Page {
 public:
  explicit Page(bool colour) : colour_(colour) {}

  void line(std::string_view text, Style style = Style::kPlain);
  void blank();  // a blank line, unless the page is empty or ends with one
  // `text` wrapped; the first line begins with `first`, the others are indented to the same column.
  void paragraph(std::string_view first, std::string_view text, Style style = Style::kPlain);

  // The whole text. Ends the page: no blank lines at its end.
  std::string take();

 private:
  bool colour_;
  std::string text_;
};

}  // namespace tcpdiag::report
