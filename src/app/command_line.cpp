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

#include "app/option_values.h"
#include "app/version.h"
#include "util/escape.h"
#include "util/nearest.h"

namespace tcpdiag::app {
namespace {

constexpr const char* kHelpFooter = R"(Examples:
  sudo tcpdiag trace                    all TCP sockets here, until Ctrl-C
  sudo tcpdiag trace -D 443 -d 5m       connections to port 443, five minutes
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
leaves this machine.

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
  sudo tcpdiag trace -d 1h --fail-on critical    exits 4 if there is a cause

Exit codes: 0 done, 1 failed while running, 2 wrong use, 3 not permitted or
kernel not able, 4 a finding at or above --fail-on)";

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
    return app->get_parent() == nullptr ? fmt::format("Usage: {} COMMAND [OPTIONS]\n", name)
                                        : fmt::format("Usage: {} [OPTIONS] [EXPRESSION]\n", name);
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
  add_values(app, "--ring-size", typed.ring_size, "SIZE",
             "buffer between kernel and program, a power of\ntwo from 64KiB; default 4MiB. Raise it if the\nreport "
             "counts lost events",
             kBounds);
  add_values(app, "--max-endpoints", typed.max_endpoints, "N", "endpoints measured at once, 1 to 4096;\ndefault 256",
             kBounds);
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
Error unplaced_word(const CLI::App& app, const CLI::App& trace, const std::string& word) {
  const std::string shown = escape_terminal(word);
  if (!is_option(word)) {
    return {.what = fmt::format("unknown command '{}'", shown),
            .cure = did_you_mean(word, {trace.get_name()}, "the command is trace; see 'tcpdiag --help'"),
            .exit_code = ExitCode::kUsage};
  }
  const std::string name = word.substr(0, word.find('='));
  if (std::ranges::count(names_of_options(trace), name) != 0) {
    return {.what = fmt::format("option '{}' belongs to a command", shown),
            .cure = fmt::format("write 'tcpdiag trace {}'", shown),
            .exit_code = ExitCode::kUsage};
  }
  return {.what = fmt::format("unknown option '{}'", shown),
          .cure = did_you_mean(name, names_of_options(app), "see 'tcpdiag --help'"),
          .exit_code = ExitCode::kUsage};
}

Error unknown_option_of_trace(const CLI::App& trace, const std::string& word) {
  return {.what = fmt::format("unknown option '{}'", escape_terminal(word)),
          .cure = did_you_mean(word.substr(0, word.find('=')), names_of_options(trace), "see 'tcpdiag trace --help'"),
          .exit_code = ExitCode::kUsage};
}

// CLI11 would take the word behind "--pid=" as its value.
Result<> check_no_empty_value(const std::vector<std::string>& argv) {
  for (const std::string& word : argv) {
    if (word == "--") break;
    if (word.starts_with("--") && word.ends_with('=')) {
      return fail(ExitCode::kUsage, fmt::format("{} needs a value", escape_terminal(word.substr(0, word.size() - 1))),
                  "see 'tcpdiag trace --help'");
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
  return {.what = escape_terminal(what), .cure = "see 'tcpdiag trace --help'", .exit_code = ExitCode::kUsage};
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
  if (!unplaced.empty()) return tl::unexpected(unplaced_word(app, trace, unplaced.front()));
  if (show_version) return ShowText{version_line()};
  if (!trace.parsed())
    return fail(ExitCode::kUsage, "no command given", "try 'sudo tcpdiag trace', or 'tcpdiag --help'");
  // What is no option is the expression. An unknown option's value is left over too: the option is the one to name.
  typed.expression = trace.remaining();
  const auto unknown = std::ranges::find_if(typed.expression, is_option);
  if (unknown != typed.expression.end()) return tl::unexpected(unknown_option_of_trace(trace, *unknown));
  typed.expression.insert(typed.expression.end(), no_options.begin(), no_options.end());

  Result<TraceOptions> options = to_trace_options(typed);
  if (!options) return tl::unexpected(options.error());
  options->command = argv;
  return std::move(*options);
}

}  // namespace tcpdiag::app
