// SPDX-License-Identifier: Apache-2.0
// Text and JSON of four answers, as files of tests/golden/size.
#include "report/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fake_table.h"
#include "report/size.h"
#include "unit/report/golden.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using size::baseline_of;
using size::fake_table;
using size::responses_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

size::Traffic asked(double per_s, double response = 32'768) {
  size::Traffic traffic = responses_of(response);
  traffic.rate_per_s = per_s;
  return traffic;
}

std::vector<std::pair<std::string, size::Plan>> plans() {
  std::vector<std::pair<std::string, size::Plan>> all;
  all.emplace_back("too_much", size::make_plan(asked(300), baseline_of(64), fake_table()));
  size::Traffic node = asked(200);
  node.request_bytes = 36;
  node.clients = 30;
  all.emplace_back("cache_node", size::make_plan(node, size::instance(1), fake_table()));
  all.emplace_back("types_only", size::make_plan(asked(300), std::nullopt, fake_table()));
  size::Traffic traced = asked(231.25, 32'778);
  traced.request_bytes = 36;
  traced.clients = 50;
  traced.segments_out = 23.4412;
  traced.segments_in = 12.0755;
  traced.rtt_floor_s = 1e-5;
  size::Measured measured;
  measured.endpoint = {.address = *model::Address::parse("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"), .port = 63790};
  measured.exchanges = 1'234'567'890;
  measured.endpoints_in_report = 256;
  measured.mean_per_s = 231.25;
  measured.busiest_per_s = 240;
  measured.seconds = 13;
  measured.ceiling_bit_per_s = 63.9e6;
  size::Limit ceiling = baseline_of(63.9);
  ceiling.source = size::LimitSource::kCeiling;
  all.emplace_back("traced", size::make_plan(traced, ceiling, fake_table(), measured));
  return all;
}

TEST(SizeRender, golden_files) {
  for (const auto& [name, plan] : plans()) {
    tcpdiag::testing::expect_golden("size/" + name + ".txt", render_text(size_document(plan), false));
    tcpdiag::testing::expect_golden("size/" + name + ".md", render_markdown(size_document(plan)));
    const SizeHeader header{.tool_version = "0.0.0", .tool_git = "", .command = {"tcpdiag", "size", name}};
    tcpdiag::testing::expect_golden("size/" + name + ".json", render_size_json(plan, header));
  }
}

TEST(SizeRender, lines_fit) {
  auto all = plans();
  size::Traffic large = responses_of(1e12);
  large.request_bytes = 1e12;
  large.rate_per_s = 1e9;
  large.clients = 10'000'000;
  all.emplace_back("large", size::make_plan(large, baseline_of(1e8), fake_table()));
  for (const auto& [name, plan] : all) {
    std::istringstream text(render_text(size_document(plan), false));
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(columns(line), 80U) << name << ": " << line;
      EXPECT_EQ(line.find("..."), std::string::npos) << name << ": " << line;
    }
  }
}

TEST(SizeRender, a_page_tells_what_the_text_tells) {
  for (const auto& [name, plan] : plans()) {
    const std::string page = render_html(size_document(plan));
    for (const char* words : {"Per exchange", "payload (B)", "Segments of at most 1448 B", "allowance"}) {
      EXPECT_THAT(page, HasSubstr(words)) << name;
    }
  }
}

TEST(SizeRender, answer_comes_first) {
  const auto answer = [](const size::Plan& plan) { return size_answer(plan); };
  EXPECT_EQ(answer(size::make_plan(asked(300), baseline_of(64), fake_table())),
            "64 Mbit/s carries 233 responses/s of 32 KiB; you ask 300/s: 28.6 % too much; t3.small, t4g.small "
            "(128 Mbit/s) carry 467/s.");
  EXPECT_EQ(answer(size::make_plan(asked(300), size::instance(5), fake_table())),
            "t4g.micro (64 Mbit/s) carries 233 responses/s of 32 KiB; you ask 300/s: 28.6 % too much; t4g.small "
            "(128 Mbit/s) carries 467/s.");
  EXPECT_EQ(answer(size::make_plan(asked(200), baseline_of(64), fake_table())),
            "64 Mbit/s carries 233 responses/s of 32 KiB; you ask 200/s: 85.7 % of it.");
  EXPECT_EQ(answer(size::make_plan(responses_of(32'768), baseline_of(64), fake_table())),
            "64 Mbit/s carries 233 responses/s of 32 KiB.");
  EXPECT_EQ(answer(size::make_plan(asked(300), std::nullopt, fake_table())),
            "300 responses/s of 32 KiB take 82.3 Mbit/s on the wire; t3.small, t4g.small (128 Mbit/s) carry 467/s.");
  EXPECT_THAT(answer(size::make_plan(asked(1e5), baseline_of(64), fake_table())),
              HasSubstr("429 times as much; no instance type of the table carries that."));
  for (const auto& [name, plan] : plans()) {
    const std::string text = render_text(size_document(plan), false);
    EXPECT_THAT(text, StartsWith(size_answer(plan).substr(0, 40))) << name;
  }
}

}  // namespace
}  // namespace tcpdiag::report
