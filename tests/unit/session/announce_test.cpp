// SPDX-License-Identifier: Apache-2.0
#include "session/announce.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;

const std::vector<model::NetnsInfo> kOwn = {{.inode = 4026531840, .name = "", .is_self = true}};

TEST(TracingLine, everything_here) {
  EXPECT_EQ(tracing_line({}, kOwn, 212, std::nullopt),
            "tracing all TCP sockets of this network namespace (212 open), until Ctrl-C; nothing leaves this machine");
}

TEST(TracingLine, duration_in_words) {
  EXPECT_EQ(tracing_line({}, kOwn, 0, 6379s),
            "tracing all TCP sockets of this network namespace (0 open), for 6379 s (1 h 46 min 19 s); "
            "nothing leaves this machine");
  EXPECT_EQ(tracing_line({}, kOwn, 1, 0s),
            "tracing all TCP sockets of this network namespace (1 open), to report and end at once; "
            "nothing leaves this machine");
}

TEST(TracingLine, filters) {
  model::Filters filters;
  filters.remote_ports = {443};
  filters.netns_inodes = {4026531840};
  EXPECT_EQ(tracing_line(filters, kOwn, 3, 30s),
            "tracing TCP sockets with remote port 443 of this network namespace (3 open), for 30 s; "
            "nothing leaves this machine");
}

TEST(TracingLine, names_that_are_not_ours) {
  model::Filters filters;
  filters.comms = {"ru\x1b[31mby"};
  filters.expression = *model::parse_expression("not port 22");
  EXPECT_EQ(tracing_line(filters, kOwn, 3, 30s),
            "tracing TCP sockets with command name ru\\x1b[31mby, expression \"not port 22\" of this network namespace "
            "(3 open), for 30 s; nothing leaves this machine");
}

TEST(TracingLine, namespaces) {
  model::Filters of_process;
  of_process.pids = {811};
  const std::vector<model::NetnsInfo> blue = {{.inode = 7, .name = "blue\x1b", .is_self = false}};
  EXPECT_EQ(tracing_line(of_process, blue, 3, std::nullopt),
            "tracing TCP sockets with pid 811 of the network namespace of process 811 (3 open), until Ctrl-C; "
            "nothing leaves this machine");
  model::Filters given;
  given.netns_as_given = {"blue", "8"};
  EXPECT_EQ(
      tracing_line(given, blue, 3, std::nullopt),
      "tracing all TCP sockets of network namespace blue\\x1b (3 open), until Ctrl-C; nothing leaves this machine");
  EXPECT_EQ(tracing_line(given, {blue[0], {.inode = 8, .name = "", .is_self = false}, kOwn[0]}, 3, std::nullopt),
            "tracing all TCP sockets of network namespaces blue\\x1b, 8, this one (3 open), until Ctrl-C; "
            "nothing leaves this machine");
}

TEST(StatusLine, counts) {
  EXPECT_EQ(status_line(212, 1204, 3, std::nullopt, 72s),
            "0:01:12  212 sockets open, 1204 exchanges, 3 failures; Ctrl-C ends it");
  EXPECT_EQ(status_line(1, 1, 1, 0, 3h), "3:00:00  1 socket open, 1 exchange, 1 failure, 0 lost; Ctrl-C ends it");
  EXPECT_EQ(status_line(2, 0, 0, 17, 1s), "0:00:01  2 sockets open, 0 exchanges, 0 failures, 17 lost; Ctrl-C ends it");
}

TEST(FindingLine, time_severity_code_place_and_title) {
  model::Picture picture;
  picture.start.clock.mono_at = model::MonoTime(100s);
  picture.start.clock.wall_at =
      model::WallTime(std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 2h + 31min + 7s);
  picture.endpoints.resize(1);
  picture.endpoints[0].key.at = {.address = *model::Address::parse("203.0.113.10"), .port = 443};
  model::Finding finding;
  finding.code = "peer-reset-awaiting-response";
  finding.severity = model::Severity::kCritical;
  finding.first_at = model::MonoTime(101s + 2ms);
  finding.title = "ruby\x1b[31m was reset";
  EXPECT_EQ(finding_line(finding, picture),
            "02:31:08.002 UTC  CRITICAL  peer-reset-awaiting-response  ruby\\x1b[31m was reset");
  finding.endpoint = 0;
  EXPECT_EQ(finding_line(finding, picture),
            "02:31:08.002 UTC  CRITICAL  peer-reset-awaiting-response  203.0.113.10:443  ruby\\x1b[31m was reset");
  finding.title = "203.0.113.10:443 reset 2 connections";
  EXPECT_EQ(finding_line(finding, picture),
            "02:31:08.002 UTC  CRITICAL  peer-reset-awaiting-response  203.0.113.10:443 reset 2 connections");
}

}  // namespace
}  // namespace tcpdiag::session
