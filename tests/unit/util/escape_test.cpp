// SPDX-License-Identifier: Apache-2.0
#include "util/escape.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tcpdiag {
namespace {

TEST(EscapeTerminal, leaves_ordinary_text_alone) {
  for (const std::string_view text : {"", "ruby", "puma: worker 3 [app]", "/system.slice/dev-disk\\x2dby.device",
                                      "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x90\x98"}) {
    EXPECT_EQ(escape_terminal(text), text);
  }
}

TEST(EscapeTerminal, shows_what_a_terminal_would_act_on) {
  EXPECT_EQ(escape_terminal("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(escape_terminal("a\nb\tc\r\x7f"), "a\\x0ab\\x09c\\x0d\\x7f");
  EXPECT_EQ(escape_terminal(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape_terminal("\xc2\x9b"
                            "31m"),
            "\\xc2\\x9b31m")
      << "C1 control: CSI in one character";
  EXPECT_EQ(escape_terminal("\xe2\x80\xae"), "\\u202e");
  EXPECT_EQ(escape_terminal("\xe2\x81\xa6x\xe2\x80\x8b\xef\xbb\xbf"), "\\u2066x\\u200b\\ufeff");
  EXPECT_EQ(escape_terminal("\xf3\xa0\x81\x81"), "\\U000e0041");
}

TEST(EscapeTerminal, shows_each_byte_that_is_not_utf8) {
  EXPECT_EQ(escape_terminal("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape_terminal("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(escape_terminal("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(escape_terminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
  EXPECT_EQ(escape_terminal("\xe6\x97"), "\\xe6\\x97") << "cut short";
  EXPECT_EQ(escape_terminal("\xe6z"), "\\xe6z");
}

TEST(EscapeTerminal, twice_is_as_once_for_every_byte_pair) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      const std::string once = escape_terminal(text);
      ASSERT_EQ(escape_terminal(once), once);
      for (const char c : once) ASSERT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

TEST(EscapeHtml, leaves_nothing_that_is_markup) {
  EXPECT_EQ(escape_html("<a href='x' id=\"y\">&amp;"), "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp;amp;");
  EXPECT_EQ(escape_html("ruby \xe6\x97\xa5"), "ruby \xe6\x97\xa5");
}

TEST(EscapeHtml, shows_what_a_browser_would_hide_or_act_on) {
  EXPECT_EQ(escape_html("\xe2\x80\xae<\n\xff"), "\\u202e&lt;\\x0a\\xff");
}

TEST(EscapeHtml, holds_no_markup_whatever_two_bytes_come) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string out = escape_html(std::string{static_cast<char>(a), static_cast<char>(b)});
      ASSERT_EQ(out.find_first_of("<>\"'"), std::string::npos);
      ASSERT_EQ(valid_utf8(out), out);
    }
  }
}

TEST(EscapeMarkdown, leaves_ordinary_text_readable) {
  for (const std::string_view text :
       {"", "ruby", "12 of 1201 exchanges (1.0 %), 02:31:07.004", "path_queue", "/system.slice/puma.service",
        "user request -> call, p50", "10.0.0.1:443", "-5", "caf\xc3\xa9", "a + b = c"}) {
    EXPECT_EQ(escape_markdown(text), text);
  }
}

TEST(EscapeMarkdown, takes_markup_as_text) {
  EXPECT_EQ(escape_markdown("a|b"), "a\\|b");
  EXPECT_EQ(escape_markdown("`x` *y* ~z~"), "\\`x\\` \\*y\\* \\~z\\~");
  EXPECT_EQ(escape_markdown("_x_ a__b"), "\\_x\\_ a\\_\\_b");
  EXPECT_EQ(escape_markdown("<script>&amp;<!-- -->"), "\\<script>\\&amp;\\<!-- -->");
  EXPECT_EQ(escape_markdown("[x](javascript:y)"), "\\[x\\](javascript:y)");
  EXPECT_EQ(escape_markdown("dev-disk\\x2d"), "dev-disk\\\\x2d");
}

TEST(EscapeMarkdown, begins_no_block) {
  EXPECT_EQ(escape_markdown("- x"), "\\- x");
  EXPECT_EQ(escape_markdown("---"), "\\---");
  EXPECT_EQ(escape_markdown("+"), "\\+");
  EXPECT_EQ(escape_markdown("==="), "\\===");
  EXPECT_EQ(escape_markdown("> x"), "\\> x");
  EXPECT_EQ(escape_markdown("12. x"), "12\\. x");
  EXPECT_EQ(escape_markdown("1) x"), "1\\) x");
  EXPECT_EQ(escape_markdown("    x "), "&#32;   x&#32;");
}

TEST(EscapeMarkdown, makes_code_of_what_would_be_linked_without_markup) {
  EXPECT_EQ(escape_markdown("by @mention"), "by `@mention`");
  EXPECT_EQ(escape_markdown("#12 $x$"), "`#12` `$x$`");
  EXPECT_EQ(escape_markdown("see https://evil.example/x."), "see `https://evil.example/x.`");
  EXPECT_EQ(escape_markdown("www.evil.example"), "`www.evil.example`");
  EXPECT_EQ(escape_markdown(":smile:"), "`:smile:`");
  EXPECT_EQ(escape_markdown("[2001:db8:100::1]:443"), "`[2001:db8:100::1]:443`");
  EXPECT_EQ(escape_markdown("a|@b`c"), "a\\|`@b`\\`c") << "neither bar nor backtick within the code";
}

TEST(EscapeMarkdown, shows_what_is_not_seen) {
  EXPECT_EQ(escape_markdown("\xe2\x80\xae\n\xff"), "\\\\u202e\\\\x0a\\\\xff");
}

TEST(ValidUtf8, replaces_each_invalid_byte) {
  EXPECT_EQ(valid_utf8("a\xff\xe6\x97z"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
  EXPECT_EQ(valid_utf8("\x1b\n\xe2\x80\xae"), "\x1b\n\xe2\x80\xae") << "what JSON can quote stays";
}

TEST(Columns, counts_wide_characters_twice) {
  EXPECT_EQ(columns("ruby"), 4U);
  EXPECT_EQ(columns("caf\xc3\xa9"), 4U);
  EXPECT_EQ(columns("\xe6\x97\xa5\xe6\x9c\xac"), 4U);
}

}  // namespace
}  // namespace tcpdiag
