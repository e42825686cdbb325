// SPDX-License-Identifier: Apache-2.0
// Holds src/ to the table of docs/architecture.md: which folder may include which. The document is the only place that
// says it; this test reads it from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/source_dir.h"

namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::Key;
using testing::SizeIs;

const fs::path kSource = tcpdiag::source_dir();

struct Row {
  std::string folder;
  std::set<std::string> may_include;
  std::set<std::string> reserved;  // beginnings of headers that no other folder may include
};

struct Include {
  std::string file;    // from src/
  std::string folder;  // that it is in
  int line = 0;
  std::string header;
  bool quoted = false;

  std::string text() const {
    return file + ":" + std::to_string(line) + ": #include " + (quoted ? "\"" + header + "\"" : "<" + header + ">");
  }
};

std::set<std::string> words_in_backticks(const std::string& cell) {
  std::set<std::string> words;
  const std::regex word("`([^`]+)`");
  for (std::sregex_iterator it(cell.begin(), cell.end(), word), end; it != end; ++it) words.insert((*it)[1]);
  return words;
}

// The rows of the one table whose head begins with "Folder".
std::vector<Row> read_table() {
  std::vector<Row> rows;
  std::ifstream document(kSource / "docs/architecture.md");
  const std::regex cells(R"(\|([^|]*)\|([^|]*)\|([^|]*)\|)");
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("| Folder |")) inside = true;
    if (!line.starts_with("|")) inside = false;
    std::smatch match;
    if (!inside || !std::regex_match(line, match, cells)) continue;
    const std::set<std::string> name = words_in_backticks(match[1]);
    if (name.size() == 1) rows.push_back({*name.begin(), words_in_backticks(match[2]), words_in_backticks(match[3])});
  }
  return rows;
}

std::vector<fs::path> source_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / "src")) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".h" || extension == ".cpp" || extension == ".in") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// A folder is what has a CMakeLists.txt and so is a library of its own: source/bpf is one, report/web is part of
// report.
std::string folder_of(const fs::path& file) {
  fs::path folder = file.parent_path();
  while (folder != kSource / "src" && !fs::exists(folder / "CMakeLists.txt")) folder = folder.parent_path();
  return fs::relative(folder, kSource / "src").string();
}

std::vector<Include> all_includes() {
  std::vector<Include> includes;
  const std::regex directive(R"re(^\s*#\s*include\s*(["<])([^">]+)[">].*)re");
  for (const fs::path& file : source_files()) {
    std::ifstream text(file);
    int number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      std::smatch match;
      if (!std::regex_match(line, match, directive)) continue;
      includes.push_back({.file = fs::relative(file, kSource / "src").string(),
                          .folder = folder_of(file),
                          .line = number,
                          .header = match[2],
                          .quoted = match[1] == "\""});
    }
  }
  return includes;
}

class Architecture : public testing::Test {
 protected:
  Architecture() {
    for (const Row& row : rows_) by_folder_[row.folder] = row;
  }

  // The folder that alone may include this header.
  std::optional<std::string> owner_of(const std::string& header) const {
    for (const Row& row : rows_) {
      for (const std::string& beginning : row.reserved) {
        if (header.starts_with(beginning)) return row.folder;
      }
    }
    return std::nullopt;
  }

  std::vector<Row> rows_ = read_table();
  std::map<std::string, Row> by_folder_;
  std::vector<Include> includes_ = all_includes();
};

TEST_F(Architecture, table_and_sources_are_found) {
  EXPECT_GE(rows_.size(), 9U);
  EXPECT_THAT(by_folder_, SizeIs(rows_.size())) << "a folder has two rows";
  EXPECT_GT(includes_.size(), 100U);
}

TEST_F(Architecture, every_folder_has_a_row) {
  for (const fs::path& file : source_files()) {
    if (file.parent_path() == kSource / "src") continue;  // the precompiled header
    EXPECT_THAT(by_folder_, Contains(Key(folder_of(file)))) << file;
  }
  for (const Row& row : rows_) EXPECT_TRUE(fs::exists(kSource / "src" / row.folder / "CMakeLists.txt")) << row.folder;
}

TEST_F(Architecture, no_folder_includes_one_of_a_later_row) {  // so there are no circles
  std::set<std::string> above;
  for (const Row& row : rows_) {
    EXPECT_TRUE(std::ranges::includes(above, row.may_include)) << row.folder;
    above.insert(row.folder);
  }
}

TEST_F(Architecture, folders_include_only_what_they_may) {
  for (const Include& include : includes_) {
    if (!include.quoted || owner_of(include.header)) continue;
    if (include.folder == ".") continue;  // the precompiled header is of no folder
    const std::string target = folder_of(kSource / "src" / include.header);
    if (!by_folder_.contains(target)) {
      ADD_FAILURE() << include.text() << "\n  name the folder: \"folder/file.h\"";
    } else if (target != include.folder && !by_folder_[include.folder].may_include.contains(target)) {
      ADD_FAILURE() << include.text() << "\n  " << include.folder << " may not include " << target
                    << ": see docs/architecture.md";
    }
  }
}

TEST_F(Architecture, the_wall_clock_is_read_in_one_place) {  // so that setting it bends nothing
  const std::regex reads(
      R"re(CLOCK_(REALTIME|TAI)|system_clock::now|gettimeofday\s*\(&|\btime\((nullptr|NULL|0)\)|bpf_ktime_get_tai)re");
  std::set<std::string> readers;
  for (const char* folder : {"src", "bpf"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path());
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (std::regex_search(text, reads)) readers.insert(fs::relative(entry.path(), kSource).string());
    }
  }
  // The doctor only tells the offset of the local time from UTC.
  EXPECT_EQ(readers, (std::set<std::string>{"src/cli/doctor_command.cpp", "src/host/clock.cpp"}));
}

TEST_F(Architecture, reserved_headers_stay_in_their_folder) {
  for (const Include& include : includes_) {
    const std::optional<std::string> owner = owner_of(include.header);
    if (!owner) continue;
    EXPECT_EQ(include.folder, *owner) << include.text() << "\n  only " << *owner << " may include it";
  }
}

TEST_F(Architecture, command_line_library_is_in_one_file) {
  std::set<std::string> files;
  for (const Include& include : includes_) {
    if (include.header.starts_with("CLI/")) files.insert(include.file);
  }
  EXPECT_THAT(files, SizeIs(1));
}

TEST_F(Architecture, nothing_is_included_by_a_way_round) {
  for (const Include& include : includes_) {
    EXPECT_EQ(include.header.find(".bpf."), std::string::npos) << include.text();
    EXPECT_EQ(include.header.find("../"), std::string::npos) << include.text();
  }
}

const std::set<std::string> kPure = {"model",     "knowledge", "session/slice", "redact", "doctor",
                                     "correlate", "diagnose",  "diff",          "report", "size"};

TEST_F(Architecture, pure_folders_include_nothing_for_input_output_threads_or_clocks) {
  const std::regex impure(
      "fstream|iostream|istream|cstdio|stdio\\.h|filesystem|unistd\\.h|fcntl\\.h|dirent\\.h|poll\\.h|signal\\.h|"
      "csignal|"
      "sys/(?!socket\\.h).*|thread|mutex|atomic|future|condition_variable|ctime|time\\.h|locale|clocale|random|"
      "fmt/(ostream|chrono|os|std)\\.h");
  for (const Include& include : includes_) {
    if (!kPure.contains(include.folder) || include.quoted) continue;
    EXPECT_FALSE(std::regex_match(include.header, impure)) << include.text();
  }
}

TEST_F(Architecture, pure_folders_ask_for_no_time_locale_or_environment) {
  const std::regex question(
      "\\b(system_clock::now|steady_clock::now|clock_gettime|gettimeofday|localtime\\w*|gmtime\\w*|getenv|setlocale|"
      "getpid)\\b");
  for (const fs::path& file : source_files()) {
    if (!kPure.contains(folder_of(file))) continue;
    std::ifstream text(file);
    int number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      const std::string code = line.substr(0, line.find("//"));
      EXPECT_FALSE(std::regex_search(code, question)) << file.string() << ":" << number << ": " << line;
    }
  }
}

// They run as root: a name that is known before, where everybody may write, may be somebody else's link.
TEST(TestsAndScripts, use_no_fixed_name_where_everybody_may_write) {
  const std::regex shared("/(tmp|var/tmp|dev/shm|run/lock)/|gettempdir");
  const fs::path root = kSource;
  for (const char* folder : {"tests", "scripts"}) {
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(root / folder)) {
      if (!file.is_regular_file() || file.path().filename() == "architecture_test.cpp") continue;
      std::ifstream text(file.path());
      int number = 0;
      for (std::string line; std::getline(text, line);) {
        ++number;
        EXPECT_FALSE(std::regex_search(line, shared)) << file.path().string() << ":" << number << ": " << line;
      }
    }
  }
}

}  // namespace
