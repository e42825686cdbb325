// SPDX-License-Identifier: Apache-2.0
// A document of one node each in every format: nothing that it says is lost, and nobody's names become markup.
#include "report/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "report/render.h"

namespace tcpdiag::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Document document_of(Node node) {
  Document document;
  document.title = "Title";
  document.kicker = "Kicker";
  document.body.push_back(std::move(node));
  return document;
}

Section section_of(Node node) {
  Section section;
  section.id = "part";
  section.heading = "Heading";
  section.nodes.push_back(std::move(node));
  return section;
}

std::vector<std::string> in_all_formats(Node node) {
  const Document document = document_of(section_of(std::move(node)));
  return {render_text(document, false), render_markdown(document), render_html(document)};
}

TEST(Document, every_format_tells_every_node) {
  Table table;
  table.title = "Some figures";
  table.columns = {{"name", Align::kLeft, 20}, {"figure", Align::kRight, 10, 0, "ms"}};
  table.rows = {{{"first", "12"}, Style::kCritical, "", "a group", {{"lost", "a remark"}}}};
  table.notes = {"a note"};
  table.more = "and 3 more";
  for (const std::string& text : in_all_formats(table)) {
    for (const char* words :
         {"Some figures", "figure", "ms", "first", "12", "a group", "lost: a remark", "a note", "and 3 more"}) {
      EXPECT_THAT(text, HasSubstr(words));
    }
  }
  Facts facts;
  facts.facts.push_back({.label = "Who", .lead = "Who: ", .texts = {"ruby", "python"}});
  facts.facts.push_back({.label = "Evidence", .lead = "Evidence: ", .rows = {{"wait", "30 s"}}});
  facts.facts.push_back({.label = "Next", .lead = "Next: ", .actions = {{"look there", "us", "ss -tn"}}});
  facts.facts.push_back({.label = "Again", .lead = "", .command = "tcpdiag trace"});
  for (const std::string& text : in_all_formats(facts)) {
    for (const char* words : {"Who", "ruby", "python", "Evidence", "wait", "30 s", "Next", "look there", "us", "ss -tn",
                              "Again", "tcpdiag trace"}) {
      EXPECT_THAT(text, HasSubstr(words));
    }
  }
  Ladder ladder{"2 exchanges", "10.0.0.1:1", "10.0.0.2:2", {}};
  ladder.rows = {{"00:00:01", "", Way::kOut, false, "SYN"}, {"", "", Way::kHere, false, "2 s"}};
  for (const std::string& text : in_all_formats(ladder)) {
    for (const char* words : {"2 exchanges", "00:00:01", "SYN", "2 s"}) EXPECT_THAT(text, HasSubstr(words));
  }
  for (const std::string& text : in_all_formats(List{{"one", "two"}, "- ", "... 3 more"})) {
    for (const char* words : {"one", "two", "3 more"}) EXPECT_THAT(text, HasSubstr(words));
  }
}

TEST(Document, text_is_brief_where_there_are_brief_words) {
  const Document document = document_of(Paragraph{Words("all of the words", "few")});
  EXPECT_EQ(render_text(document, false), "few\n");
  EXPECT_THAT(render_markdown(document), HasSubstr("all of the words"));
  EXPECT_THAT(render_html(document), HasSubstr("all of the words"));
}

TEST(Document, a_heading_is_told_in_text_where_it_has_brief_words) {
  Section section = section_of(Paragraph{"words"});
  EXPECT_EQ(render_text(document_of(section), false), "words\n");
  section.heading.brief = "HEADING";
  EXPECT_EQ(render_text(document_of(section), false), "HEADING\n\nwords\n");
}

TEST(Document, names_are_escaped_everywhere) {
  const std::string evil = "<img src=x onerror=alert(1)>|\x1b[2J";
  Table table;
  table.title = evil;
  table.columns = {{evil, Align::kLeft, 20}, {"n", Align::kRight, 10}};
  table.rows = {{{evil, evil}, Style::kPlain, "", evil, {{"", evil}}}};
  table.notes = {evil};
  Facts facts;
  facts.facts.push_back({.label = "a",
                         .lead = "a ",
                         .texts = {evil},
                         .rows = {{evil, evil}},
                         .actions = {{evil, evil, "echo '" + evil + "'"}}});
  Section section = section_of(table);
  section.nodes.emplace_back(facts);
  section.nodes.emplace_back(Paragraph{evil});
  section.nodes.emplace_back(List{{evil}});
  section.nodes.emplace_back(Ladder{evil, evil, evil, {{evil, evil, Way::kIn, true, evil}}});
  section.heading = Words(evil, evil);
  Document document = document_of(section);
  document.title = document.kicker = evil;
  EXPECT_THAT(render_text(document, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_markdown(document), Not(HasSubstr("\x1b")));
  const std::string ticket = render_markdown(document);
  for (std::size_t at = ticket.find("<img"); at != std::string::npos; at = ticket.find("<img", at + 1)) {
    EXPECT_TRUE(ticket[at - 1] == '\\' || ticket[at - 1] == '\'') << ticket.substr(at - 20, 60);  // or within a command
  }
  EXPECT_THAT(render_html(document), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_html(document), Not(HasSubstr("<img")));
}

TEST(Document, a_page_without_drawings_has_no_script) {
  const std::string page = render_html(document_of(Paragraph{"words"}));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("script-src")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Document, a_ticket_keeps_its_end) {
  Document document;
  document.title = "Title";
  for (int i = 0; i < 100; ++i) document.body.emplace_back(section_of(Paragraph{std::string(1500, 'x')}));
  Section end = section_of(Paragraph{"how to repeat it"});
  end.is_kept = true;
  document.body.emplace_back(end);
  const std::string text = render_markdown(document);
  EXPECT_LT(text.size(), 60'000U);
  EXPECT_THAT(text, HasSubstr("more sections did not fit a ticket"));
  EXPECT_THAT(text, ::testing::EndsWith("how to repeat it\n"));
}

}  // namespace
}  // namespace tcpdiag::report
