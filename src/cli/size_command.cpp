// SPDX-License-Identifier: Apache-2.0
#include "cli/size_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "cli/rendering.h"
#include "cli/terminal.h"
#include "report/render.h"
#include "report/size.h"
#include "session/caller.h"
#include "session/confinement.h"
#include "session/recorded_report.h"
#include "session/version.h"
#include "util/escape.h"
#include "util/fd.h"
#include "util/io.h"

namespace tcpdiag::cli {
namespace {

// A report of 256 endpoints and an hour has some 10 MiB.
constexpr std::size_t kLargestReport = std::size_t{64} << 20;

std::string name_of(const std::string& path) {
  return path == "-" ? "standard input" : fmt::format("'{}'", escape_terminal(path));
}

bool is_recording(const Fd& file) {
  constexpr std::string_view kSqliteMagic = "SQLite format 3";
  std::array<char, kSqliteMagic.size()> begin{};
  const ssize_t got = ::pread(file.get(), begin.data(), begin.size(), 0);
  return got > 0 && std::string_view(begin.data(), static_cast<std::size_t>(got)) == kSqliteMagic;
}

Result<std::string> read_report(int fd, const std::string& name) {
  std::string text;
  std::array<char, 65536> part{};
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ExitCode::kFailed, fmt::format("cannot read {}: {}", name, errno_text(errno)));
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargestReport) {
      return fail(ExitCode::kUsage, fmt::format("{} is larger than 64 MiB", name),
                  "trace with a filter, --max-endpoints or --sockets 0");
    }
  }
}

// What was typed stands above what the trace saw; segments were counted for the sizes and the MSS of the trace only.
void apply(const Options& options, size::Traffic& traffic) {
  if (options.response_bytes) traffic.response_bytes = static_cast<double>(*options.response_bytes);
  if (options.request_bytes) traffic.request_bytes = static_cast<double>(*options.request_bytes);
  if (options.mss_bytes) traffic.mss_bytes = *options.mss_bytes;
  if (options.response_bytes || options.request_bytes || options.mss_bytes) {
    traffic.segments_out.reset();
    traffic.segments_in.reset();
  }
  if (options.rate_per_s) traffic.rate_per_s = options.rate_per_s;
  if (options.clients) traffic.clients = options.clients;
}

// Of a trace: the type of the traced host where that is the node that serves, else the ceiling that was found.
std::optional<size::Limit> limit_of_trace(const size::Measured& measured) {
  if (measured.role == model::Role::kInbound) {
    if (auto limit = size::limit_of(measured.instance_type, size::LimitSource::kTraceHost)) return limit;
  }
  if (!measured.ceiling_bit_per_s) return std::nullopt;
  size::Limit limit;
  limit.bit_per_s = *measured.ceiling_bit_per_s;
  limit.source = size::LimitSource::kCeiling;
  return limit;
}

// A report as it is in the file, or made of the recording that the file is. Privileges are dropped before either is
// read.
Result<std::string> report_in(const std::string& path) {
  if (const Result<> became = session::become_caller(); !became) return tl::unexpected(became.error());
  const Result<Fd> file =
      path == "-" ? Fd() : open_regular_file(path, "a recording, or a report of 'tcpdiag trace --format json'");
  if (!file) return tl::unexpected(file.error());
  if (!*file || !is_recording(*file)) {
    if (const auto confined = session::confine_offline({}); !confined) return tl::unexpected(confined.error());
    return read_report(*file ? file->get() : STDIN_FILENO, name_of(path));
  }
  const auto recording = recording::Reader::open(path);
  if (!recording) return tl::unexpected(recording.error());
  if (const auto confined = session::confine_offline({}); !confined) return tl::unexpected(confined.error());
  const Result<model::Report> report = session::report_of_whole(**recording, nullptr);
  if (!report) return tl::unexpected(report.error());
  return report::render_json(*report, {.sockets = 0});
}

Result<size::Plan> plan_of(const Options& options) {
  size::Traffic traffic;
  std::optional<size::Limit> limit = options.limit;
  std::optional<size::Measured> measured;
  if (!options.files.empty()) {
    const std::string& file = options.files.front();
    const Result<std::string> text = report_in(file);
    if (!text) return tl::unexpected(text.error());
    Result<report::MeasuredTraffic> seen = report::read_measured_traffic(*text, options.endpoint);
    if (!seen) {
      Error error = std::move(seen.error());
      error.what = fmt::format("{}: {}", name_of(file), error.what);
      return tl::unexpected(std::move(error));
    }
    traffic = std::move(seen->traffic);
    measured = std::move(seen->measured);
    if (!limit) limit = limit_of_trace(*measured);
  }
  apply(options, traffic);
  if (!limit && !traffic.rate_per_s) {
    return fail(ExitCode::kUsage, "the trace is too short to tell a rate", "give --rate, --baseline or --instance");
  }
  return size::make_plan(traffic, limit, size::compiled_table(), measured);
}

}  // namespace

Result<ExitCode> size_command(const Options& options) {
  const Result<size::Plan> plan = plan_of(options);
  if (!plan) return tl::unexpected(plan.error());
  const std::string answer = options.format == Format::kJson
                                 ? report::render_size_json(*plan, {.tool_version = std::string(session::kVersion),
                                                                    .tool_git = std::string(session::kGit),
                                                                    .command = options.argv})
                                 : render(report::size_document(*plan), options.format,
                                          understands_escapes(STDOUT_FILENO) && !colour_unwanted());
  if (const int error = write_all(STDOUT_FILENO, answer); error != 0) {
    return fail(ExitCode::kFailed, "cannot write the answer to standard output: " + errno_text(error));
  }
  return ExitCode::kDone;
}

}  // namespace tcpdiag::cli
