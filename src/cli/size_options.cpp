// SPDX-License-Identifier: Apache-2.0
#include "cli/size_options.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "size/bit_rate.h"
#include "util/escape.h"
#include "util/nearest.h"
#include "util/number.h"
#include "util/size.h"

namespace tcpdiag::cli {
namespace {

constexpr std::uint64_t kLargestMessage = std::uint64_t{1} << 40;
constexpr double kLargestRate = 1e9;
constexpr std::uint64_t kMostClients = 10'000'000;
// The kernel's TCP_MIN_MSS, and what fits into an IPv4 packet.
constexpr std::uint32_t kSmallestMss = 88;
constexpr std::uint32_t kLargestMss = 65495;

std::optional<std::uint64_t> parse_message_size(std::string_view text) {
  const auto bytes = parse_size(text);
  return bytes && *bytes >= 1 && *bytes <= kLargestMessage ? bytes : std::nullopt;
}

// "300", "300/s", "0.5/s", "18000/min".
std::optional<double> parse_rate(std::string_view text) {
  constexpr std::string_view kPerMinute = "/min";
  constexpr std::string_view kPerSecond = "/s";
  double divisor = 1;
  if (text.ends_with(kPerMinute)) {
    constexpr double kSecondsPerMinute = 60;
    divisor = kSecondsPerMinute;
    text.remove_suffix(kPerMinute.size());
  } else if (text.ends_with(kPerSecond)) {
    text.remove_suffix(kPerSecond.size());
  }
  if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  value /= divisor;
  return value > 0 && value <= kLargestRate ? std::optional(value) : std::nullopt;
}

// "10.0.0.1:6379", "[fd00::1]:6379".
std::optional<model::SocketAddress> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const bool in_brackets = address.starts_with('[') && address.ends_with(']');
  if (in_brackets) address = address.substr(1, address.size() - 2);
  const auto parsed = model::Address::parse(address);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  const bool is_v6_text = address.find(':') != std::string_view::npos;
  if (!parsed || !port || *port == 0 || is_v6_text != in_brackets) return std::nullopt;
  return model::SocketAddress{.address = *parsed, .port = *port};
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

Result<std::optional<size::Limit>> to_limit(const TypedSizeOptions& typed) {
  auto baseline = one_of<double>("--baseline", typed.baseline, size::parse_bit_rate, "clear rate",
                                 "write bits as 64mbit, 64Mbit/s or 0.064gbit, and bytes as 8MB/s");
  if (!baseline) return tl::unexpected(baseline.error());
  auto instance = one_of<std::string>("--instance", typed.instance, any_text, "instance type", "such as t4g.micro");
  if (!instance) return tl::unexpected(instance.error());
  if (*baseline && *instance) {
    return contradiction("--baseline and --instance both say what the limit is", "leave one of them out");
  }
  if (*baseline) {
    size::Limit limit;
    limit.bit_per_s = **baseline;
    return limit;
  }
  if (!*instance) return std::optional<size::Limit>();
  Result<size::Limit> limit = limit_of_type(**instance);
  if (!limit) return tl::unexpected(limit.error());
  return std::move(*limit);
}

Result<> check_enough(const SizeOptions& options, std::size_t files) {
  if (files > 1) return contradiction("more than one file is given", "give one report, or - for standard input");
  if (!options.file.empty()) return {};
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

}  // namespace

Result<SizeOptions> to_size_options(const TypedSizeOptions& typed) {
  constexpr std::string_view kSizes = "write 32KiB, 4K, 2MiB or a number of bytes";
  auto limit = to_limit(typed);
  if (!limit) return tl::unexpected(limit.error());
  auto response = one_of<std::uint64_t>("--response", typed.response, parse_message_size, "size", kSizes);
  if (!response) return tl::unexpected(response.error());
  auto request = one_of<std::uint64_t>("--request", typed.request, parse_message_size, "size", kSizes);
  if (!request) return tl::unexpected(request.error());
  auto rate = one_of<double>("--rate", typed.rate, parse_rate, "rate", "write 300, 300/s or 18000/min");
  if (!rate) return tl::unexpected(rate.error());
  auto clients = one_of<std::uint64_t>("--clients", typed.clients, number_from_to<std::uint64_t>(1, kMostClients),
                                       "number of clients", "a number from 1 to 10000000");
  if (!clients) return tl::unexpected(clients.error());
  auto mss = one_of<std::uint32_t>("--mss", typed.mss, number_from_to<std::uint32_t>(kSmallestMss, kLargestMss),
                                   "segment size", fmt::format("bytes from {} to {}", kSmallestMss, kLargestMss));
  if (!mss) return tl::unexpected(mss.error());
  auto endpoint = one_of<model::SocketAddress>("--endpoint", typed.endpoint, parse_endpoint, "endpoint",
                                               "write 10.0.0.1:6379 or [fd00::1]:6379");
  if (!endpoint) return tl::unexpected(endpoint.error());
  const auto format = to_text_or_json(typed.format);
  if (!format) return tl::unexpected(format.error());

  SizeOptions options;
  options.limit = std::move(*limit);
  options.response_bytes = *response;
  options.request_bytes = *request;
  options.rate_per_s = *rate;
  options.clients = *clients;
  options.mss_bytes = *mss;
  options.endpoint = *endpoint;
  options.format = *format;
  if (!typed.files.empty()) options.file = typed.files.front();
  if (const Result<> enough = check_enough(options, typed.files.size()); !enough) {
    return tl::unexpected(enough.error());
  }
  return options;
}

}  // namespace tcpdiag::cli
