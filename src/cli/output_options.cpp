// SPDX-License-Identifier: Apache-2.0
#include "cli/output_options.h"

#include <string_view>
#include <utility>

#include "util/size.h"

namespace tcpdiag::cli {
namespace {

constexpr std::size_t kMostSockets = 1'000'000;
constexpr std::uint64_t kSmallestRecording = std::uint64_t{1} << 20;
constexpr std::uint64_t kLargestRecording = std::uint64_t{1} << 40;

std::optional<std::uint64_t> parse_recording_size(std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  return bytes && *bytes >= kSmallestRecording && *bytes <= kLargestRecording ? bytes : std::nullopt;
}

// Before anything is opened: one of them would overwrite or refuse the other at the end.
Result<> check_files(const OutputOptions& options) {
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

}  // namespace

Result<OutputOptions> to_output_options(const TypedOutputOptions& typed) {
  auto format = one_of<Format>("--format", typed.format,
                               one_word_of<Format>({{"text", Format::kText},
                                                    {"json", Format::kJson},
                                                    {"ndjson", Format::kNdjson},
                                                    {"md", Format::kMarkdown},
                                                    {"html", Format::kHtml}}),
                               "format", "text, json, ndjson, md or html");
  if (!format) return tl::unexpected(format.error());
  auto output = to_output_file(typed.output);
  if (!output) return tl::unexpected(output.error());
  auto fail_on = one_of<model::Severity>("--fail-on", typed.fail_on,
                                         one_word_of<model::Severity>({{"notice", model::Severity::kNotice},
                                                                       {"warning", model::Severity::kWarning},
                                                                       {"critical", model::Severity::kCritical}}),
                                         "severity", "notice, warning or critical");
  if (!fail_on) return tl::unexpected(fail_on.error());
  auto sockets = one_of<std::size_t>("--sockets", typed.sockets, number_from_to<std::size_t>(0, kMostSockets),
                                     "number of sockets", "a number from 0 to 1000000");
  if (!sockets) return tl::unexpected(sockets.error());
  auto write = one_of<std::string>("--write", typed.write, any_text, "file", "name a file, such as incident.tcpdiag");
  if (!write) return tl::unexpected(write.error());
  auto max_size = one_of<std::uint64_t>("--max-size", typed.max_size, parse_recording_size, "size of a recording",
                                        "write 1MiB to 1024GiB, such as 500MiB");
  if (!max_size) return tl::unexpected(max_size.error());

  OutputOptions options;
  options.format = format->value_or(options.format);
  options.output = std::move(*output);
  options.force = typed.force;
  options.fail_on = *fail_on;
  options.sockets = *sockets;
  options.redact = typed.redact;
  options.write = write->value_or("");
  options.max_size = *max_size;
  options.events = typed.events;
  if (const Result<> sound = check_files(options); !sound) return tl::unexpected(sound.error());
  return options;
}

Result<Format> to_text_or_json(const Typed& format) {
  auto given =
      one_of<Format>("--format", format, one_word_of<Format>({{"text", Format::kText}, {"json", Format::kJson}}),
                     "format", "text or json");
  if (!given) return tl::unexpected(given.error());
  return given->value_or(Format::kText);
}

Result<std::string> to_output_file(const Typed& output) {
  auto given = one_of<std::string>("--output", output, any_text, "file", "name a file");
  if (!given) return tl::unexpected(given.error());
  return *given == "-" ? std::string() : given->value_or("");
}

}  // namespace tcpdiag::cli
