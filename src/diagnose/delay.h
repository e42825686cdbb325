// SPDX-License-Identifier: Apache-2.0
// What the delay rules have in common: they judge an endpoint by its seconds and histograms, not by its sockets' ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/judgement.h"
#include "diagnose/seconds.h"
#include "diagnose/wire_rate.h"

namespace tcpdiag::diagnose {

// Asks `judge` (Seconds -> optional<Judged>) of every endpoint.
template <typename Judge>
std::vector<Judged> each_endpoint(const Facts& facts, Judge judge) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    if (auto judged = judge(Seconds(facts, endpoint), endpoint)) result.push_back(std::move(*judged));
  }
  return result;
}

// ... (facts, NetnsPicture) of every namespace.
template <typename Judge>
std::vector<Judged> each_netns(const Facts& facts, Judge judge) {
  std::vector<Judged> result;
  for (const model::NetnsPicture& netns : facts.picture.netns) {
    if (auto judged = judge(facts, netns)) result.push_back(std::move(*judged));
  }
  return result;
}

// nullopt: not measured, or without a sample.
std::optional<std::uint64_t> percentile(const model::EndpointPicture& picture, model::Measure measure, double q);
// Samples that are certainly at or above `us` (whole buckets).
std::uint64_t at_least(const model::Histogram& histogram, std::uint64_t us);

// An exchange is delayed from here on: max(5 x floor, 100 ms).
std::uint64_t delayed_from_us(const model::EndpointPicture& picture);
// Delayed exchanges of the endpoint, but no more than there were in these seconds.
std::uint64_t delayed_exchanges(const Seconds& seconds, const Marks& marks);

// Of outbound endpoints to which nothing connected in these seconds: what one new handshake would tell, and the
// command.
void add_handshake_step(model::Finding& finding, const Seconds& seconds, const Marks& marks);

// Exchanges that took 100 ms longer than the median, at most as many as segments were lost: one of them waited for
// each.
// Of what this host answers its exchanges end too early for that: repairs of 100 ms and more are counted.
std::uint64_t delayed_by_loss(const model::EndpointPicture& picture, Way way, std::uint64_t lost);

// Is the endpoint's namespace not the host's own? Then the uplink's queue is not seen.
bool in_container(const model::Picture& picture, const model::EndpointPicture& endpoint);

// Payload of a full segment: the largest MSS among the kept sockets, else what Ethernet leaves (1448).
double mss_of(const Facts& facts, const EndpointFacts& endpoint);

// The process of this host behind an endpoint, as far as there is only one.
struct OnlyProcess {
  std::optional<std::uint64_t> pid;  // absent: none known, or more than one
  std::string comm;                  // empty: likewise
};
OnlyProcess only_process(const model::EndpointPicture& picture);
// Its comm, as evidence; null where there is none.
void add_comm(model::Finding& finding, const OnlyProcess& process);
// How much CPU it takes, second by second; empty: which one is not known.
std::string pidstat_command(const OnlyProcess& process);

// A mean exchange of 1 MiB or more, or data with hardly an exchange.
bool is_bulk(const model::EndpointPicture& picture);

// A finding about these seconds of an endpoint.
Judged start_delay(const char* code, const EndpointFacts& endpoint, const Seconds& seconds, const Marks& marks);
// Delayed exchanges, with their share of all.
void set_delayed(Judged& judged, const EndpointFacts& endpoint, std::uint64_t delayed);

// In `queued_ms` half of the samples waited for 100 ms and more: is this at least 10 s, and so many exchanges delayed?
bool users_wait(const Seconds& seconds, const Marks& waited, std::uint64_t delayed);

// Failed exchanges, as far as their sockets were kept, that ended in these seconds (give or take one).
std::uint64_t failures_in(const Facts& facts, const EndpointFacts& endpoint, const std::vector<std::int64_t>& seconds);

// The steps of common_steps for findings whose observations are seconds, and those of delays only: short window,
// unknown floor. `observations`: cells or samples.
void delay_steps(Grade& grade, const Facts& facts, std::uint64_t observations, const char* what);
void floor_step(Grade& grade, const model::EndpointPicture& picture);

// A Redis-like endpoint with nearly as many open connections as an ElastiCache node takes, and what to do about it.
bool near_connection_limit(const model::EndpointPicture& picture);
void add_connection_limit_step(model::Finding& finding, const model::EndpointPicture& picture);

}  // namespace tcpdiag::diagnose
