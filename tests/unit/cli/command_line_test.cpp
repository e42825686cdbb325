// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <variant>

namespace tcpdiag::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

Result<std::variant<ShowText, Options>> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "tcpdiag");
  return parse_command_line(words);
}

Options options_of(CommandId id, std::vector<std::string> words) {
  auto command = parse(std::move(words));
  if (!command || !std::holds_alternative<Options>(*command)) {
    ADD_FAILURE() << (command ? "no command" : command.error().what);
    return {};
  }
  EXPECT_EQ(std::get<Options>(*command).command, id);
  return std::get<Options>(std::move(*command));
}

Options trace(std::vector<std::string> words) {
  words.insert(words.begin(), "trace");
  return options_of(kTrace, std::move(words));
}

// "what; hint" of a command line that is refused.
std::string refusal(std::vector<std::string> words) {
  const auto command = parse(std::move(words));
  if (command) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  EXPECT_EQ(command.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(command.error().what, Not(HasSubstr("\n")));
  EXPECT_THAT(command.error().what, Not(testing::EndsWith(".")));
  return command.error().what + "; " + command.error().hint;
}

std::string text(std::vector<std::string> words) {
  const auto command = parse(std::move(words));
  const auto* show = command ? std::get_if<ShowText>(&*command) : nullptr;
  EXPECT_NE(show, nullptr);
  return show == nullptr ? "" : show->text;
}

TEST(CommandLine, trace_alone) {
  const Options options = trace({});
  EXPECT_THAT(options.filters.pids, IsEmpty());
  EXPECT_THAT(options.filters.families, IsEmpty());
  EXPECT_THAT(options.filters.netns_as_given, IsEmpty());
  EXPECT_EQ(options.filters.role, std::nullopt);
  EXPECT_FALSE(options.filters.children);
  EXPECT_THAT(options.filters.comms, IsEmpty());
  EXPECT_THAT(options.filters.cgroups, IsEmpty());
  EXPECT_FALSE(options.filters.expression);
  EXPECT_EQ(options.duration, std::nullopt);
  EXPECT_EQ(options.format, Format::kText);
  EXPECT_EQ(options.output, "");
  EXPECT_FALSE(options.force);
  EXPECT_EQ(options.fail_on, std::nullopt);
  EXPECT_EQ(options.sockets, std::nullopt);
  EXPECT_EQ(options.ring_bytes, 4U << 20);
  EXPECT_EQ(options.max_endpoints, 256U);
  EXPECT_EQ(options.max_events_per_second, 30000U);
  EXPECT_THAT(options.argv, ElementsAre("tcpdiag", "trace"));
}

TEST(CommandLine, every_option_short) {
  const Options options = trace({"-p", "811", "-L", "80", "-D443", "-a", "10.0.0.1", "-A", "203.0.113.0/24", "-4", "-d",
                                 "30s", "-o", "report.txt"});
  EXPECT_THAT(options.filters.pids, ElementsAre(811U));
  EXPECT_THAT(options.filters.local_ports, ElementsAre(80));
  EXPECT_THAT(options.filters.remote_ports, ElementsAre(443));
  ASSERT_EQ(options.filters.local.size(), 1U);
  EXPECT_EQ(options.filters.local[0].to_string(), "10.0.0.1");
  ASSERT_EQ(options.filters.remote.size(), 1U);
  EXPECT_EQ(options.filters.remote[0].to_string(), "203.0.113.0/24");
  EXPECT_THAT(options.filters.families, ElementsAre(4));
  EXPECT_EQ(options.duration, 30s);
  EXPECT_EQ(options.output, "report.txt");
}

TEST(CommandLine, every_option_long) {
  const Options options = trace({"--pid=811",
                                 "--local-port",
                                 "80",
                                 "--remote-port=443",
                                 "--local",
                                 "fd00::1",
                                 "--remote=fd00::/8",
                                 "-6",
                                 "--netns",
                                 "blue",
                                 "--role",
                                 "inbound",
                                 "--duration=5m",
                                 "--format",
                                 "json",
                                 "--output=x.json",
                                 "--force",
                                 "--fail-on",
                                 "warning",
                                 "--sockets",
                                 "12",
                                 "--ring-size",
                                 "8MiB",
                                 "--max-endpoints",
                                 "4096",
                                 "--max-events-per-second",
                                 "200"});
  EXPECT_THAT(options.filters.pids, ElementsAre(811U));
  EXPECT_THAT(options.filters.local_ports, ElementsAre(80));
  EXPECT_THAT(options.filters.remote_ports, ElementsAre(443));
  EXPECT_EQ(options.filters.local.size(), 1U);
  EXPECT_EQ(options.filters.remote.size(), 1U);
  EXPECT_THAT(options.filters.families, ElementsAre(6));
  EXPECT_THAT(options.filters.netns_as_given, ElementsAre("blue"));
  EXPECT_EQ(options.filters.role, model::Role::kInbound);
  EXPECT_EQ(options.duration, 5min);
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_EQ(options.output, "x.json");
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.fail_on, model::Severity::kWarning);
  EXPECT_EQ(options.sockets, 12U);
  EXPECT_EQ(options.ring_bytes, 8U << 20);
  EXPECT_EQ(options.max_endpoints, 4096U);
  EXPECT_EQ(options.max_events_per_second, 200U);
}

TEST(CommandLine, lists_and_repetitions_are_any_of_them) {
  const Options options =
      trace({"-D", "80,443", "-D", "8080", "-D", "443", "-p", "1", "-p2", "--netns", "a,b", "-A", "10.0.0.1,fd00::/8"});
  EXPECT_THAT(options.filters.remote_ports, ElementsAre(80, 443, 8080));
  EXPECT_THAT(options.filters.pids, ElementsAre(1U, 2U));
  EXPECT_THAT(options.filters.netns_as_given, ElementsAre("a", "b"));
  EXPECT_EQ(options.filters.remote.size(), 2U);
}

TEST(CommandLine, both_roles_or_both_families_are_no_contradiction) {
  EXPECT_EQ(trace({"--role", "outbound,inbound"}).filters.role, std::nullopt);
  EXPECT_THAT(trace({"-4", "-6"}).filters.families, ElementsAre(4, 6));
}

TEST(CommandLine, durations) {
  EXPECT_EQ(trace({"-d", "6379"}).duration, 6379s);
  EXPECT_EQ(trace({"-d", "500ms"}).duration, 500ms);
  EXPECT_EQ(trace({"-d", "0"}).duration, 0s);
  for (const char* wrong : {"5x", "forever", "1e9", "99999999999"}) {
    EXPECT_THAT(refusal({"trace", "-d", wrong}), AllOf(HasSubstr("invalid duration '"), HasSubstr("; write 30s")))
        << wrong;
  }
}

TEST(CommandLine, floor) {
  EXPECT_EQ(trace({}).floor, std::nullopt);
  EXPECT_EQ(trace({"--floor", "0.5ms"}).floor, 500us);
  EXPECT_EQ(trace({"--floor=200us"}).floor, 200us);
  for (const char* wrong : {"0.5", "20", "0ms", "0.5us", "11s", "low"}) {
    EXPECT_THAT(refusal({"trace", "--floor", wrong}),
                AllOf(HasSubstr("invalid round-trip time '"), HasSubstr("; write 0.5ms")))
        << wrong;
  }
}

TEST(CommandLine, names_and_cgroups) {
  const model::Filters filters = trace({"--comm", "ruby,puma: worker", "--comm=exactly15bytes!", "--comm", "ruby",
                                        "--cgroup", "/system.slice/puma.service,4711", "-p", "811", "--children"})
                                     .filters;
  EXPECT_THAT(filters.comms, ElementsAre("ruby", "puma: worker", "exactly15bytes!"));
  ASSERT_EQ(filters.cgroups.size(), 2U);
  EXPECT_EQ(filters.cgroups[0].path, "/system.slice/puma.service");
  EXPECT_EQ(filters.cgroups[1].path, "4711");
  EXPECT_TRUE(filters.children);
}

TEST(CommandLine, names_are_as_the_kernel_cuts_them) {
  EXPECT_EQ(refusal({"trace", "--comm", "ruby,redis-sentinel-1"}),
            "--comm: 'redis-sentinel-1' is longer than 15 bytes; the kernel keeps 15: write 'redis-sentinel-'");
  EXPECT_THAT(refusal({"trace", "--comm", "ruby,"}), StartsWith("--comm: invalid command name ''; "));
  EXPECT_THAT(refusal({"trace", "--cgroup", ",x"}), StartsWith("--cgroup: invalid cgroup ''; "));
}

TEST(CommandLine, children_of_whom) {
  EXPECT_EQ(refusal({"trace", "--children"}),
            "--children needs the process whose children are meant; name it with -p PID");
}

TEST(CommandLine, instance_types) {
  const Options none = trace({});
  EXPECT_EQ(none.instance_type, "");
  EXPECT_EQ(none.peer_instance, "");
  EXPECT_FALSE(none.imds);
  const Options options = trace({"--peer-instance", "cache.t4g.micro", "--instance-type=m7i.metal-24xl", "--imds"});
  EXPECT_EQ(options.instance_type, "m7i.metal-24xl");
  EXPECT_EQ(options.peer_instance, "cache.t4g.micro");
  EXPECT_TRUE(options.imds);
  EXPECT_EQ(
      refusal({"trace", "--peer-instance", "T4G.micro"}),
      "--peer-instance: invalid instance type 'T4G.micro'; types are such as t4g.micro or cache.m7g.large, in small "
      "letters");
  EXPECT_THAT(refusal({"trace", "--instance-type", "a,b"}),
              StartsWith("--instance-type: invalid instance type 'a,b'; "));
  EXPECT_THAT(refusal({"trace", "--peer-instance", "a", "--peer-instance", "b"}),
              StartsWith("--peer-instance is given twice; "));
}

TEST(CommandLine, probe) {
  EXPECT_FALSE(trace({}).probe);
  EXPECT_TRUE(trace({"--probe", "-D", "6379", "-p", "1"}).probe);
  EXPECT_EQ(refusal({"trace", "--probe", "--redact"}),
            "--probe connects by itself, which --redact leaves out; leave one of them out");
  EXPECT_THAT(refusal({"trace", "--probe", "--comm", "ruby"}), StartsWith("--probe connects by itself, which --comm "));
  EXPECT_THAT(refusal({"trace", "--probe", "-L", "80"}),
              StartsWith("--probe connects by itself, which a filter of local addresses or ports leaves out; "));
}

std::string expression(std::vector<std::string> words) {
  const auto found = trace(std::move(words)).filters.expression;
  return found ? found->text : "none";
}

TEST(CommandLine, words_behind_the_options_are_an_expression) {
  EXPECT_EQ(expression({"not", "port", "22"}), "not port 22");
  EXPECT_EQ(expression({"not port 22"}), "not port 22");
  EXPECT_EQ(expression({"dst port 443 and", "not", "host 10.0.0.1"}), "dst port 443 and not host 10.0.0.1");
  EXPECT_EQ(expression({"(", "port", "80", "or", "443", ")", "and", "!", "host", "::1"}),
            "( port 80 or 443 ) and ! host ::1");
}

TEST(CommandLine, expression_and_options_in_any_order) {
  const Options options = trace({"-d", "30s", "not", "port", "-D", "443", "22", "--force", "--comm=ruby"});
  ASSERT_TRUE(options.filters.expression);
  EXPECT_EQ(options.filters.expression->text, "not port 22");
  EXPECT_EQ(options.filters.expression->steps.size(), 2U);
  EXPECT_EQ(options.duration, 30s);
  EXPECT_THAT(options.filters.remote_ports, ElementsAre(443));
  EXPECT_TRUE(options.force);
  EXPECT_EQ(expression({"-D", "443", "--", "not", "port", "22"}), "not port 22");
  EXPECT_EQ(expression({"-D", "443", "--"}), "none");
  EXPECT_THAT(refusal({"trace", "--", "-D", "443"}), StartsWith("invalid word '-D' in the filter expression; "));
}

TEST(CommandLine, what_is_no_expression) {
  EXPECT_EQ(refusal({"trace", "443"}),
            "invalid word '443' in the filter expression; words are [src|dst] host ADDR, net ADDR/LEN, port N, "
            "portrange N-M, and, or, not, ( )");
  EXPECT_THAT(refusal({"trace", ""}), StartsWith("the filter expression is empty; "));
  EXPECT_THAT(refusal({"trace", "host", "example.com"}), HasSubstr("names are not looked up"));
  EXPECT_EQ(refusal({"trace", "not", "port", "22", "--xyzzy"}), "unknown option '--xyzzy'; see 'tcpdiag trace --help'");
}

TEST(CommandLine, dash_is_standard_output) { EXPECT_EQ(trace({"-o", "-"}).output, ""); }

TEST(CommandLine, wrong_values_name_option_value_and_hint) {
  EXPECT_EQ(refusal({"trace", "-D", "0"}),
            "--remote-port: invalid port '0'; ports are numbers from 1 to 65535, such as 443 or 80,443");
  EXPECT_THAT(refusal({"trace", "-L", "65536"}), StartsWith("--local-port: invalid port '65536'; "));
  EXPECT_THAT(refusal({"trace", "-D", "80,,443"}), StartsWith("--remote-port: invalid port ''; "));
  EXPECT_THAT(refusal({"trace", "-D", "80,"}), StartsWith("--remote-port: invalid port ''; "));
  EXPECT_THAT(refusal({"trace", "-D", "https"}), StartsWith("--remote-port: invalid port 'https'; "));
  EXPECT_THAT(refusal({"trace", "-p", "0"}), StartsWith("--pid: invalid process id '0'; "));
  EXPECT_THAT(refusal({"trace", "-p", "ruby"}), StartsWith("--pid: invalid process id 'ruby'; "));
  EXPECT_THAT(refusal({"trace", "-A", "example.com"}), HasSubstr("names are not looked up"));
  EXPECT_THAT(refusal({"trace", "-A", "10.0.0.0/33"}), StartsWith("--remote: invalid IP address '10.0.0.0/33'"));
  EXPECT_THAT(refusal({"trace", "--role", "client"}), StartsWith("--role: invalid role 'client'; outbound"));
  EXPECT_THAT(refusal({"trace", "--format", "xml"}),
              StartsWith("--format: invalid format 'xml'; text, json, ndjson, md or html"));
  EXPECT_THAT(refusal({"trace", "--fail-on", "high"}), StartsWith("--fail-on: invalid severity 'high'; notice"));
  EXPECT_THAT(refusal({"trace", "--sockets", "many"}), StartsWith("--sockets: invalid number of sockets 'many'"));
  EXPECT_THAT(refusal({"trace", "--ring-size", "32KiB"}), HasSubstr("a power of two from 64KiB"));
  EXPECT_THAT(refusal({"trace", "--ring-size", "100KiB"}), HasSubstr("a power of two from 64KiB"));
  EXPECT_THAT(refusal({"trace", "--max-endpoints", "0"}), HasSubstr("a number from 1 to 4096"));
  EXPECT_THAT(refusal({"trace", "--max-endpoints", "4097"}), HasSubstr("a number from 1 to 4096"));
  for (const char* wrong : {"10000001", "1e3", "many", "2.5"}) {
    EXPECT_THAT(refusal({"trace", std::string("--max-events-per-second=") + wrong}), HasSubstr("or 0 for no limit"));
  }
}

TEST(CommandLine, missing_values) {
  EXPECT_THAT(refusal({"trace", "-D"}), StartsWith("--remote-port needs a value; "));
  EXPECT_THAT(refusal({"trace", "-D", "--force"}), StartsWith("--remote-port needs a value, not '--force'; "));
  EXPECT_THAT(refusal({"trace", "--pid=", "-D", "80"}), StartsWith("--pid needs a value; "));
  EXPECT_THAT(refusal({"trace", "-o", ""}), StartsWith("--output needs a value; "));
}

TEST(CommandLine, given_twice) {
  EXPECT_THAT(refusal({"trace", "-d", "5", "-d", "6"}), StartsWith("--duration is given twice; "));
  EXPECT_THAT(refusal({"trace", "-o", "a", "--output", "b"}), StartsWith("--output is given twice; "));
}

TEST(CommandLine, contradictions) {
  EXPECT_EQ(refusal({"trace", "-4", "-A", "fd00::1"}),
            "-4 contradicts -A fd00::1, which is IPv6; leave one of them out");
  EXPECT_THAT(refusal({"trace", "-4", "-a", "10.0.0.1,fd00::1"}), StartsWith("-4 contradicts -a fd00::1"));
  EXPECT_THAT(refusal({"trace", "-6", "-A", "10.0.0.0/8"}), StartsWith("-6 contradicts -A 10.0.0.0/8, which is IPv4"));
  EXPECT_THAT(refusal({"trace", "-a", "10.0.0.1", "-A", "fd00::1"}), HasSubstr("different IP families"));
  EXPECT_THAT(refusal({"trace", "--no-dns", "--dns-names"}), HasSubstr("leave one of them out"));
  EXPECT_THAT(trace({"-4", "-6", "-A", "fd00::1"}).filters.remote.size(), 1U);
  EXPECT_THAT(trace({"-a", "10.0.0.1,fd00::1", "-A", "fd00::2"}).filters.remote.size(), 1U);
}

TEST(CommandLine, unknown_options_get_a_suggestion) {
  EXPECT_EQ(refusal({"trace", "--remot-port", "80"}), "unknown option '--remot-port'; did you mean --remote-port?");
  EXPECT_EQ(refusal({"trace", "--port=80"}), "unknown option '--port=80'; did you mean --local-port or --remote-port?");
  EXPECT_EQ(refusal({"trace", "-P", "80"}), "unknown option '-P'; did you mean -p?");
  EXPECT_EQ(refusal({"trace", "--xyzzy"}), "unknown option '--xyzzy'; see 'tcpdiag trace --help'");
  EXPECT_EQ(refusal({"--versoin"}), "unknown option '--versoin'; did you mean --version?");
  EXPECT_EQ(refusal({"-D", "443", "trace"}), "option '-D' belongs to a command; write 'tcpdiag trace -D'");
  EXPECT_THAT(refusal({"trace", "--force=maybe"}), StartsWith("an option that takes no value has one"));
}

TEST(CommandLine, commands) {
  EXPECT_EQ(refusal({"tarce"}), "unknown command 'tarce'; did you mean trace?");
  EXPECT_THAT(refusal({"frobnicate"}),
              StartsWith("unknown command 'frobnicate'; the commands are trace, report, diff, size, doctor;"));
  EXPECT_THAT(refusal({}), StartsWith("no command given; "));
  EXPECT_THAT(refusal({"trace", "trace"}), StartsWith("invalid word 'trace' in the filter expression; "));
  EXPECT_EQ(parse_command_line({}).error().exit_code, ExitCode::kUsage);
}

TEST(CommandLine, what_is_echoed_cannot_drive_a_terminal) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"trace", "--\x1b[31m"},
                                                                                     {"trace", "\x1b[31m\n"},
                                                                                     {"\x1b[31m"},
                                                                                     {"trace", "-D", "\x1b[31m"},
                                                                                     {"trace", "-d\n"},
                                                                                     {"trace", "--force=\x1b[31m"},
                                                                                     {"trace", "--\x1b[31m="}}) {
    const std::string shown = refusal(words);
    EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown, Not(HasSubstr("\n")));
  }
}

TEST(CommandLine, help_names_examples_and_exit_codes) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--help"}, {"-h"}, {"trace", "--help"}, {"trace", "-D", "80", "-h"}}) {
    const std::string help = text(words);
    EXPECT_THAT(help, HasSubstr("Examples:"));
    EXPECT_THAT(help, HasSubstr("Exit codes:"));
    for (std::size_t begin = 0; begin < help.size();) {
      const std::size_t end = help.find('\n', begin);
      EXPECT_LE(end - begin, 80U) << help.substr(begin, end - begin);
      begin = end + 1;
    }
  }
  EXPECT_THAT(text({"trace", "-h"}), HasSubstr("-D, --remote-port PORT"));
  EXPECT_THAT(text({"trace", "-h"}), HasSubstr("Usage: tcpdiag trace [OPTIONS] [EXPRESSION]"));
}

TEST(CommandLine, version) { EXPECT_THAT(text({"--version"}), StartsWith("tcpdiag 0.")); }

Options report(std::vector<std::string> words) {
  words.insert(words.begin(), "report");
  return options_of(kReport, std::move(words));
}

TEST(CommandLine, report_takes_a_file_and_then_an_expression) {
  const Options options =
      report({"incident.tcpdiag", "--from", "+90s", "-D", "443", "--redact", "-w", "x.tcpdiag", "host 10.0.0.1"});
  EXPECT_THAT(options.files, ElementsAre("incident.tcpdiag"));
  EXPECT_THAT(options.filters.remote_ports, ElementsAre(443));
  ASSERT_TRUE(options.filters.expression);
  EXPECT_EQ(options.filters.expression->text, "host 10.0.0.1");
  EXPECT_TRUE(options.from);
  EXPECT_FALSE(options.to);
  EXPECT_TRUE(options.redact);
  EXPECT_EQ(options.write, "x.tcpdiag");
}

TEST(CommandLine, report_refuses_what_would_overwrite_or_cannot_be) {
  EXPECT_THAT(refusal({"report"}), HasSubstr("needs the recording"));
  EXPECT_THAT(refusal({"report", "a", "-w", "a"}), HasSubstr("-w names the recording that is read"));
  EXPECT_THAT(refusal({"report", "a", "-o", "a"}), HasSubstr("-o names the recording that is read"));
  EXPECT_THAT(refusal({"report", "a", "--from", "noon"}), HasSubstr("invalid time 'noon'"));
  EXPECT_THAT(refusal({"trace", "-w", "-"}), HasSubstr("standard output"));
  EXPECT_THAT(refusal({"trace", "-w", "a", "-o", "a"}), HasSubstr("the same file"));
  EXPECT_THAT(refusal({"trace", "--max-size", "1GiB"}), HasSubstr("add -w FILE"));
  EXPECT_THAT(refusal({"trace", "--format", "xml"}), HasSubstr("text, json, ndjson, md or html"));
}

TEST(CommandLine, diff_compares_one_or_two) {
  const Options options = options_of(kDiff, {"diff", "good", "bad", "--format", "json"});
  EXPECT_THAT(options.files, ElementsAre("good", "bad"));
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_THAT(options.argv, ElementsAre("tcpdiag", "diff", "good", "bad", "--format", "json"));
  EXPECT_TRUE(parse({"diff", "one"}));
  EXPECT_THAT(refusal({"diff"}), HasSubstr("0 are named"));
  EXPECT_THAT(refusal({"diff", "a", "b", "c"}), HasSubstr("3 are named"));
  EXPECT_THAT(refusal({"diff", "-", "-"}), HasSubstr("standard input"));
  EXPECT_THAT(refusal({"diff", "a", "b", "-o", "b"}), HasSubstr("-o names a recording"));
}

TEST(CommandLine, tokens_of_redacted_recordings_are_no_addresses_to_trace) {
  const std::string hint = "; tokens are for 'tcpdiag report' on that recording; to trace, write the address itself";
  EXPECT_EQ(refusal({"trace", "-A", "private-v4-1"}),
            "--remote: private-v4-1 is a token of a redacted recording, not an address" + hint);
  EXPECT_THAT(refusal({"trace", "-A", "10.0.0.1,public-v6-3"}), StartsWith("--remote: public-v6-3 is a token"));
  EXPECT_THAT(refusal({"trace", "-a", "private-v4-1/24"}), StartsWith("--local: private-v4-1/24 is a token"));
  EXPECT_THAT(refusal({"trace", "port 80 and dst host link-local-v4-2"}),
              StartsWith("expression: link-local-v4-2 is a token"));
  EXPECT_EQ(trace({"port 80 and dst host 10.0.0.1"}).filters.expression->steps.size(), 3U);
}

TEST(CommandLine, tokens_are_addresses_of_a_report) {
  const Options options = report({"x.tcpdiag", "-A", "private-v4-1", "dst host private-v4-1 and port 80"});
  EXPECT_EQ(options.filters.remote[0].to_string(), "private-v4-1");
}

}  // namespace
}  // namespace tcpdiag::cli
