// SPDX-License-Identifier: Apache-2.0
#include "cli/option_values.h"

#include <bit>
#include <charconv>
#include <chrono>
#include <system_error>

#include "host/instance.h"
#include "source/recording/writer.h"
#include "util/duration.h"
#include "util/number.h"
#include "util/size.h"

namespace tcpdiag::cli {
namespace {

std::optional<std::uint64_t> size_from_to(std::string_view text, std::uint64_t low, std::uint64_t high) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  return bytes && *bytes >= low && *bytes <= high ? bytes : std::nullopt;
}

}  // namespace

std::optional<std::string> any_text(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<std::string> parse_output(std::string_view text) {
  return text == "-" ? std::optional<std::string>("") : any_text(text);
}

std::optional<model::Duration> parse_floor(std::string_view text) {
  // By way of a geostationary satellite it is 0.6 s.
  constexpr model::Duration kLargest = std::chrono::seconds{10};
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return std::nullopt;
  const std::optional<model::Duration> floor = parse_duration(text);
  return floor && *floor >= std::chrono::microseconds{1} && *floor <= kLargest ? floor : std::nullopt;
}

std::optional<std::string> parse_instance_type(std::string_view text) {
  return host::is_instance_type(text) ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::uint64_t> parse_ring_size(std::string_view text) {
  const auto bytes = size_from_to(text, std::uint64_t{64} << 10, std::uint64_t{1} << 30);
  return bytes && std::has_single_bit(*bytes) ? bytes : std::nullopt;
}

std::optional<std::uint64_t> parse_recording_size(std::string_view text) {
  return size_from_to(text, recording::kLeastBytes, std::uint64_t{1} << 40);
}

std::optional<std::uint64_t> parse_message_size(std::string_view text) {
  return size_from_to(text, 1, std::uint64_t{1} << 40);
}

std::optional<double> parse_rate(std::string_view text) {
  constexpr double kLargest = 1e9;
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
  return value > 0 && value <= kLargest ? std::optional(value) : std::nullopt;
}

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

}  // namespace tcpdiag::cli
