// SPDX-License-Identifier: Apache-2.0
// A connection of this host that is seen by its segments alone, as a capture sees it. What the kernel programs read
// from TCP's own figures is kept here as those segments tell it.
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>

#include "engine/segment.h"

namespace tcpdiag::testing {

enum class Side { kOutbound, kInbound };

class Tap {
 public:
  // Its handshake ended at 0 ms. The first byte of each side has the number behind its initial one.
  explicit Tap(Side side = Side::kOutbound, u32 initial_seq_local = 1000, u32 initial_seq_remote = 500'000) {
    c.inbound = side == Side::kInbound ? 1 : 0;
    c.established_ns = ns(0);
    c.idle_before_request_ns = TCPD_UNKNOWN_NS;
    tcp.snd_una = tcp.snd_nxt = tcp.write_seq = initial_seq_local + 1;
    tcp.rcv_nxt = tcp.copied_seq = initial_seq_remote + 1;
    tcp.mss = 1448;
    tcpd_connection_begins(&c, &tcp);
  }

  static u64 ns(double ms) { return 10'000'000'000U + static_cast<u64>(ms * 1e6); }

  // --- segments that leave ---

  // The device gets the next bytes.
  void send(double ms, u32 bytes) { leave(ms, tcp.snd_nxt, bytes, 0); }
  void send_fin(double ms) {
    leave(ms, tcp.snd_nxt, 0, TCPD_FLAG_FIN);
    ++tcp.snd_nxt;
  }
  void leave(double ms, u32 seq, u32 bytes, unsigned flags, u16 window = 500) {
    const tcpd_packet packet = packet_of(seq, bytes, tcp.rcv_nxt, window, flags | TCPD_FLAG_ACK);
    if ((tcpd_segment_leaves(&c, &stats, &packet, ns(ms)) & TCPD_LEAVES_DATA) != 0) {
      tcpd_sync_received(&c, &stats, tcp.rcv_nxt, ns(ms));
      tcpd_data_leaves(&c, &stats, packet.end, ns(ms));
    }
    if (tcpd_after(packet.end, tcp.snd_nxt)) tcp.snd_nxt = packet.end;
    if (tcpd_after(tcp.snd_nxt, tcp.write_seq)) tcp.write_seq = tcp.snd_nxt;
  }
  // TCP sent it, and the device's tracepoint told nobody.
  void send_unseen(u32 bytes) { tcp.write_seq = tcp.snd_nxt += bytes; }

  // Sent again: seq is where, and the device gets a copy unless it could not be sent.
  tcpd_retransmission retransmit(double ms, u32 seq, u32 bytes, int error = 0, u8 timer_pending = 1,
                                 u8 ca_state = TCPD_CA_RECOVERY) {
    tcpd_retransmission again{};
    again.seq = seq;
    again.end_seq = seq + bytes;
    again.snd_una = tcp.snd_una;
    again.error = error;
    again.timer_pending = timer_pending;
    again.ca_state = ca_state;
    if (error == 0) leave(ms, seq, bytes, 0);
    tcpd_segment_retransmitted(&c, &stats, &again, ns(ms));
    return again;
  }

  // --- segments that arrive ---

  struct Arrival {
    std::optional<u32> seq = {};  // the next byte
    std::optional<u32> ack = {};  // what has been acknowledged already
    u16 window = 500;
    std::optional<u32> tsval = {};
    unsigned flags = TCPD_FLAG_ACK;
  };
  void receive(double ms, u32 bytes, const Arrival& arrival) {
    tcpd_arrival a{};
    a.now = ns(ms);
    a.tcp = tcp;
    a.packet = packet_of(arrival.seq.value_or(tcp.rcv_nxt), bytes, arrival.ack.value_or(tcp.snd_una), arrival.window,
                         arrival.flags);
    a.packet.has_timestamp = arrival.tsval.has_value() ? 1 : 0;
    a.packet.tsval = arrival.tsval.value_or(0);
    const bool has_ack = (arrival.flags & TCPD_FLAG_ACK) != 0 && !tcpd_after(a.packet.ack, tcp.snd_nxt);
    tcpd_segment_order(&c, &stats, &shared, &a);
    tcpd_segment_arrives(&c, &stats, &shared, &a);
    if (has_ack && tcpd_after(a.packet.ack, tcp.snd_una)) tcp.snd_una = a.packet.ack;
    if (!tcpd_after(a.packet.seq, tcp.rcv_nxt) && tcpd_after(a.packet.end, tcp.rcv_nxt)) tcp.rcv_nxt = a.packet.end;
  }
  void receive(double ms, u32 bytes) { receive(ms, bytes, Arrival{}); }
  // An ACK of everything that was sent until now.
  void acknowledge(double ms) { receive(ms, 0, {.ack = tcp.snd_nxt}); }
  // Data that acknowledges everything.
  void answer(double ms, u32 bytes) { receive(ms, bytes, {.ack = tcp.snd_nxt}); }
  // It was worked off, and the tracepoint told nobody.
  void receive_unseen(u32 bytes) { tcp.rcv_nxt += bytes; }

  // The application takes `bytes` of what has arrived.
  void read(double ms, u32 bytes) {
    tcp.copied_seq += bytes;
    tcpd_data_read(&c, &stats, tcp.copied_seq, ns(ms));
  }

  // --- figures ---

  const tcpd_hist& of(tcpd_measure measure) const { return stats.measures[measure]; }
  std::uint64_t count(tcpd_measure measure) const {
    const tcpd_hist& hist = of(measure);
    return std::accumulate(hist.buckets, hist.buckets + TCPD_HIST_BUCKETS, std::uint64_t{0});
  }
  std::uint64_t sum_us(tcpd_measure measure) const { return of(measure).sum_us; }

  tcpd_connection c{};
  tcpd_endpoint_stats stats{};
  tcpd_endpoint_shared shared{};
  tcpd_tcp_state tcp{};

 private:
  static tcpd_packet packet_of(u32 seq, u32 bytes, u32 ack, u16 window, unsigned flags) {
    tcpd_packet packet{};
    packet.seq = seq;
    packet.end = seq + bytes;
    packet.ack = ack;
    packet.payload = bytes;
    packet.window = window;
    packet.flags = static_cast<u8>(flags);
    return packet;
  }
};

}  // namespace tcpdiag::testing
