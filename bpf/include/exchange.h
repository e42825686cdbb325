/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exchanges, from sequence numbers alone: data in one direction (the request), then data in the
 * other (the response). For an outbound socket the request is what this host sends; for an inbound
 * socket it is what this host receives.
 *
 *   first_byte  last byte of the request -> first byte of the response
 *   last_byte   first byte of the request -> last byte of the response, known when the next request
 * begins or at the end
 *
 * "Sent" is the moment when the device gets the first copy of a byte; "received" the moment when
 * TCP processes it in order. tcp_probe is silent outside ESTABLISHED and for data in the ACK that
 * completes the handshake: where rcv_nxt moved without it, the exchange is counted and its delay is
 * not.
 */
#ifndef TCPDIAG_EXCHANGE_H
#define TCPDIAG_EXCHANGE_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

#include "app_gap.h"
#include "maps.h"
#include "tcp.h"

static __always_inline bool tcpd_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

tcpd_subprogram void tcpd_hist_add(struct tcpd_hist *hist, u64 ns)
{
	u64 us = ns / 1000;
	u32 bucket = tcpd_bucket_of(us) &
		     (TCPD_HIST_BUCKETS - 1); /* the mask is for the verifier */

	if (!hist->max_us && !hist->sum_us && !hist->min_us && !hist->buckets[0])
		hist->min_us = us;
	if (us < hist->min_us)
		hist->min_us = us;
	if (us > hist->max_us)
		hist->max_us = us;
	hist->sum_us += us;
	hist->buckets[bucket]++;
}

/* A call on an outbound socket: who makes it was looked up where that could be seen. */
tcpd_subprogram int tcpd_call_counted(struct tcpd_sock *s)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);

	if (!s->call_noted) {
		s->call_noted = 1;
		s->call_tid = 0;
		s->app_gap_us = TCPD_UNKNOWN_US;
		s->app_gap_ambiguous = 0;
	}
	if (!stats)
		return 0;
	stats->calls++;
	if (s->app_gap_us == TCPD_UNKNOWN_US)
		return 0;
	stats->calls_with_gap++;
	stats->calls_gap_ambiguous += s->app_gap_ambiguous;
	tcpd_hist_add(&stats->measures[TCPD_APP_GAP], s->app_gap_us * 1000ULL);
	return 0;
}

/* The response is complete: nothing of it can follow, since a new request began or the socket
 * ended. */
static __always_inline void tcpd_exchange_finish(struct tcpd_sock *s)
{
	struct tcpd_endpoint_stats *stats;
	u64 last;

	if (!s->in_response)
		return;
	s->in_response = 0;
	stats = tcpd_stats_of(s);
	if (!stats)
		return;
	stats->request_bytes += s->request_bytes;
	stats->response_bytes += s->response_bytes;
	last = s->ref.role == TCPD_ROLE_INBOUND ? s->last_sent_ns : s->last_received_ns;
	if (s->exact && last > s->request_first_ns)
		tcpd_hist_add(&stats->measures[TCPD_LAST_BYTE], last - s->request_first_ns);
}

/* Bytes in the direction of the request passed at `now`. */
static __always_inline void tcpd_request_bytes(struct tcpd_sock *s, u32 bytes, u64 now)
{
	u64 last;

	if (!s->outstanding) {
		tcpd_exchange_finish(s);
		last = s->last_sent_ns > s->last_received_ns ? s->last_sent_ns
							     : s->last_received_ns;
		if (!last)
			last = s->established_ns;
		s->idle_before_request_ns = last && last <= now ? now - last : TCPD_UNKNOWN_NS;
		s->outstanding = 1;
		s->exact = 1;
		s->request_first_ns = now;
		s->request_acked_ns = 0;
		s->response_first_ns = 0;
		s->request_bytes = 0;
		s->response_bytes = 0;
		s->request_retransmits = 0;
		s->request_rtos = 0;
		if (s->ref.role != TCPD_ROLE_INBOUND)
			tcpd_call_counted(s);
	}
	s->request_last_ns = now;
	s->request_acked_ns = 0;
	if (__builtin_add_overflow(s->request_bytes, bytes, &s->request_bytes))
		s->request_bytes = ~0U;
}

/* Bytes in the direction of the response passed. at == 0: it was not seen when. */
static __always_inline void tcpd_response_bytes(struct tcpd_sock *s, u32 bytes, u64 at)
{
	struct tcpd_endpoint_stats *stats;
	u64 delay;

	if (s->outstanding) {
		s->outstanding = 0;
		s->in_response = 1;
		s->response_first_ns = at;
		s->exchanges++;
		s->call_noted = 0;
		if (s->ref.role == TCPD_ROLE_INBOUND)
			tcpd_request_over(s);
		stats = tcpd_stats_of(s);
		if (stats)
			stats->exchanges++;
		if (s->exact && at && at >= s->request_last_ns) {
			delay = at - s->request_last_ns;
			if (stats)
				tcpd_hist_add(&stats->measures[TCPD_FIRST_BYTE], delay);
			delay /= 1000;
			if (delay > s->first_byte_max_us)
				s->first_byte_max_us = delay > 0xffffffff ? 0xffffffff : delay;
		} else {
			s->exact = 0;
			if (stats)
				stats->exchanges_without_delay++;
		}
	}
	s->response_bytes += bytes;
}

static __always_inline void tcpd_received(struct tcpd_sock *s, u32 bytes, u64 at)
{
	if (s->ref.role == TCPD_ROLE_INBOUND)
		tcpd_request_bytes(s, bytes, at);
	else
		tcpd_response_bytes(s, bytes, at);
	s->last_received_ns = at;
}

static __always_inline void tcpd_sent(struct tcpd_sock *s, u32 bytes, u64 at)
{
	if (s->ref.role == TCPD_ROLE_INBOUND)
		tcpd_response_bytes(s, bytes, at);
	else
		tcpd_request_bytes(s, bytes, at);
	s->last_sent_ns = at;
}

/*
 * Data that arrived without a tcp_probe. Called at every other hook, before it is handled; rcv_end
 * is rcv_nxt without the FIN. The moment is not known: a response is counted without a delay, a
 * request begins now at the latest.
 */
static __always_inline void tcpd_sync_received(struct tcpd_sock *s, u32 rcv_end, u64 now)
{
	u32 bytes;

	if (!s->established_ns && !s->ref.older_than_trace)
		return;
	if (!tcpd_after(rcv_end, s->received_high))
		return;
	bytes = rcv_end - s->received_high;
	s->received_high = rcv_end;
	if (s->ref.role == TCPD_ROLE_INBOUND) {
		tcpd_request_bytes(s, bytes, now);
		s->exact = 0;
	} else {
		tcpd_response_bytes(s, bytes, 0);
	}
	s->last_received_ns = now;
}

/*
 * Data that was sent without being seen at the device: the kernel runs no program that is running
 * already on this CPU. acked: what the peer has acknowledged, without SYN and FIN; it has left for
 * certain. The moment is not known.
 */
static __always_inline void tcpd_sync_sent(struct tcpd_sock *s, u32 acked, u64 now)
{
	u32 bytes;

	if (!s->established_ns && !s->ref.older_than_trace)
		return;
	if (!tcpd_after(acked, s->sent_high))
		return;
	bytes = acked - s->sent_high;
	s->sent_high = acked;
	if (s->ref.role == TCPD_ROLE_INBOUND) {
		tcpd_response_bytes(s, bytes, 0);
	} else {
		tcpd_request_bytes(s, bytes, now);
		s->exact = 0;
	}
	s->last_sent_ns = now;
}

#endif
