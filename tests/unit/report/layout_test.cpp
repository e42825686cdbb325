// SPDX-License-Identifier: Apache-2.0
#include "report/layout.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using Lines = std::vector<std::string>;

TEST(Wrap, breaks_between_words) {
  EXPECT_EQ(wrap("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("  one   two ", 80), (Lines{"one two"}));
  EXPECT_EQ(wrap("", 80), (Lines{""}));
}

TEST(Wrap, cuts_what_is_longer_than_a_line_and_loses_nothing) {
  EXPECT_EQ(wrap("ab abcdefghij k", 4), (Lines{"ab", "abcd", "efgh", "ij k"}));
  EXPECT_EQ(wrap("\xe6\x97\xa5\xe6\x9c\xac", 3), (Lines{"\xe6\x97\xa5", "\xe6\x9c\xac"}));
}

TEST(Wrap, keeps_a_number_beside_its_unit) {
  EXPECT_EQ(wrap("you ask 29 % too much", 10), (Lines{"you ask", "29 % too", "much"}));
  EXPECT_EQ(wrap("at most 64 Mbit/s, or", 10), (Lines{"at most", "64 Mbit/s,", "or"}));
  EXPECT_EQ(wrap("rows 12 of them", 7), (Lines{"rows 12", "of them"}));
  EXPECT_EQ(wrap("12 ms", 4), (Lines{"12 m", "s"})) << "nothing is lost where it cannot fit";
}

TEST(ElideMiddle, is_linear) {  // else this takes minutes
  EXPECT_EQ(columns(elide_middle(std::string(300'000, 'x'), 40)), 40U);
}

TEST(ElideMiddle, keeps_both_ends) {
  EXPECT_EQ(elide_middle("short", 5), "short");
  EXPECT_EQ(elide_middle("/system.slice/a-long-name.service", 20), "/system.s....service");
  EXPECT_EQ(elide_middle("abcdef", 2), "..");
  for (std::size_t width = 0; width < 12; ++width) {
    EXPECT_LE(columns(elide_middle("\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5", width)), width);
  }
}

TEST(WrapCommand, stays_in_one_piece_where_it_fits) {
  EXPECT_EQ(wrap_command("ss -ltn", 12), (Lines{"            ss -ltn"}));
  EXPECT_EQ(wrap_command(std::string(78, 'x'), 12), (Lines{"  " + std::string(78, 'x')}));
}

TEST(WrapCommand, breaks_between_words_but_not_within_quotes) {
  const std::string filter = "'host 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff and tcp port 50051'";
  EXPECT_EQ(wrap_command("tcpdump -ni any " + filter, 12), (Lines{"  tcpdump -ni any \\", "    " + filter}));
}

TEST(WrapCommand, cuts_a_word_so_that_a_shell_joins_it) {
  EXPECT_EQ(wrap_command("echo " + std::string(100, 'a'), 12),
            (Lines{"  echo \\", std::string(78, 'a') + "\\", std::string(22, 'a')}));
  EXPECT_EQ(wrap_command("echo '" + std::string(100, 'a') + "'", 12),
            (Lines{"  echo \\", "'" + std::string(77, 'a') + "'\\", "'" + std::string(23, 'a') + "'"}));
}

TEST(FirstThatFits, takes_the_last_when_none_does) {
  EXPECT_EQ(first_that_fits({"abcd", "abc", "ab"}, 3), "abc");
  EXPECT_EQ(first_that_fits({"abcd", "abc"}, 1), "abc");
}

TEST(Page, escapes_trims_and_holds_the_width) {
  Page page(false);
  page.blank();
  page.line("a\x1b[0m  ");
  page.blank();
  page.blank();
  page.line(std::string(100, 'x'));
  page.blank();
  EXPECT_EQ(page.take(), "a\\x1b[0m\n\n" + std::string(39, 'x') + "..." + std::string(38, 'x') + "\n");
}

}  // namespace
}  // namespace tcpdiag::report
