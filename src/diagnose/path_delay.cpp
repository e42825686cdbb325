// SPDX-License-Identifier: Apache-2.0
#include "diagnose/path_delay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diagnose {
namespace {

bool alike(std::uint64_t a, std::uint64_t b) {
  return static_cast<double>(a) <= kAlike * static_cast<double>(b) &&
         static_cast<double>(b) <= kAlike * static_cast<double>(a);
}

// What one second says about its rise.
enum class Says : std::uint8_t { kNothing, kQueued, kNotQueued, kUnclear };

class Reading {
 public:
  explicit Reading(const Seconds& seconds) : s_(seconds) {
    result_.floor_trusted = floor_is_trusted(seconds);
    result_.queued = result_.unproven = result_.full = seconds.none();
    if (result_.floor_trusted) floor_ = seconds.picture.rtt_floor_us;
    const double floors = kQueueFloors * static_cast<double>(seconds.picture.rtt_floor_us.value_or(0));
    limit_ = std::max(us(kQueueAtLeast), static_cast<std::uint64_t>(floors));
  }

  PathDelay run() {
    result_.busy_s = s_.busy_s();
    const bool only_window = s_.picture.rtt_floor_us && !result_.floor_trusted;
    if (only_window) {
      find_unknown_floor();
      find_full();
      believe_trains();
      finish();
      return std::move(result_);
    }
    enough_awaited_ = enough_awaited();
    says_.assign(s_.size(), Says::kNothing);
    for (std::size_t i = 0; i < s_.size(); ++i) says_[i] = says(i);
    spread_proof();
    find_full();
    if (!result_.syn_flat) believe_trains();
    if (!result_.syn_flat) believe_loss();
    finish();
    return std::move(result_);
  }

 private:
  // A long path or a queue that never emptied: nothing can be said, but that it takes long.
  void find_unknown_floor() {
    for (std::size_t i = 0; i < s_.size(); ++i) {
      const model::Second& second = s_[i];
      const bool slow = second.path_rtt_p50_us && *second.path_rtt_p50_us >= us(kQueueAtLeast);
      const bool free_way = one_way_known(second) && *second.path_queue_in_p50_us < us(kQueueAtLeast);
      result_.unproven[i] = s_.busy(i) && slow && !free_way;
    }
  }

  static bool one_way_known(const model::Second& second) {
    return second.path_queue_in_p50_us && second.path_in_samples >= kSamplesInSecond;
  }
  static bool loses(const model::Second& second) {
    return 100.0 * static_cast<double>(second.out_of_order) >= kLossPct * static_cast<double>(second.segments_received);
  }
  std::optional<std::uint64_t> path_rise(std::size_t i) const {
    const model::Second& second = s_[i];
    if (!floor_ || !second.path_rtt_p50_us || second.path_samples < kSamplesInSecond) return std::nullopt;
    return *second.path_rtt_p50_us - std::min(*floor_, *second.path_rtt_p50_us);
  }
  std::optional<std::uint64_t> syn_rise(std::size_t i) const {
    const auto syn = s_[i].connect_p50_us;
    if (!floor_ || !syn) return std::nullopt;
    return *syn - std::min(*floor_, *syn);
  }

  // With p10 above the limit at most 1 sample in 10 is below it, with p50 at most 1 in 2. So when the clean ones are at
  // least twice as many, at least half of them are above it.
  bool clean_rose(std::size_t i) const {
    const model::Second& second = s_[i];
    const std::uint64_t clean = second.path_samples - std::min(second.path_samples, second.path_signs.ambiguous);
    const double share = static_cast<double>(clean) / static_cast<double>(second.path_samples);
    const std::uint64_t enough = *floor_ + std::max(limit_, us(kDelayedAckMost));
    if (share >= kCleanShare && second.path_rtt_p10_us && *second.path_rtt_p10_us >= enough) return true;
    return share >= kCleanShareOfHalf && *second.path_rtt_p50_us >= enough;
  }
  bool syn_rose(std::size_t i, std::uint64_t rise) const {
    const auto syn = syn_rise(i);
    return syn && *syn >= limit_ && alike(*syn, rise);
  }

  // The peer's own RTT, which bounds how long it delays an ACK, is the floor and our turnaround.
  bool acks_are_absent(std::size_t i, std::uint64_t rise) const {
    const model::Second& second = s_[i];
    const auto awaited = static_cast<double>(second.path_signs.acks_awaited);
    return rise >= std::max(limit_, *floor_ + us(kDelayedAckMost)) &&
           second.path_signs.acks_awaited >= kAwaitedInSecond &&
           awaited >= kAwaitedShare * static_cast<double>(second.path_samples) &&
           static_cast<double>(second.path_signs.acks_apart) <= kApartShare * awaited;
  }
  bool enough_awaited() const {
    std::uint64_t awaited = 0;
    for (std::size_t i = 0; i < s_.size(); ++i) {
      const auto rise = s_.busy(i) ? path_rise(i) : std::nullopt;
      if (rise && acks_are_absent(i, *rise)) awaited += s_[i].path_signs.acks_awaited;
    }
    return awaited >= kAwaitedAtLeast;
  }

  Says says(std::size_t i) {
    if (!s_.busy(i)) return Says::kNothing;
    const model::Second& second = s_[i];
    const bool known = one_way_known(second);
    const auto rise = path_rise(i);
    const bool risen = rise && *rise >= limit_;
    const bool syn = risen && syn_rose(i, *rise);
    // A round trip takes both ways: if it is short, what came late had waited for a gap to be filled, not in a queue.
    const bool behind_gaps = rise && !risen && loses(second);
    if (known && *second.path_queue_in_p50_us >= limit_ && !behind_gaps) {
      result_.one_way = true;
      result_.syn = result_.syn || syn;
      return Says::kQueued;
    }
    if (!risen) return Says::kNothing;
    const bool clean = clean_rose(i);
    if (clean || syn) {
      if (known) away_ = true;  // the way in is free, the round trip is not
      result_.clean = result_.clean || clean;
      result_.syn = result_.syn || syn;
      return Says::kQueued;
    }
    if (known) return Says::kNotQueued;  // the peer's application
    const auto syn_here = syn_rise(i);
    if (syn_here && *syn_here < limit_ / 2) {
      ++syn_flat_;
      return Says::kNotQueued;
    }
    if (enough_awaited_ && acks_are_absent(i, *rise)) {
      result_.absent_acks = true;
      return Says::kQueued;
    }
    if (*rise >= us(kNoDelayedAck)) {
      result_.beyond_delayed_ack = true;
      return Says::kQueued;
    }
    return Says::kUnclear;
  }

  std::vector<std::uint64_t> rises_of(Says what) const {
    std::vector<std::uint64_t> rises;
    for (std::size_t i = 0; i < s_.size(); ++i) {
      if (says_[i] != what) continue;
      if (const auto rise = path_rise(i)) rises.push_back(*rise);
    }
    return rises;
  }
  std::size_t count_of(Says what) const {
    return static_cast<std::size_t>(std::count(says_.begin(), says_.end(), what));
  }

  // Seconds that cannot tell follow those that can, when these agree and are enough.
  void spread_proof() {
    const std::size_t proven = count_of(Says::kQueued);
    const std::size_t against = count_of(Says::kNotQueued);
    const std::size_t silent = count_of(Says::kUnclear);
    const auto share = [](std::size_t part, std::size_t whole) {
      return static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(whole, 1));
    };
    const bool agreed = proven > 0 && share(proven, proven + against) >= kProofAgreement;
    const bool many = share(proven, silent) >= kProvenShare;
    const bool some = proven >= kProvenSeconds;
    result_.syn_flat = syn_flat_ >= kProvenSeconds && syn_flat_ > proven;
    const auto typical = Values<std::uint64_t>(rises_of(Says::kQueued)).p50();
    for (std::size_t i = 0; i < s_.size(); ++i) {
      if (says_[i] == Says::kQueued) result_.queued[i] = true;
      if (says_[i] != Says::kUnclear) continue;
      const std::uint64_t rise = *path_rise(i);
      const bool enough = many || (some && rise >= us(kDelayedAckMost));
      const bool follows = enough && agreed && typical && alike(rise, *typical);
      (follows ? result_.queued : result_.unproven)[i] = true;
    }
  }

  std::uint64_t loss_in(const Marks& marks) const {
    return s_.sum(marks, &model::Second::out_of_order) + s_.sum(marks, &model::Second::retransmits_rto);
  }
  bool loss_came_with_it(const Marks& risen) const {
    Marks calm = s_.none();
    Marks lossy = s_.none();
    for (std::size_t i = 0; i < s_.size(); ++i) {
      calm[i] = s_.busy(i) && says_[i] == Says::kNothing;
      lossy[i] = risen[i] && (s_[i].out_of_order > 0 || s_[i].retransmits_rto > 0);
    }
    if (count(calm) < kProvenSeconds || count(lossy) < kProvenSeconds) return false;
    if (static_cast<double>(count(lossy)) < kLossSeconds * static_cast<double>(count(risen))) return false;
    const double with = static_cast<double>(loss_in(risen)) / static_cast<double>(count(risen));
    const double without = static_cast<double>(loss_in(calm)) / static_cast<double>(count(calm));
    return with >= kLossRise * without;
  }
  bool pipe_is_full(const Marks& risen) const {
    if (s_.sum(risen, &model::Second::out_of_order) < kEnoughObservations) return false;
    const auto rtt = s_.p50(risen, &model::Second::path_rtt_p50_us);
    if (!rtt || static_cast<double>(*rtt - std::min(*floor_, *rtt)) < kPipeRiseFloors * static_cast<double>(*floor_)) {
      return false;
    }
    const auto rate = steady_rate(s_, risen);
    if (!rate || static_cast<double>(s_.seconds_in(rate->seconds)) < kFullPipeSeconds) return false;
    return rate->way == Way::kIn;  // segments out of order are those towards this host
  }

  bool has_trains(std::size_t i) const { return s_[i].path_signs.trains >= kTrainsInSecond; }
  bool trains_fill(std::size_t i) const {
    const model::PathSigns& signs = s_[i].path_signs;
    const bool stretched =
        static_cast<double>(signs.train_us) >= kTrainStretch * static_cast<double>(signs.train_sender_us);
    const double in_all = static_cast<double>(s_[i].bytes_received) / s_.cell_s();
    return stretched && signs.train_us > 0 && 1e6 * signs.bytes_per_us() <= kTrainExcess * in_all;
  }

  // Among the seconds that have trains.
  Marks filled(const Marks& among) const {
    Marks full = s_.none();
    std::size_t have = 0;
    for (std::size_t i = 0; i < s_.size(); ++i) {
      if (!among[i] || !has_trains(i)) continue;
      ++have;
      full[i] = trains_fill(i);
    }
    return agreed(full, have, kTrainSeconds) ? full : s_.none();
  }
  static bool agreed(const Marks& full, std::size_t among, double share) {
    return among >= kProvenSeconds && static_cast<double>(count(full)) >= share * static_cast<double>(among);
  }
  bool queue_stands(std::size_t i) const {
    const double floors = kStandingFloors * static_cast<double>(s_.picture.rtt_floor_us.value_or(0));
    const auto enough = std::max(us(kStandingQueue), static_cast<std::uint64_t>(floors));
    return one_way_known(s_[i]) && *s_[i].path_queue_in_p50_us >= enough && loses(s_[i]);
  }
  void find_full() {
    Marks busy = s_.none();
    Marks standing = s_.none();
    for (std::size_t i = 0; i < s_.size(); ++i) {
      busy[i] = s_.busy(i);
      standing[i] = busy[i] && queue_stands(i);
    }
    result_.full = filled(busy);
    result_.full_by_trains = any(result_.full);
    if (result_.full_by_trains || !agreed(standing, count(busy), kProofAgreement)) return;
    result_.full = standing;
    result_.standing_queue = true;
  }
  void believe_trains() {
    if (!any(filled(result_.unproven))) return;
    result_.trains = true;
    result_.queued = either(result_.queued, result_.unproven);
    result_.unproven = s_.none();
  }

  void believe_loss() {
    Marks risen = s_.none();
    for (std::size_t i = 0; i < s_.size(); ++i) {
      risen[i] = result_.unproven[i] && *path_rise(i) >= std::max(limit_, us(kDelayedAckMost));
    }
    if (!any(risen)) return;
    result_.loss_alike = loss_came_with_it(risen);
    result_.full_pipe = !result_.loss_alike && pipe_is_full(risen);
    if (!result_.loss_alike && !result_.full_pipe) return;
    for (std::size_t i = 0; i < s_.size(); ++i) {
      if (!risen[i]) continue;
      result_.queued[i] = true;
      result_.unproven[i] = false;
    }
  }

  void finish() {
    result_.queued_s = s_.seconds_in(result_.queued);
    result_.signs = s_.path_signs(result_.queued);
    std::vector<std::uint64_t> rises;
    for (std::size_t i = 0; i < s_.size(); ++i) {
      if (!result_.queued[i]) continue;
      const std::uint64_t one_way = s_[i].path_queue_in_p50_us.value_or(0);
      // With no floor that can be trusted: the path itself is in it.
      const std::uint64_t rise = floor_ ? path_rise(i).value_or(0) : s_[i].path_rtt_p50_us.value_or(0);
      rises.push_back(std::max(rise, one_way));
    }
    result_.rise_p50_us = Values<std::uint64_t>(std::move(rises)).p50();
    result_.syn_rtt_p50_us = s_.p50(result_.queued, &model::Second::connect_p50_us);
    if (result_.one_way) {
      result_.way = Way::kIn;
    } else if (away_) {
      result_.way = Way::kOut;
    } else if (result_.found()) {
      if (const auto rate = steady_rate(s_, result_.queued)) result_.way = rate->way;
    }
  }

  const Seconds& s_;
  std::optional<std::uint64_t> floor_;
  std::uint64_t limit_ = 0;
  std::vector<Says> says_;
  bool enough_awaited_ = false;
  std::size_t syn_flat_ = 0;
  bool away_ = false;
  PathDelay result_;
};

}  // namespace

bool floor_is_trusted(const Seconds& seconds) {
  const model::EndpointPicture& picture = seconds.picture;
  if (!picture.rtt_floor_us) return false;
  return picture.rtt_floor_source != "window" || picture.window_has_low_sample;
}

bool absent_acks_are_sure(const Seconds& seconds, const PathDelay& delay) {
  const std::string& missing = seconds.picture.path_queue_in_missing;
  return delay.absent_acks && delay.signs.acks_awaited >= kAwaitedToBeSure && missing != "no_timestamps" &&
         missing != "tick_unknown";
}

// Payload while a train came, against all that came in these seconds.
std::string why_not_trains(const Seconds& seconds, const Marks& marks, const model::PathSigns& signs) {
  const std::uint64_t all = signs.trains + signs.trains_unused;
  if (all == 0) return "none came";
  if (signs.trains < kTrainsInSecond || signs.train_us == 0) {
    return fmt::format("{} of {} could be used", signs.trains, all);
  }
  const double in_all = static_cast<double>(seconds.sum(marks, &model::Second::bytes_received)) /
                        static_cast<double>(std::max<std::uint64_t>(seconds.seconds_in(marks), 1));
  return fmt::format("{} while one comes, {} in all", bit_rate(8e6 * signs.bytes_per_us()), bit_rate(8 * in_all));
}

std::vector<std::string> proofs_of(const Seconds& seconds, const PathDelay& delay) {
  Marks risen = either(delay.queued, delay.unproven);
  if (!any(risen)) risen = seconds.where([](const model::Second& second) { return second.exchanges > 0; });
  const model::PathSigns signs = seconds.path_signs(risen);
  const auto handshake = seconds.p50(risen, &model::Second::connect_p50_us);
  const std::uint64_t floor = seconds.picture.rtt_floor_us.value_or(0);
  const bool is_flat = delay.syn_flat || (handshake && *handshake < floor + us(kQueueAtLeast) / 2);
  const std::string& missing = seconds.picture.path_queue_in_missing;
  std::vector<std::string> all;
  const auto say = [&all](const char* name, bool decided, const std::string& otherwise) {
    all.push_back(fmt::format("{}: {}", name, decided ? "decided" : otherwise));
  };
  say("one_way", delay.one_way, missing.empty() ? "did not rise" : missing);
  say("handshakes", delay.syn,
      !handshake ? "none came"
      : is_flat  ? "as fast as on an empty path"
                 : "did not rise alike");
  const char* not_needed = "not needed";
  bool proven = delay.one_way;
  say("clean_acks", delay.clean, proven ? not_needed : "too few that carried no answer");
  proven = proven || delay.clean || delay.syn;
  say("absent_acks", delay.absent_acks,
      proven                    ? not_needed
      : signs.acks_awaited == 0 ? "none was awaited"
                                : fmt::format("{} of {} awaited came apart", signs.acks_apart, signs.acks_awaited));
  proven = proven || delay.absent_acks;
  const bool trains = delay.trains || (delay.full_by_trains && !delay.found());
  say("trains", trains, proven ? not_needed : why_not_trains(seconds, risen, signs));
  proven = proven || trains;
  if (delay.standing_queue && !delay.found()) {
    say("standing_queue", true, {});
    proven = true;
  }
  say("beyond_delayed_ack", delay.beyond_delayed_ack,
      proven ? not_needed : fmt::format("no rise of {}", duration(kNoDelayedAck)));
  proven = proven || delay.beyond_delayed_ack;
  say("loss", delay.loss_alike || delay.full_pipe, proven ? not_needed : "did not come with it");
  return all;
}

PathDelay path_delay(const Seconds& seconds) { return Reading(seconds).run(); }

}  // namespace tcpdiag::diagnose
