/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The reading application and the windows. read_wait: from the arrival of the first unread byte to
 * its being read; a mark for each segment that arrives in order, dropped when it was read.
 * Zero windows: from the segments' headers.
 */
#ifndef TCPDIAG_ENGINE_WINDOW_H
#define TCPDIAG_ENGINE_WINDOW_H

#include "engine/connection.h"

/* Data up to end_seq arrived, and the application has read up to copied. */
static __always_inline void tcpd_read_mark(struct tcpd_connection *c, u32 end_seq, u32 copied,
					   u64 now)
{
	u32 at = c->read_tail + c->read_count, unread = end_seq - copied;

	if ((s32)unread > 0 && unread > c->unread_bytes_max)
		c->unread_bytes_max = unread;
	/* no room: the bytes are read with those before them, or have no mark of their own */
	if (c->read_count >= TCPD_READ_MARKS)
		return;
	c->read_marks[at & (TCPD_READ_MARKS - 1)].end_seq = end_seq;
	c->read_marks[at & (TCPD_READ_MARKS - 1)].at_us = now / 1000;
	c->read_count++;
}

/* The application has read up to copied. Returns how long the first byte of what it read had
 * waited, in microseconds + 1; 0: nothing new was read. */
tcpd_subprogram u32 tcpd_read_done(struct tcpd_connection *c, u32 copied, u32 now_us)
{
	u32 waited = 0, i, tail = c->read_tail, count = c->read_count;

	for (i = 0; i < TCPD_READ_MARKS; i++) {
		struct tcpd_mark *mark = &c->read_marks[tail & (TCPD_READ_MARKS - 1)];

		if (!count || tcpd_after(mark->end_seq, copied))
			break;
		if (!waited)
			waited = now_us - mark->at_us + 1;
		tail++;
		count--;
	}
	c->read_tail = tail & (TCPD_READ_MARKS - 1);
	c->read_count = count;
	return waited;
}

/* The peer's window, as a segment of its tells it. Time counts only while this host had data to
 * send. */
static __always_inline void tcpd_peer_window(struct tcpd_connection *c,
					     struct tcpd_endpoint_stats *stats, u16 window,
					     bool data_waits, u64 now)
{
	u64 us;

	if (!window) {
		if (!c->zero_window_received_ns)
			c->zero_window_received_ns = now;
		return;
	}
	if (!c->zero_window_received_ns)
		return;
	us = (now - c->zero_window_received_ns) / 1000;
	c->zero_window_received_ns = 0;
	if (!data_waits)
		return;
	c->zero_window_received_us += us;
	stats->zero_window_received_us += us;
	stats->zero_window_stalls++;
	if (us > stats->zero_window_longest_us)
		stats->zero_window_longest_us = us;
}

static __always_inline void tcpd_own_window(struct tcpd_connection *c,
					    struct tcpd_endpoint_stats *stats, u16 window, u64 now)
{
	if (!window) {
		if (!c->zero_window_sent_ns)
			c->zero_window_sent_ns = now;
	} else if (c->zero_window_sent_ns) {
		stats->zero_window_sent_us += (now - c->zero_window_sent_ns) / 1000;
		c->zero_window_sent_ns = 0;
	}
}

/* Windows that are closed still, when the connection or the trace ends. */
static __always_inline void tcpd_windows_end(struct tcpd_connection *c,
					     struct tcpd_endpoint_stats *stats, bool data_waits,
					     u64 now)
{
	tcpd_peer_window(c, stats, 1, data_waits, now);
	tcpd_own_window(c, stats, 1, now);
}

#endif
