// SPDX-License-Identifier: Apache-2.0
// The options, each once: command line, --help, the manual pages and completion (which are made of --help), and what a
// redacted report keeps of a command line all come from this table.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_parsing.h"
#include "cli/options.h"
#include "redact/own_words.h"
#include "util/result.h"

namespace tcpdiag::cli {

// What the value of an option tells of who typed it: plain ones (times, sizes, ports, words that this program gave)
// stay in a redacted report, private ones (addresses, names, files) do not.
enum class Value { kNone, kPlain, kPrivate };

struct OptionRow {
  const char* names;  // "-p,--pid"; messages use the last one
  const char* value;  // what --help calls its value
  Value kind;         // kNone: it takes no value
  unsigned commands;  // CommandId bits
  const char* group;  // heading in --help; groups and options come in the order of the table
  const char* help;   // broken where a line of 80 columns ends
  // Into Options. Error (kUsage): it is no such value, or one too many. `typed` are all times that it was given.
  std::function<Result<>(Options&, std::string_view name, const Typed& typed)> take;

  std::vector<std::string> all_names() const;
  std::string long_name() const { return all_names().back(); }
};

// In the order of --help. The same option has two rows where it means something else to another command.
const std::vector<OptionRow>& option_table();

// For redact::redacted_command().
redact::OwnWords own_words();

}  // namespace tcpdiag::cli
