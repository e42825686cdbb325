// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "cli/command_line.h"

namespace tcpdiag::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Result<std::variant<ShowText, Options>> parse(std::vector<std::string> words) {
  words.insert(words.begin(), {"tcpdiag", "size"});
  return parse_command_line(words);
}

Options size_of(std::vector<std::string> words) {
  auto command = parse(std::move(words));
  if (!command || !std::holds_alternative<Options>(*command)) {
    ADD_FAILURE() << (command ? "no size" : command.error().what);
    return {};
  }
  return std::get<Options>(std::move(*command));
}

std::string refusal(std::vector<std::string> words) {
  const auto command = parse(std::move(words));
  if (command) return "was accepted";
  EXPECT_EQ(command.error().exit_code, ExitCode::kUsage);
  return command.error().what + "; " + command.error().hint;
}

TEST(SizeOptions, all_of_them) {
  const Options options = size_of({"--baseline", "64 Mbit/s", "--response", "32KiB", "--request", "100", "--rate",
                                   "300/s", "--clients", "50", "--mss", "8949", "--format", "json"});
  EXPECT_EQ(options.limit->bit_per_s, 64e6);
  EXPECT_EQ(options.response_bytes, 32'768U);
  EXPECT_EQ(options.request_bytes, 100U);
  EXPECT_EQ(options.rate_per_s, 300);
  EXPECT_EQ(options.clients, 50U);
  EXPECT_EQ(options.mss_bytes, 8949U);
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_THAT(options.argv, testing::Contains("--mss"));
}

TEST(SizeOptions, an_instance_has_its_baseline) {
  const Options options = size_of({"--instance", "cache.T4G.micro", "--response", "1K"});
  EXPECT_EQ(options.limit->bit_per_s, 64e6);
  EXPECT_EQ(options.limit->instance_type, "cache.t4g.micro");
  EXPECT_THAT(refusal({"--instance", "t4g.mikro", "--response", "1K"}), HasSubstr("not in the table of"));
  EXPECT_THAT(refusal({"--instance", "t4g.mikro\x1b", "--response", "1K"}), HasSubstr("t4g.mikro\\x1b"));
}

TEST(SizeOptions, rates_of_exchanges) {
  EXPECT_EQ(size_of({"--response", "1", "--rate", "18000/min"}).rate_per_s, 300);
  EXPECT_EQ(size_of({"--response", "1", "--rate", "0.5"}).rate_per_s, 0.5);
  for (const char* wrong : {"0", "x", "300/h", "1e3", "/s", "300s", "inf"}) {
    EXPECT_THAT(refusal({"--response", "1", "--rate", wrong}), StartsWith("--rate: invalid rate '")) << wrong;
  }
}

TEST(SizeOptions, a_file_and_its_endpoint) {
  const Options options = size_of({"report.json", "--endpoint", "[fd00::1]:6379"});
  EXPECT_EQ(options.files.front(), "report.json");
  EXPECT_EQ(options.endpoint->to_string(), "[fd00::1]:6379");
  EXPECT_EQ(size_of({"-"}).files.front(), "-");
  EXPECT_EQ(size_of({"--", "--odd"}).files.front(), "--odd");
  for (const char* wrong : {"10.0.0.1", "fd00::1:6379", "[10.0.0.1]:1", "10.0.0.1:0", "host:1", ":1"}) {
    EXPECT_THAT(refusal({"report.json", "--endpoint", wrong}), StartsWith("--endpoint: invalid endpoint '")) << wrong;
  }
}

TEST(SizeOptions, too_little_or_too_much) {
  EXPECT_THAT(refusal({}), StartsWith("the size of a response is missing; "));
  EXPECT_THAT(refusal({"--response", "32KiB"}), StartsWith("there is nothing to compare with; "));
  EXPECT_THAT(refusal({"--baseline", "64mbit", "--instance", "t4g.micro"}), HasSubstr("leave one of them out"));
  EXPECT_THAT(refusal({"--endpoint", "10.0.0.1:1", "--response", "1"}), StartsWith("--endpoint needs the report"));
  EXPECT_THAT(refusal({"a.json", "b.json"}), StartsWith("more than one file is given"));
  EXPECT_THAT(refusal({"--rate", "1", "--rate", "2"}), StartsWith("--rate is given twice"));
  EXPECT_THAT(refusal({"--rate"}), StartsWith("--rate needs a value"));
  EXPECT_THAT(refusal({"--baseline", "64Mbps"}), HasSubstr("write bits as 64mbit"));
  EXPECT_EQ(refusal({"--bseline", "64mbit"}), "unknown option '--bseline'; did you mean --baseline?");
  EXPECT_EQ(refusal({"--xyzzy"}), "unknown option '--xyzzy'; see 'tcpdiag size --help'");
}

TEST(SizeOptions, help) {
  const auto command = parse({"--help"});
  ASSERT_TRUE(command && std::holds_alternative<ShowText>(*command));
  EXPECT_THAT(std::get<ShowText>(*command).text, HasSubstr("[OPTIONS] [FILE]"));
}

}  // namespace
}  // namespace tcpdiag::cli
