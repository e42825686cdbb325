// SPDX-License-Identifier: Apache-2.0
// CLI11 splits the words (command_parser.h); this file turns its exceptions and left-overs into errors of our form.
#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "cli/command_parser.h"
#include "cli/version.h"
#include "util/escape.h"
#include "util/nearest.h"

namespace tcpdiag::cli {
namespace {

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
                                 fmt::format("the commands are {}; see 'tcpdiag --help'", fmt::join(names, ", "))),
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

// What no option has taken, in the order typed: operands, or the first unknown option as an error. An unknown option's
// value is left over too: the option is the one to name.
Result<Typed> operands(const CLI::App& command, const std::vector<std::string>& behind_dashes) {
  Typed words = command.remaining();
  const auto unknown = std::ranges::find_if(words, is_option);
  if (unknown != words.end()) return tl::unexpected(unknown_option_of(command, *unknown));
  words.insert(words.end(), behind_dashes.begin(), behind_dashes.end());
  return words;
}

template <typename Options>
Result<Command> as_command(Result<Options> options) {
  if (!options) return tl::unexpected(options.error());
  return Command(std::move(*options));
}

Result<Command> command_of(const CommandLineParser& parser, TypedCommandLine& typed,
                           const std::vector<std::string>& behind_dashes) {
  const CLI::App& command = *parser.app.get_subcommands().front();
  Result<Typed> words = operands(command, behind_dashes);
  if (!words) return tl::unexpected(words.error());
  if (&command == parser.trace) {
    typed.trace.filters.expression = std::move(*words);
    return as_command(to_trace_options(typed.trace));
  }
  if (&command == parser.report) {
    typed.report.filters.expression = std::move(*words);
    return as_command(to_report_options(std::move(typed.report)));
  }
  if (&command == parser.diff) {
    typed.diff.files = std::move(*words);
    return as_command(to_diff_options(typed.diff));
  }
  if (&command == parser.doctor) {
    typed.doctor.rest = std::move(*words);
    return as_command(to_doctor_options(typed.doctor));
  }
  typed.size.files = std::move(*words);
  return as_command(to_size_options(typed.size));
}

// argv, for those reports that tell it.
void keep_words(Command& command, const std::vector<std::string>& argv) {
  std::visit(
      [&argv](auto& options) {
        if constexpr (requires { options.command; }) options.command = argv;
      },
      command);
}

}  // namespace

Result<Command> parse_command_line(const std::vector<std::string>& argv) {
  if (const Result<> whole = check_no_empty_value(argv); !whole) return tl::unexpected(whole.error());

  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  // Behind "--" there are no options. CLI11 would take these words for the program's instead of the command's.
  std::vector<std::string> behind_dashes;
  if (const auto end = std::ranges::find(words, "--"); end != words.end()) {
    behind_dashes.assign(end + 1, words.end());
    words.erase(end, words.end());
  }
  TypedCommandLine typed;
  CommandLineParser parser(typed);
  try {
    std::ranges::reverse(words);  // CLI11 wants them so
    parser.app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return ShowText{parser.app.help()};
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(error_of(error));
  }

  const std::vector<std::string> unplaced = parser.app.remaining();
  if (!unplaced.empty()) {
    return tl::unexpected(unplaced_word(
        parser.app, {parser.trace, parser.report, parser.diff, parser.size, parser.doctor}, unplaced.front()));
  }
  if (typed.show_version) return ShowText{version_line()};
  if (parser.app.get_subcommands().empty()) {
    return fail(ExitCode::kUsage, "no command given", "try 'sudo tcpdiag trace', or 'tcpdiag --help'");
  }
  Result<Command> command = command_of(parser, typed, behind_dashes);
  if (command) keep_words(*command, argv);
  return command;
}

}  // namespace tcpdiag::cli
