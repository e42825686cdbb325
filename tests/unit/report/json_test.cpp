// SPDX-License-Identifier: Apache-2.0
// The contract of docs/json.md, key by key and in its order.
#include "report/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/render.h"
#include "unit/report/golden.h"
#include "unit/report/samples.h"

namespace tcpdiag::report {
namespace {

using Keys = std::vector<std::string>;
using ::testing::ElementsAre;

Json json_of(const model::Report& report, const JsonOptions& options = {}) {
  return Json::parse(render_json(report, options));
}

Keys keys_of(const Json& object) {
  Keys keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

Keys operator+(Keys a, const Keys& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Keys kTotals = {"sockets_seen",
                      "sockets_open_peak",
                      "sockets_open_at_end",
                      "connects",
                      "connect_outcomes",
                      "retransmits",
                      "retransmitted_segments",
                      "spurious_retransmits",
                      "retransmit_failures",
                      "out_of_order_segments",
                      "recovered_in",
                      "reordered_in",
                      "resets",
                      "reset_reasons",
                      "reset_phases",
                      "drops",
                      "listen_overflows",
                      "listen_drops",
                      "bytes_sent",
                      "bytes_received",
                      "segments_sent",
                      "segments_received",
                      "exchanges",
                      "exchanges_failed",
                      "exchanges_pending",
                      "zero_window_sent_us",
                      "zero_window_received_us"};

class EveryJson : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryJson, is_as_in_its_golden_file) {
  tcpdiag::testing::expect_golden(std::string("report/") + GetParam() + ".json",
                                  render_json(samples::by_name(GetParam()), {}));
}

TEST_P(EveryJson, is_ascii_and_ends_with_a_newline) {
  const std::string text = render_json(samples::by_name(GetParam()), {});
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
}

TEST_P(EveryJson, has_every_key_in_the_order_of_the_contract) {
  const Json report = json_of(samples::by_name(GetParam()));
  EXPECT_EQ(keys_of(report), (Keys{"schema",
                                   "tool",
                                   "command",
                                   "recording_id",
                                   "recording_sha256",
                                   "recording_bytes",
                                   "view_filters",
                                   "summary",
                                   "verdict",
                                   "host",
                                   "origin",
                                   "window",
                                   "filters",
                                   "sockets_filtered_out",
                                   "other_netns",
                                   "abilities",
                                   "loss",
                                   "cost",
                                   "totals",
                                   "kernel_counters",
                                   "tcp_sysctls",
                                   "endpoints",
                                   "endpoints_evicted",
                                   "sockets",
                                   "sockets_shown",
                                   "sockets_omitted",
                                   "findings",
                                   "nic",
                                   "not_visible"}));
  EXPECT_EQ(keys_of(report["tool"]), (Keys{"name", "version", "git"}));
  EXPECT_EQ(keys_of(report["host"]),
            (Keys{"hostname", "kernel", "arch", "instance_type", "instance_type_source", "utc_offset_s", "cpus"}));
  EXPECT_EQ(keys_of(report["window"]), (Keys{"start_at", "end_at", "duration_s", "ended_by", "partial"}));
  EXPECT_EQ(keys_of(report["filters"]), (Keys{"pid", "children", "comm", "local_port", "remote_port", "local", "remote",
                                              "family", "netns", "cgroup", "role", "expression"}));
  EXPECT_EQ(keys_of(report["loss"]),
            (Keys{"ring_full", "sockets_full", "endpoints_full", "processes_full", "undecodable", "rate_limited",
                  "samples_thinned", "disk_full", "unseen_retransmits", "unseen_resets", "unseen_connects",
                  "unseen_reset_ends"}));
  EXPECT_EQ(keys_of(report["cost"]), (Keys{"bpf_cpu_s", "user_cpu_s", "system_cpu_s", "peak_rss_bytes", "attach_us"}));
  for (const auto& [name, feature] : report["abilities"].items()) {
    EXPECT_EQ(keys_of(feature), (Keys{"available", "reason"})) << name;
  }
}

TEST_P(EveryJson, has_every_key_of_the_totals) {
  const Json totals = json_of(samples::by_name(GetParam()))["totals"];
  EXPECT_EQ(keys_of(totals), kTotals);
  EXPECT_EQ(keys_of(totals["connect_outcomes"]), (Keys{"established", "refused", "reset", "timed_out", "unreachable",
                                                       "abandoned", "local_error", "pending"}));
  EXPECT_EQ(keys_of(totals["retransmits"]), (Keys{"syn", "synack", "rto", "fast", "tlp", "other", "unseen"}));
  EXPECT_EQ(keys_of(totals["retransmit_failures"]), (Keys{"busy", "other"}));
  EXPECT_EQ(keys_of(totals["resets"]), (Keys{"sent", "received"}));
  EXPECT_EQ(keys_of(totals["reset_phases"]),
            (Keys{"syn_sent", "established", "after_local_fin", "after_remote_fin", "time_wait", "no_socket"}));
}

TEST_P(EveryJson, has_every_key_of_the_kernel_counters) {
  const Keys names(model::kKernelCounters.begin(), model::kKernelCounters.end());
  const Json report = json_of(samples::by_name(GetParam()));
  for (const Json& netns : report["kernel_counters"]) {
    EXPECT_EQ(keys_of(netns), (Keys{"netns_inode", "counters", "gone", "full_listeners"}));
    EXPECT_EQ(keys_of(netns["counters"]), names);
    for (const Json& listener : netns["full_listeners"]) {
      EXPECT_EQ(keys_of(listener), (Keys{"address", "port", "backlog_max", "limit", "samples"}));
    }
  }
}

TEST_P(EveryJson, has_every_key_of_the_host) {
  const Json report = json_of(samples::by_name(GetParam()));
  for (const Json& sysctls : report["tcp_sysctls"]) {
    EXPECT_EQ(keys_of(sysctls),
              (Keys{"netns_inode", "somaxconn", "syn_retries", "synack_retries", "retries2", "orphan_retries",
                    "fin_timeout_s", "keepalive_time_s", "keepalive_intvl_s", "keepalive_probes", "rto_min_us",
                    "rto_max_us", "syn_linear_timeouts", "syncookies"}));
  }
  for (const Json& nic : report["nic"]) {
    EXPECT_EQ(keys_of(nic),
              (Keys{"device", "netns_inode", "driver", "driver_version", "counters_supported", "driver_reset",
                    "allowance_exceeded", "conntrack_available_min", "per_second", "limits"}));
    EXPECT_EQ(nic["allowance_exceeded"].is_null(), nic["counters_supported"] == false);
    EXPECT_EQ(nic["per_second"].is_null(), nic["counters_supported"] == false);
    if (!nic["allowance_exceeded"].is_null()) {
      EXPECT_EQ(keys_of(nic["allowance_exceeded"]), (Keys{"bw_in", "bw_out", "pps", "conntrack", "linklocal"}));
    }
    for (const Json& limit : nic["limits"]) {
      EXPECT_EQ(keys_of(limit),
                (Keys{"limit", "delta", "seconds_with_delta", "max_per_s", "max_per_minute", "first_at", "last_at"}));
    }
  }
}

TEST_P(EveryJson, has_every_key_of_the_endpoints) {
  const Json report = json_of(samples::by_name(GetParam()));
  for (const Json& endpoint : report["endpoints"]) {
    EXPECT_EQ(keys_of(endpoint),
              (Keys{"id", "role", "address", "port", "family", "netns", "first_seen_at", "last_seen_at"} + kTotals +
               Keys{"busy_us",
                    "rwnd_limited_us",
                    "sndbuf_limited_us",
                    "mean_request_bytes",
                    "mean_response_bytes",
                    "rtt_floor_us",
                    "rtt_floor_source",
                    "path_queue_in_missing",
                    "processes",
                    "outcomes_compared",
                    "app_gap_coverage_pct",
                    "app_gap",
                    "slow_answers",
                    "recovery_unfinished",
                    "nagle_waits",
                    "probes",
                    "role_source",
                    "histograms",
                    "series",
                    "peers"}));
    if (!endpoint["app_gap"].is_null()) {
      EXPECT_EQ(keys_of(endpoint["app_gap"]), (Keys{"calls", "with_gap", "ambiguous", "threads"}));
    }
    if (!endpoint["slow_answers"].is_null()) {
      EXPECT_EQ(keys_of(endpoint["slow_answers"]), (Keys{"no_call", "with_call", "unknown", "ongoing"}));
    }
    EXPECT_EQ(keys_of(endpoint["netns"]), (Keys{"inode", "name", "self"}));
    for (const Json& process : endpoint["processes"]) {
      EXPECT_EQ(keys_of(process), (Keys{"comm", "cgroup", "pids", "sockets_seen", "bytes_sent", "bytes_received",
                                        "exchanges", "sockets_open_at_end"}));
    }
    for (const Json& group : endpoint["outcomes_compared"]) {
      EXPECT_EQ(keys_of(group), (Keys{"outcome", "count", "request_p50_bytes", "idle_before_request_p50_us",
                                      "app_gap_p50_us", "reused", "first_byte_p50_us", "first_byte_p99_us"}));
    }
    EXPECT_EQ(keys_of(endpoint["histograms"]), (Keys{"connect",
                                                     "rtt",
                                                     "path_queue",
                                                     "path_queue_in",
                                                     "host_queue",
                                                     "first_byte",
                                                     "last_byte",
                                                     "request_gap",
                                                     "response_gap",
                                                     "read_wait",
                                                     "recovery",
                                                     "app_gap",
                                                     "retransmit_rto",
                                                     "retransmit_fast",
                                                     "retransmit_tlp",
                                                     "retransmit_syn",
                                                     "retransmit_synack",
                                                     "retransmit_other",
                                                     "reset_sent_age",
                                                     "reset_sent_idle",
                                                     "reset_sent_wait",
                                                     "reset_received_age",
                                                     "reset_received_idle",
                                                     "reset_received_wait"}));
    EXPECT_EQ(keys_of(endpoint["series"]),
              (Keys{"start_offset_us", "interval_s", "n", "bytes_sent", "bytes_received", "exchanges", "connects",
                    "connect_failures", "retransmits", "out_of_order", "resets", "drops", "rtt_p50_us",
                    "path_queue_p50_us", "path_queue_p99_us", "path_queue_in_p50_us", "path_queue_in_p99_us",
                    "host_queue_p99_us", "read_wait_p99_us"}));
  }
}

TEST_P(EveryJson, has_every_key_of_sockets_and_findings) {
  const Json report = json_of(samples::by_name(GetParam()));
  for (const Json& socket : report["sockets"]) {
    EXPECT_EQ(keys_of(socket), (Keys{"id",
                                     "cookie",
                                     "endpoint",
                                     "role",
                                     "local",
                                     "remote",
                                     "netns_inode",
                                     "process",
                                     "opened_at",
                                     "closed_at",
                                     "outcome",
                                     "ended_by",
                                     "ended_with",
                                     "exchanges",
                                     "exchanges_failed",
                                     "bytes_sent",
                                     "bytes_received",
                                     "retransmits",
                                     "retransmitted_segments",
                                     "resets",
                                     "first_byte_max_us",
                                     "wait_us",
                                     "idle_us",
                                     "app_gap_us",
                                     "no_call_wait_us",
                                     "timeline"}));
    EXPECT_EQ(keys_of(socket["process"]), (Keys{"pid", "tid", "ns_pid", "comm", "cgroup", "owner_source", "shared"}));
    EXPECT_EQ(keys_of(socket["local"]), (Keys{"address", "port"}));
    for (const Json& entry : socket["timeline"]) EXPECT_EQ(keys_of(entry), (Keys{"offset_us", "kind", "detail"}));
  }
  for (const Json& finding : report["findings"]) {
    EXPECT_EQ(keys_of(finding), (Keys{"id",         "code",           "severity", "confidence", "confidence_reasons",
                                      "endpoint",   "more_endpoints", "device",   "caused_by",  "sockets",
                                      "first_at",   "last_at",        "count",    "share_pct",  "ongoing",
                                      "title",      "explanation",    "evidence", "impact",     "app_messages",
                                      "next_steps", "disproved_by"}));
    EXPECT_EQ(keys_of(finding["impact"]),
              (Keys{"exchanges_failed", "connects_failed", "exchanges_delayed", "share_pct"}));
    for (const Json& step : finding["next_steps"]) EXPECT_EQ(keys_of(step), (Keys{"text", "command", "whose"}));
  }
}

INSTANTIATE_TEST_SUITE_P(Json, EveryJson, ::testing::ValuesIn(samples::kNames),
                         [](const auto& sample) { return std::string(sample.param); });

TEST(Json, times_and_offsets_count_from_the_start) {
  const Json report = json_of(samples::api_resets());
  EXPECT_EQ(report["window"]["start_at"], "2026-11-21T02:31:07.004Z");
  EXPECT_EQ(report["window"]["end_at"], "2026-11-21T03:12:19.880Z");
  EXPECT_EQ(report["window"]["duration_s"], 2472.876);
  EXPECT_EQ(report["sockets"][0]["timeline"][2]["offset_us"], 163'114'000);
  EXPECT_EQ(report["sockets"][11]["timeline"][0]["offset_us"], -12'500'000);
  EXPECT_TRUE(report["sockets"][11]["opened_at"].is_null());
}

TEST(Json, wide_identifiers_are_strings) {
  const Json sockets = json_of(samples::api_resets())["sockets"];
  EXPECT_EQ(sockets[0]["cookie"], "1152921504606888798");
  EXPECT_TRUE(sockets[11]["cookie"].is_null());
}

TEST(Json, a_histogram_is_null_until_it_is_measured) {
  const Json histograms = json_of(samples::nothing_found())["endpoints"][0]["histograms"];
  EXPECT_TRUE(histograms["path_queue"].is_null());
  EXPECT_EQ(histograms["recovery"]["count"], 0);
  EXPECT_EQ(histograms["recovery"]["sum"], 0);
  for (const char* key : {"min", "mean", "p50", "p90", "p95", "p99", "max"}) {
    EXPECT_TRUE(histograms["recovery"][key].is_null()) << key;
  }
  EXPECT_EQ(histograms["recovery"]["buckets"], Json::array());
  const Json first_byte = histograms["first_byte"];
  EXPECT_EQ(keys_of(first_byte), (Keys{"unit", "count", "sum", "min", "mean", "p50", "p90", "p95", "p99", "max",
                                       "relative_error", "buckets"}));
  EXPECT_EQ(first_byte["count"], 1204);
  EXPECT_EQ(first_byte["min"], 410'000);
  EXPECT_EQ(first_byte["mean"], 438'953.488);
  ASSERT_EQ(first_byte["buckets"].size(), 2U);
  EXPECT_LE(first_byte["buckets"][0][0], 410'000);
  EXPECT_GT(first_byte["buckets"][0][1], 410'000);
  EXPECT_EQ(first_byte["buckets"][0][2], 1190);
}

TEST(Json, path_queue_tells_its_ambiguous_samples) {
  const Json histograms = json_of(samples::incident_b())["endpoints"][0]["histograms"];
  EXPECT_EQ(histograms["path_queue"]["count"], 14'128);
  EXPECT_EQ(histograms["path_queue"]["ambiguous"], 13'900);
  EXPECT_FALSE(histograms["path_queue_in"].contains("ambiguous"));
}

TEST(Json, why_the_one_way_queue_is_not_known) {
  EXPECT_TRUE(json_of(samples::incident_b())["endpoints"][0]["path_queue_in_missing"].is_null());
  const Json endpoint = json_of(samples::queueing_ipv6())["endpoints"][0];
  EXPECT_EQ(endpoint["path_queue_in_missing"], "no_timestamps");
  EXPECT_TRUE(endpoint["histograms"]["path_queue_in"].is_null());
}

TEST(Json, zero_windows_are_null_until_they_are_measured) {
  const Json measured = json_of(samples::incident_b());
  EXPECT_EQ(measured["totals"]["zero_window_sent_us"], 0);
  EXPECT_EQ(json_of(samples::slow_reader())["endpoints"][0]["zero_window_sent_us"], 3'100'000);
  EXPECT_EQ(json_of(samples::zero_window())["totals"]["zero_window_received_us"], 21'300'000);
  EXPECT_TRUE(json_of(samples::zero_window())["totals"]["zero_window_sent_us"].is_null());
}

TEST(Json, the_floor_and_the_series_of_a_queue) {
  const Json endpoint = json_of(samples::incident_b())["endpoints"][0];
  EXPECT_EQ(endpoint["rtt_floor_us"], 10);
  EXPECT_EQ(endpoint["rtt_floor_source"], "handshake");
  EXPECT_EQ(endpoint["series"]["path_queue_p50_us"][30], 186'000);
  EXPECT_EQ(endpoint["series"]["host_queue_p99_us"].size(), 61U);
  EXPECT_TRUE(endpoint["series"]["path_queue_in_p99_us"][30].is_null());
}

TEST(Json, a_series_has_n_entries_everywhere) {
  const Json series = json_of(samples::nothing_found())["endpoints"][0]["series"];
  EXPECT_EQ(series["exchanges"], Json::parse("[1, null, 2]"));
  EXPECT_EQ(series["connects"], Json::parse("[0, 1, null]"));
  EXPECT_EQ(series["rtt_p50_us"], Json::parse("[null, null, null]"));
}

TEST(Json, whole_bytes_even_for_means) {
  EXPECT_EQ(json_of(samples::nothing_found())["endpoints"][0]["mean_request_bytes"].dump(), "1412");
}

TEST(Json, reset_reasons_are_null_where_the_kernel_gives_none) {
  EXPECT_TRUE(json_of(samples::api_resets())["totals"]["reset_reasons"].is_null());
  EXPECT_EQ(json_of(samples::ipv6())["totals"]["reset_reasons"], Json::parse(R"({"TCP_ABORT_ON_CLOSE": 1})"));
  EXPECT_EQ(json_of(samples::api_resets())["totals"]["reset_phases"]["established"], 12);
  EXPECT_TRUE(json_of(samples::api_resets())["totals"]["reset_phases"]["time_wait"].is_null());
}

TEST(Json, drops_are_by_way_and_reason_and_null_where_the_kernel_tells_of_none) {
  EXPECT_TRUE(json_of(samples::api_resets())["totals"]["drops"].is_null());
  model::Report report = samples::api_resets();
  report.picture.totals.drops_known = true;
  EXPECT_EQ(json_of(report)["totals"]["drops"], Json::parse(R"({"out": {}, "in": {}})"));
  report.picture.totals.drops[0]["QDISC_DROP"].packets = 7;
  report.picture.totals.drops[1]["TCP_CSUM"].packets = 1;
  EXPECT_EQ(json_of(report)["totals"]["drops"], Json::parse(R"({"out": {"QDISC_DROP": 7}, "in": {"TCP_CSUM": 1}})"));
}

TEST(Json, filters_as_they_were_given) {
  const Json filters = json_of(samples::busy_server())["filters"];
  EXPECT_EQ(filters["pid"], Json::parse("[77]"));
  EXPECT_EQ(filters["children"], true);
  EXPECT_THAT(filters["comm"], ElementsAre("puma"));
  EXPECT_THAT(filters["cgroup"], ElementsAre("/system.slice/puma.service"));
  EXPECT_EQ(filters["expression"], "not port 22");
  const Json none = json_of(samples::api_resets())["filters"];
  EXPECT_EQ(none["children"], false);
  EXPECT_EQ(none["comm"], Json::array());
  EXPECT_EQ(none["cgroup"], Json::array());
  EXPECT_TRUE(none["expression"].is_null());
}

TEST(Json, what_a_recording_was_narrowed_to_and_where_it_is_kept) {
  const Json report = json_of(samples::ipv6());
  EXPECT_EQ(report["recording_sha256"], "ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d");
  EXPECT_EQ(report["recording_bytes"], 88'000);
  Keys keys = keys_of(report["filters"]);
  keys.insert(keys.end(), {"from_at", "to_at"});
  EXPECT_EQ(keys_of(report["view_filters"]), keys);
  EXPECT_EQ(report["view_filters"]["local_port"], Json::parse("[50051]"));
  EXPECT_EQ(report["view_filters"]["from_at"], "2026-11-21T02:46:40.000Z");
  EXPECT_TRUE(report["view_filters"]["to_at"].is_null());
  const Json live = json_of(samples::api_resets());
  EXPECT_TRUE(live["recording_sha256"].is_null());
  EXPECT_TRUE(live["recording_bytes"].is_null());
  EXPECT_TRUE(live["view_filters"].is_null());
}

TEST(Json, the_kernels_counters_stand_beside_the_totals) {
  const Json report = json_of(samples::busy_server());
  const Json& netns = report["kernel_counters"][0];
  EXPECT_EQ(netns["netns_inode"], 4026531840);
  EXPECT_EQ(netns["counters"]["RetransSegs"], 10);
  EXPECT_EQ(netns["counters"]["OutRsts"], 0);
  EXPECT_TRUE(netns["counters"]["TCPReqQFullDoCookies"].is_null()) << "this kernel has no such counter";
  EXPECT_EQ(netns["gone"], false);
  EXPECT_EQ(netns["full_listeners"][1],
            Json::parse(R"({"address": "::", "port": 9292, "backlog_max": 6, "limit": 5, "samples": 1})"));
  EXPECT_EQ(report["totals"]["listen_overflows"], 57);
  EXPECT_EQ(report["totals"]["listen_drops"], 60);
  EXPECT_TRUE(report["endpoints"][0]["listen_overflows"].is_null());
  EXPECT_EQ(json_of(samples::queueing_ipv6())["kernel_counters"][1]["gone"], true);
}

TEST(Json, counters_that_could_not_be_read_are_null) {
  model::Report report = samples::busy_server();
  report.picture.netns[0].counters.clear();
  report.picture.totals.listen_overflows = std::nullopt;
  const Json json = json_of(report);
  for (const auto& [name, value] : json["kernel_counters"][0]["counters"].items()) EXPECT_TRUE(value.is_null()) << name;
  EXPECT_TRUE(json["totals"]["listen_overflows"].is_null());
  EXPECT_EQ(json_of(samples::linked())["kernel_counters"], Json::array());
}

TEST(Json, the_gap_before_a_call_is_of_outbound_endpoints) {
  const Json outbound = json_of(samples::api_resets())["endpoints"][0];
  EXPECT_EQ(outbound["app_gap"], Json::parse(R"({"calls": 1204, "with_gap": 1122, "ambiguous": 7, "threads": 15})"));
  EXPECT_EQ(outbound["app_gap_coverage_pct"], 93.189);
  EXPECT_TRUE(outbound["slow_answers"].is_null());
  EXPECT_EQ(outbound["outcomes_compared"][2]["app_gap_p50_us"], 20'000);
  EXPECT_EQ(json_of(samples::api_resets())["sockets"][0]["app_gap_us"], 20'000);
  const Json inbound = json_of(samples::busy_server())["endpoints"][0];
  EXPECT_TRUE(inbound["app_gap"].is_null());
  EXPECT_TRUE(inbound["app_gap_coverage_pct"].is_null());
  EXPECT_EQ(inbound["slow_answers"], Json::parse(R"({"no_call": 4, "with_call": 1, "unknown": 1, "ongoing": 2})"));
}

TEST(Json, a_gap_that_is_not_measured_is_null_and_one_without_calls_is_not) {
  model::Report report = samples::api_resets();
  model::EndpointPicture& endpoint = report.picture.endpoints[0];
  endpoint.app_gap = {};
  endpoint.histograms[model::Measure::kAppGap] = model::Histogram();
  EXPECT_EQ(json_of(report)["endpoints"][0]["app_gap"]["calls"], 0);
  EXPECT_TRUE(json_of(report)["endpoints"][0]["app_gap_coverage_pct"].is_null());
  endpoint.histograms.erase(model::Measure::kAppGap);
  EXPECT_TRUE(json_of(report)["endpoints"][0]["app_gap"].is_null());
}

TEST(Json, what_was_sent_again_and_how_long_after) {
  const Json endpoint = json_of(samples::packet_loss())["endpoints"][0];
  EXPECT_EQ(endpoint["histograms"]["retransmit_rto"]["count"], 31);
  EXPECT_EQ(endpoint["histograms"]["retransmit_rto"]["max"], 420'000);
  EXPECT_TRUE(endpoint["histograms"]["retransmit_synack"].is_null());
  EXPECT_EQ(endpoint["histograms"]["recovery"]["count"], 1'840);
  EXPECT_EQ(endpoint["recovery_unfinished"], 2);
  EXPECT_TRUE(json_of(samples::incident_b())["endpoints"][0]["recovery_unfinished"].is_null());
  EXPECT_EQ(json_of(samples::busy_server())["sockets"][0]["timeline"][2]["detail"],
            Json::parse(R"({"bound_us": 40, "delay_us": 210000, "kind": "rto", "segments": 1})"));
}

TEST(Json, sockets_tell_who_shares_them_and_what_waited) {
  const Json socket = json_of(samples::busy_server())["sockets"][0];
  EXPECT_EQ(socket["process"]["shared"], true);
  EXPECT_EQ(socket["no_call_wait_us"], 38'503'000);
  EXPECT_TRUE(socket["app_gap_us"].is_null());
  EXPECT_EQ(json_of(samples::api_resets())["sockets"][1]["process"]["shared"], false);
}

TEST(Json, the_limit_keeps_sockets_that_a_finding_names) {
  model::Report report = samples::api_resets();
  report.findings[0].sockets = {1, 13};
  report.findings[1].sockets = {};
  const Json json = json_of(report, {1});
  ASSERT_EQ(json["sockets"].size(), 3U);
  EXPECT_EQ(json["sockets"][0]["id"], "s1");
  EXPECT_EQ(json["sockets"][2]["id"], "s3");
  EXPECT_EQ(json["sockets"][2]["local"]["port"], 42011);
  EXPECT_THAT(json["findings"][0]["sockets"], ElementsAre("s2", "s3"));
  EXPECT_THAT(json["findings"][0]["evidence"]["sockets"], ElementsAre("s2", "s3"));
  EXPECT_EQ(json["sockets_shown"], 3);
  EXPECT_EQ(json["sockets_omitted"], 16 + 12);
}

TEST(Json, evidence_keeps_its_types) {
  const Json evidence = json_of(samples::api_resets())["findings"][0]["evidence"];
  EXPECT_EQ(evidence["reset_count"].dump(), "12");
  EXPECT_EQ(evidence["wait_p50_s"].dump(), "30.0");
  EXPECT_TRUE(evidence["since_inbound_request_p50_s"].is_null());
  EXPECT_EQ(keys_of(evidence["timer_candidates"][0]),
            (Keys{"name", "timer_s", "origin", "deviation_pct", "counted_from"}));
}

TEST(Json, links_and_ids_are_positions) {
  const Json findings = json_of(samples::linked())["findings"];
  EXPECT_EQ(findings[2]["id"], "f3");
  EXPECT_THAT(findings[2]["caused_by"], ElementsAre("f2"));
  EXPECT_EQ(findings[3]["endpoint"], "e2");
}

TEST(Json, numbers_in_a_timeline_are_numbers_but_names_are_not) {
  const Json detail = json_of(samples::api_resets())["sockets"][0]["timeline"][1]["detail"];
  EXPECT_EQ(detail["bytes"].dump(), "1412");
  EXPECT_EQ(json_of(samples::hostile())["sockets"][0]["timeline"][1]["detail"]["reason"], "42");
}

TEST(Json, invalid_utf8_becomes_the_replacement_character) {
  const std::string text = render_json(samples::hostile(), {});
  EXPECT_THAT(text, ::testing::HasSubstr("\\u001b]0;owned\\u0007\\ufffd\\ufffd\\u202eevil\\n"));
}

TEST(Json, lists_of_numbers_are_one_line) {
  EXPECT_THAT(render_json(samples::nothing_found(), {}), ::testing::HasSubstr("\"exchanges\": [1,null,2],\n"));
}

TEST(Json, an_empty_report_is_no_crash) { EXPECT_EQ(json_of(model::Report())["verdict"], "nothing_found"); }

TEST(Json, a_network_card_tells_what_moved_and_what_is_not_known) {
  const Json report = json_of(samples::throttled_node());
  EXPECT_EQ(report["host"]["instance_type"], "t4g.micro");
  EXPECT_EQ(report["host"]["instance_type_source"], "dmi");
  const Json& bridge = report["nic"][0];
  EXPECT_EQ(bridge["driver"], "bridge");
  EXPECT_TRUE(bridge["driver_version"].is_null());
  EXPECT_TRUE(bridge["limits"].empty());
  const Json& ens5 = report["nic"][1];
  EXPECT_EQ(ens5["allowance_exceeded"]["bw_in"], 0);
  EXPECT_EQ(ens5["allowance_exceeded"]["bw_out"], 24'011);
  EXPECT_EQ(ens5["per_second"]["bw_out"], Json::array({0, 0, 24'011, 0}));
  EXPECT_EQ(ens5["limits"][1]["seconds_with_delta"], 57);
  EXPECT_TRUE(ens5["limits"][0]["first_at"].is_null());
  EXPECT_EQ(ens5["limits"][1]["first_at"], "2026-11-21T02:31:10.004Z");
  EXPECT_EQ(ens5["driver_reset"], true);
  EXPECT_EQ(ens5["conntrack_available_min"], 120);

  model::Report partly = samples::throttled_node();
  partly.picture.nics[1].limits.resize(2);  // a driver that has no other
  const Json limits = json_of(partly)["nic"][1];
  EXPECT_TRUE(limits["allowance_exceeded"]["pps"].is_null());
  EXPECT_EQ(keys_of(limits["per_second"]), (Keys{"bw_in", "bw_out"}));
}

TEST(Json, sysctls_that_are_not_known_are_null) {
  const Json sysctls = json_of(samples::throttled_node())["tcp_sysctls"][0];
  EXPECT_EQ(sysctls["syn_retries"], 6);
  EXPECT_EQ(sysctls["fin_timeout_s"], 60.0);
  EXPECT_EQ(sysctls["rto_max_us"], 120'000'000);
  EXPECT_TRUE(sysctls["orphan_retries"].is_null());
  EXPECT_TRUE(json_of(samples::nothing_found())["tcp_sysctls"][0]["rto_max_us"].is_null());
}

TEST(Json, an_instance_type_without_a_name_is_unknown) {
  EXPECT_TRUE(json_of(samples::nothing_found())["host"]["instance_type"].is_null());
  EXPECT_TRUE(json_of(samples::nothing_found())["host"]["instance_type_source"].is_null());
}

TEST(Json, baseline_candidates_are_objects) {
  const Json candidates = json_of(samples::incident_b())["findings"][0]["evidence"]["baseline_candidates"];
  ASSERT_EQ(candidates.size(), 4U);
  EXPECT_EQ(keys_of(candidates[0]), (Keys{"type", "baseline_bit_per_s", "deviation_pct", "table_date"}));
  EXPECT_EQ(candidates[0]["baseline_bit_per_s"], 64'000'000);
}

}  // namespace
}  // namespace tcpdiag::report
