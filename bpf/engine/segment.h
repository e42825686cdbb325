/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A connection's segments, as whoever sees them reports them:
 *
 *   tcpd_segment_order(), tcpd_segment_arrives()
 *                                 one came in, just before TCP works it off
 *   tcpd_segment_leaves()         the device gets one; with new data: tcpd_data_leaves() next
 *   tcpd_segment_retransmitted()  one was sent again, or could not be
 *   tcpd_data_read()              the application took what had arrived
 *
 * A segment that was missed is made up for where sequence numbers show it (tcpd_sync_sent,
 * tcpd_sync_received).
 */
#ifndef TCPDIAG_ENGINE_SEGMENT_H
#define TCPDIAG_ENGINE_SEGMENT_H

#include "engine/connection.h"
#include "engine/exchange.h"
#include "engine/hole.h"
#include "engine/nagle.h"
#include "engine/packet.h"
#include "engine/path.h"
#include "engine/recovery.h"
#include "engine/retransmit.h"
#include "engine/train.h"
#include "engine/window.h"

/* What this host's TCP knows just before it works a segment off; the names are the kernel's. */
struct tcpd_tcp_state {
	u32 snd_una;
	u32 snd_nxt;
	u32 write_seq;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 mss;
	u32 rtt_us; /* newest sample; 0: none */
	u32 srtt_us;
};

struct tcpd_arrival {
	struct tcpd_packet packet;
	struct tcpd_tcp_state tcp;
	u64 now;
};

/* What has passed until now is not looked at. rcv_nxt is without a FIN. */
static __always_inline void tcpd_connection_begins(struct tcpd_connection *c,
						   const struct tcpd_tcp_state *tcp)
{
	c->sent_high = tcp->snd_nxt;
	c->received_high = tcp->rcv_nxt;
	c->rtt_una = tcp->snd_una;
	c->path_dirty_until = tcp->snd_nxt;
	c->copied_seq = tcp->copied_seq;
	c->srtt_us = tcp->srtt_us;
	c->mss = tcp->mss;
	if (!c->call_noted)
		c->app_gap_us = TCPD_UNKNOWN_US;
}

/* One RTT sample of TCP's own for each ACK that moved snd_una. It shows one segment late: all
 * figures are those before the segment. */
static __always_inline void tcpd_rtt_sample(struct tcpd_connection *c,
					    struct tcpd_endpoint_stats *stats,
					    const struct tcpd_tcp_state *tcp)
{
	if (tcp->snd_una == c->rtt_una)
		return;
	c->rtt_una = tcp->snd_una;
	if (tcp->rtt_us)
		tcpd_hist_add(&stats->measures[TCPD_RTT], tcp->rtt_us * 1000ULL);
}

tcpd_subprogram int tcpd_path_in(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats,
				 struct tcpd_endpoint_shared *shared, const struct tcpd_arrival *a)
{
	u32 delay_us;

	if (!a->packet.payload)
		return 0;
	if (!a->packet.has_timestamp) {
		stats->no_timestamps++;
		return 0;
	}
	delay_us = tcpd_path_in_delay(c, shared, a->packet.tsval, a->now / 1000);
	if (!tcpd_path_in_has_floor(c, shared->floor_us,
				    a->tcp.rtt_us ? a->tcp.rtt_us : a->tcp.srtt_us))
		stats->no_own_floor++;
	else if (shared->tick == TCPD_TICK_1MS)
		tcpd_hist_add(&stats->measures[TCPD_PATH_QUEUE_IN], delay_us * 1000ULL);
	return 0;
}

/* The ACK may have ridden on a response, or waited for one. */
static __always_inline bool tcpd_ack_is_clean(const struct tcpd_arrival *a)
{
	return !a->packet.payload && (a->packet.ack - a->tcp.snd_una >= 2 * a->tcp.mss ||
				      a->packet.ack != a->tcp.snd_nxt);
}

/* The time from a mark to the ACK that covers it. */
tcpd_subprogram int tcpd_path_rtt(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats,
				  struct tcpd_endpoint_shared *shared, const struct tcpd_arrival *a,
				  u32 rtt_us)
{
	u32 turnaround_us;

	tcpd_hist_add(&stats->measures[TCPD_PATH_RTT], rtt_us * 1000ULL);
	if (!tcpd_ack_is_clean(a))
		stats->path_ambiguous++;
	/* what arrives now is not in last_received_ns yet */
	turnaround_us = (u32)(a->now / 1000) - rtt_us - (u32)(c->last_received_ns / 1000);
	if (c->last_received_ns && turnaround_us <= TCPD_DELACK_MIN_US) {
		stats->acks_awaited++;
		stats->acks_apart += !a->packet.payload;
	}
	tcpd_path_rise(c, shared, rtt_us);
	return 0;
}

static __always_inline void tcpd_arrival_counted(struct tcpd_connection *c,
						 struct tcpd_endpoint_stats *stats,
						 struct tcpd_endpoint_shared *shared,
						 const struct tcpd_arrival *a, u32 path_rtt_us)
{
	c->round_trip_us = shared->floor_us;
	if (path_rtt_us)
		tcpd_path_rtt(c, stats, shared, a, path_rtt_us);
	tcpd_recovery_acked(c, stats, a->packet.ack, a->now);
	tcpd_rtt_sample(c, stats, &a->tcp);
	tcpd_path_in(c, stats, shared, a);
	tcpd_peer_window(c, stats, a->packet.window, a->tcp.write_seq != a->tcp.snd_nxt, a->now);
}

/* A response that begins while at least a whole segment of what was written is not acknowledged is
 * none to all of it: the peer refuses an upload before it has it. Less may be a pipelined call. */
static __always_inline bool tcpd_response_is_early(const struct tcpd_connection *c,
						   const struct tcpd_arrival *a)
{
	return !c->inbound && c->outstanding && a->tcp.mss &&
	       a->tcp.write_seq - a->packet.ack >= a->tcp.mss;
}

/* Without branches, of which each would double the paths that the verifier walks from here on. */
static __always_inline void tcpd_arrival_noted(struct tcpd_connection *c,
					       const struct tcpd_arrival *a)
{
	u32 acked = a->packet.ack - a->tcp.snd_una, left = a->tcp.snd_nxt - a->packet.ack;
	u64 all = (((u64)left - 1) >> 63) & ~(((u64)acked - 1) >> 63);
	s64 more = (s64)a->packet.payload - c->largest_received;

	c->all_acked_ns += (a->now - c->all_acked_ns) & (0 - all);
	c->full_acked |= ((u64)a->tcp.mss - 1 - acked) >> 63;
	c->largest_received += more & ~(more >> 63);
}

/* In ESTABLISHED: no FIN was sent or received. */
static __always_inline void tcpd_segment_arrives(struct tcpd_connection *c,
						 struct tcpd_endpoint_stats *stats,
						 struct tcpd_endpoint_shared *shared,
						 struct tcpd_arrival *a)
{
	struct tcpd_packet *packet = &a->packet;
	u32 rcv_nxt = a->tcp.rcv_nxt, path_rtt_us;
	bool early;

	/* a RST without an ACK has anything there; what was not sent cannot be acknowledged */
	if (!(packet->flags & TCPD_FLAG_ACK) || tcpd_after(packet->ack, a->tcp.snd_nxt))
		packet->ack = a->tcp.snd_una;
	c->heard_ns = a->now;
	c->srtt_us = a->tcp.srtt_us;
	c->mss = a->tcp.mss;
	tcpd_arrival_noted(c, a);
	path_rtt_us = c->path_count ? tcpd_path_acked(c, packet->ack, a->now / 1000) : 0;
	if (stats && shared)
		tcpd_arrival_counted(c, stats, shared, a, path_rtt_us);
	tcpd_sync_sent(c, stats, packet->ack, a->now);
	if (c->outstanding && !c->request_acked_ns && !c->inbound &&
	    !tcpd_after(c->sent_high, packet->ack))
		c->request_acked_ns = a->now;
	tcpd_sync_received(c, stats, rcv_nxt, a->now);
	/* new data, and no gap before it: what fills no gap has not arrived for the application */
	if (!packet->payload || !tcpd_after(packet->end, rcv_nxt) ||
	    tcpd_after(packet->seq, rcv_nxt))
		return;
	early = tcpd_response_is_early(c, a);
	if (stats && shared)
		tcpd_nagle_peer(c, stats, shared->floor_us, packet->end - rcv_nxt, a->now);
	tcpd_received(c, stats, packet->end - rcv_nxt, a->now);
	c->early |= early;
	tcpd_read_mark(c, packet->end, a->tcp.copied_seq, a->now);
	c->received_high = packet->end;
}

/* Before tcpd_segment_arrives(), not within it: the verifier would walk it for each path that leads
 * there. Is anything missing before this data, does it fill a hole, did it come with others? */
static __always_inline void tcpd_segment_order(struct tcpd_connection *c,
					       struct tcpd_endpoint_stats *stats,
					       const struct tcpd_endpoint_shared *shared,
					       const struct tcpd_arrival *a)
{
	const struct tcpd_packet *packet = &a->packet;
	u32 rcv_nxt = a->tcp.rcv_nxt;
	struct tcpd_hole_view view = {
		.rcv_nxt = rcv_nxt,
		.floor_us = shared->floor_us ? shared->floor_us : a->tcp.srtt_us,
		.tick_us = shared->tick == TCPD_TICK_OTHER ? TCPD_TICK_MOST_US : TCPD_TICK_1MS_US,
		.now_us = a->now / 1000,
	};

	if (packet->payload && (c->hole_count || tcpd_after(packet->seq, rcv_nxt) ||
				(c->again_segments && !tcpd_after(packet->end, rcv_nxt))))
		c->hole_found = tcpd_holes(c, stats, packet, &view);
	if (packet->payload)
		tcpd_train(c, stats, packet, shared->tick == TCPD_TICK_1MS, a->now);
}

/* TCP Fast Open: the request goes with the first SYN (RFC 7413). */
static __always_inline void tcpd_syn_data_leaves(struct tcpd_connection *c,
						 struct tcpd_endpoint_stats *stats,
						 const struct tcpd_packet *packet, u64 now)
{
	u32 begin = packet->seq + 1;

	c->sent_high = begin + packet->payload;
	tcpd_path_mark(c, begin, c->sent_high, now);
	tcpd_sent(c, stats, packet->payload, now);
}

enum tcpd_leaving { TCPD_LEAVES_DATA = 1, TCPD_LEAVES_FIN = 2 };

/* No SYN. Returns what of it leaves for the first time: enum tcpd_leaving, or 0. A stack of devices
 * reports the same segment several times. */
static __always_inline u32 tcpd_segment_leaves(struct tcpd_connection *c,
					       struct tcpd_endpoint_stats *stats,
					       const struct tcpd_packet *packet, u64 now)
{
	bool data, fin;

	if (stats)
		tcpd_own_window(c, stats, packet->window, now);
	if (!tcpd_is_open(c))
		return 0;
	if (!packet->payload)
		c->acked_ns = now;
	data = packet->payload && tcpd_after(packet->end, c->sent_high);
	fin = (packet->flags & TCPD_FLAG_FIN) && !c->fin_marked;
	if (data || fin)
		tcpd_path_mark(c, packet->seq, packet->end + fin, now);
	c->fin_marked |= fin;
	return (data ? TCPD_LEAVES_DATA : 0) | (fin ? TCPD_LEAVES_FIN : 0);
}

/* After tcpd_segment_leaves() said that there is data, and tcpd_sync_received(). */
static __always_inline void tcpd_data_leaves(struct tcpd_connection *c,
					     struct tcpd_endpoint_stats *stats, u32 end, u64 now)
{
	tcpd_nagle_own(c, stats, end - c->sent_high, now);
	tcpd_sent(c, stats, end - c->sent_high, now);
	c->sent_high = end;
}

struct tcpd_retransmission {
	u32 seq;
	u32 end_seq;
	u32 snd_una;
	s32 error; /* 0, or why it was not sent */
	u8 is_syn;
	u8 timer_pending; /* retransmit.h, as ca_state */
	u8 ca_state;
	/* what tcpd_segment_retransmitted() finds: */
	u32 first_bound_us; /* it may have left so much before first_sent_ns */
	u64 first_sent_ns;  /* 0: not known */
};

static __always_inline void tcpd_segment_retransmitted(struct tcpd_connection *c,
						       struct tcpd_endpoint_stats *stats,
						       struct tcpd_retransmission *r, u64 now)
{
	bool sent = !tcpd_sent_nothing(r->error);

	/* ACKs may have come unseen */
	tcpd_path_acked(c, r->snd_una, now / 1000);
	r->first_bound_us = 0;
	if (r->is_syn) {
		r->first_sent_ns = c->syn_ns;
	} else {
		r->first_sent_ns = tcpd_path_first_sent(c, r->seq, now, &r->first_bound_us);
		if (sent)
			tcpd_recovery_retransmitted(c, stats, r->snd_una, r->end_seq, now);
	}
	if (!sent)
		return;
	c->path_dirty_until = c->sent_high;
	if (c->outstanding) {
		c->request_retransmits++;
		c->request_rtos += tcpd_is_rto(r->timer_pending, r->ca_state);
	}
}

/* The application has read up to copied. */
static __always_inline void tcpd_data_read(struct tcpd_connection *c,
					   struct tcpd_endpoint_stats *stats, u32 copied, u64 now)
{
	u32 waited;

	c->copied_seq = copied;
	if (!c->read_count)
		return;
	waited = tcpd_read_done(c, copied, now / 1000);
	if (waited && stats)
		tcpd_hist_add(&stats->measures[TCPD_READ_WAIT], (waited - 1) * 1000ULL);
}

/* The end, of the connection or of what is seen of it: nothing can follow that would complete what
 * is under way. The response is another matter: tcpd_exchange_finish(). */
static __always_inline void tcpd_connection_ends(struct tcpd_connection *c,
						 struct tcpd_endpoint_stats *stats, bool data_waits,
						 u64 now)
{
	tcpd_recovery_unfinished(c, stats);
	tcpd_windows_end(c, stats, data_waits, now);
}

#endif
