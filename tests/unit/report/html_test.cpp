// SPDX-License-Identifier: Apache-2.0
// What can be held of an HTML report without a browser; tests/web has the rest.
#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"
#include "report/json.h"
#include "report/render.h"
#include "report/trace_document.h"
#include "unit/report/samples.h"

namespace tcpdiag::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) return {};
  const std::size_t start = from + begin.size();
  return text.substr(start, text.find(end, start) - start);
}

// The page without what is embedded in every one.
std::string own_part(const model::Report& report) {
  const std::string page = render_html(report, {});
  return between(page, "<body>", "<script");
}

Json data_of(const std::string& page) {
  return Json::parse(between(page, "<script type=\"application/json\" id=\"report\">", "</script>"), nullptr, false);
}

class EveryPage : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryPage, tells_the_verdict_and_the_first_finding) {
  const model::Report report = samples::by_name(GetParam());
  const std::string page = own_part(report);
  EXPECT_EQ(occurrences(page, "<h1>"), 1U);
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    EXPECT_THAT(page, HasSubstr("id=\"" + Ids::finding(i) + "\"")) << report.findings[i].code;
  }
}

TEST_P(EveryPage, opens_and_closes_every_element) {
  const std::string page = own_part(samples::by_name(GetParam()));
  const std::regex tag("<(/?)([a-z][a-z0-9]*)[^>]*>");
  std::vector<std::string> open;
  for (std::sregex_iterator it(page.begin(), page.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[2];
    if (name == "input") continue;
    if ((*it)[1].length() == 0) {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << name;
    ASSERT_EQ(open.back(), name) << "at " << page.substr(static_cast<std::size_t>(it->position()), 80);
    open.pop_back();
  }
  EXPECT_THAT(open, IsEmpty());
}

TEST_P(EveryPage, asks_for_nothing) {
  const std::string page = own_part(samples::by_name(GetParam()));
  for (const char* what : {" src=", "url(", "@import", "<link", "<iframe", " style=", " onclick=", " onload="}) {
    EXPECT_THAT(page, Not(HasSubstr(what)));
  }
  EXPECT_EQ(occurrences(page, " href="), occurrences(page, " href=\"#"));
}

TEST_P(EveryPage, is_the_same_for_the_same_report) {
  EXPECT_EQ(render_html(samples::by_name(GetParam()), {}), render_html(samples::by_name(GetParam()), {}));
}

TEST_P(EveryPage, has_valid_json_for_its_charts) {
  const model::Report report = samples::by_name(GetParam());
  const Json data = data_of(render_html(report, {}));
  ASSERT_TRUE(data.is_object());
  EXPECT_EQ(data["part_of"], "tcpdiag.report/1");
  EXPECT_EQ(data["findings"].size(), report.findings.size());
}

INSTANTIATE_TEST_SUITE_P(Html, EveryPage, ::testing::ValuesIn(samples::kNames),
                         [](const auto& sample) { return std::string(sample.param); });

TEST(Html, policy_names_the_hash_of_each_part) {
  const std::string page = render_html(samples::nothing_found(), {});
  const std::string policy = between(page, "Content-Security-Policy\" content=\"", "\"");
  EXPECT_THAT(policy,
              StartsWith("default-src 'none'; style-src '" + std::string(html_style().hash) + "'; script-src '"));
  EXPECT_THAT(policy, HasSubstr(std::string(html_charts().hash)));
  EXPECT_THAT(policy, HasSubstr(std::string(html_script().hash)));
  EXPECT_THAT(policy, HasSubstr("base-uri 'none'; form-action 'none'"));
  EXPECT_EQ(between(page, "<style>", "</style>"), html_style().text);
  EXPECT_EQ(occurrences(page, "<script>"), 2U);
}

TEST(Html, arguments_are_escaped_and_numbers_are_not) {
  Html html;
  html.put("<b title=\"{}\">{}</b> {} {:.1f}", "\"'", std::string("<i>&\xff\x07"), 7U, 2.5);
  EXPECT_EQ(html.take(), "<b title=\"&quot;&#39;\">&lt;i&gt;&amp;\\xff\\x07</b> 7 2.5");
}

TEST(Html, json_cannot_end_its_element) {
  Html html;
  html.put_json(json_line({{"name", "</script><!--\u2028\xff"}}));
  EXPECT_EQ(html.take(), "{\"name\":\"\\u003c/script>\\u003c!--\\u2028\\ufffd\"}");
}

TEST(Html, hostile_names_are_text) {
  model::Report report = samples::api_resets();
  const std::string evil = "<img src=x onerror=alert(1)></script>\"'";
  report.picture.start.host.hostname = report.picture.start.reset_reasons[1] = evil;
  for (model::SocketStory& story : report.picture.sockets) {
    story.owner->comm = story.cgroup_path = evil;
    story.timeline.front().body = model::mark::ResetSent{.reason = 1};
    story.look_up = model::LookUpBefore{.name = evil};
    story.timeline.push_back({story.timeline.back().at, model::mark::LookUp{.queries = 1}});
  }
  report.findings[0].explanation = report.findings[0].disproved_by = evil;
  report.findings[0].evidence.push_back({evil, evil});
  report.findings[0].rows.push_back({evil, evil});
  const std::string page = render_html(report, {});
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_EQ(occurrences(page, "</script>"), 3U);
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;&quot;&#39;"));
}

TEST(Html, cause_stands_before_everything_but_the_header) {
  const std::string page = own_part(samples::linked());
  const std::size_t cause = page.find("Cause 1: 10.77.0.2:6379 sends at most 64 Mbit/s");
  ASSERT_NE(cause, std::string::npos);
  EXPECT_EQ(page.rfind("<section", cause), page.find("<section"));
  EXPECT_THAT(page, HasSubstr("<li id=\"f2\">2 path-queueing (critical)"));
  EXPECT_LT(page.find("path-queueing"), page.find("Notice 4"));
}

TEST(Html, a_finding_has_everything_a_ticket_needs) {
  const std::string page = between(own_part(samples::api_resets()), "id=\"f1\"", "</article>");
  for (const char* words :
       {"critical", "confidence high", "peer-reset-awaiting-response", "12 of 1201 exchanges failed (1.0 %)",
        "first <time datetime=\"2026-11-21T02:33:50.118Z\">", "not ongoing",
        "ruby (pids 811, 812, 813), cgroup /system", "Connection reset by peer", "30.0 s, all 12 within 40 ms",
        "gunicorn --timeout", "[peer]", "tcpdump -nvi any", "their log shows a response sent", "<a href=\"#c1\">"}) {
    EXPECT_THAT(page, HasSubstr(words));
  }
}

TEST(Html, header_tells_of_command_window_loss_and_recording) {
  model::Report report = samples::lossy();
  report.recording = model::RecordingFile{std::string(64, 'a'), 123'456};
  const std::string page = between(own_part(report), "<header>", "</header>");
  for (const std::string& words :
       {std::string("tcpdiag trace -D 443"), std::string("2026-11-21 02:31:07.004 .. 03:12:19.880 UTC"),
        std::string("11:31 JST (+09:00)"), std::string("NOT TRUSTWORTHY"), std::string("INCOMPLETE"),
        report.picture.start.recording_id, std::string(64, 'a')}) {
    EXPECT_THAT(page, HasSubstr(words));
  }
}

TEST(Html, every_loss_is_told_also_when_nothing_was_lost) {
  const std::string page = own_part(samples::nothing_found());
  for (const char* cause : {"ring full", "socket table full", "endpoint table full", "process table full",
                            "undecodable", "rate-limited", "samples thinned", "disk full"}) {
    EXPECT_THAT(page, HasSubstr("<tr><th scope=\"row\">" + std::string(cause) + "</th><td class=\"n\">0</td></tr>"));
  }
}

// --- Stories ---

model::Report with_timeline(model::Role role, std::vector<model::TimelineMark> timeline) {
  model::Report report = samples::api_resets();
  report.picture.sockets[0].socket.role = role;
  report.picture.sockets[0].timeline = std::move(timeline);
  return report;
}

std::string first_story(const model::Report& report) { return between(own_part(report), "id=\"c1\"", "</details>"); }

TEST(HtmlStory, connect_and_its_syn_are_two_moments) {
  const std::string story = first_story(
      with_timeline(model::Role::kOutbound, {{samples::at(1), model::mark::Connect{std::chrono::microseconds(40)}}}));
  EXPECT_THAT(story, HasSubstr("here: </span>connect()"));
  EXPECT_THAT(story, HasSubstr("to the peer: </span>SYN<"));
  EXPECT_THAT(story, HasSubstr("+40 us"));
}

TEST(HtmlStory, a_request_goes_out_of_a_client_and_into_a_server) {
  const std::vector<model::TimelineMark> asked = {{samples::at(1), model::mark::Request{512}}};
  EXPECT_THAT(first_story(with_timeline(model::Role::kOutbound, asked)),
              HasSubstr("to the peer: </span>request, 512 B"));
  EXPECT_THAT(first_story(with_timeline(model::Role::kInbound, asked)),
              HasSubstr("from the peer: </span>request, 512 B"));
}

TEST(HtmlStory, a_long_pause_is_told_with_what_was_missing) {
  const std::string story = first_story(samples::api_resets());
  EXPECT_THAT(story, HasSubstr("30.0 s without a byte of an answer"));
  EXPECT_THAT(story, Not(HasSubstr("2.0 s without a byte"))) << "nothing had been asked yet";
}

TEST(HtmlStory, as_many_as_asked_for_and_those_of_causes_first) {
  const model::Report report = samples::api_resets();
  EXPECT_THAT(Stories(report, 2, Extent::kPage).shown(), ElementsAre(0, 12)) << "an example of each cause";
  EXPECT_THAT(Stories(report, 50, Extent::kPage).shown(), SizeIs(15));
  EXPECT_EQ(Stories(report, 2, Extent::kPage).anchor(12), "c2");
  EXPECT_EQ(Stories(report, 2, Extent::kPage).anchor(3), "");
  EXPECT_EQ(occurrences(render_html(report, {2}), "<details class=\"story\""), 2U);
}

// --- Charts ---

TEST(HtmlCharts, endpoints_of_findings_come_first_and_their_values_are_bounded) {
  model::Report report = samples::linked();
  report.findings[3].endpoint = 7;
  const TraceView context{report, Extent::kPage, 0, Stories(report, 0, Extent::kPage)};
  EXPECT_EQ(charted_endpoints(context)[0], 0U);
  EXPECT_EQ(charted_endpoints(context)[1], 7U);
  report.picture.endpoints.assign(100, report.picture.endpoints[0]);
  EXPECT_THAT(charted_endpoints(context), SizeIs(30));
  for (model::EndpointPicture& endpoint : report.picture.endpoints) {
    endpoint.series = {0, 1, 1800, {}};
    for (const ChartSpec& chart : chart_specs()) {
      for (const ChartLine& line : chart.lines) endpoint.series.arrays[line.series].assign(1800, 1'000'000);
    }
  }
  EXPECT_THAT(charted_endpoints(context), SizeIs(1));
  EXPECT_LT(render_html(report, {}).size(), 1'200'000U);
}

TEST(HtmlCharts, data_is_that_of_the_json_report) {
  const model::Report report = samples::incident_b();
  const Json whole = Json::parse(render_json(report, {}));
  const Json data = data_of(render_html(report, {}));
  const Json& expected = whole["endpoints"][0];
  const Json& endpoint = data["endpoints"][0];
  EXPECT_EQ(endpoint["id"], expected["id"]);
  ASSERT_FALSE(endpoint["histograms"].empty());
  for (const auto& item : endpoint["histograms"].items()) {
    for (const auto& value : item.value().items()) {
      EXPECT_EQ(value.value(), expected["histograms"][item.key()][value.key()]) << item.key() << ' ' << value.key();
    }
  }
  for (const auto& item : endpoint["series"].items()) EXPECT_EQ(item.value(), expected["series"][item.key()]);
  EXPECT_FALSE(endpoint["series"].contains("connects")) << "nothing was measured";
}

TEST(HtmlCharts, every_series_and_measure_of_the_json_report_has_its_words) {
  const model::Report report = samples::incident_b();
  const Json endpoint = Json::parse(render_json(report, {}))["endpoints"][0];
  std::vector<std::string> known = {"start_offset_us", "interval_s", "n"};
  for (const ChartSpec& chart : chart_specs()) {
    for (const ChartLine& line : chart.lines) known.emplace_back(model::to_string(line.series));
  }
  for (const auto& item : endpoint["series"].items()) EXPECT_THAT(known, ::testing::Contains(item.key()));
  std::vector<std::string> measures;
  const Json data = data_of(render_html(report, {}));
  for (const Json& measure : data["measures"]) {
    EXPECT_NE(measure["words"], "");
    measures.push_back(measure["name"]);
  }
  for (const auto& item : endpoint["histograms"].items()) EXPECT_THAT(measures, ::testing::Contains(item.key()));
}

TEST(HtmlCharts, a_table_says_the_same_without_a_script) {
  const std::string table = between(own_part(samples::incident_b()), "The same as a table", "</table>");
  EXPECT_THAT(table, HasSubstr("every 2.0 s"));
  EXPECT_THAT(table, HasSubstr("<th scope=\"col\" class=\"n\">path_queue p50 (ms)</th>"));
  EXPECT_THAT(table, HasSubstr("<td class=\"n\">186</td>"));
  EXPECT_THAT(table, Not(HasSubstr("connects"))) << "never measured";
}

TEST(HtmlCharts, an_exceeded_allowance_has_a_chart) {
  const Json data = data_of(render_html(samples::throttled_node(), {}));
  const Json& chart = data["charts"].back();
  EXPECT_EQ(chart["id"], "allowance");
  EXPECT_EQ(chart["lines"][0]["label"], "ens5 bandwidth out");
  EXPECT_EQ(data_of(render_html(samples::api_resets(), {}))["charts"].back()["id"], "trouble");
}

}  // namespace
}  // namespace tcpdiag::report
