// SPDX-License-Identifier: Apache-2.0
#include "cli/command_parser.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cli/command_help.h"

namespace tcpdiag::cli {
namespace {

std::string_view operands_of(std::string_view command) {
  if (command == "size") return " [FILE]";
  if (command == "doctor") return {};
  if (command == "report") return " FILE [EXPRESSION]";
  if (command == "diff") return " GOOD BAD | FILE";
  return " [EXPRESSION]";
}

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
    return fmt::format("Usage: {} [OPTIONS]{}\n", name, operands_of(app->get_name()));
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

void add_filters(CLI::App& app, TypedFilters& typed, bool recorded) {
  constexpr const char* kFilters = "Which sockets";
  add_values(app, "-p,--pid", typed.pid, "PID",
             recorded ? "owned by this process" : "owned by this process; its namespace", kFilters);
  if (!recorded) {  // who descends from whom is not in a recording
    app.add_flag("--children", typed.children, "and by what -p forked or will fork")->group(kFilters);
  }
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
             recorded ? "of this network namespace of the recording: its\nname or inode"
                      : "of this network namespace: a process id, path,\nname (ip netns) or inode; default: this one",
             kFilters);
  add_values(app, "--role", typed.role, "ROLE", "outbound (this host connected) or inbound\n(this host accepted)",
             kFilters);
}

void add_output_options(CLI::App& app, TypedOutputOptions& typed) {
  constexpr const char* kReport = "The report, and the evidence";
  add_values(app, "--format", typed.format, "FORMAT",
             "text (default); json; md, for a ticket; html,\na page with charts; ndjson, events as they\nhappen and "
             "the report as last line",
             kReport);
  add_values(app, "-o,--output", typed.output, "FILE", "write the report to a new file", kReport);
  add_values(
      app, "-w,--write", typed.write, "FILE",
      "write a recording to a new file: events and\nsamples, from which 'tcpdiag report' makes the\nreport again",
      kReport);
  add_values(app, "--max-size", typed.max_size, "SIZE",
             "of the recording, from 1MiB, such as 500MiB;\nthen the oldest samples are thinned", kReport);
  app.add_flag("--redact", typed.redact,
               "tokens instead of addresses and of names of\nhost, processes, cgroups, namespaces, files, in\nreport "
               "and recording")
      ->group(kReport);
  app.add_flag("--force", typed.force, "let -o and -w overwrite a file")->group(kReport);
  add_values(app, "--sockets", typed.sockets, "N",
             "single sockets to show; default 2 in text and\nmd, 50 in html, 1000 in json and ndjson", kReport);
  add_values(app, "--fail-on", typed.fail_on, "SEVERITY",
             "exit 4 if a finding is at least this severe:\nnotice, warning or critical", kReport);
  app.add_flag("--events", typed.events, "a line on standard error for each event")->group(kReport);
}

void add_trace_options(CLI::App& app, TypedTraceOptions& typed) {
  constexpr const char* kRun = "How long";
  constexpr const char* kNetwork = "Limits of the network";
  constexpr const char* kBounds = "Bounds";
  add_filters(app, typed.filters, false);
  add_values(app, "-d,--duration", typed.duration, "TIME",
             "end after 30s, 5m, 1h, 500ms; a bare number is\nseconds, 0 reports at once; default: Ctrl-C", kRun);
  add_output_options(app, typed.out);
  add_values(app, "--floor", typed.floor, "TIME",
             "round-trip time of the path without a queue,\nsuch as 0.5ms: the default is the smallest seen", kNetwork);
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
  add_values(
      app, "--max-events-per-second", typed.max_events_per_second, "N",
      "events that the kernel tells of at most, of\nwhich retransmissions get three quarters; what\nis beyond is "
      "counted; default 30000, 0: no limit",
      kBounds);
}

void add_report_options(CLI::App& app, TypedReportOptions& typed) {
  constexpr const char* kTime = "Which time";
  add_filters(app, typed.filters, true);
  add_values(app, "--from", typed.from, "TIME",
             "from this time on: 02:33:50 (UTC), +90s after\nthe beginning, 2026-11-21T02:33:50Z", kTime);
  add_values(app, "--to", typed.to, "TIME", "up to this time", kTime);
  add_output_options(app, typed.out);
}

void add_diff_options(CLI::App& app, TypedDiffOptions& typed) {
  constexpr const char* kAnswer = "The answer";
  add_values(app, "--format", typed.format, "FORMAT", "text (default) or json", kAnswer);
  add_values(app, "-o,--output", typed.output, "FILE", "write it to a new file", kAnswer);
  app.add_flag("--force", typed.force, "let -o overwrite a file")->group(kAnswer);
  app.add_flag("--redact", typed.redact, "tokens instead of addresses and names")->group(kAnswer);
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

}  // namespace

CommandLineParser::CommandLineParser(TypedCommandLine& typed)
    : app("Says who reset a TCP connection and why, from the kernel's own events.", "tcpdiag") {
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->label("Subcommands", "Commands");
  app.set_help_flag("-h,--help", "show this help and end");
  app.add_flag("--version", typed.show_version, "show the version and end");
  app.footer(kHelpFooter);
  app.require_subcommand(0, 1);
  app.allow_extras();
  const auto add_command = [this](const char* name, const char* description, const char* footer) {
    CLI::App* command = app.add_subcommand(name, description);
    command->group("Commands");
    command->footer(footer);
    command->allow_extras();
    return command;
  };
  trace = add_command("trace", "Watches TCP sockets and says what went wrong.", kTraceFooter);
  add_trace_options(*trace, typed.trace);
  report = add_command("report", "Reports what a recording holds, all of it or a part.", kReportFooter);
  add_report_options(*report, typed.report);
  diff = add_command("diff", "Says what differs between two recordings.", kDiffFooter);
  add_diff_options(*diff, typed.diff);
  size = add_command("size", "Says how many exchanges a bandwidth carries.", kSizeFooter);
  add_size_options(*size, typed.size);
  doctor = add_command("doctor", "Says whether tracing works here, and the cure.", kDoctorFooter);
  add_values(*doctor, "--format", typed.doctor.format, "FORMAT", "text (default) or json", "The answer");
}

}  // namespace tcpdiag::cli
