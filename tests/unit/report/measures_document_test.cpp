// SPDX-License-Identifier: Apache-2.0
// docs/measures.md explains every figure of the report that is measured or counted, and names only tests that exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "model/sample.h"
#include "report/render.h"
#include "support/source_dir.h"
#include "unit/report/samples.h"

namespace tcpdiag::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Names = std::set<std::string>;
using ::testing::Contains;
using ::testing::Gt;
using ::testing::SizeIs;

const fs::path kSource = tcpdiag::source_dir();

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream text(kSource / file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words_in_backticks(const std::string& text) {
  static const std::regex word("`([^`]+)`");
  std::vector<std::string> words;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) words.push_back((*it)[1]);
  return words;
}

// The cell at `position` of a table's row; empty: there is none.
std::string cell_of(const std::string& row, std::size_t position) {
  std::istringstream cells(row);
  std::string cell;
  for (std::size_t i = 0; i <= position + 1; ++i) {
    if (!std::getline(cells, cell, '|')) return "";
  }
  return row.starts_with("|") ? cell : "";
}

// Names with a section, or a row of their own or shared with others. `refused` in a section that names
// `connect_outcomes` is "connect_outcomes.refused" as well.
Names explained_names() {
  Names names;
  std::vector<std::string> section;
  for (const std::string& line : lines_of("docs/measures.md")) {
    if (line.starts_with("#")) {
      section = words_in_backticks(line);
      names.insert(section.begin(), section.end());
    }
    for (const std::string& name : words_in_backticks(cell_of(line, 0))) {
      names.insert(name);
      for (const std::string& parent : section) names.insert(parent + "." + name);
    }
  }
  return names;
}

class MeasuresDocument : public ::testing::Test {
 protected:
  const Names explained_ = explained_names();
};

TEST_F(MeasuresDocument, explains_every_histogram) {
  const Json report = Json::parse(render_json(samples::incident_b(), {}));
  const Json& histograms = report["endpoints"][0]["histograms"];
  EXPECT_THAT(histograms, SizeIs(Gt(20U)));
  for (const auto& [name, histogram] : histograms.items()) EXPECT_THAT(explained_, Contains(name));
}

TEST_F(MeasuresDocument, explains_every_count_of_the_totals) {
  const Json totals = Json::parse(render_json(samples::incident_b(), {}))["totals"];
  EXPECT_THAT(totals, SizeIs(Gt(20U)));
  const Names by_kernel = {"reset_reasons", "drops"};  // whose keys are the kernel's
  for (const auto& [name, value] : totals.items()) {
    EXPECT_THAT(explained_, Contains(name));
    if (!value.is_object() || by_kernel.contains(name)) continue;
    for (const auto& [key, count] : value.items()) EXPECT_THAT(explained_, Contains(name + "." + key));
  }
}

TEST_F(MeasuresDocument, explains_every_counter_of_the_kernel) {
  for (const char* name : model::kKernelCounters) EXPECT_THAT(explained_, Contains(name));
}

// Keys of the timeline and of a socket that are times.
TEST_F(MeasuresDocument, explains_every_time_of_a_socket_in_the_json_document) {
  Names times;
  bool inside = false;
  for (const std::string& line : lines_of("docs/json.md")) {
    if (line.starts_with("#")) inside = line.find("`sockets[]`") != std::string::npos;
    if (!inside) continue;
    for (const std::string& word : words_in_backticks(line)) {
      if (word.ends_with("_us") && word != "offset_us") times.insert(word);
    }
  }
  EXPECT_THAT(times, SizeIs(Gt(5U)));
  for (const std::string& name : times) EXPECT_THAT(explained_, Contains(name));
}

// `accuracy.delays.FirstByte` is class FirstByte of tests/accuracy/test_delays.py; a fourth word is one of its tests.
TEST_F(MeasuresDocument, names_tests_that_exist) {
  static const std::regex test(R"((accuracy|live)\.(\w+)\.(\w+)(?:\.(test_\w+))?)");
  std::size_t found = 0;
  for (const std::string& line : lines_of("docs/measures.md")) {
    for (const std::string& word : words_in_backticks(line)) {
      std::smatch match;
      if (!std::regex_match(word, match, test)) continue;
      ++found;
      const fs::path file = fs::path("tests") / match[1].str() / ("test_" + match[2].str() + ".py");
      bool in_class = false;
      bool has_class = false;
      bool has_method = !match[4].matched;
      for (const std::string& code : lines_of(file)) {
        if (code.starts_with("class ")) in_class = code.starts_with("class " + match[3].str() + "(");
        has_class = has_class || in_class;
        has_method = has_method || (in_class && code.starts_with("    def " + match[4].str() + "("));
      }
      EXPECT_TRUE(has_class && has_method) << word << ", looked for in " << file;
    }
  }
  EXPECT_GT(found, 20U);
}

}  // namespace
}  // namespace tcpdiag::report
