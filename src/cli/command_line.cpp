// SPDX-License-Identifier: Apache-2.0
// CLI11 splits the words, as the tables of commands and options tell it, and writes --help; its exceptions and
// left-overs become errors of our form here. The only file that includes it: it takes seconds to compile.
#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/command_help.h"
#include "cli/command_table.h"
#include "cli/option_table.h"
#include "session/version.h"
#include "util/escape.h"
#include "util/nearest.h"

namespace tcpdiag::cli {
namespace {

const CommandRow& row_of(const CLI::App& command) {
  return *std::ranges::find_if(command_table(),
                               [&command](const CommandRow& row) { return command.get_name() == row.name; });
}

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() {
    constexpr std::size_t kColumn = 28;
    column_width(kColumn);
    label("Subcommands", "Commands");
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = 0; (at = help.find("\n\n\n", at)) != std::string::npos;) help.erase(at, 1);
    return help;
  }
  std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() == nullptr) return fmt::format("Usage: {} COMMAND [OPTIONS]\n", name);
    return fmt::format("Usage: {} [OPTIONS]{}\n", name, row_of(*app).operands);
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    if (const std::size_t comma = name.find(','); comma != std::string::npos) return name.insert(comma + 1, " ");
    return name.starts_with("--") ? "    " + name : name;
  }
};

// The program as CLI11 knows it. What it takes goes into `options`; the first value that is none is kept as an error,
// so that words that are no option at all are told first.
struct Parser {
  CLI::App app{"Says who reset a TCP connection and why, from the kernel's own events.", "tcpdiag"};
  Options options;
  std::optional<Error> wrong_value;
  bool show_version = false;

  Parser() {
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_help_flag("-h,--help", "show this help and end");
    app.add_flag("--version", show_version, "show the version and end");
    app.footer(kHelpFooter);
    app.require_subcommand(0, 1);
    app.allow_extras();
    for (const CommandRow& row : command_table()) add(row);
  }

 private:
  void add(const CommandRow& row) {
    CLI::App* command = app.add_subcommand(row.name, row.description);
    command->group("Commands");
    command->footer(row.footer);
    command->allow_extras();
    for (const OptionRow& option : option_table()) {
      if ((option.commands & row.id) != 0) add(*command, option);
    }
  }

  void add(CLI::App& command, const OptionRow& row) {
    if (row.kind == Value::kNone) {
      command
          .add_flag_callback(
              row.names, [this, &row] { take(row, {}); }, row.help)
          ->group(row.group);
      return;
    }
    command
        .add_option_function<Typed>(
            row.names, [this, &row](const Typed& typed) { take(row, typed); }, row.help)
        ->option_text(row.value)
        ->allow_extra_args(false)
        ->group(row.group);
  }

  void take(const OptionRow& row, const Typed& typed) {
    const Result<> taken = row.take(options, row.long_name(), typed);
    if (!taken && !wrong_value) wrong_value = taken.error();
  }
};

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
Error unplaced_word(const CLI::App& app, const std::string& word) {
  const std::string shown = escape_terminal(word);
  if (!is_option(word)) {
    std::vector<std::string> names;
    for (const CommandRow& command : command_table()) names.emplace_back(command.name);
    return {.what = fmt::format("unknown command '{}'", shown),
            .hint = did_you_mean(word, names,
                                 fmt::format("the commands are {}; see 'tcpdiag --help'", fmt::join(names, ", "))),
            .exit_code = ExitCode::kUsage};
  }
  const std::string name = word.substr(0, word.find('='));
  for (const CommandRow& command : command_table()) {
    if (std::ranges::count(names_of_options(*app.get_subcommand(command.name)), name) == 0) continue;
    return {.what = fmt::format("option '{}' belongs to a command", shown),
            .hint = fmt::format("write 'tcpdiag {} {}'", command.name, shown),
            .exit_code = ExitCode::kUsage};
  }
  return {.what = fmt::format("unknown option '{}'", shown),
          .hint = did_you_mean(name, names_of_options(app), "see 'tcpdiag --help'"),
          .exit_code = ExitCode::kUsage};
}

Error unknown_option_of(const CLI::App& command, const std::string& word) {
  return {.what = fmt::format("unknown option '{}'", escape_terminal(word)),
          .hint = did_you_mean(word.substr(0, word.find('=')), names_of_options(command),
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
  const std::string_view git = session::kGit;
  return git.empty() ? fmt::format("tcpdiag {}\n", session::kVersion)
                     : fmt::format("tcpdiag {} ({})\n", session::kVersion, git);
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
  return {.what = escape_terminal(what), .hint = "see --help", .exit_code = ExitCode::kUsage};
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

}  // namespace

Result<std::variant<ShowText, Options>> parse_command_line(const std::vector<std::string>& argv) {
  if (const Result<> whole = check_no_empty_value(argv); !whole) return tl::unexpected(whole.error());

  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  // Behind "--" there are no options. CLI11 would take these words for the program's instead of the command's.
  std::vector<std::string> behind_dashes;
  if (const auto end = std::ranges::find(words, "--"); end != words.end()) {
    behind_dashes.assign(end + 1, words.end());
    words.erase(end, words.end());
  }
  Parser parser;
  try {
    std::ranges::reverse(words);  // CLI11 wants them so
    parser.app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return ShowText{parser.app.help()};
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(error_of(error));
  }

  const std::vector<std::string> unplaced = parser.app.remaining();
  if (!unplaced.empty()) return tl::unexpected(unplaced_word(parser.app, unplaced.front()));
  if (parser.show_version) return ShowText{version_line()};
  if (parser.app.get_subcommands().empty()) {
    return fail(ExitCode::kUsage, "no command given", "try 'sudo tcpdiag trace', or 'tcpdiag --help'");
  }
  const CLI::App& command = *parser.app.get_subcommands().front();
  const Result<Typed> left_over = operands(command, behind_dashes);
  if (!left_over) return tl::unexpected(left_over.error());
  if (parser.wrong_value) return tl::unexpected(*parser.wrong_value);
  const CommandRow& row = row_of(command);
  parser.options.command = row.id;
  parser.options.argv = argv;
  if (const Result<> sound = row.check(parser.options, *left_over); !sound) {
    return tl::unexpected(sound.error());
  }
  return std::move(parser.options);
}

}  // namespace tcpdiag::cli
