/* SPDX-License-Identifier: GPL-2.0-only */
/* A socket's figures, from its record and from its struct tcp_sock; and their sum at its endpoint. */
#ifndef TCPDIAG_LIB_FLOW_H
#define TCPDIAG_LIB_FLOW_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "engine/segment.h"
#include "lib/app_gap.bpf.h"
#include "lib/compat.bpf.h"
#include "lib/endpoint.bpf.h"
#include "lib/maps.bpf.h"
#include "lib/tcp.bpf.h"

/* Our FIN counts as one (RFC 9293 section 3.4): is it among what the peer has acknowledged? */
static __always_inline u32 tcpd_fin_acked(const struct tcpd_sock *s, const struct sock *sk)
{
	u32 snd_una = tcpd_tcp(sk, snd_una);

	return s->fin_sent_ns && snd_una == tcpd_tcp(sk, snd_nxt) &&
	       snd_una == tcpd_tcp(sk, write_seq);
}

/* bytes_acked counts the FIN once it is acknowledged; bytes_received counts the peer's. */
static __always_inline u64 tcpd_bytes_acked(const struct tcpd_sock *s, const struct sock *sk)
{
	u64 bytes = tcpd_tcp(sk, bytes_acked);

	return bytes && tcpd_fin_acked(s, sk) ? bytes - 1 : bytes;
}

/* snd_una without the FIN. */
static __always_inline u32 tcpd_acked_end(const struct tcpd_sock *s, const struct sock *sk)
{
	return tcpd_tcp(sk, snd_una) - tcpd_fin_acked(s, sk);
}

static __always_inline u64 tcpd_bytes_received(const struct sock *sk)
{
	u64 bytes = tcpd_tcp(sk, bytes_received);

	return bytes && tcpd_fin_received(sk) ? bytes - 1 : bytes;
}

static __always_inline void tcpd_fill_flow(struct tcpd_wire_flow *f, const struct tcpd_sock *s,
					   const struct sock *sk, u8 state, u64 now)
{
	u64 acked = tcpd_bytes_acked(s, sk), received = tcpd_bytes_received(sk);
	const struct tcpd_hole *hole;
	u32 unacked = tcpd_tcp(sk, snd_nxt) - tcpd_tcp(sk, snd_una),
	    unread = tcpd_tcp(sk, rcv_nxt) - tcpd_tcp(sk, copied_seq);

	f->opened_ns = s->opened_ns;
	f->syn_ns = s->c.syn_ns;
	f->established_ns = s->c.established_ns;
	f->last_sent_ns = s->c.last_sent_ns;
	f->last_received_ns = s->c.last_received_ns;
	f->fin_received_ns = s->fin_received_ns;
	f->fin_sent_ns = s->fin_sent_ns;
	f->request_first_ns = s->c.request_first_ns;
	f->request_last_ns = s->c.request_last_ns;
	f->request_acked_ns = s->c.request_acked_ns;
	f->response_first_ns = s->c.response_first_ns;
	f->idle_before_request_ns = s->c.idle_before_request_ns;
	f->exchanges = s->c.exchanges;
	f->bytes_acked_total = acked;
	f->bytes_received_total = received;
	f->bytes_acked = acked > s->base_bytes_acked ? acked - s->base_bytes_acked : 0;
	f->bytes_received = received > s->base_bytes_received ? received - s->base_bytes_received
							      : 0;
	f->segments_sent = tcpd_tcp(sk, segs_out) - s->base_segs_out;
	f->segments_received = tcpd_tcp(sk, segs_in) - s->base_segs_in;
	f->retransmitted_segments = tcpd_tcp(sk, total_retrans) - s->base_total_retrans;
	f->out_of_order_segments = tcpd_tcp(sk, rcv_ooopack) - s->base_rcv_ooopack;
	f->spurious_retransmits = tcpd_tcp(sk, dsack_dups) - s->base_dsack_dups;
	f->request_bytes = s->c.request_bytes;
	f->response_bytes = s->c.response_bytes;
	f->request_retransmits = s->c.request_retransmits;
	f->request_rtos = s->c.request_rtos;
	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		unacked = 0;
	else if (unacked && s->fin_sent_ns && tcpd_tcp(sk, snd_nxt) == tcpd_tcp(sk, write_seq))
		unacked--;
	f->unacked_bytes = unacked;
	f->unread_bytes = unread && tcpd_fin_received(sk) ? unread - 1 : unread;
	f->srtt_us = tcpd_tcp(sk, srtt_us) >> 3;
	f->rtt_us = tcpd_tcp(sk, rack.rtt_us);
	f->rtt_min_us = tcpd_rtt_min(sk);
	f->mss = tcpd_tcp(sk, mss_cache);
	f->first_byte_max_us = s->c.first_byte_max_us;
	f->path_rise_us = s->c.path_rise_us;
	f->path_samples = s->c.path_samples;
	f->unread_bytes_max = s->c.unread_bytes_max;
	f->zero_window_received_us = s->c.zero_window_received_us;
	f->call_tid = s->c.call_tid;
	f->request_read_ns = s->request_read_ns;
	f->heard_ns = s->c.heard_ns;
	hole = tcpd_first_hole(&s->c, tcpd_tcp(sk, rcv_nxt));
	f->hole_ns = tcpd_hole_ns(hole, now);
	f->hole_bytes = hole ? hole->end - hole->begin : 0;
	f->largest_received = s->c.largest_received;
	f->response_gap_us = s->c.response_gap_us;
	f->reader_waited_us = tcpd_us_since(s->c.reader_ns, s->c.last_received_ns);
	f->app_gap_us = s->c.app_gap_us;
	f->calls_since_read = tcpd_calls_since_read(s);
	f->answered_early_bytes = s->c.answered_early_bytes > 0xffff ? 0xffff
								     : s->c.answered_early_bytes;
	f->app_gap_ambiguous = s->c.app_gap_ambiguous;
	f->state = state;
	f->outstanding = s->c.outstanding;
	f->in_response = s->c.in_response;
	f->request_acked = !tcpd_after(s->c.sent_high, tcpd_tcp(sk, snd_una));
	f->keepalive_on = (sk->__sk_common.skc_flags >> SOCK_KEEPOPEN) & 1;
	f->probes_unanswered = tcpd_tcp(sk, inet_conn.icsk_probes_out);
	f->full_acked = s->c.full_acked;
}

/* bytes_acked is what it was before any payload. */
static __always_inline void tcpd_set_sent_base(struct tcpd_sock *s, const struct sock *sk,
					       u64 bytes_acked)
{
	s->base_bytes_acked = bytes_acked;
	s->flushed_bytes_acked = bytes_acked;
	s->flushed_una = tcpd_tcp(sk, snd_una) - (u32)(tcpd_tcp(sk, bytes_acked) - bytes_acked);
}

/* tcp_sock's counters now are the zero of what is reported for this socket. */
static __always_inline void tcpd_set_base(struct tcpd_sock *s, const struct sock *sk)
{
	struct tcpd_tcp_state tcp = { .snd_una = tcpd_tcp(sk, snd_una),
				      .snd_nxt = tcpd_tcp(sk, snd_nxt),
				      .rcv_nxt = tcpd_received_end(sk),
				      .copied_seq = tcpd_tcp(sk, copied_seq),
				      .mss = tcpd_tcp(sk, mss_cache),
				      .srtt_us = tcpd_tcp(sk, srtt_us) >> 3 };

	tcpd_connection_begins(&s->c, &tcp);
	tcpd_set_sent_base(s, sk, tcpd_tcp(sk, bytes_acked));
	s->base_bytes_received = tcpd_bytes_received(sk);
	s->flushed_bytes_received = s->base_bytes_received;
	s->flushed_rcv = tcp.rcv_nxt;
	s->flushed_segs_out = tcpd_tcp(sk, segs_out);
	s->flushed_segs_in = tcpd_tcp(sk, segs_in);
	s->flushed_rcv_ooopack = tcpd_tcp(sk, rcv_ooopack);
	tcpd_read_limits(sk, &s->flushed_limits);
}

static __always_inline u64 tcpd_ticks_us(u32 now, u32 before)
{
	s32 ticks = now - before;

	return ticks > 0 ? (u64)ticks * tcpd_cfg.tick_ns / 1000 : 0;
}

static __always_inline void tcpd_flush_limits(const struct sock *sk, struct tcpd_sock *s,
					      struct tcpd_endpoint_stats *stats)
{
	struct tcpd_limits now = {};

	if (!tcpd_read_limits(sk, &now)) {
		stats->limits_unknown++;
		return;
	}
	stats->busy_us += tcpd_ticks_us(now.busy, s->flushed_limits.busy);
	stats->rwnd_limited_us += tcpd_ticks_us(now.rwnd, s->flushed_limits.rwnd);
	stats->sndbuf_limited_us += tcpd_ticks_us(now.sndbuf, s->flushed_limits.sndbuf);
	s->flushed_limits = now;
}

/* Adds what is new in the socket's own counters to its endpoint's. */
tcpd_subprogram void tcpd_flush(const struct sock *sk, struct tcpd_sock *s,
				struct tcpd_endpoint_stats *stats, u64 now)
{
	u64 acked = tcpd_bytes_acked(s, sk), received = tcpd_bytes_received(sk);
	u32 segs_out = tcpd_tcp(sk, segs_out), segs_in = tcpd_tcp(sk, segs_in),
	    ooo = tcpd_tcp(sk, rcv_ooopack);

	s->flushed_ns = now;
	s->c.nodelay = tcpd_nodelay(sk);
	if ((s64)(acked - s->flushed_bytes_acked) > 0) {
		stats->bytes_sent += acked - s->flushed_bytes_acked;
		s->flushed_una += acked - s->flushed_bytes_acked;
		s->flushed_bytes_acked = acked;
	}
	if ((s64)(received - s->flushed_bytes_received) > 0) {
		stats->bytes_received += received - s->flushed_bytes_received;
		s->flushed_rcv += received - s->flushed_bytes_received;
		s->flushed_bytes_received = received;
	}
	stats->segments_sent += segs_out - s->flushed_segs_out;
	stats->segments_received += segs_in - s->flushed_segs_in;
	stats->out_of_order_segments += ooo - s->flushed_rcv_ooopack;
	s->flushed_segs_out = segs_out;
	s->flushed_segs_in = segs_in;
	s->flushed_rcv_ooopack = ooo;
	tcpd_flush_limits(sk, s, stats);
}

/*
 * Bytes are told as they come. What waited for the next flush would wait for the next time that the
 * socket speaks, and what an endpoint with many of them carries in a second would depend on that.
 * Without branches: the verifier would walk what follows for each.
 */
tcpd_subprogram int tcpd_tell_bytes(struct tcpd_sock *s, struct tcpd_endpoint_stats *stats,
				    const struct tcpd_arrival *a)
{
	const struct tcpd_packet *packet = &a->packet;
	s64 room = (u32)(a->tcp.snd_nxt - s->flushed_una),
	    gap = (s32)(a->tcp.rcv_nxt - packet->seq);
	s64 acked = (u32)(packet->ack - s->flushed_una), came = (s32)(packet->end - s->flushed_rcv);

	/* -1 where it is so: acked <= room and the ACK counts, no gap before the data and some of
	 * it new */
	acked &= ~((room - acked) >> 63) & -(s64) !!(packet->flags & TCPD_FLAG_ACK);
	came &= ~(gap >> 63) & ~(came >> 63) & -(s64) !!packet->payload;
	stats->bytes_sent += acked;
	s->flushed_bytes_acked += acked;
	s->flushed_una += acked;
	stats->bytes_received += came;
	s->flushed_bytes_received += came;
	s->flushed_rcv += came;
	return 0;
}

/*
 * Data that passed without being seen. tcp_probe is silent outside ESTABLISHED and for data in the
 * ACK that completes the handshake, and the kernel runs no program that is running already on this
 * CPU. So each hook looks first what has arrived; those that see few segments, what has left too.
 */
static __always_inline void tcpd_catch_up_received(struct tcpd_sock *s, const struct sock *sk,
						   u64 now)
{
	tcpd_sync_received(&s->c, tcpd_stats_of(s), tcpd_received_end(sk), now);
}

static __always_inline void tcpd_catch_up(struct tcpd_sock *s, const struct sock *sk, u64 now)
{
	u64 answered = s->c.exchanges;

	tcpd_sync_sent(&s->c, tcpd_stats_of(s), tcpd_acked_end(s, sk), now);
	tcpd_answers_noted(s, answered);
	tcpd_catch_up_received(s, sk, now);
}

/* Does the application have something to send that was not sent yet? */
static __always_inline bool tcpd_data_waits(const struct sock *sk)
{
	return tcpd_tcp(sk, write_seq) != tcpd_tcp(sk, snd_nxt);
}

/* What is under way when a socket or the trace ends. */
static __always_inline void tcpd_conclude(const struct sock *sk, struct tcpd_sock *s,
					  struct tcpd_endpoint_stats *stats, u64 now)
{
	if (!stats)
		return;
	tcpd_connection_ends(&s->c, stats, tcpd_data_waits(sk), now);
	tcpd_flush(sk, s, stats, now);
}

#endif
