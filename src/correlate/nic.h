// SPDX-License-Identifier: Apache-2.0
// A network card's allowance counters: how far they moved, and when.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/picture.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

struct SeriesShape;

// What was counted in each second; only seconds with a count take memory. Where there are too many of them, two
// neighbours become one.
class SparseSeconds {
 public:
  void add(std::int64_t second, std::uint64_t count);
  std::vector<std::uint64_t> values(const SeriesShape& shape) const;

 private:
  void halve();

  std::vector<std::pair<std::int64_t, std::uint64_t>> cells_;  // by index
  std::int64_t interval_s_ = 1;                                // of a cell
};

// One counter of one card.
class AllowanceRecord {
 public:
  // `value` was read at `at`, the reading before it at `before`, none before the first. origin: where second 0 begins.
  // True: the counter went back.
  bool add(std::uint64_t value, const std::optional<model::MonoTime>& before, model::MonoTime at,
           model::MonoTime origin);
  bool is_known() const { return readings_ > 1; }  // one reading tells of no movement
  // Without its name.
  model::AllowanceLimit picture(const SeriesShape& shape) const;

 private:
  struct Rise {
    model::MonoTime since{};
    model::MonoTime at{};
    std::uint64_t packets = 0;
  };

  void count(std::uint64_t packets, model::MonoTime since, model::MonoTime at, model::MonoTime origin);
  void count_minute(const Rise& rise);

  std::uint64_t readings_ = 0;
  std::uint64_t newest_ = 0;
  model::AllowanceLimit sum_;
  std::optional<std::int64_t> newest_second_;  // with a count
  std::deque<Rise> last_minute_;
  SparseSeconds seconds_;
};

class NicRecord {
 public:
  // A sample that is older than the newest tells nothing. origin: where second 0 of the trace's series begins.
  void add(const model::NicSample& sample, model::MonoTime origin);
  bool counters_supported() const { return supported_; }
  // Without device and namespace.
  model::NicPicture picture(const SeriesShape& shape) const;

 private:
  std::optional<model::MonoTime> newest_at_;
  std::string driver_;
  std::string driver_version_;
  bool supported_ = false;
  bool reset_ = false;
  std::array<AllowanceRecord, model::kAllowances.size()> limits_;
  std::optional<std::uint64_t> conntrack_available_min_;
};

// All cards of the trace, by namespace and name.
class NicRecords {
 public:
  // Takes at most `most` cards. Cards without counters give way to those that have them: a host of containers has a
  // veth for each, and only its uplink can tell of an allowance.
  void add(const model::NicSample& sample, model::MonoTime origin, std::size_t most);
  std::vector<model::NicPicture> pictures(const SeriesShape& shape) const;
  std::size_t size() const { return records_.size(); }

 private:
  std::map<std::pair<std::uint32_t, std::string>, NicRecord> records_;
};

}  // namespace tcpdiag::correlate
