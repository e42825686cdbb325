/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Exchanges, from sequence numbers alone: data in one direction (the request), then data in the
 * other (the response). For an outbound connection the request is what this host sends; for an
 * inbound one it is what this host receives.
 *
 *   first_byte    last byte of the request's first burst -> first byte of the response
 *   last_byte     first byte of the request -> last byte of the response, known when the next
 * request begins or at the end
 *   request_gap   the longest silence within the request, from TCPD_GAP_NS on
 *   response_gap  the same within the response; both are known with last_byte
 *
 * Calls may be pipelined or multiplexed (HTTP/2, Redis): what is written while the answer to the
 * first of them is missing does not move the beginning of the wait. A burst is what follows
 * without a pause of two round trips and 10 ms; small calls (less than 10 segments in all, RFC
 * 6928, written apart) end it after that time even where they come closer together. An upload goes
 * on without either.
 *
 * "Sent" is the moment when the device gets the first copy of a byte; "received" the moment when
 * TCP processes it in order. Where the bytes moved on and no segment was seen, the exchange is
 * counted and its delay is not.
 */
#ifndef TCPDIAG_ENGINE_EXCHANGE_H
#define TCPDIAG_ENGINE_EXCHANGE_H

#include "engine/connection.h"
#include "engine/histogram.h"

#define TCPD_GAP_NS 1000000ULL
#define TCPD_BURST_NS 10000000ULL
#define TCPD_BURST_SEGMENTS 10

static __always_inline u32 tcpd_us_since(u64 now, u64 then)
{
	u64 us = then && now > then ? (now - then) / 1000 : 0;

	return us > 0xfffffffe ? 0xfffffffe : us;
}

static __always_inline void tcpd_gap_counted(struct tcpd_hist *hist, u32 us)
{
	if (us >= TCPD_GAP_NS / 1000)
		tcpd_hist_add(hist, us * 1000ULL);
}

/* A call on an outbound connection: who makes it was looked up where that could be seen. */
tcpd_subprogram int tcpd_call_counted(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats)
{
	if (!c->call_noted) {
		c->call_noted = 1;
		c->call_tid = 0;
		c->app_gap_us = TCPD_UNKNOWN_US;
		c->app_gap_ambiguous = 0;
	}
	if (!stats)
		return 0;
	stats->calls++;
	if (c->app_gap_us == TCPD_UNKNOWN_US)
		return 0;
	stats->calls_with_gap++;
	stats->calls_gap_ambiguous += c->app_gap_ambiguous;
	tcpd_hist_add(&stats->measures[TCPD_APP_GAP], c->app_gap_us * 1000ULL);
	return 0;
}

/* The response is complete: nothing of it can follow, since a new request began or the connection
 * ended. */
static __always_inline void tcpd_exchange_finish(struct tcpd_connection *c,
						 struct tcpd_endpoint_stats *stats)
{
	u64 last;

	if (!c->in_response)
		return;
	c->in_response = 0;
	if (!stats)
		return;
	stats->request_bytes += c->request_bytes;
	stats->response_bytes += c->response_bytes;
	tcpd_gap_counted(&stats->measures[TCPD_REQUEST_GAP], c->request_gap_us);
	tcpd_gap_counted(&stats->measures[TCPD_RESPONSE_GAP], c->response_gap_us);
	last = c->inbound ? c->last_sent_ns : c->last_received_ns;
	if (c->exact && last > c->request_first_ns)
		tcpd_hist_add(&stats->measures[TCPD_LAST_BYTE], last - c->request_first_ns);
}

/* More of a request that is not answered. */
tcpd_subprogram int tcpd_request_goes_on(struct tcpd_connection *c, u64 now)
{
	u32 gap_us = tcpd_us_since(now, c->request_last_ns), burst_us;

	if (gap_us > c->request_gap_us)
		c->request_gap_us = gap_us;
	/* full segments, and not known to be acknowledged: it waits for windows and repairs, not
	 * for its writer */
	if (c->burst_over ||
	    (!c->short_write && (c->inbound || c->all_acked_ns < c->request_last_ns)))
		return 0;
	burst_us = 2 * c->srtt_us + TCPD_BURST_NS / 1000;
	if (gap_us > burst_us)
		c->burst_over = 1;
	else if (c->short_write && c->request_bytes < TCPD_BURST_SEGMENTS * c->mss)
		c->burst_over = tcpd_us_since(now, c->request_first_ns) > burst_us;
	return 0;
}

/* Bytes in the direction of the request passed at `now`. */
static __always_inline void
tcpd_request_bytes(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats, u32 bytes, u64 now)
{
	u64 last;

	if (!c->outstanding) {
		c->answered_early_bytes = c->early ? c->response_bytes : 0;
		c->early = 0;
		tcpd_exchange_finish(c, stats);
		last = c->last_sent_ns > c->last_received_ns ? c->last_sent_ns
							     : c->last_received_ns;
		if (!last)
			last = c->established_ns;
		c->idle_before_request_ns = last && last <= now ? now - last : TCPD_UNKNOWN_NS;
		c->outstanding = 1;
		c->exact = 1;
		c->request_first_ns = now;
		c->request_acked_ns = 0;
		c->response_first_ns = 0;
		c->request_bytes = 0;
		c->response_bytes = 0;
		c->request_retransmits = 0;
		c->request_rtos = 0;
		c->request_gap_us = 0;
		c->burst_over = 0;
		if (!c->inbound)
			tcpd_call_counted(c, stats);
	} else {
		tcpd_request_goes_on(c, now);
	}
	c->request_last_ns = now;
	if (!c->burst_over)
		c->burst_last_ns = now;
	c->short_write = c->mss && bytes % c->mss;
	c->request_acked_ns = 0;
	if (__builtin_add_overflow(c->request_bytes, bytes, &c->request_bytes))
		c->request_bytes = ~0U;
}

/* A request was answered: it was one, however small, and the connection had lived through the
 * silence before it. */
static __always_inline void tcpd_request_answered(const struct tcpd_connection *c,
						  struct tcpd_endpoint_stats *stats)
{
	u64 us = c->idle_before_request_ns / 1000;

	if (c->idle_before_request_ns != TCPD_UNKNOWN_NS && us > stats->survived_silence_us)
		stats->survived_silence_us = us;
	if (c->request_bytes - 1 < stats->smallest_request_bytes - 1)
		stats->smallest_request_bytes = c->request_bytes;
}

/* Bytes in the direction of the response passed. at == 0: it was not seen when. */
static __always_inline void
tcpd_response_bytes(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats, u32 bytes, u64 at)
{
	u64 delay;
	u32 gap_us;

	if (!c->outstanding && at) {
		gap_us = tcpd_us_since(at, c->inbound ? c->last_sent_ns : c->last_received_ns);
		if (c->in_response && gap_us > c->response_gap_us)
			c->response_gap_us = gap_us;
	}
	if (c->outstanding) {
		c->outstanding = 0;
		c->in_response = 1;
		c->response_first_ns = at;
		c->response_gap_us = 0;
		c->exchanges++;
		c->call_noted = 0;
		c->early = 0;
		if (stats) {
			stats->exchanges++;
			tcpd_request_answered(c, stats);
		}
		if (c->exact && at && at >= c->burst_last_ns) {
			delay = at - c->burst_last_ns;
			if (stats)
				tcpd_hist_add(&stats->measures[TCPD_FIRST_BYTE], delay);
			delay /= 1000;
			if (delay > c->first_byte_max_us)
				c->first_byte_max_us = delay > 0xffffffff ? 0xffffffff : delay;
		} else {
			c->exact = 0;
			if (stats)
				stats->exchanges_without_delay++;
		}
	}
	c->response_bytes += bytes;
}

static __always_inline void tcpd_received(struct tcpd_connection *c,
					  struct tcpd_endpoint_stats *stats, u32 bytes, u64 at)
{
	if (c->inbound)
		tcpd_request_bytes(c, stats, bytes, at);
	else
		tcpd_response_bytes(c, stats, bytes, at);
	c->last_received_ns = at;
}

static __always_inline void tcpd_sent(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats,
				      u32 bytes, u64 at)
{
	if (c->inbound)
		tcpd_response_bytes(c, stats, bytes, at);
	else
		tcpd_request_bytes(c, stats, bytes, at);
	c->last_sent_ns = at;
}

/*
 * Data that arrived without its segment being seen; rcv_end is what has arrived in order, without
 * the FIN. The moment is not known: a response is counted without a delay, a request begins now at
 * the latest.
 */
static __always_inline void tcpd_sync_received(struct tcpd_connection *c,
					       struct tcpd_endpoint_stats *stats, u32 rcv_end,
					       u64 now)
{
	u32 bytes;

	if (!tcpd_is_open(c) || !tcpd_after(rcv_end, c->received_high))
		return;
	bytes = rcv_end - c->received_high;
	c->received_high = rcv_end;
	if (c->inbound) {
		tcpd_request_bytes(c, stats, bytes, now);
		c->exact = 0;
	} else {
		tcpd_response_bytes(c, stats, bytes, 0);
	}
	c->last_received_ns = now;
}

/* Data that was sent without its segment being seen. acked: what the peer has acknowledged, without
 * SYN and FIN; it has left for certain. The moment is not known. */
static __always_inline void tcpd_sync_sent(struct tcpd_connection *c,
					   struct tcpd_endpoint_stats *stats, u32 acked, u64 now)
{
	u32 bytes;

	if (!tcpd_is_open(c) || !tcpd_after(acked, c->sent_high))
		return;
	bytes = acked - c->sent_high;
	c->sent_high = acked;
	if (c->inbound) {
		tcpd_response_bytes(c, stats, bytes, 0);
	} else {
		tcpd_request_bytes(c, stats, bytes, now);
		c->exact = 0;
	}
	c->last_sent_ns = now;
}

#endif
