/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reading application and the windows. read_wait: from the arrival of the first unread byte to
 * its being read; a mark for each segment that arrives in order, dropped when copied_seq passes it.
 * Zero windows: from the header's window, since tp->snd_wnd at tcp_probe is one segment late.
 */
#ifndef TCPDIAG_WINDOW_H
#define TCPDIAG_WINDOW_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "exchange.h"
#include "maps.h"
#include "packet.h"
#include "tcp.h"

static __always_inline void tcpd_read_mark(const struct sock *sk, struct tcpd_sock *s, u32 end_seq,
					   u64 now)
{
	u32 at = s->read_tail + s->read_count, unread = end_seq - tcpd_tcp(sk, copied_seq);

	if ((s32)unread > 0 && unread > s->unread_bytes_max)
		s->unread_bytes_max = unread;
	/* no room: the bytes are read with those before them, or have no mark of their own */
	if (s->read_count >= TCPD_READ_MARKS)
		return;
	s->read_marks[at & (TCPD_READ_MARKS - 1)].end_seq = end_seq;
	s->read_marks[at & (TCPD_READ_MARKS - 1)].at_us = now / 1000;
	s->read_count++;
}

/* The application has read up to copied. Returns how long the first byte of what it read had
 * waited, in microseconds + 1; 0: nothing new was read (a peek). */
tcpd_subprogram u32 tcpd_read_done(struct tcpd_sock *s, u32 copied, u32 now_us)
{
	u32 waited = 0, i, tail = s->read_tail, count = s->read_count;

	for (i = 0; i < TCPD_READ_MARKS; i++) {
		struct tcpd_mark *mark = &s->read_marks[tail & (TCPD_READ_MARKS - 1)];

		if (!count || tcpd_after(mark->end_seq, copied))
			break;
		if (!waited)
			waited = now_us - mark->at_us + 1;
		tail++;
		count--;
	}
	s->read_tail = tail & (TCPD_READ_MARKS - 1);
	s->read_count = count;
	return waited;
}

/* The peer's window, as a segment of its tells it. Time counts only while this host had data to
 * send. */
static __always_inline void tcpd_peer_window(const struct sock *sk, struct tcpd_sock *s,
					     struct tcpd_endpoint_stats *stats, u16 window, u64 now)
{
	u64 us;

	if (!window) {
		if (!s->zero_window_received_ns)
			s->zero_window_received_ns = now;
		return;
	}
	if (!s->zero_window_received_ns)
		return;
	us = (now - s->zero_window_received_ns) / 1000;
	s->zero_window_received_ns = 0;
	if (tcpd_tcp(sk, write_seq) == tcpd_tcp(sk, snd_nxt))
		return;
	s->zero_window_received_us += us;
	stats->zero_window_received_us += us;
	stats->zero_window_stalls++;
	if (us > stats->zero_window_longest_us)
		stats->zero_window_longest_us = us;
}

/* A window that is closed still, when the socket or the trace ends. */
static __always_inline void tcpd_windows_end(const struct sock *sk, struct tcpd_sock *s,
					     struct tcpd_endpoint_stats *stats, u64 now)
{
	tcpd_peer_window(sk, s, stats, 1, now);
	if (s->zero_window_sent_ns) {
		stats->zero_window_sent_us += (now - s->zero_window_sent_ns) / 1000;
		s->zero_window_sent_ns = 0;
	}
}

static __always_inline void tcpd_own_window(struct tcpd_sock *s, struct tcpd_endpoint_stats *stats,
					    u16 window, u64 now)
{
	if (!window) {
		if (!s->zero_window_sent_ns)
			s->zero_window_sent_ns = now;
	} else if (s->zero_window_sent_ns) {
		stats->zero_window_sent_us += (now - s->zero_window_sent_ns) / 1000;
		s->zero_window_sent_ns = 0;
	}
}

#endif
