// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "report/size.h"
#include "support/source_dir.h"

namespace tcpdiag::report {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

std::string golden(const std::string& name) {
  std::ifstream file(source_dir() + "/tests/golden/report/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Json incident_b() { return Json::parse(golden("incident_b.json")); }

std::string refusal(const std::string& text, const std::optional<model::SocketAddress>& endpoint = std::nullopt) {
  const auto read = read_measured_traffic(text, endpoint);
  if (read) return "was accepted";
  EXPECT_EQ(read.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(read.error().what, Not(HasSubstr("\n")));
  EXPECT_LT(read.error().what.size(), 200U);
  return read.error().what;
}

TEST(SizeInput, incident_b) {
  const auto read = read_measured_traffic(golden("incident_b.json"), std::nullopt);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->measured.endpoint.to_string(), "10.77.0.2:6379");
  EXPECT_EQ(read->measured.role, model::Role::kOutbound);
  EXPECT_EQ(read->measured.exchanges, 14078U);
  EXPECT_EQ(read->measured.mean_per_s, 233);
  EXPECT_EQ(read->measured.busiest_per_s, 233);
  EXPECT_EQ(read->measured.ceiling_bit_per_s, 63.9e6);
  EXPECT_EQ(read->traffic.response_bytes, 32778);
  EXPECT_EQ(read->traffic.request_bytes, 36);
  EXPECT_NEAR(*read->traffic.segments_out, 23.44, 0.01);
  EXPECT_NEAR(*read->traffic.segments_in, 12.08, 0.01);
  EXPECT_EQ(read->traffic.clients, std::nullopt);  // the golden report counts none
  EXPECT_EQ(read->traffic.rtt_floor_s, 10e-6);
}

TEST(SizeInput, inbound_endpoints_mirror_the_directions) {
  Json report = incident_b();
  report["endpoints"][0]["role"] = "inbound";
  report["host"]["instance_type"] = "t4g.micro";
  const auto read = read_measured_traffic(report.dump(), std::nullopt);
  ASSERT_TRUE(read);
  EXPECT_NEAR(*read->traffic.segments_in, 23.44, 0.01);
  EXPECT_EQ(read->measured.instance_type, "t4g.micro");
}

TEST(SizeInput, busiest_endpoint_unless_one_is_named) {
  Json report = incident_b();
  Json other = report["endpoints"][0];
  other["port"] = 6380;
  other["exchanges"] = 20'000;
  report["endpoints"].push_back(other);
  EXPECT_EQ(read_measured_traffic(report.dump(), std::nullopt)->measured.endpoint.port, 6380);
  const model::SocketAddress named{.address = *model::Address::parse("10.77.0.2"), .port = 6379};
  const auto read = read_measured_traffic(report.dump(), named);
  EXPECT_EQ(read->measured.endpoint, named);
  EXPECT_EQ(read->measured.endpoints_in_report, 2U);
  const model::SocketAddress absent{.address = named.address, .port = 1};
  EXPECT_EQ(refusal(report.dump(), absent), "the report has no endpoint 10.77.0.2:1");
}

TEST(SizeInput, short_traces_tell_no_rate) {
  Json report = incident_b();
  report["endpoints"][0]["series"]["exchanges"] = {20, 233, 233, 20};
  const auto read = read_measured_traffic(report.dump(), std::nullopt);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->measured.mean_per_s, std::nullopt);
  EXPECT_EQ(read->traffic.rate_per_s, std::nullopt);
}

TEST(SizeInput, gaps_and_idle_seconds) {
  Json report = incident_b();
  report["endpoints"][0]["series"]["exchanges"] = {nullptr, 0, 5, 100, nullptr, 0, 200, 7, 0};
  const auto read = read_measured_traffic(report.dump(), std::nullopt);
  EXPECT_EQ(read->measured.mean_per_s, 100);
  EXPECT_EQ(read->measured.busiest_per_s, 200);
  EXPECT_EQ(read->measured.seconds, 3);
}

TEST(SizeInput, what_is_no_report_is_refused) {
  EXPECT_EQ(refusal(""), "this is not JSON, or only a part of it");
  EXPECT_EQ(refusal(golden("incident_b.json").substr(0, 5000)), "this is not JSON, or only a part of it");
  EXPECT_EQ(refusal(golden("incident_b.txt")), "this is not JSON, or only a part of it");
  EXPECT_EQ(refusal("[1,2]"), "this is JSON, but no report of tcpdiag");
  EXPECT_EQ(refusal("{}"), "this is JSON, but no report of tcpdiag");
  EXPECT_EQ(refusal(R"({"schema":"tcpdiag.report/1"})"), "this is JSON, but no report of tcpdiag");
  EXPECT_THAT(refusal(R"({"schema":"tcpdiag.diff/1"})"), HasSubstr("'tcpdiag.diff/1'"));
  EXPECT_THAT(refusal("{\"schema\":\"\\u001b[31m\\n" + std::string(1000, 'x') + "\"}"), Not(HasSubstr("\x1b")));
  EXPECT_EQ(refusal(golden("nothing_matched.json")), "the report has no endpoint");
}

// Time and memory follow neither the number of keys and values nor the depth.
TEST(SizeInput, is_bounded) {
  const std::string report = golden("incident_b.json");
  const auto with = [&report](const std::string& member) { return "{" + member + "," + report.substr(1); };
  std::string keys;
  for (int i = 0; i < 140'000; ++i) keys += "\"k" + std::to_string(i) + "\":0,";
  keys.pop_back();
  EXPECT_TRUE(read_measured_traffic(with(R"("host":{)" + keys + "}"), std::nullopt));
  std::string many;
  for (int i = 0; i < 500'000; ++i) many += "[],0,";
  const std::string refused = "this holds more, or is nested deeper, than a report of tcpdiag";
  EXPECT_EQ(refusal(with("\"endpoint\":[" + many + "0]")), refused);
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), refused);
  EXPECT_EQ(refusal(with("\"sockets\":" + std::string(1'000'000, '['))), refused);
}

TEST(SizeInput, values_of_a_wrong_kind_are_unknown) {
  for (const char* wrong : {"-1", "\"x\"", "[]", "{}", "null", "true", "1e300"}) {
    const Json value = Json::parse(wrong);
    for (const char* key : {"segments_sent", "segments_received", "mean_request_bytes", "rtt_floor_us", "series",
                            "sockets_open_peak", "id", "role"}) {
      Json report = incident_b();
      report["endpoints"][0][key] = value;
      EXPECT_TRUE(read_measured_traffic(report.dump(), std::nullopt)) << key << " " << wrong;
    }
    for (const char* key : {"exchanges", "mean_response_bytes", "address", "port"}) {
      Json report = incident_b();
      report["endpoints"][0][key] = value;
      EXPECT_NE(refusal(report.dump()), "was accepted") << key << " " << wrong;
    }
    Json report = incident_b();
    report["findings"] = value;
    report["host"] = value;
    EXPECT_TRUE(read_measured_traffic(report.dump(), std::nullopt)) << wrong;
    report["endpoints"] = value;
    EXPECT_NE(refusal(report.dump()), "was accepted") << wrong;
    report["endpoints"] = Json::array({value});
    EXPECT_EQ(refusal(report.dump()), "the report has no endpoint") << wrong;
  }
}

}  // namespace
}  // namespace tcpdiag::report
