// SPDX-License-Identifier: Apache-2.0
// Endpoints second by second, for the delay rules. Figures are those of the laboratory: 32 KiB responses (23 segments)
// of a cache behind a 64 Mbit/s token bucket, and servers that think on a free path.
//
//   Traffic t;                       // 60 s of 233 exchanges a second, free path, timestamps
//   t.seconds(5, 60).one_way(140ms).path(186ms);
//   codes(t.picture())
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {

class Traffic {
 public:
  static constexpr std::uint64_t kFloor = 10;  // us
  static constexpr std::uint64_t kResponse = 32778;
  static constexpr std::uint64_t kSegments = 23;

  explicit Traffic(std::size_t n = 60, model::Role role = model::Role::kOutbound) {
    role == model::Role::kOutbound ? b_.outbound("10.77.0.2", 6379) : b_.inbound("10.77.0.2", 6379);
    b_.lasts(static_cast<double>(n));
    model::EndpointPicture& e = endpoint();
    e.first_seen_at = kStart;
    e.last_seen_at = at(static_cast<double>(n));
    e.series.n = n;
    e.series.interval_s = 1;
    e.seconds.resize(n);
    e.wire_header_bytes = 66;
    e.flows = 50;
    e.flows_agree_pct = 100;
    e.device = "eth0";
    e.mean_request_bytes = 36;
    e.mean_response_bytes = static_cast<double>(kResponse);
    e.totals.sockets_seen = 50;
    e.totals.spurious_retransmits = 0;
    e.totals.retransmit_failures.busy = 0;
    b_.floor_us(kFloor);
    seconds(0, n).exchanges(233).path(0ms).one_way(400us).host_queue(20us);
  }

  // What follows is about these.
  Traffic& seconds(std::size_t from, std::size_t to) {
    from_ = from;
    to_ = std::min(to, endpoint().seconds.size());
    return *this;
  }
  // 23 segments a response, a few per mille more or less, as a shaper measured second by second.
  Traffic& exchanges(std::uint64_t per_s, std::uint64_t response = kResponse) {
    return each([&](model::Second& s, std::size_t i) {
      const std::uint64_t jitter = per_s * (i % 3) / 500;
      s.exchanges = per_s + jitter;
      s.rtt_samples = s.exchanges;
      s.bytes_sent = s.exchanges * 36;
      s.bytes_received = s.exchanges * response;
      s.segments_received = s.exchanges * ((response + 1447) / 1448);
      s.segments_sent = s.exchanges * 12;
    });
  }
  // Round trips as far above the floor; all of them ambiguous unless said otherwise.
  Traffic& path(Duration rise) {
    return each([&](model::Second& s, std::size_t) {
      s.path_samples = s.exchanges;
      s.path_signs.ambiguous = s.exchanges;
      s.path_rtt_p50_us = kFloor + as_us(rise);
      s.path_rtt_p10_us = kFloor + as_us(rise) / 2;
    });
  }
  Traffic& clean(double share) {
    return each([&](model::Second& s, std::size_t) {
      s.path_signs.ambiguous = s.path_samples - static_cast<std::uint64_t>(share * static_cast<double>(s.path_samples));
    });
  }
  // Of the samples such that a slow application is acknowledged apart, and so many of these that were.
  Traffic& acks(double awaited, double apart) {
    return each([&](model::Second& s, std::size_t) {
      s.path_signs.acks_awaited = static_cast<std::uint64_t>(awaited * static_cast<double>(s.path_samples));
      s.path_signs.acks_apart = static_cast<std::uint64_t>(apart * static_cast<double>(s.path_signs.acks_awaited));
    });
  }
  // So many a second, at a multiple of the rate at which all came; `stretch`: how much longer they took to come than to
  // be sent.
  Traffic& trains(std::uint64_t n, double of_rate, double stretch = 20) {
    return each([&](model::Second& s, std::size_t) {
      s.path_signs.trains = n;
      s.path_signs.train_bytes = n * (kResponse - 1448);
      const double us = 1e6 * static_cast<double>(s.path_signs.train_bytes) / static_cast<double>(s.bytes_received);
      s.path_signs.train_us = static_cast<std::uint64_t>(us / of_rate);
      s.path_signs.train_sender_us = static_cast<std::uint64_t>(us / of_rate / stretch);
    });
  }
  Traffic& one_way(Duration queue) {
    return each([&](model::Second& s, std::size_t) {
      s.path_in_samples = s.exchanges * kSegments;
      s.path_queue_in_p50_us = as_us(queue);
    });
  }
  Traffic& no_one_way(const char* why) {
    endpoint().path_queue_in_missing = why;
    return each([](model::Second& s, std::size_t) {
      s.path_in_samples = 0;
      s.path_queue_in_p50_us.reset();
    });
  }
  Traffic& connects(Duration rtt) {
    return each([&](model::Second& s, std::size_t) { s.connect_p50_us = as_us(rtt); });
  }
  Traffic& out_of_order(std::uint64_t n) {
    return each([&](model::Second& s, std::size_t) { s.out_of_order = n; });
  }
  Traffic& timeouts(std::uint64_t n) {
    return each([&](model::Second& s, std::size_t) { s.retransmits_rto = n; });
  }
  Traffic& host_queue(Duration d) {
    return each([&](model::Second& s, std::size_t) {
      s.host_queue_samples = s.exchanges;
      s.host_queue_p50_us = as_us(d);
      s.host_queue_p99_us = 2 * as_us(d);
    });
  }
  template <typename Change>
  Traffic& each(Change change) {
    for (std::size_t i = from_; i < to_; ++i) change(endpoint().seconds[i], i);
    return *this;
  }
  Traffic& floor(std::string source, std::uint64_t us = kFloor) {
    endpoint().rtt_floor_source = std::move(source);
    endpoint().window_has_low_sample = us == kFloor;
    endpoint().rtt_floor_us = us;
    return *this;
  }

  model::EndpointPicture& endpoint() { return b_.raw().endpoints.front(); }
  PictureBuilder& builder() { return b_; }

  // Totals and histograms follow from the seconds; an exchange takes 200 us more than its queue.
  Picture picture() {
    Picture picture = b_.build();
    model::EndpointPicture& e = picture.endpoints.front();
    e.totals.segments_sent = e.totals.segments_received = 0;
    std::uint64_t out_of_order = 0;
    for (const model::Second& s : e.seconds) {
      e.totals.exchanges += s.exchanges;
      e.totals.bytes_sent += s.bytes_sent;
      e.totals.bytes_received += s.bytes_received;
      *e.totals.segments_sent += s.segments_sent;
      *e.totals.segments_received += s.segments_received;
      out_of_order += s.out_of_order;
      e.totals.retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)] += s.retransmits_rto;
      e.path_queue_ambiguous += s.path_signs.ambiguous;
      for (std::uint64_t i = 0; i < s.exchanges; ++i) {
        const std::uint64_t rtt = s.path_rtt_p50_us.value_or(kFloor);
        e.histograms[model::Measure::kPathQueue].add(rtt - std::min(rtt, e.rtt_floor_us.value_or(0)));
        e.histograms[model::Measure::kFirstByte].add(rtt + 200);
        e.histograms[model::Measure::kHostQueue].add(s.host_queue_p50_us.value_or(0));
        e.histograms[model::Measure::kReadWait].add(30);
        if (s.path_queue_in_p50_us) e.histograms[model::Measure::kPathQueueIn].add(*s.path_queue_in_p50_us);
      }
    }
    e.totals.out_of_order_segments = out_of_order;
    if (!e.totals.recovered_in) e.totals.recovered_in = out_of_order;  // each was one that had been lost
    picture.totals.exchanges = e.totals.exchanges;
    return picture;
  }

 private:
  PictureBuilder b_;
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

// 50 clients behind the shaper from second 1 on, with connections made at the start of the trace.
inline Traffic throttled() {
  Traffic t;
  t.seconds(1, 60).path(186ms).one_way(141ms).out_of_order(2);
  t.seconds(0, 1).connects(50us);
  t.seconds(0, 1).each([](model::Second& s, std::size_t) { s.whole = false; });
  return t;
}

// The same, from its 20th second on: older connections, no handshake, nothing but ambiguous samples.
inline Traffic throttled_from_the_middle(Duration rise = 186ms) {
  Traffic t(20);
  t.seconds(0, 20).path(rise).no_one_way("no_own_floor").floor("kernel");
  t.seconds(3, 18).out_of_order(2);
  return t;
}

// One thread that takes `think` for each command and is asked by 50 clients: as steady as a shaper. The peer's kernel
// acknowledges by itself after 40 ms, or with the response.
inline Traffic slow_server(Duration think, bool timestamps) {
  Traffic t;
  t.seconds(0, 60).exchanges(static_cast<std::uint64_t>(1s / think), 32778);
  const bool delayed_ack = think >= 40ms;
  t.path(delayed_ack ? 44ms : think);
  if (delayed_ack) t.clean(0.7);
  t.acks(1, delayed_ack ? 0.9 : 0);
  t.host_queue(20us).one_way(400us);
  if (!timestamps) t.no_one_way("no_timestamps");
  return t;
}

inline std::vector<model::Finding> findings_of(Traffic traffic) { return diagnose(traffic.picture()); }
inline std::vector<std::string> codes_of(Traffic traffic) { return codes(traffic.picture()); }

// A default one (code "") where there is none.
inline model::Finding find(Traffic traffic, std::string_view code) {
  for (model::Finding& finding : findings_of(std::move(traffic))) {
    if (finding.code == code) return std::move(finding);
  }
  return {};
}

inline double evidence_float(const model::Finding& finding, std::string_view key) {
  return evidence_as<double>(finding, key);
}
inline std::string evidence_text(const model::Finding& finding, std::string_view key) {
  return evidence_as<std::string>(finding, key);
}

}  // namespace tcpdiag::diagnose::test
