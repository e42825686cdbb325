// SPDX-License-Identifier: Apache-2.0
// HTML in the making.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

#include "util/escape.h"

namespace tcpdiag::report {

// What stands in every page as it is: the style sheet, the script, the library that draws the charts. Made at build
// time by web/embed.cmake.
struct HtmlPart {
  std::string_view text;
  std::string_view hash;  // "sha256-...", as a Content-Security-Policy names it (CSP level 3, 2.3.1)
};
HtmlPart html_style();
HtmlPart html_script();
HtmlPart html_charts();  // Chart.js 3, MIT licence

// A page in the making. Markup is checked at compile time, so it is always a literal of ours; every argument that is
// not a number goes through escape_html(). Nobody can put unescaped text into a page by mistake.
class Html {
  template <typename T>
  using Shown = std::conditional_t<std::is_arithmetic_v<T>, T, std::string>;

 public:
  template <typename... Args>
  void put(fmt::format_string<Shown<Args>...> markup, const Args&... args) {
    fmt::format_to(std::back_inserter(text_), markup, shown(args)...);
  }

  // The two that are not literals of ours in the source: a part as it was embedded, and JSON in ASCII, which cannot end
  // the <script> it stands in, as it has no "<" then.
  void put_part(const HtmlPart& part) { text_ += part.text; }
  void put_json(std::string_view json);
  void append(Html&& other) { text_ += other.text_; }

  std::string take() { return std::move(text_); }

 private:
  template <typename T>
  static Shown<T> shown(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return value;
    } else {
      return escape_html(value);
    }
  }

  std::string text_;
};

}  // namespace tcpdiag::report
