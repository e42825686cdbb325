// SPDX-License-Identifier: Apache-2.0
// Text and JSON of comparisons, as files of tests/golden/diff.
#include "report/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "diff/compare.h"
#include "report/diff.h"
#include "unit/diff/samples.h"
#include "unit/report/golden.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::pair<std::string, diff::Comparison>> comparisons() {
  using namespace diff::samples;
  std::vector<std::pair<std::string, diff::Comparison>> all;
  all.emplace_back("worse", diff::compare(api_good(), api_bad()));
  all.emplace_back("better", diff::compare(api_bad(), api_good()));
  all.emplace_back("no_difference", diff::compare(api_good(), api_good()));
  all.emplace_back("perhaps", diff::compare(steady(), one_pause()));
  all.emplace_back("hostile", diff::compare(api_good(), hostile()));
  all.emplace_back("nothing_to_compare", diff::compare(base(60), api_good()));
  all.emplace_back("one_run", diff::compare_outcomes(some_failed()));
  all.emplace_back("one_run_without_failures", diff::compare_outcomes(api_good()));
  return all;
}

TEST(DiffRender, golden_files) {
  for (const auto& [name, comparison] : comparisons()) {
    tcpdiag::testing::expect_golden("diff/" + name + ".txt", render_text(diff_document(comparison), false));
    tcpdiag::testing::expect_golden("diff/" + name + ".md", render_markdown(diff_document(comparison)));
    const DiffHeader header{.tool_version = "0.0.0", .tool_git = "", .command = {"tcpdiag", "diff", name}};
    tcpdiag::testing::expect_golden("diff/" + name + ".json", render_diff_json(comparison, header));
  }
}

TEST(DiffRender, lines_fit_and_are_whole) {
  for (const auto& [name, comparison] : comparisons()) {
    std::istringstream text(render_text(diff_document(comparison), false));
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(columns(line), 80U) << name << ": " << line;
      EXPECT_EQ(line, escape_terminal(line)) << name;
      EXPECT_TRUE(line.find("...") == std::string::npos || line.find("more in the JSON") != std::string::npos)
          << name << ": " << line;
    }
  }
}

TEST(DiffRender, the_answer_is_the_first_line) {
  for (const auto& [name, comparison] : comparisons()) {
    const std::string answer = escape_terminal(diff_answer(comparison));
    const std::string first_words = answer.substr(0, 20);
    EXPECT_THAT(render_text(diff_document(comparison), false), StartsWith(first_words)) << name;
  }
}

TEST(DiffRender, a_page_tells_what_the_text_tells) {
  const std::string page =
      render_html(diff_document(diff::compare(diff::samples::api_good(), diff::samples::api_bad())));
  for (const char* words : {"BAD fails 5.1 % of the exchanges", "about 1485 slower", "GOOD: 1200 values", "<meter",
                            "tcp_syn_retries", "Only in BAD", "Not compared", "Paired by guess"}) {
    EXPECT_THAT(page, HasSubstr(words));
  }
}

TEST(DiffRender, colour_only_where_asked) {
  const auto comparison = diff::compare(diff::samples::api_good(), diff::samples::api_bad());
  EXPECT_THAT(render_text(diff_document(comparison), true), HasSubstr("\x1b[1;31m"));
  EXPECT_THAT(render_text(diff_document(comparison), false), Not(HasSubstr("\x1b")));
}

TEST(DiffRender, both_distributions_share_their_buckets) {
  const std::string text =
      render_text(diff_document(diff::compare(diff::samples::api_good(), diff::samples::api_bad())), false);
  EXPECT_THAT(text, HasSubstr("GOOD: 1200 values"));
  EXPECT_THAT(text, HasSubstr("BAD: 1800 values"));
}

}  // namespace
}  // namespace tcpdiag::report
