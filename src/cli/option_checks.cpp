// SPDX-License-Identifier: Apache-2.0
#include "cli/option_checks.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/expression.h"
#include "util/escape.h"
#include "util/nearest.h"

namespace tcpdiag::cli {
namespace {

using model::Address;
using model::Cidr;

// Which IP families an address block can match.
struct Families {
  bool v4 = false;
  bool v6 = false;
  bool any() const { return v4 || v6; }
  Families operator&(Families other) const { return {.v4 = v4 && other.v4, .v6 = v6 && other.v6}; }
};

Families families_of(const Cidr& block) {
  constexpr int kMappedPrefix = 96;  // IPv4 is ::ffff:0:0/96 here
  if (block.address.is_v4() && block.prefix_length >= kMappedPrefix) return {.v4 = true, .v6 = false};
  const bool also_v4 = block.contains(*Address::parse("0.0.0.0"));
  return {.v4 = also_v4, .v6 = true};
}

Families families_of(const std::vector<Cidr>& blocks) {
  if (blocks.empty()) return {.v4 = true, .v6 = true};
  Families all;
  for (const Cidr& block : blocks) {
    const Families one = families_of(block);
    all.v4 = all.v4 || one.v4;
    all.v6 = all.v6 || one.v6;
  }
  return all;
}

// With -4 or -6 alone every address must be of that family: one that is not was a slip, even beside others.
Result<> check_family(const std::vector<int>& families, std::string_view option, const std::vector<Cidr>& blocks) {
  if (families.size() != 1) return {};
  for (const Cidr& block : blocks) {
    const Families can = families_of(block);
    if (families[0] == 4 ? can.v4 : can.v6) continue;
    return contradiction(fmt::format("-{} contradicts {} {}, which is IPv{}", families[0], option, block.to_string(),
                                     families[0] == 4 ? 6 : 4),
                         "leave one of them out");
  }
  return {};
}

Result<> check_contradictions(const model::Filters& filters) {
  for (const auto& [option, blocks] : {std::pair("-a", &filters.local), std::pair("-A", &filters.remote)}) {
    Result<> sound = check_family(filters.families, option, *blocks);
    if (!sound) return sound;
  }
  if (!(families_of(filters.local) & families_of(filters.remote)).any()) {
    return contradiction(fmt::format("-a {} and -A {} are of different IP families: no socket has both",
                                     filters.local[0].to_string(), filters.remote[0].to_string()),
                         "leave one of them out");
  }
  return {};
}

// The kernel keeps the first 15 bytes of a name (TASK_COMM_LEN): a longer one would match nothing.
Result<> check_comms(const std::vector<std::string>& comms) {
  constexpr std::size_t kLongest = 15;
  for (const std::string& comm : comms) {
    if (comm.size() <= kLongest) continue;
    return fail(ExitCode::kUsage, fmt::format("--comm: '{}' is longer than {} bytes", escape_terminal(comm), kLongest),
                fmt::format("the kernel keeps {}: write '{}'", kLongest, escape_terminal(comm.substr(0, kLongest))));
  }
  return {};
}

// The filters of `trace` and `report`. `words`: the expression, of which one may hold several.
Result<> check_filters(model::Filters& filters, const Typed& words) {
  if (filters.children && filters.pids.empty()) {
    return contradiction("--children needs the process whose children are meant", "name it with -p PID");
  }
  if (Result<> fit = check_comms(filters.comms); !fit) return fit;
  if (!words.empty()) {
    auto expression = model::parse_expression(fmt::format("{}", fmt::join(words, " ")));
    if (!expression) return tl::unexpected(expression.error());
    filters.expression = std::move(*expression);
  }
  return check_contradictions(filters);
}

// Tokens stand for the addresses of a redacted recording: no socket of this machine has one.
Result<> check_no_token(std::string_view where, const model::Cidr& block) {
  if (!block.address.is_redacted()) return {};
  return fail(ExitCode::kUsage,
              fmt::format("{}: {} is a token of a redacted recording, not an address", where, block.to_string()),
              "tokens are for 'tcpdiag report' on that recording; to trace, write the address itself");
}

Result<> check_no_tokens(const model::Filters& filters) {
  for (const auto& [option, blocks] : {std::pair("--local", &filters.local), std::pair("--remote", &filters.remote)}) {
    for (const model::Cidr& block : *blocks) {
      if (Result<> checked = check_no_token(option, block); !checked) return checked;
    }
  }
  if (!filters.expression) return {};
  for (const model::ExpressionStep& step : filters.expression->steps) {
    if (step.op != model::ExpressionOp::kNet) continue;
    if (Result<> checked = check_no_token("expression", step.net); !checked) return checked;
  }
  return {};
}

// Before anything is opened: one of them would overwrite or refuse the other at the end.
Result<> check_output(const Options& options) {
  if (!options.write.empty() && options.write == options.output) {
    return contradiction("-o and -w name the same file", "give the report and the recording names of their own");
  }
  if (options.write == "-") {
    return contradiction("-w - : a recording cannot go to standard output", "name a file for it");
  }
  if (options.max_size && options.write.empty()) {
    return contradiction("--max-size limits a recording, and none is made", "add -w FILE");
  }
  if (options.events && options.format == Format::kNdjson) {
    return contradiction("--events and --format ndjson tell the same events", "leave one of them out");
  }
  return {};
}

Result<size::Limit> limit_of_type(const std::string& type) {
  if (auto limit = size::limit_of(type, size::LimitSource::kInstance)) return std::move(*limit);
  std::vector<std::string> known;
  for (const auto& row : size::compiled_table().types) known.emplace_back(row.type);
  const std::vector<std::string> near = nearest(type, known);
  constexpr std::size_t kMostNamed = 3;
  const bool few = !near.empty() && near.size() <= kMostNamed;
  return fail(
      ExitCode::kUsage,
      fmt::format("--instance: '{}' is not in the table of {}", escape_terminal(type), size::compiled_table().date),
      few ? fmt::format("did you mean {}?", fmt::join(near, " or "))
          : "write it as EC2 does, t4g.micro or cache.t4g.micro, or give its --baseline");
}

Result<> find_limit(Options& options) {
  if (options.baseline_bit_per_s && !options.instance.empty()) {
    return contradiction("--baseline and --instance both say what the limit is", "leave one of them out");
  }
  if (options.baseline_bit_per_s) {
    options.limit.emplace().bit_per_s = *options.baseline_bit_per_s;
  } else if (!options.instance.empty()) {
    Result<size::Limit> limit = limit_of_type(options.instance);
    if (!limit) return tl::unexpected(limit.error());
    options.limit = std::move(*limit);
  }
  return {};
}

}  // namespace

// The tracer has to see the connections that it makes, and to know whom to connect to.
Result<> check_probe(const Options& options) {
  if (!options.probe) return {};
  const model::Filters& filters = options.filters;
  const char* other = options.redact                                           ? "--redact"
                      : !filters.comms.empty()                                 ? "--comm"
                      : !filters.cgroups.empty()                               ? "--cgroup"
                      : !filters.local_ports.empty() || !filters.local.empty() ? "a filter of local addresses or ports"
                                                                               : nullptr;
  if (other == nullptr) return {};
  return contradiction(fmt::format("--probe connects by itself, which {} leaves out", other), "leave one of them out");
}

Result<> check_trace(Options& options, const Typed& operands) {
  if (Result<> sound = check_filters(options.filters, operands); !sound) return sound;
  if (Result<> sound = check_no_tokens(options.filters); !sound) return sound;
  if (Result<> sound = check_probe(options); !sound) return sound;
  if (options.no_dns && options.dns_names) {
    return contradiction("--no-dns follows no look-up whose name --dns-names could read", "leave one of them out");
  }
  return check_output(options);
}

Result<> check_report(Options& options, const Typed& operands) {
  if (operands.empty()) {
    return fail(ExitCode::kUsage, "report needs the recording to read",
                "name the file that 'tcpdiag trace -w FILE' has made, or - for standard input");
  }
  options.files = {operands.front()};
  if (Result<> sound = check_filters(options.filters, {operands.begin() + 1, operands.end()}); !sound) return sound;
  if (Result<> sound = check_output(options); !sound) return sound;
  const std::string& file = options.files.front();
  if (!options.write.empty() && options.write == file) {
    return contradiction("-w names the recording that is read", "give the new one a name of its own");
  }
  if (options.output == file) {
    return contradiction("-o names the recording that is read", "give the report a name of its own");
  }
  return {};
}

Result<> check_diff(Options& options, const Typed& operands) {
  if (operands.empty() || operands.size() > 2) {
    return fail(ExitCode::kUsage, fmt::format("diff compares two recordings, and {} are named", operands.size()),
                "write 'tcpdiag diff GOOD BAD', or one to compare what failed in it with what did not");
  }
  if (operands.size() == 2 && operands[0] == "-" && operands[1] == "-") {
    return contradiction("both recordings are standard input", "name a file for one of them");
  }
  for (const std::string& file : operands) {
    if (file != options.output) continue;
    return contradiction("-o names a recording that is read", "give the answer a name of its own");
  }
  options.files = operands;
  return {};
}

Result<> check_size(Options& options, const Typed& operands) {
  if (Result<> found = find_limit(options); !found) return found;
  if (operands.size() > 1) {
    return contradiction("more than one file is given", "give one report, or - for standard input");
  }
  options.files = operands;
  if (!options.files.empty()) return {};
  if (options.endpoint) return contradiction("--endpoint needs the report that it is in", "name the file");
  if (!options.response_bytes) {
    return contradiction("the size of a response is missing", "give --response 32KiB, or the JSON report of a trace");
  }
  if (!options.limit && !options.rate_per_s) {
    return contradiction(
        "there is nothing to compare with",
        "give --baseline 64mbit or --instance TYPE for what a node carries, or --rate for the types that carry it");
  }
  return {};
}

Result<> check_doctor(Options&, const Typed& operands) {
  if (operands.empty()) return {};
  return fail(ExitCode::kUsage, fmt::format("doctor takes no '{}'", escape_terminal(operands.front())),
              "see 'tcpdiag doctor --help'");
}

}  // namespace tcpdiag::cli
