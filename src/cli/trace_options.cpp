// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_options.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <string_view>
#include <utility>

#include "host/instance.h"
#include "util/duration.h"
#include "util/number.h"
#include "util/size.h"

namespace tcpdiag::cli {
namespace {

constexpr std::size_t kSmallestRing = std::size_t{64} << 10;
constexpr std::size_t kLargestRing = std::size_t{1} << 30;
constexpr std::uint32_t kMostEndpoints = 4096;
constexpr std::uint32_t kMostEventsPerSecond = 10'000'000;
// By way of a geostationary satellite it is 0.6 s.
constexpr model::Duration kLargestFloor = std::chrono::seconds{10};

// Its form alone: which types there are is not this program's to say, new ones come every month.
std::optional<std::string> parse_instance_type(std::string_view text) {
  return host::is_instance_type(text) ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::uint64_t> parse_ring_size(std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  const bool fits = bytes && *bytes >= kSmallestRing && *bytes <= kLargestRing && std::has_single_bit(*bytes);
  return fits ? bytes : std::nullopt;
}

// A bare number would be seconds, as everywhere, but whoever writes one here means milliseconds: it is asked for.
std::optional<model::Duration> parse_floor(std::string_view text) {
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return std::nullopt;
  const std::optional<model::Duration> floor = parse_duration(text);
  const bool fits = floor && *floor >= std::chrono::microseconds{1} && *floor <= kLargestFloor;
  return fits ? floor : std::nullopt;
}

// Tokens stand for the addresses of a redacted recording: no socket of this machine has one.
Result<> check_no_token(std::string_view where, const model::Cidr& block) {
  if (!block.address.is_redacted()) return {};
  return fail(ExitCode::kUsage,
              fmt::format("{}: {} is a token of a redacted recording, no address", where, block.to_string()),
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

}  // namespace

Result<TraceOptions> to_trace_options(const TypedTraceOptions& typed) {
  auto filters = to_filters(typed.filters);
  if (!filters) return tl::unexpected(filters.error());
  if (const Result<> checked = check_no_tokens(*filters); !checked) return tl::unexpected(checked.error());
  auto duration = one_of<model::Duration>("--duration", typed.duration, parse_duration, "duration",
                                          "write 30s, 5m, 1h or 500ms; a bare number is seconds; at most a year");
  if (!duration) return tl::unexpected(duration.error());
  auto floor = one_of<model::Duration>("--floor", typed.floor, parse_floor, "round-trip time",
                                       "write 0.5ms or 200us, with the unit, from 1us to 10s");
  if (!floor) return tl::unexpected(floor.error());
  auto out = to_output_options(typed.out);
  if (!out) return tl::unexpected(out.error());
  auto ring = one_of<std::uint64_t>("--ring-size", typed.ring_size, parse_ring_size, "ring size",
                                    "a power of two from 64KiB to 1GiB, such as 8MiB");
  if (!ring) return tl::unexpected(ring.error());
  auto endpoints =
      one_of<std::uint32_t>("--max-endpoints", typed.max_endpoints, number_from_to<std::uint32_t>(1, kMostEndpoints),
                            "number of endpoints", fmt::format("a number from 1 to {}", kMostEndpoints));
  if (!endpoints) return tl::unexpected(endpoints.error());
  auto events = one_of<std::uint32_t>("--max-events-per-second", typed.max_events_per_second,
                                      number_from_to<std::uint32_t>(0, kMostEventsPerSecond), "number of events",
                                      fmt::format("a number from 1 to {}, or 0 for no limit", kMostEventsPerSecond));
  if (!events) return tl::unexpected(events.error());
  constexpr std::string_view kTypes = "types are such as t4g.micro or cache.m7g.large, in small letters";
  auto instance_type =
      one_of<std::string>("--instance-type", typed.instance_type, parse_instance_type, "instance type", kTypes);
  if (!instance_type) return tl::unexpected(instance_type.error());
  auto peer_instance =
      one_of<std::string>("--peer-instance", typed.peer_instance, parse_instance_type, "instance type", kTypes);
  if (!peer_instance) return tl::unexpected(peer_instance.error());

  TraceOptions options;
  options.filters = std::move(*filters);
  options.duration = *duration;
  options.floor = *floor;
  options.out = std::move(*out);
  options.ring_bytes = ring->value_or(options.ring_bytes);
  options.max_endpoints = endpoints->value_or(options.max_endpoints);
  options.max_events_per_second = events->value_or(options.max_events_per_second);
  options.instance_type = instance_type->value_or("");
  options.peer_instance = peer_instance->value_or("");
  options.imds = typed.imds;
  return options;
}

}  // namespace tcpdiag::cli
