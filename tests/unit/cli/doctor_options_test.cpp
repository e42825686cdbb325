// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace tcpdiag::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::variant<ShowText, Options>> parse(std::vector<std::string> words) {
  words.insert(words.begin(), {"tcpdiag", "doctor"});
  return parse_command_line(words);
}

TEST(DoctorOptions, text_is_the_default) {
  const auto command = parse({});
  ASSERT_TRUE(command);
  const auto* options = std::get_if<Options>(&*command);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->command, kDoctor);
  EXPECT_EQ(options->format, Format::kText);
  EXPECT_THAT(options->argv, ElementsAre("tcpdiag", "doctor"));
}

TEST(DoctorOptions, formats) {
  const auto command = parse({"--format", "json"});
  ASSERT_TRUE(command);
  EXPECT_EQ(std::get<Options>(*command).format, Format::kJson);
  const auto page = parse({"--format", "html"});
  ASSERT_TRUE(page);
  EXPECT_EQ(std::get<Options>(*page).format, Format::kHtml);
}

TEST(DoctorOptions, wrong_use_is_told) {
  const auto refusal = [](std::vector<std::string> words) {
    const auto command = parse(std::move(words));
    if (command) return std::string("accepted");
    EXPECT_EQ(command.error().exit_code, ExitCode::kUsage);
    return command.error().what;
  };
  EXPECT_THAT(refusal({"--format", "pdf"}), HasSubstr("invalid format 'pdf'"));
  EXPECT_THAT(refusal({"--format", "text", "--format", "json"}), HasSubstr("given twice"));
  EXPECT_THAT(refusal({"port", "80"}), HasSubstr("takes no 'port'"));
  EXPECT_THAT(refusal({"--", "--format"}), HasSubstr("takes no '--format'"));
  EXPECT_THAT(refusal({"--verbose"}), HasSubstr("unknown option '--verbose'"));
  EXPECT_THAT(refusal({"\x1b[31m"}), testing::Not(HasSubstr("\x1b")));
}

TEST(DoctorOptions, help_fits_and_names_the_exit_codes) {
  const auto command = parse({"--help"});
  ASSERT_TRUE(command);
  const std::string& help = std::get<ShowText>(*command).text;
  EXPECT_THAT(help, HasSubstr("Usage: tcpdiag doctor [OPTIONS]\n"));
  EXPECT_THAT(help, HasSubstr("Exit codes:"));
  for (std::size_t begin = 0; begin < help.size();) {
    const std::size_t end = help.find('\n', begin);
    EXPECT_LE(end - begin, 80U) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

}  // namespace
}  // namespace tcpdiag::cli
