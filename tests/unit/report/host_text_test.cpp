// SPDX-License-Identifier: Apache-2.0
// What the text report says of the host: its instance type, its network cards, and which of its processes call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "report/render.h"
#include "unit/report/samples.h"

namespace tcpdiag::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string text_of(const model::Report& report) { return render_text(report, {}); }

TEST(HostText, the_header_names_the_instance_type) {
  EXPECT_THAT(text_of(samples::throttled_node()),
              StartsWith("tcpdiag  web-2, t4g.micro (dmi)  2026-11-21 02:31:07 .. 02:32:07 UTC (60.4 s)\n"));
}

TEST(HostText, where_the_header_has_no_room_the_footer_names_it) {
  const std::string text = text_of(samples::ipv6());
  EXPECT_THAT(text, Not(HasSubstr("112xlarge (imds)  ")));
  EXPECT_THAT(text, HasSubstr("\nInstance: u-12tb1.112xlarge (imds).\n"));
}

TEST(HostText, counters_that_moved_are_a_table) {
  const std::string text = text_of(samples::throttled_node());
  EXPECT_THAT(text, HasSubstr("\nNETWORK CARDS         over allowance   packets seconds  in 1 s in 60 s     first\n"
                              "  ens5 ena 2.13.0g    bandwidth out      24011      57     512   24011  02:31:10\n"
                              "                      connections            2       1       2       2  02:31:08\n"));
  EXPECT_THAT(text, HasSubstr("began to count anew"));
  EXPECT_THAT(text, HasSubstr("room for 120 more"));
  EXPECT_THAT(text, Not(HasSubstr("docker0")));
}

TEST(HostText, a_finding_about_a_card_asks_for_it) {
  model::Report report = samples::incident_b();
  EXPECT_THAT(text_of(report), Not(HasSubstr("NETWORK CARDS")));
  report.findings[0].device = "ens5";
  EXPECT_THAT(text_of(report), HasSubstr("  ens5 ena 2.13.0g    none of its allowances was exceeded\n"));
  EXPECT_THAT(text_of(report), Not(HasSubstr("Allowance counters")));
  report.picture.nics[1].limits.clear();
  EXPECT_THAT(text_of(report), HasSubstr("  ens5 ena 2.13.0g    its counters were read only once\n"));
}

TEST(HostText, quiet_counters_are_one_line) {
  model::Report report = samples::incident_b();
  EXPECT_THAT(text_of(report), HasSubstr("\nAllowance counters of ens5: none exceeded.\n"));
  report.picture.nics[1].limits.clear();
  EXPECT_THAT(text_of(report), HasSubstr("\nAllowance counters of ens5: read only once.\n"));
}

TEST(HostText, cards_without_counters_are_one_line) {
  model::Report report = samples::incident_b();
  report.picture.nics.resize(1);
  EXPECT_THAT(text_of(report), HasSubstr("\nThis host's network cards have no allowance counters (driver bridge).\n"));
  report.picture.nics.push_back(samples::local_queueing().picture.nics[0]);
  EXPECT_THAT(text_of(report), HasSubstr("no allowance counters (drivers bridge, veth).\n"));
  EXPECT_THAT(text_of(samples::local_queueing()),
              HasSubstr("\nThis namespace's network cards have no allowance counters (driver veth).\n"));
  report.picture.nics.clear();
  EXPECT_THAT(text_of(report), Not(HasSubstr("llowance counters")));
}

TEST(HostText, several_processes_at_the_top_endpoint_are_a_table) {
  EXPECT_THAT(text_of(samples::slow_reader()),
              HasSubstr("\nPROCESSES AT 10.77.0.2:6379      sockets    open         bytes out/in  exchanges\n"
                        "  ruby (pids 811, 812)                 8       3    87.9 KiB/58.2 MiB       1860\n"
                        "  sidekiq (pid 900)                    2       2      10000 B/977 KiB        140\n"));
  EXPECT_THAT(text_of(samples::incident_b()), Not(HasSubstr("PROCESSES")));  // only one
  model::Report nothing = samples::slow_reader();
  nothing.findings.clear();
  EXPECT_THAT(text_of(nothing), Not(HasSubstr("PROCESSES")));
}

TEST(HostText, processes_of_one_name_are_told_apart_by_their_cgroup) {
  const std::string text = text_of(samples::throttled_node());
  EXPECT_THAT(text, HasSubstr("\n      cgroup /system.slice/redis-2.service\n"));
  EXPECT_THAT(text, Not(HasSubstr("cgroup /user.slice")));
  EXPECT_THAT(text, HasSubstr("  ... 1 more in the JSON report"));
}

TEST(HostText, half_of_a_nodes_connections_are_worth_a_line) {
  model::Report report = samples::throttled_node();
  EXPECT_THAT(text_of(report), HasSubstr("  10.0.0.1:6379: 40012 connections at once, 61.6 % of the 65,000"));
  auto& endpoint = report.picture.endpoints[0];
  endpoint.totals.sockets_open_peak = 32'500;
  EXPECT_THAT(text_of(report), Not(HasSubstr("65,000")));
  endpoint.totals.sockets_open_peak = 32'501;
  EXPECT_THAT(text_of(report), HasSubstr("65,000"));
  endpoint.key.at.port = 8080;  // redis-server it is still
  EXPECT_THAT(text_of(report), HasSubstr("65,000"));
  endpoint.key.role = model::Role::kOutbound;
  EXPECT_THAT(text_of(report), Not(HasSubstr("65,000")));
  endpoint.key.at.port = 6379;
  EXPECT_THAT(text_of(report), HasSubstr("from this host alone"));
}

}  // namespace
}  // namespace tcpdiag::report
