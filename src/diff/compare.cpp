// SPDX-License-Identifier: Apache-2.0
// Two runs: pair what is the same thing, compare each pair, then what remains.
#include "diff/compare.h"

#include <fmt/format.h>

#include <vector>

#include "diff/counts.h"
#include "diff/delays.h"
#include "diff/matching.h"
#include "diff/only_in.h"
#include "diff/order.h"
#include "diff/settings.h"
#include "diff/summary.h"

namespace tcpdiag::diff {

Comparison compare(const model::Report& good, const model::Report& bad) {
  Comparison out;
  out.mode = Mode::kTwoRuns;
  out.good = summary_of(good);
  out.bad = summary_of(bad);
  Collector collector;
  compare_circumstances(good, bad, collector);

  const Pairs pairs = pair_endpoints(good, bad);
  out.notes = pairs.notes;
  out.endpoints_compared = pairs.pairs.size();
  const std::vector<Attempts> good_attempts = attempts_of(good);
  const std::vector<Attempts> bad_attempts = attempts_of(bad);
  const NetnsNames names(bad.picture);
  std::size_t without_rates = 0;
  for (const EndpointPair& pair : pairs.pairs) {
    const EndpointSide in_good{good.picture.endpoints[pair.good], good_attempts[pair.good], out.good.length_s};
    const EndpointSide in_bad{bad.picture.endpoints[pair.bad], bad_attempts[pair.bad], out.bad.length_s};
    const Scope scope = endpoint_scope(&in_good.endpoint, &in_bad.endpoint, names.of(in_bad.endpoint.key.netns_inode));
    compare_failures(in_good, in_bad, scope, collector);
    compare_delays(in_good.endpoint, in_bad.endpoint, scope, collector);
    compare_loss(in_good, in_bad, scope, collector);
    compare_traffic(in_good, in_bad, scope, collector);
    if (!has_rates(in_good) || !has_rates(in_bad)) ++without_rates;
  }
  if (without_rates > 0) {
    collector.not_compared(fmt::format("rates and sizes of {} of {} endpoints", without_rates, pairs.pairs.size()),
                           "they were at work for less than 10 s in one run: trace for longer");
  }
  compare_run(good, bad, collector);
  compare_settings(good, bad, collector);
  find_only_in(good, bad, pairs, collector, out);

  collector.settle(out);
  explain(out, bad);
  put_in_order(out);
  out.verdict = verdict_of(out);
  return out;
}

}  // namespace tcpdiag::diff
