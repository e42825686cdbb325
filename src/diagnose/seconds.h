// SPDX-License-Identifier: Apache-2.0
// The seconds of one endpoint, as the delay rules read them. Long traces have cells of 2, 4, ... s; everything said
// here is in seconds of time, however long a cell is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "diagnose/facts.h"
#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

using Marks = std::vector<bool>;  // one for each cell

class Seconds {
 public:
  Seconds(const Facts& of, const EndpointFacts& endpoint);

  const Facts& facts;
  const model::EndpointPicture& picture;

  std::size_t size() const { return picture.seconds.size(); }
  const model::Second& operator[](std::size_t i) const { return picture.seconds[i]; }
  double cell_s() const { return cell_s_; }
  // Whole, with at least 5 exchanges or 20 RTT samples a second: partial seconds count for totals, not for shares.
  bool busy(std::size_t i) const;
  std::uint64_t busy_s() const;

  Marks none() const { return Marks(size(), false); }
  Marks where(const std::function<bool(const model::Second&)>& test) const;                     // whole or not
  Marks series_where(model::SeriesId id, const std::function<bool(std::int64_t)>& test) const;  // of the shown series
  std::uint64_t seconds_in(const Marks& marks) const;
  double longest_run_s(const Marks& marks) const;
  std::uint64_t sum(const Marks& marks, std::uint64_t model::Second::*field) const;
  model::PathSigns path_signs(const Marks& marks) const;
  // Median over the marked cells that have the value.
  std::optional<std::uint64_t> p50(const Marks& marks, std::optional<std::uint64_t> model::Second::*field) const;
  // Is the last busy second marked?
  bool at_the_end(const Marks& marks) const;

  model::MonoTime begin_of(std::size_t i) const;

  // Puts first and last moment, the seconds of UTC and `ongoing` into a finding. Nothing marked: the endpoint's own.
  void place(Judged& judged, const Marks& marks) const;

 private:
  double cell_s_;
};

bool any(const Marks& marks);
Marks either(const Marks& a, const Marks& b);
std::size_t count(const Marks& marks);

}  // namespace tcpdiag::diagnose
