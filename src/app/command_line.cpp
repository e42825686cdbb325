// SPDX-License-Identifier: Apache-2.0
// CLI11 splits the words; this file, the only one that knows it, turns its exceptions and left-overs into errors of our
// form. What the words mean is option_values.cpp's.
#include "app/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/doctor_options.h"
#include "app/option_values.h"
#include "app/size_options.h"
#include "app/version.h"
#include "util/escape.h"
#include "util/nearest.h"

namespace tcpdiag::app {
namespace {

constexpr const char* kSize = "size";

constexpr const char* kHelpFooter = R"(Examples:
  sudo tcpdiag trace                    all TCP sockets here, until Ctrl-C
  sudo tcpdiag trace -D 443 -d 5m       connections to port 443, five minutes
  tcpdiag size --instance t4g.micro --response 32KiB    what a node carries
  sudo tcpdiag doctor                   can this kernel and user trace
  tcpdiag trace --help                  all options of trace

Exit codes:
  0  done                                  3  not permitted, or the kernel is
  1  failed while running                     not able; the message has a cure
  2  wrong use; nothing was started        4  a finding reached --fail-on)";

constexpr const char* kTraceFooter = R"(An option repeated, or a list with commas, means any of them; different options
must all hold, and so must the EXPRESSION, in the words of tcpdump: [src|dst]
host ADDR, net ADDR/LEN, port N, portrange N-M, with and, or, not, ( ). There
src is this host and dst the other side.

The report goes to standard output or -o, progress to standard error. Nothing
leaves this machine, but for the question that --imds asks.

Examples:
  sudo tcpdiag trace                             everything here, until Ctrl-C
  sudo tcpdiag trace -D 6379 -d 30s              calls to Redis, half a minute
  sudo tcpdiag trace -p 811,812 -A 203.0.113.0/24
  sudo tcpdiag trace --role inbound -L 80,443    what this host serves
  sudo tcpdiag trace not port 22                 all but your own ssh session
  sudo tcpdiag trace 'dst port 443 and not (host 10.0.0.1 or net 10.1.0.0/16)'
  sudo tcpdiag trace --comm redis-server         whatever its process number
  sudo tcpdiag trace --cgroup /system.slice/puma.service
  sudo tcpdiag trace --netns blue --format json -o report.json
  sudo tcpdiag trace -D 6379 --peer-instance cache.t4g.micro
  sudo tcpdiag trace -d 1h --fail-on critical    exits 4 if there is a cause

Exit codes: 0 done, 1 failed while running, 2 wrong use, 3 not permitted or
kernel not able, 4 a finding at or above --fail-on)";

constexpr const char* kSizeFooter = R"(Without a baseline the answer is the smallest instance types that carry --rate.
Rates are bits (64mbit, 64Mbit/s, 0.064gbit) or bytes (8MB/s, 8MiB/s), sizes
32KiB or 32768. FILE is a JSON report of 'tcpdiag trace', - standard input;
sizes, rate and clients come from there, unless an option says another.

Examples:
  tcpdiag size --baseline 64mbit --response 32KiB --rate 300
  tcpdiag size --instance cache.t4g.micro --response 32KiB --clients 50
  tcpdiag size --response 8KiB --request 2KiB --rate 2000
  sudo tcpdiag trace -D 6379 -d 1m --format json | tcpdiag size -
  tcpdiag size report.json --endpoint 10.0.0.1:6379 --instance cache.t4g.micro

Exit codes: 0 done, whatever the answer; 1 failed while running, 2 wrong use)";

constexpr const char* kDoctorFooter = R"(It loads the kernel programs to see that the kernel takes them, and attaches
none. Without root it says what it could not find out.

Examples:
  sudo tcpdiag doctor
  sudo tcpdiag doctor --format json | jq -r '.rows[] | select(.answer=="no")'

Exit codes: 0 can trace, maybe poorer; 1 failed, 2 wrong use, 3 cannot trace)";

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() {
    constexpr std::size_t kColumn = 28;
    column_width(kColumn);
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = 0; (at = help.find("\n\n\n", at)) != std::string::npos;) help.erase(at, 1);
    return help;
  }
  std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() == nullptr) return fmt::format("Usage: {} COMMAND [OPTIONS]\n", name);
    if (app->get_name() == "doctor") return fmt::format("Usage: {} [OPTIONS]\n", name);
    return fmt::format("Usage: {} [OPTIONS] [{}]\n", name, app->get_name() == kSize ? "FILE" : "EXPRESSION");
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    if (const std::size_t comma = name.find(','); comma != std::string::npos) return name.insert(comma + 1, " ");
    return name.starts_with("--") ? "    " + name : name;
  }
};

void add_values(CLI::App& app, const std::string& name, Typed& values, const char* text, const char* description,
                const char* group) {
  app.add_option(name, values, description)->option_text(text)->allow_extra_args(false)->group(group);
}

void add_trace_options(CLI::App& app, TypedTraceOptions& typed) {
  constexpr const char* kFilters = "Which sockets";
  constexpr const char* kRun = "How long, and the report";
  constexpr const char* kNetwork = "Limits of the network";
  constexpr const char* kBounds = "Bounds";
  add_values(app, "-p,--pid", typed.pid, "PID", "owned by this process; its namespace", kFilters);
  app.add_flag("--children", typed.children, "and by what -p forked or will fork")->group(kFilters);
  add_values(app, "--comm", typed.comm, "NAME", "owned by processes of this name, whole, as\n`ps -e` shows it",
             kFilters);
  add_values(app, "--cgroup", typed.cgroup, "CGROUP",
             "owned by processes of this cgroup (v2) and\nthose below: a path or an id", kFilters);
  add_values(app, "-L,--local-port", typed.local_port, "PORT", "with this port on this host", kFilters);
  add_values(app, "-D,--remote-port", typed.remote_port, "PORT", "with this port on the other side", kFilters);
  add_values(app, "-a,--local", typed.local, "ADDR", "with this address here: an address or block,\n10.0.0.0/8",
             kFilters);
  add_values(app, "-A,--remote", typed.remote, "ADDR", "with this address on the other side", kFilters);
  app.add_flag("-4", typed.ipv4, "IPv4 only")->group(kFilters);
  app.add_flag("-6", typed.ipv6, "IPv6 only")->group(kFilters);
  add_values(app, "--netns", typed.netns, "NS",
             "of this network namespace: a process id, path,\nname (ip netns) or inode; default: this one", kFilters);
  add_values(app, "--role", typed.role, "ROLE", "outbound (this host connected) or inbound\n(this host accepted)",
             kFilters);
  add_values(app, "-d,--duration", typed.duration, "TIME",
             "end after 30s, 5m, 1h, 500ms; a bare number is\nseconds, 0 reports at once; default: Ctrl-C", kRun);
  add_values(app, "--floor", typed.floor, "TIME",
             "round-trip time of the path without a queue,\nsuch as 0.5ms: the default is the smallest seen", kRun);
  add_values(app, "--format", typed.format, "FORMAT", "text (default) or json", kRun);
  add_values(app, "-o,--output", typed.output, "FILE", "write the report to a new file", kRun);
  app.add_flag("--force", typed.force, "let -o overwrite a file")->group(kRun);
  add_values(app, "--fail-on", typed.fail_on, "SEVERITY",
             "exit 4 if a finding is at least this severe:\nnotice, warning or critical", kRun);
  add_values(app, "--sockets", typed.sockets, "N", "single sockets to show; default 2 in text,\n1000 in json", kRun);
  add_values(app, "--peer-instance", typed.peer_instance, "TYPE",
             "the peer's EC2 instance or ElastiCache node\ntype, such as cache.t4g.micro", kNetwork);
  add_values(app, "--instance-type", typed.instance_type, "TYPE",
             "this host's EC2 instance type; default: what\nits firmware (DMI) says", kNetwork);
  app.add_flag("--imds", typed.imds, "or else what EC2's metadata service answers:\ntwo requests to 169.254.169.254")
      ->group(kNetwork);
  add_values(app, "--ring-size", typed.ring_size, "SIZE",
             "buffer between kernel and program, a power of\ntwo from 64KiB; default 4MiB. Raise it if the\nreport "
             "counts lost events",
             kBounds);
  add_values(app, "--max-endpoints", typed.max_endpoints, "N", "endpoints measured at once, 1 to 4096;\ndefault 256",
             kBounds);
}

void add_size_options(CLI::App& app, TypedSizeOptions& typed) {
  constexpr const char* kLimit = "What the node may use";
  constexpr const char* kTraffic = "What is asked of it";
  constexpr const char* kAnswer = "The answer";
  add_values(app, "--baseline", typed.baseline, "RATE", "bandwidth that lasts, in each direction, such\nas 64mbit",
             kLimit);
  add_values(app, "--instance", typed.instance, "TYPE",
             "that of an instance type or cache node:\nt4g.micro, cache.t4g.micro", kLimit);
  add_values(app, "--response", typed.response, "BYTES", "size of a response, such as 32KiB", kTraffic);
  add_values(app, "--request", typed.request, "BYTES", "size of a request", kTraffic);
  add_values(app, "--rate", typed.rate, "N", "exchanges a second: 300, 300/s or 18000/min", kTraffic);
  add_values(app, "--clients", typed.clients, "N", "connections with one request outstanding each", kTraffic);
  add_values(app, "--mss", typed.mss, "N", "payload of a full segment; default 1448 bytes", kTraffic);
  add_values(app, "--endpoint", typed.endpoint, "ADDR:PORT", "of FILE; default: the one with most exchanges", kTraffic);
  add_values(app, "--format", typed.format, "FORMAT", "text (default) or json", kAnswer);
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known, std::string_view otherwise) {
  const std::vector<std::string> near = nearest(typed, known);
  if (near.empty() || near.size() > 3) return std::string(otherwise);
  return fmt::format("did you mean {}?", fmt::join(near, " or "));
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

// What CLI11 could not place before or instead of a command.
Error unplaced_word(const CLI::App& app, const std::vector<const CLI::App*>& commands, const std::string& word) {
  const std::string shown = escape_terminal(word);
  if (!is_option(word)) {
    std::vector<std::string> names;
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    return {.what = fmt::format("unknown command '{}'", shown),
            .cure = did_you_mean(word, names,
                                 fmt::format("the commands are {}; see 'tcpdiag --help'", fmt::join(names, " and "))),
            .exit_code = ExitCode::kUsage};
  }
  const std::string name = word.substr(0, word.find('='));
  for (const CLI::App* command : commands) {
    if (std::ranges::count(names_of_options(*command), name) == 0) continue;
    return {.what = fmt::format("option '{}' belongs to a command", shown),
            .cure = fmt::format("write 'tcpdiag {} {}'", command->get_name(), shown),
            .exit_code = ExitCode::kUsage};
  }
  return {.what = fmt::format("unknown option '{}'", shown),
          .cure = did_you_mean(name, names_of_options(app), "see 'tcpdiag --help'"),
          .exit_code = ExitCode::kUsage};
}

Error unknown_option_of(const CLI::App& command, const std::string& word) {
  return {.what = fmt::format("unknown option '{}'", escape_terminal(word)),
          .cure = did_you_mean(word.substr(0, word.find('=')), names_of_options(command),
                               fmt::format("see 'tcpdiag {} --help'", command.get_name())),
          .exit_code = ExitCode::kUsage};
}

// CLI11 would take the word behind "--pid=" as its value.
Result<> check_no_empty_value(const std::vector<std::string>& argv) {
  for (const std::string& word : argv) {
    if (word == "--") break;
    if (word.starts_with("--") && word.ends_with('=')) {
      return fail(ExitCode::kUsage, fmt::format("{} needs a value", escape_terminal(word.substr(0, word.size() - 1))),
                  "see --help");
    }
  }
  return {};
}

std::string version_line() {
  const std::string_view git = kGit;
  return git.empty() ? fmt::format("tcpdiag {}\n", kVersion) : fmt::format("tcpdiag {} ({})\n", kVersion, git);
}

// CLI11's words for what is left to it: a value that is missing, or given to a flag that takes none.
Error error_of(const CLI::ParseError& error) {
  std::string what = error.what();
  constexpr std::string_view kNoFlagValue = "Could not convert: ";
  if (error.get_name() == "ArgumentMismatch") {
    what = what.substr(0, what.find(':')) + " needs a value";
  } else if (what.starts_with(kNoFlagValue)) {
    what = "an option that takes no value has one: " + what.substr(kNoFlagValue.size());
  }
  return {.what = escape_terminal(what), .cure = "see --help", .exit_code = ExitCode::kUsage};
}

Result<Command> size_command_line(const CLI::App& size, TypedSizeOptions typed,
                                  const std::vector<std::string>& no_options, const std::vector<std::string>& argv) {
  typed.files = size.remaining();
  const auto unknown = std::ranges::find_if(typed.files, is_option);
  if (unknown != typed.files.end()) return tl::unexpected(unknown_option_of(size, *unknown));
  typed.files.insert(typed.files.end(), no_options.begin(), no_options.end());
  Result<SizeOptions> options = to_size_options(typed);
  if (!options) return tl::unexpected(options.error());
  options->command = argv;
  return std::move(*options);
}

Result<Command> doctor_command_line(const CLI::App& doctor, TypedDoctorOptions typed,
                                    const std::vector<std::string>& no_options, const std::vector<std::string>& argv) {
  typed.rest = doctor.remaining();
  const auto unknown = std::ranges::find_if(typed.rest, is_option);
  if (unknown != typed.rest.end()) return tl::unexpected(unknown_option_of(doctor, *unknown));
  typed.rest.insert(typed.rest.end(), no_options.begin(), no_options.end());
  Result<DoctorOptions> options = to_doctor_options(typed);
  if (!options) return tl::unexpected(options.error());
  options->command = argv;
  return std::move(*options);
}

}  // namespace

Result<Command> parse_command_line(const std::vector<std::string>& argv) {
  if (const Result<> whole = check_no_empty_value(argv); !whole) return tl::unexpected(whole.error());

  TypedTraceOptions typed;
  bool show_version = false;
  CLI::App app("Says who reset a TCP connection and why, from the kernel's own events.", "tcpdiag");
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->label("Subcommands", "Commands");
  app.set_help_flag("-h,--help", "show this help and end");
  app.add_flag("--version", show_version, "show the version and end");
  app.footer(kHelpFooter);
  app.require_subcommand(0, 1);
  app.allow_extras();
  CLI::App& trace = *app.add_subcommand("trace", "Watches TCP sockets and says what went wrong.");
  trace.group("Commands");
  trace.footer(kTraceFooter);
  trace.allow_extras();
  add_trace_options(trace, typed);

  TypedSizeOptions typed_size;
  CLI::App& size = *app.add_subcommand(kSize, "Says how many exchanges a bandwidth carries.");
  size.group("Commands");
  size.footer(kSizeFooter);
  size.allow_extras();
  add_size_options(size, typed_size);

  TypedDoctorOptions typed_doctor;
  CLI::App& doctor = *app.add_subcommand("doctor", "Says whether tracing works here, and the cure.");
  doctor.group("Commands");
  doctor.footer(kDoctorFooter);
  doctor.allow_extras();
  add_values(doctor, "--format", typed_doctor.format, "FORMAT", "text (default) or json", "The answer");

  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  // Behind "--" there are no options. CLI11 would take these words for the program's instead of the command's.
  std::vector<std::string> no_options;
  if (const auto end = std::ranges::find(words, "--"); end != words.end()) {
    no_options.assign(end + 1, words.end());
    words.erase(end, words.end());
  }
  try {
    std::ranges::reverse(words);  // CLI11 wants them so
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return ShowText{app.help()};
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(error_of(error));
  }

  const std::vector<std::string> unplaced = app.remaining();
  if (!unplaced.empty()) return tl::unexpected(unplaced_word(app, {&trace, &size, &doctor}, unplaced.front()));
  if (show_version) return ShowText{version_line()};
  if (size.parsed()) return size_command_line(size, std::move(typed_size), no_options, argv);
  if (doctor.parsed()) return doctor_command_line(doctor, std::move(typed_doctor), no_options, argv);
  if (!trace.parsed())
    return fail(ExitCode::kUsage, "no command given", "try 'sudo tcpdiag trace', or 'tcpdiag --help'");
  // What is no option is the expression. An unknown option's value is left over too: the option is the one to name.
  typed.expression = trace.remaining();
  const auto unknown = std::ranges::find_if(typed.expression, is_option);
  if (unknown != typed.expression.end()) return tl::unexpected(unknown_option_of(trace, *unknown));
  typed.expression.insert(typed.expression.end(), no_options.begin(), no_options.end());

  Result<TraceOptions> options = to_trace_options(typed);
  if (!options) return tl::unexpected(options.error());
  options->command = argv;
  return std::move(*options);
}

}  // namespace tcpdiag::app
