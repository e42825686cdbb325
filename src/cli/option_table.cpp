// SPDX-License-Identifier: Apache-2.0
#include "cli/option_table.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "cli/command_table.h"
#include "cli/option_values.h"
#include "size/bit_rate.h"
#include "util/duration.h"

namespace tcpdiag::cli {
namespace {

using Take = decltype(OptionRow::take);

template <typename Parse>
using Parsed = typename std::invoke_result_t<Parse, std::string_view>::value_type;

// `path` leads to the field: &Options::filters, &Filters::pids.
template <typename... Path>
auto& at(Options& options, Path... path) {
  return (options.*....*path);
}

// One value, at most once.
template <typename Parse, typename... Path>
Take one(Parse parse, std::string noun, std::string hint, Path... path) {
  return [=](Options& options, std::string_view name, const Typed& typed) -> Result<> {
    auto value = one_of<Parsed<Parse>>(name, typed, parse, noun, hint);
    if (!value) return tl::unexpected(value.error());
    if (*value) at(options, path...) = std::move(**value);
    return {};
  };
}

// Any of several: repeated, or with commas.
template <typename Parse, typename... Path>
Take list(Parse parse, std::string noun, std::string hint, Path... path) {
  return [=](Options& options, std::string_view name, const Typed& typed) -> Result<> {
    auto values = list_of<Parsed<Parse>>(name, typed, parse, noun, hint);
    if (!values) return tl::unexpected(values.error());
    at(options, path...) = std::move(*values);
    return {};
  };
}

template <typename... Path>
Take flag(Path... path) {
  return [=](Options& options, std::string_view, const Typed&) -> Result<> {
    at(options, path...) = true;
    return {};
  };
}

Take family(int version) {
  return [version](Options& options, std::string_view, const Typed&) -> Result<> {
    options.filters.families.push_back(version);
    return {};
  };
}

Result<> take_cgroups(Options& options, std::string_view name, const Typed& typed) {
  auto paths =
      list_of<std::string>(name, typed, any_text, "cgroup", "give a path such as /system.slice/puma.service, or an id");
  if (!paths) return tl::unexpected(paths.error());
  for (std::string& path : *paths) options.filters.cgroups.push_back({.path = std::move(path), .id = 0, .below = {}});
  return {};
}

Result<> take_role(Options& options, std::string_view name, const Typed& typed) {
  const auto roles = list_of<model::Role>(
      name, typed, one_word_of<model::Role>({{"outbound", model::Role::kOutbound}, {"inbound", model::Role::kInbound}}),
      "role", "outbound (this host connected) or inbound (it accepted)");
  if (!roles) return tl::unexpected(roles.error());
  if (roles->size() == 1) options.filters.role = roles->front();  // both: any role
  return {};
}

constexpr const char* kSockets = "Which sockets";
constexpr const char* kRun = "How long";
constexpr const char* kTime = "Which time";
constexpr const char* kEvidence = "The report, and the evidence";
constexpr const char* kNetwork = "Limits of the network";
constexpr const char* kBounds = "Bounds";
constexpr const char* kLimit = "What the node may use";
constexpr const char* kTraffic = "What is asked of it";
constexpr const char* kAnswer = "The answer";

constexpr const char* kPorts = "ports are numbers from 1 to 65535, such as 443 or 80,443";
constexpr const char* kAddresses = "write 10.0.0.1, 10.0.0.0/24 or fd00::/8; names are not looked up";
constexpr const char* kTimes = "write 02:33:50 (UTC), 2026-11-21T02:33:50Z, or +90s from the beginning";
constexpr const char* kTypes = "types are such as t4g.micro or cache.m7g.large, in small letters";
constexpr const char* kSizes = "write 32KiB, 4K, 2MiB or a number of bytes";

std::vector<OptionRow> make_table() {
  using F = model::Filters;
  using O = Options;
  using enum Value;
  const auto port = number_from_to<std::uint16_t>(1, 65535);
  const Take netns =
      list(any_text, "network namespace", "give a process id, a path, a name under /run/netns or an inode", &O::filters,
           &F::netns_as_given);
  const Take pid = list(number_from_to<std::uint32_t>(1, 1U << 22), "process id",
                        "process ids are numbers, as `ps -e` shows them", &O::filters, &F::pids);
  const Take report_format = one(one_word_of<Format>({{"text", Format::kText},
                                                      {"json", Format::kJson},
                                                      {"ndjson", Format::kNdjson},
                                                      {"md", Format::kMarkdown},
                                                      {"html", Format::kHtml}}),
                                 "format", "text, json, ndjson, md or html", &O::format);
  const Take answer_format =
      one(one_word_of<Format>(
              {{"text", Format::kText}, {"json", Format::kJson}, {"md", Format::kMarkdown}, {"html", Format::kHtml}}),
          "format", "text, json, md or html", &O::format);
  const auto severity = one_word_of<model::Severity>({{"notice", model::Severity::kNotice},
                                                      {"warning", model::Severity::kWarning},
                                                      {"critical", model::Severity::kCritical}});
  const Take output = one(parse_output, "file", "name a file", &O::output);

  return {
      // clang-format off: two or three lines an option
      {"-p,--pid", "PID", kPlain, kTrace, kSockets, "owned by this process; its namespace", pid},
      {"-p,--pid", "PID", kPlain, kReport, kSockets, "owned by this process", pid},
      {"--children", "", kNone, kTrace, kSockets,  // who descends from whom is not in a recording
       "and by what -p forked or will fork", flag(&O::filters, &F::children)},
      {"--comm", "NAME", kPrivate, kTrace | kReport, kSockets,
       "owned by processes of this name, whole, as\n`ps -e` shows it",
       list(any_text, "command name", "names are as `ps -e` shows them, such as redis-server", &O::filters, &F::comms)},
      {"--cgroup", "CGROUP", kPrivate, kTrace | kReport, kSockets,
       "owned by processes of this cgroup (v2) and\nthose below: a path or an id", take_cgroups},
      {"-L,--local-port", "PORT", kPlain, kTrace | kReport, kSockets, "with this port on this host",
       list(port, "port", kPorts, &O::filters, &F::local_ports)},
      {"-D,--remote-port", "PORT", kPlain, kTrace | kReport, kSockets, "with this port on the other side",
       list(port, "port", kPorts, &O::filters, &F::remote_ports)},
      {"-a,--local", "ADDR", kPrivate, kTrace | kReport, kSockets,
       "with this address here: an address or block,\n10.0.0.0/8",
       list(model::Cidr::parse, "IP address", kAddresses, &O::filters, &F::local)},
      {"-A,--remote", "ADDR", kPrivate, kTrace | kReport, kSockets, "with this address on the other side",
       list(model::Cidr::parse, "IP address", kAddresses, &O::filters, &F::remote)},
      {"-4", "", kNone, kTrace | kReport, kSockets, "IPv4 only", family(4)},
      {"-6", "", kNone, kTrace | kReport, kSockets, "IPv6 only", family(6)},
      {"--netns", "NS", kPrivate, kTrace, kSockets,
       "of this network namespace: a process id, path,\nname (ip netns) or inode; default: this one", netns},
      {"--netns", "NS", kPrivate, kReport, kSockets, "of this network namespace of the recording: its\nname or inode",
       netns},
      {"--role", "ROLE", kPlain, kTrace | kReport, kSockets,
       "outbound (this host connected) or inbound\n(this host accepted)", take_role},

      {"-d,--duration", "TIME", kPlain, kTrace, kRun,
       "end after 30s, 5m, 1h, 500ms; a bare number is\nseconds, 0 reports at once; default: Ctrl-C",
       one(parse_duration, "duration", "write 30s, 5m, 1h or 500ms; a bare number is seconds; at most a year",
           &O::duration)},

      {"--from", "TIME", kPlain, kReport, kTime,
       "from this time on: 02:33:50 (UTC), +90s after\nthe beginning, 2026-11-21T02:33:50Z",
       one(session::parse_view_time, "time", kTimes, &O::from)},
      {"--to", "TIME", kPlain, kReport, kTime, "up to this time",
       one(session::parse_view_time, "time", kTimes, &O::to)},

      {"--format", "FORMAT", kPlain, kTrace | kReport, kEvidence,
       "text (default); json; md, for a ticket; html,\na page with charts; ndjson, events as they\nhappen and the "
       "report as last line",
       report_format},
      {"-o,--output", "FILE", kPrivate, kTrace | kReport, kEvidence, "write the report to a new file", output},
      {"-w,--write", "FILE", kPrivate, kTrace | kReport, kEvidence,
       "write a recording to a new file: events and\nsamples, from which 'tcpdiag report' makes the\nreport again",
       one(any_text, "file", "name a file, such as incident.tcpdiag", &O::write)},
      {"--max-size", "SIZE", kPlain, kTrace | kReport, kEvidence,
       "of the recording, from 1MiB, such as 500MiB;\nthen the oldest samples are thinned",
       one(parse_recording_size, "recording size", "write 1MiB to 1024GiB, such as 500MiB", &O::max_size)},
      {"--redact", "", kNone, kTrace | kReport, kEvidence,
       "tokens instead of addresses and of names of\nhost, processes, cgroups, namespaces, files and\nlook-ups, in "
       "report and recording",
       flag(&O::redact)},
      {"--force", "", kNone, kTrace | kReport, kEvidence, "let -o and -w overwrite a file", flag(&O::force)},
      {"--sockets", "N", kPlain, kTrace | kReport, kEvidence,
       "single sockets to show; default 2 in text and\nmd, 50 in html, 1000 in json and ndjson",
       one(number_from_to<std::size_t>(0, 1'000'000), "number of sockets", "a number from 0 to 1000000", &O::sockets)},
      {"--fail-on", "SEVERITY", kPlain, kTrace | kReport, kEvidence,
       "exit 4 if a finding is at least this severe:\nnotice, warning or critical",
       one(severity, "severity", "notice, warning or critical", &O::fail_on)},
      {"--events", "", kNone, kTrace | kReport, kEvidence, "a line on standard error for each event", flag(&O::events)},

      {"--floor", "TIME", kPlain, kTrace, kNetwork,
       "round-trip time of the path without a queue,\nsuch as 0.5ms: the default is the smallest seen",
       one(parse_floor, "round-trip time", "write 0.5ms or 200us, with the unit, from 1us to 10s", &O::floor)},
      {"--peer-instance", "TYPE", kPlain, kTrace, kNetwork,
       "the peer's EC2 instance or ElastiCache node\ntype, such as cache.t4g.micro",
       one(parse_instance_type, "instance type", kTypes, &O::peer_instance)},
      {"--instance-type", "TYPE", kPlain, kTrace, kNetwork,
       "this host's EC2 instance type; default: what\nits firmware (DMI) says",
       one(parse_instance_type, "instance type", kTypes, &O::instance_type)},
      {"--imds", "", kNone, kTrace, kNetwork,
       "or else what EC2's metadata service answers:\ntwo requests to 169.254.169.254", flag(&O::imds)},
      {"--probe", "", kNone, kTrace, kNetwork,
       "connect once a second to endpoints of which it is\nin doubt whether the path or the peer is slow, at\nmost 30 "
       "times; "
       "the handshake tells",
       flag(&O::probe)},
      {"--no-dns", "", kNone, kTrace, kNetwork, "do not follow look-ups of names (UDP port 53)", flag(&O::no_dns)},
      {"--dns-names", "", kNone, kTrace, kNetwork,
       "read which names are looked up, and show those\nthat were slow or not answered", flag(&O::dns_names)},

      {"--ring-size", "SIZE", kPlain, kTrace, kBounds,
       "buffer between kernel and program, a power of\ntwo from 64KiB; default 4MiB. Raise it if the\nreport counts "
       "lost events",
       one(parse_ring_size, "ring size", "a power of two from 64KiB to 1GiB, such as 8MiB", &O::ring_bytes)},
      {"--max-endpoints", "N", kPlain, kTrace, kBounds, "endpoints measured at once, 1 to 4096;\ndefault 256",
       one(number_from_to<std::uint32_t>(1, 4096), "number of endpoints", "a number from 1 to 4096",
           &O::max_endpoints)},
      {"--max-events-per-second", "N", kPlain, kTrace, kBounds,
       "events that the kernel emits at most, of\nwhich retransmissions get three quarters; what\nis beyond is "
       "counted; default 30000, 0: no limit",
       one(number_from_to<std::uint32_t>(0, 10'000'000), "number of events",
           "a number from 1 to 10000000, or 0 for no limit", &O::max_events_per_second)},

      {"--baseline", "RATE", kPlain, kSize, kLimit, "bandwidth that lasts, in each direction, such\nas 64mbit",
       one(size::parse_bit_rate, "bit rate", "write bits as 64mbit, 64Mbit/s or 0.064gbit, and bytes as 8MB/s",
           &O::baseline_bit_per_s)},
      {"--instance", "TYPE", kPrivate, kSize, kLimit,
       "that of an instance type or cache node:\nt4g.micro, cache.t4g.micro",
       one(any_text, "instance type", "such as t4g.micro", &O::instance)},
      {"--response", "BYTES", kPlain, kSize, kTraffic, "size of a response, such as 32KiB",
       one(parse_message_size, "size", kSizes, &O::response_bytes)},
      {"--request", "BYTES", kPlain, kSize, kTraffic, "size of a request",
       one(parse_message_size, "size", kSizes, &O::request_bytes)},
      {"--rate", "N", kPlain, kSize, kTraffic, "exchanges a second: 300, 300/s or 18000/min",
       one(parse_rate, "rate", "write 300, 300/s or 18000/min", &O::rate_per_s)},
      {"--clients", "N", kPlain, kSize, kTraffic, "connections with one request outstanding each",
       one(number_from_to<std::uint64_t>(1, 10'000'000), "number of clients", "a number from 1 to 10000000",
           &O::clients)},
      {"--mss", "N", kPlain, kSize, kTraffic, "payload of a full segment; default 1448 bytes",
       // from the kernel's TCP_MIN_MSS to what fits into an IPv4 packet
       one(number_from_to<std::uint32_t>(88, 65495), "segment size", "bytes from 88 to 65495", &O::mss_bytes)},
      {"--endpoint", "ADDR:PORT", kPrivate, kSize, kTraffic, "of FILE; default: the one with most exchanges",
       one(parse_endpoint, "endpoint", "write 10.0.0.1:6379 or [fd00::1]:6379", &O::endpoint)},

      {"--format", "FORMAT", kPlain, kDiff | kSize | kDoctor, kAnswer, "text (default), json, md or html",
       answer_format},
      {"-o,--output", "FILE", kPrivate, kDiff, kAnswer, "write it to a new file", output},
      {"--force", "", kNone, kDiff, kAnswer, "let -o overwrite a file", flag(&O::force)},
      {"--redact", "", kNone, kDiff, kAnswer, "tokens instead of addresses and names", flag(&O::redact)},
      // clang-format on
  };
}

bool is_plain_value(std::string_view option, std::string_view value) {
  return std::ranges::any_of(option_table(), [&](const OptionRow& row) {
    const std::vector<std::string> names = row.all_names();
    if (row.kind != Value::kPlain || std::ranges::find(names, option) == names.end()) return false;
    Options scratch;
    return row.take(scratch, option, {std::string(value)}).has_value();
  });
}

}  // namespace

std::vector<std::string> OptionRow::all_names() const {
  const std::string_view all = names;
  const std::size_t comma = all.find(',');
  if (comma == std::string_view::npos) return {std::string(all)};
  return {std::string(all.substr(0, comma)), std::string(all.substr(comma + 1))};
}

const std::vector<OptionRow>& option_table() {
  static const std::vector<OptionRow> kTable = make_table();
  return kTable;
}

redact::OwnWords own_words() {
  redact::OwnWords own{.commands = {}, .options = {"-h", "--help", "--version"}, .is_plain = is_plain_value};
  for (const CommandRow& command : command_table()) own.commands.emplace_back(command.name);
  for (const OptionRow& row : option_table()) {
    for (std::string& name : row.all_names()) own.options.push_back(std::move(name));
  }
  return own;
}

}  // namespace tcpdiag::cli
