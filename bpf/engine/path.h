/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The network path, without this host's queue and, where it can be had, without the peer's thinking
 * time.
 *
 * path_queue. A mark is kept when the device gets the first copy of a byte; the ACK that covers a
 * mark gives a path RTT, unless something was retransmitted meanwhile (Karn's algorithm, RFC 6298
 * section 3). The marks also tell when a retransmitted segment first left. There is one for each
 * packet until TCPD_PATH_MARKS are on their way; then neighbours are merged, and each knows the
 * time that its packets took: the error bound of what it tells about the first of them. The ACK may
 * have waited for the peer's application and ridden on its response (delayed ACK, RFC 9293
 * section 3.8.6.3): such a sample is counted as ambiguous. It is clean when the ACK carries no
 * payload and covers two full segments, or data before the last that was sent. The floor is
 * subtracted in user space.
 *
 * Absent ACKs. A Linux peer delays an ACK by TCP_DELACK_MIN (40 ms) while its own RTT is short, and
 * its RTT is the path and our turnaround (tcp_send_delayed_ack(), net/ipv4/tcp_output.c). So of
 * what leaves at most so long after the peer's newest data an ACK is awaited before any answer that
 * takes longer. Where such ACKs hardly ever come apart from answers, it is not the application that
 * takes its time.
 *
 * path_queue_in. A peer with TCP timestamps (RFC 7323) stamps each segment when its TCP sends it:
 * after its application answered, before its queue. Our clock at arrival less that stamp, less the
 * smallest such difference, is the queueing on the way here, whatever the application took. The
 * offset is per connection, so the floor is too. It is only good if it was taken while there was no
 * queue: when the newest RTT was near the endpoint's floor. It may rise by 20 ppm to follow the
 * clocks' drift: enough for clocks that NTP disciplines, and a queue that stands for ten minutes
 * hides 12 ms in it. The stamps must tick at 1 ms (Linux); until that was seen nothing is measured.
 * Only data is looked at: a sender that paces (BBR, SO_MAX_PACING_RATE) stamps an ACK without data
 * with the time at which its next data may leave, tens of milliseconds ahead (kernel commit
 * d3edd06ea8ea, 4.20).
 */
#ifndef TCPDIAG_ENGINE_PATH_H
#define TCPDIAG_ENGINE_PATH_H

#include "engine/connection.h"
#include "engine/histogram.h"
#include "engine/packet.h"

/* The floor of the one-way measure may rise by a microsecond in so many: 20 ppm. */
#define TCPD_FLOOR_RISE_US 50000
/* A socket's floor is taken as its own without a queue while RTT <= 2 x the endpoint's floor +
 * this. */
#define TCPD_FLOOR_SLACK_US 2000
#define TCPD_TICK_CHECK_US 1000000
#define TCPD_DELACK_MIN_US 40000

/* One more value for one of the endpoint's floors; 0: none. */
tcpd_subprogram int tcpd_lower(struct tcpd_endpoint_shared *shared, u32 *floor, u32 us)
{
	if (!us)
		return 0;
	if (!*floor || us < *floor)
		*floor = us;
	if (!shared->floor_us || us < shared->floor_us)
		shared->floor_us = us;
	return 0;
}

/* Makes two marks one, all along the full ring. */
tcpd_subprogram int tcpd_path_merge(struct tcpd_connection *c)
{
	u32 i, tail = c->path_tail;

	for (i = 0; i < TCPD_PATH_MARKS / 2; i++) {
		struct tcpd_path_mark *to = &c->path_marks[(tail + i) & (TCPD_PATH_MARKS - 1)];
		struct tcpd_path_mark *a = &c->path_marks[(tail + 2 * i) & (TCPD_PATH_MARKS - 1)];
		struct tcpd_path_mark *b =
			&c->path_marks[(tail + 2 * i + 1) & (TCPD_PATH_MARKS - 1)];
		u32 began_us = a->at_us - a->spread_us;

		to->end_seq = b->end_seq;
		to->at_us = b->at_us;
		to->spread_us = b->at_us - began_us;
	}
	c->path_count = TCPD_PATH_MARKS / 2;
	return 0;
}

/* The device got the first copy of the bytes from begin_seq to end_seq. */
tcpd_subprogram int tcpd_path_mark(struct tcpd_connection *c, u32 begin_seq, u32 end_seq, u64 now)
{
	struct tcpd_path_mark *mark;

	if (c->path_count >= TCPD_PATH_MARKS)
		tcpd_path_merge(c);
	if (!c->path_count)
		c->path_start = begin_seq;
	mark = &c->path_marks[(c->path_tail + c->path_count) & (TCPD_PATH_MARKS - 1)];
	mark->end_seq = end_seq;
	mark->at_us = now / 1000;
	mark->spread_us = 0;
	c->path_count++;
	return 0;
}

/* When the byte at seq first left, and how much before that it may have been; 0: not known. */
tcpd_subprogram u64 tcpd_path_first_sent(const struct tcpd_connection *c, u32 seq, u64 now,
					 u32 *bound_us)
{
	u32 i, now_us = now / 1000;

	if (tcpd_after(c->path_start, seq))
		return 0;
	for (i = 0; i < TCPD_PATH_MARKS; i++) {
		const struct tcpd_path_mark *mark =
			&c->path_marks[(c->path_tail + i) & (TCPD_PATH_MARKS - 1)];

		if (i >= c->path_count)
			return 0;
		if (!tcpd_after(mark->end_seq, seq))
			continue;
		*bound_us = mark->spread_us;
		return now - (u64)(now_us - mark->at_us) * 1000;
	}
	return 0;
}

/* Drops the marks that the ACK covers. Returns the time since the newest of them in microseconds,
 * 0: there is none, or a retransmission makes it ambiguous. */
tcpd_subprogram u32 tcpd_path_acked(struct tcpd_connection *c, u32 ack, u32 now_us)
{
	/* in memory: the verifier would walk what follows for each number of marks, were it in a
	 * register */
	volatile __typeof__(c->path_count) *count = &c->path_count;
	volatile __typeof__(c->path_tail) *tail = &c->path_tail;
	u32 rtt, i, before = *count;
	const struct tcpd_path_mark *mark;

	for (i = 0; i < TCPD_PATH_MARKS; i++) {
		mark = &c->path_marks[*tail & (TCPD_PATH_MARKS - 1)];
		if (!*count || tcpd_after(mark->end_seq, ack))
			break;
		*tail = (*tail + 1) & (TCPD_PATH_MARKS - 1);
		*count -= 1;
	}
	if (*count == before)
		return 0;
	mark = &c->path_marks[(*tail - 1) & (TCPD_PATH_MARKS - 1)];
	c->path_start = mark->end_seq;
	if (!tcpd_after(mark->end_seq, c->path_dirty_until))
		return 0;
	rtt = now_us - mark->at_us;
	return rtt + !rtt; /* 0 stands for none */
}

/* One more path RTT: how far above the endpoint's floor is it, and is it the floor? */
static __always_inline void tcpd_path_rise(struct tcpd_connection *c,
					   struct tcpd_endpoint_shared *shared, u32 rtt_us)
{
	u32 floor, rise;

	tcpd_lower(shared, &shared->floor_window_us, rtt_us);
	floor = shared->floor_us;
	rise = rtt_us > floor ? rtt_us - floor : 0;
	/* exponential average with weight 1/8, as srtt (RFC 6298) */
	c->path_rise_us = c->path_samples ? c->path_rise_us - c->path_rise_us / 8 + rise / 8 : rise;
	c->path_samples++;
}

/* The peer's clock ticks at 1 ms if about as many ticks as milliseconds have passed; a queue that
 * came or went meanwhile bends the ratio, other clocks (1 us, 4 ms, 10 ms) are far off. */
static __always_inline void tcpd_check_tick(const struct tcpd_connection *c,
					    struct tcpd_endpoint_shared *shared, u32 ticks,
					    u64 now_us)
{
	u64 elapsed_ms = (now_us - c->tick_base_us) / 1000;

	if (shared->tick != TCPD_TICK_UNKNOWN || elapsed_ms < TCPD_TICK_CHECK_US / 1000)
		return;
	shared->tick = ticks * 10ULL > elapsed_ms * 7 && ticks * 10ULL < elapsed_ms * 14
			       ? TCPD_TICK_1MS
			       : TCPD_TICK_OTHER;
}

/*
 * The TSval of a segment with data, at its arrival. Returns how much later than the quickest of
 * this connection it came, in microseconds.
 */
static __always_inline u32 tcpd_path_in_delay(struct tcpd_connection *c,
					      struct tcpd_endpoint_shared *shared, u32 tsval,
					      u64 now_us)
{
	u64 since;
	u32 ticks;
	s32 offset;

	if (!c->tick_base_us) {
		c->tick_base_us = now_us;
		c->tick_base = tsval;
		c->floor_us = 0;
		c->floor_at_us = now_us;
	}
	ticks = tsval - c->tick_base;
	tcpd_check_tick(c, shared, ticks, now_us);
	offset = (s32)((u32)(now_us - c->tick_base_us) - ticks * 1000);
	since = now_us - c->floor_at_us;
	if (since >= TCPD_FLOOR_RISE_US) {
		c->floor_us += since / TCPD_FLOOR_RISE_US;
		c->floor_at_us = now_us;
	}
	if (offset < c->floor_us)
		c->floor_us = offset;
	return offset - c->floor_us;
}

/* Is the floor of the one-way measure the path's without a queue? rtt_us: the newest RTT, 0: none. */
static __always_inline bool tcpd_path_in_has_floor(struct tcpd_connection *c, u32 shared_floor_us,
						   u32 rtt_us)
{
	if (!c->floor_own)
		c->floor_own = rtt_us && shared_floor_us &&
			       rtt_us <= 2 * shared_floor_us + TCPD_FLOOR_SLACK_US;
	return c->floor_own;
}

#endif
