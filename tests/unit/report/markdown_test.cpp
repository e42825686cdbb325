// SPDX-License-Identifier: Apache-2.0
#include "report/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "report/render.h"
#include "unit/report/golden.h"
#include "unit/report/samples.h"
#include "unit/report/samples_parts.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void expect_fit_for_a_ticket(const std::string& text) {
  EXPECT_LT(text.size(), kMarkdownBytes);
  EXPECT_TRUE(text.ends_with('\n'));
  EXPECT_EQ(valid_utf8(text), text);
  for (const std::string& line : lines_of(text)) {
    const auto characters = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
    EXPECT_LE(characters, static_cast<std::ptrdiff_t>(kMarkdownLine)) << line;
    EXPECT_EQ(escape_terminal(line), line) << "a terminal would act on this";
  }
}

std::string of(const model::Report& report) { return render_markdown(report, {}); }

class EveryMarkdown : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryMarkdown, is_as_in_its_golden_file) {
  tcpdiag::testing::expect_golden(std::string("report/") + GetParam() + ".md", of(samples::by_name(GetParam())));
}

TEST_P(EveryMarkdown, fits_a_ticket) {
  for (const std::size_t sockets : {0U, 2U, 100U}) {
    expect_fit_for_a_ticket(render_markdown(samples::by_name(GetParam()), {sockets}));
  }
}

INSTANTIATE_TEST_SUITE_P(Markdown, EveryMarkdown, ::testing::ValuesIn(samples::kNames),
                         [](const auto& sample) { return std::string(sample.param); });

TEST(Markdown, the_top_tells_cause_verdict_host_and_times) {
  const std::vector<std::string> lines = lines_of(of(samples::api_resets()));
  ASSERT_GT(lines.size(), 12U);
  EXPECT_EQ(lines[0], "## 203.0.113.10:443 reset 12 connections 30.0 s after the request");
  EXPECT_THAT(lines[2], HasSubstr("acknowledged in full, with no byte of a response"));
  const std::string top = of(samples::api_resets()).substr(0, 1500);
  EXPECT_THAT(top, HasSubstr("| Verdict    | cause found; critical, confidence high"));
  EXPECT_THAT(top, HasSubstr("| Impact     | 12 of 1201 exchanges failed (1.0 %)"));
  EXPECT_THAT(top, HasSubstr("| Next step  | peer: give the API's owner the times"));
  EXPECT_THAT(top, HasSubstr("2026-11-21 02:31:07.004 .. 03:12:19.880 UTC (2473 s, ended by a signal)"));
  EXPECT_THAT(top, HasSubstr("11:31 JST (+09:00) at the start"));
  EXPECT_THAT(top, HasSubstr("lost events: 0"));
}

TEST(Markdown, a_finding_tells_impact_times_owner_steps_and_doubts) {
  const std::string text = of(samples::api_resets());
  EXPECT_THAT(text, HasSubstr("\n- **Impact**: 12 of 1201 exchanges failed (1.0 %)\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\n- **Seen**: first 02:33:50.118, last 03:11:02.771 UTC; not ongoing at the end of the trace\n"));
  EXPECT_THAT(text, HasSubstr("\n- **Who**: ruby (pids 811, 812, 813), cgroup /system.slice/puma.service\n"));
  EXPECT_THAT(text, HasSubstr("\n- **Confidence**: medium. All three were tried by one process.\n"));
  EXPECT_THAT(text, HasSubstr("\n1. **peer**: give the API's owner the times"));
  EXPECT_THAT(text, HasSubstr("\n   ```sh\n   tcpdump -nvi any 'host 203.0.113.10"));
  EXPECT_THAT(text, HasSubstr("\n- **Ruled out if**: their log shows a response sent"));
  model::Report ongoing = samples::api_resets();
  ongoing.findings[0].ongoing = true;
  EXPECT_THAT(of(ongoing), HasSubstr("02:33:50.118, last 03:11:02.771 UTC; ongoing at the end of the trace\n"));
}

TEST(Markdown, what_the_top_tells_is_not_told_twice) {
  const model::Report report = samples::api_resets();
  const std::string text = of(report);
  const std::string words = report.summary.substr(0, 60);
  EXPECT_EQ(text.find(words), text.rfind(words));
}

TEST(Markdown, the_end_tells_how_to_repeat_it) {
  const std::string text = of(samples::incident_b());
  EXPECT_THAT(text, HasSubstr("- **Recording**: 6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b, 1.2 MiB, sha256 4e07408562be"));
  EXPECT_THAT(text, ::testing::EndsWith("```sh\ntcpdiag trace -D 6379\n```\n"));
  EXPECT_THAT(of(samples::api_resets()), HasSubstr("- **Recording**: none was made\n"));
}

TEST(Markdown, examples_tell_their_story) {
  const std::string text = of(samples::api_resets());
  EXPECT_THAT(
      text,
      HasSubstr("\n**02:33:50.118 reset by peer after 30.0 s, ruby 811, 10.0.3.17:41822 \u2192 203.0.113.10:443**\n"));
  EXPECT_THAT(text, HasSubstr("| to the peer   | request, 1412 B "));
  EXPECT_THAT(text, HasSubstr("... and 13 more connections in the JSON report"));
  EXPECT_THAT(render_markdown(samples::api_resets(), {0}), Not(HasSubstr("41822")));
}

TEST(Markdown, nothing_found_says_so_at_the_top) {
  EXPECT_THAT(of(samples::nothing_found()), ::testing::StartsWith("## Nothing wrong seen in TCP\n\nNothing wrong"));
  EXPECT_THAT(of(samples::nothing_seen()), ::testing::StartsWith("## No TCP traffic seen\n\nNo TCP traffic was"));
  EXPECT_THAT(of(samples::nothing_matched()), ::testing::StartsWith("## No TCP socket matched\n\nNo TCP socket"));
}

model::Report large(std::size_t endpoints, std::size_t sockets) {
  model::Report report = samples::api_resets();
  const model::EndpointPicture endpoint = report.picture.endpoints.front();
  const model::SocketStory story = report.picture.sockets.front();
  report.picture.endpoints.assign(endpoints, endpoint);
  report.picture.sockets.assign(sockets, story);
  for (std::size_t i = 0; i < endpoints; ++i) {
    report.picture.endpoints[i].key.at.port = static_cast<std::uint16_t>(1 + i);
  }
  report.findings[0].sockets.clear();
  for (std::size_t i = 0; i < sockets; ++i) report.findings[0].sockets.push_back(i);
  report.findings[1].sockets.clear();
  return report;
}

// Names that would be markup somewhere: in a table, at the start of a line, for a ticket system.
const std::vector<std::string>& hostile_names() {
  static const std::vector<std::string> kNames = {
      "a|b\\|c",
      "`code` ``",
      "<script>alert(1)</script>",
      "[x](javascript:alert(1))",
      "![x](https://evil.example/x.png)",
      "two\nlines\r\n\n# heading",
      "*a* _b_ **c** __d__ ~~e~~",
      "# heading",
      "@mention and someone@evil.example",
      "https://evil.example/?a=b&c and www.evil.example",
      "<!-- comment --> &amp; &#64;",
      "\x1b[2J\x07\x7f",
      "\xff\xfe\xc0\xaf",
      "\u202egnp.exe\u2066\u200b",
      "- item",
      "1. item",
      "> quotation",
      "    four blanks  ",
      "---",
      "$x^2$ #12 :smile: GH-1",
      "| a | b |",
      "```",
      "\\",
      "[^1] [ ] [x]",
  };
  return kNames;
}

// Every text that somebody else may have chosen is one of them.
model::Report hostile_report(std::size_t first) {
  std::size_t next = first;
  const auto name = [&next] { return hostile_names()[next++ % hostile_names().size()]; };
  model::Report report = samples::busy_server();
  model::Picture& picture = report.picture;
  report.summary = name();
  picture.start.host.hostname = name();
  picture.start.host.kernel = name();
  picture.start.host.utc_offset_name = name();
  picture.start.host.instance_type = name();
  picture.start.command = {name(), name()};
  picture.start.netns[0].name = name();
  picture.start.netns.push_back({1, name(), false, false, {}, {}});
  picture.start.filters.comms = {name()};
  picture.start.abilities = {{name(), false, name()}};
  const std::string device = name();  // arguments are worked out in any order
  picture.nics = {samples::nic(device, name(), {{"bw_out", 5}})};
  for (model::EndpointPicture& endpoint : picture.endpoints) {
    for (model::ProcessShare& process : endpoint.processes) process.comm = process.cgroup = name();
    endpoint.processes.push_back({name(), name(), {1, 2}, 1, 1, 1, 1, 1});
    endpoint.outcomes = {{"good", 5, 1, 1, 1, 1, 1, 1}, {name(), 3, 1, 1, 1, 1, 1, 1}};
  }
  for (model::SocketStory& story : picture.sockets) {
    if (story.owner) story.owner->comm = name();
    story.cgroup_path = name();
    for (model::TimelineMark& mark : story.timeline) {
      const auto reason = static_cast<std::uint32_t>(picture.start.reset_reasons.size());
      picture.start.reset_reasons[reason] = name();
      mark.body = model::mark::ResetSent{.reason = reason};
    }
  }
  for (model::Finding& finding : report.findings) {
    finding.code = name();
    finding.title = name();
    finding.explanation = name();
    finding.confidence_reasons = {name(), name()};
    finding.app_messages = {name(), name()};
    finding.disproved_by = name();
    finding.rows = {{name(), name()}, {"further", join({name(), name()}, ", ")}};
    finding.next_steps = {{name(), name(), model::Whose::kUs}, {name(), "", model::Whose::kPeer}};
  }
  report.not_visible = {name(), name()};
  return report;
}

// render_markdown.py looks for each of the names in what cmark-gfm makes of these files.
TEST(Markdown, hostile_names_are_as_in_the_golden_files) {
  std::string names;
  for (const std::string& name : hostile_names()) names += escape_terminal(name) + '\n';
  tcpdiag::testing::expect_golden("markdown/hostile_names.txt", names);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string text = of(hostile_report(i * hostile_names().size() / 4));
    expect_fit_for_a_ticket(text);
    tcpdiag::testing::expect_golden("markdown/hostile_" + std::to_string(i) + ".md", text);
  }
}

TEST(Markdown, a_large_report_fits_a_ticket_and_says_what_is_left_out) {
  const model::Report report = large(10'000, 20'000);
  const std::string text = of(report);
  expect_fit_for_a_ticket(text);
  EXPECT_THAT(text, HasSubstr("... and 9990 more endpoints in the JSON report"));
  EXPECT_THAT(text, HasSubstr("... and 19998 more connections in the JSON report"));
  expect_fit_for_a_ticket(render_markdown(report, {20'000}));
}

TEST(Markdown, sections_give_way_before_the_end_does) {
  model::Report report = large(10, 100);
  model::Finding& first = report.findings[0];
  first.explanation.assign(20'000, 'w');
  for (int i = 0; i < 50; ++i) {
    first.rows.push_back({"a key " + std::to_string(i), std::string(500, '*')});
    first.next_steps.push_back({std::string(3'000, '_'), std::string(2'000, 'x'), model::Whose::kPeer});
    first.app_messages.push_back(std::string(2'000, '|'));
  }
  report.findings.assign(40, first);
  const std::string text = render_markdown(report, {50});
  expect_fit_for_a_ticket(text);
  EXPECT_THAT(text, HasSubstr("did not fit a ticket"));
  EXPECT_THAT(text, HasSubstr("### Not seen"));
  EXPECT_THAT(text, ::testing::EndsWith("```sh\ntcpdiag trace -D 443\n```\n"));
}

TEST(Markdown, a_table_that_is_too_wide_loses_the_middle_of_its_longest_cells) {
  Markdown out;
  out.table({{"a"}, {"b", true}}, {{std::string(500, '|'), "12"}});
  const std::string text = out.take();
  EXPECT_THAT(text, HasSubstr("..."));
  EXPECT_THAT(text, HasSubstr("12 |\n"));
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), kMarkdownLine);
}

TEST(Markdown, long_text_breaks_behind_sentences) {
  Markdown out;
  const std::string sentence = "One " + std::string(180, 'x') + ".";
  out.item("Label", sentence + " " + sentence);
  EXPECT_EQ(out.take(), "- **Label**: " + sentence + "\n  " + sentence + "\n");
}

TEST(Markdown, a_fence_is_longer_than_any_within) {
  Markdown out;
  out.command("echo '````'");
  EXPECT_EQ(out.take(), "`````sh\necho '````'\n`````\n");
}

}  // namespace
}  // namespace tcpdiag::report
