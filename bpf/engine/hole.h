/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Holes in what arrives, and what fills them. A segment that comes from behind a gap opens a hole.
 * What fills it was sent again if it was stamped after what opened it (TSval, RFC 7323): it was
 * lost before (recovered_in). An older or equal stamp is that of the first copy, which came late:
 * the path has changed the order, and nothing was lost (reordered_in). Where there are no stamps,
 * or both were made within one tick of a path that is shorter, what comes within 3/4 of a round
 * trip is the first copy: no repair is as quick (RFC 8985 section 3.3.2 waits a quarter longer).
 *
 * A sender that takes lateness for loss sends again what was not lost (RFC 8985): then the first
 * copy comes behind the second, with the older stamp, and is counted as late (late_copies): it is
 * to be taken off recovered_in.
 *
 * Losses at the end of what is sent open no hole, and are not seen from here.
 */
#ifndef TCPDIAG_ENGINE_HOLE_H
#define TCPDIAG_ENGINE_HOLE_H

#include "engine/connection.h"
#include "engine/packet.h"

/* Of the peer's timestamps: on Linux since 4.13, and before where HZ=100. */
#define TCPD_TICK_1MS_US 1000
#define TCPD_TICK_MOST_US 10000

/* What holes are judged by. */
struct tcpd_hole_view {
	u32 rcv_nxt;
	u32 floor_us; /* smallest round trip of the path, 0: not known */
	u32 tick_us;
	u32 now_us;
};

/* Something that lies behind a gap has come. */
static __always_inline void tcpd_hole_opens(struct tcpd_connection *c,
					    const struct tcpd_packet *packet, u32 known, u32 now_us)
{
	struct tcpd_hole *hole = &c->holes[(c->hole_head + c->hole_count) & (TCPD_HOLES - 1)];

	if (tcpd_after(packet->seq, known) && c->hole_count < TCPD_HOLES) {
		hole->begin = known;
		hole->end = packet->seq;
		hole->tsval = packet->tsval;
		hole->at_us = now_us;
		c->hole_count++;
	}
	c->received_most = packet->end;
}

/* What the application waits for while more has come; NULL: nothing is missing. */
static __always_inline const struct tcpd_hole *tcpd_first_hole(const struct tcpd_connection *c,
							       u32 rcv_nxt)
{
	const struct tcpd_hole *hole = &c->holes[c->hole_head & (TCPD_HOLES - 1)];

	return c->hole_count && tcpd_after(hole->end, rcv_nxt) ? hole : NULL;
}

/* Since when it is missing. */
static __always_inline u64 tcpd_hole_ns(const struct tcpd_hole *hole, u64 now)
{
	return hole ? now - (u64)((u32)(now / 1000) - hole->at_us) * 1000 : 0;
}

/* Is what fills it a second copy? */
static __always_inline bool tcpd_was_sent_again(const struct tcpd_hole *hole,
						const struct tcpd_packet *packet,
						const struct tcpd_hole_view *view)
{
	u32 waited_us = view->now_us - hole->at_us;
	s32 newer;

	if (packet->has_timestamp) {
		newer = (s32)(packet->tsval - hole->tsval);
		if (newer)
			return newer > 0;
		/* a repair leaves a round trip after what opened the hole: another tick has passed */
		if (view->floor_us >= view->tick_us || waited_us > view->floor_us + view->tick_us)
			return false;
	}
	return (u64)waited_us * 4 > (u64)view->floor_us * 3;
}

static __always_inline u32 tcpd_segments_of(const struct tcpd_connection *c, u32 bytes)
{
	return c->mss ? (bytes + c->mss - 1) / c->mss : 1;
}

/* What had come already: is it the first copy of what was sent again? */
static __always_inline void tcpd_late_copy(struct tcpd_connection *c,
					   struct tcpd_endpoint_stats *stats,
					   const struct tcpd_packet *packet)
{
	u32 segments = tcpd_segments_of(c, packet->payload);

	if (!packet->has_timestamp || (s32)(packet->tsval - c->again_tsval) >= 0)
		return;
	if (segments > c->again_segments)
		segments = c->again_segments;
	c->again_segments -= segments;
	stats->late_copies += segments;
}

/* The hole that seq lies in; TCPD_HOLES: none. Without branches, of which each would double what
 * the verifier walks. */
static __always_inline u32 tcpd_hole_of(const struct tcpd_connection *c, u32 seq)
{
	u32 i, in, found = TCPD_HOLES;

	for (i = 0; i < TCPD_HOLES; i++) {
		/* begin <= seq < end, and it is in use */
		in = (1 ^ ((seq - c->holes[i].begin) >> 31)) & ((seq - c->holes[i].end) >> 31) &
		     (((((u32)i - c->hole_head) & (TCPD_HOLES - 1)) - (u32)c->hole_count) >> 31);
		found ^= (found ^ i) & (0 - in);
	}
	return found;
}

/* What is in order up to in_order is not missing. */
static __always_inline void tcpd_holes_close(struct tcpd_connection *c, u32 in_order)
{
	u32 i;

	for (i = 0; i < TCPD_HOLES; i++) {
		if (!c->hole_count ||
		    tcpd_after(c->holes[c->hole_head & (TCPD_HOLES - 1)].end, in_order))
			break;
		c->hole_head++;
		c->hole_count--;
	}
}

/* Data has come while something is missing, from behind what is missing, or once more. Returns the
 * hole that it was in, TCPD_HOLES: none; to be kept as hole_found: of a result that nobody takes
 * the compiler leaves what the verifier refuses, an address of the stack. */
tcpd_subprogram u32 tcpd_holes(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats,
			       const struct tcpd_packet *packet, const struct tcpd_hole_view *view)
{
	u32 rcv_nxt = view->rcv_nxt, found = tcpd_hole_of(c, packet->seq), segments, end;
	u32 known = c->hole_count ? c->received_most : rcv_nxt;
	struct tcpd_hole *hole;

	/* What an index is made of the verifier follows back through all paths; not through memory.
	 */
	*(volatile u8 *)&c->hole_found = found;
	hole = &c->holes[*(volatile u8 *)&c->hole_found & (TCPD_HOLES - 1)];
	if (found < TCPD_HOLES) {
		end = tcpd_after(packet->end, hole->end) ? hole->end : packet->end;
		segments = tcpd_segments_of(c, end - packet->seq);
		if (tcpd_was_sent_again(hole, packet, view)) {
			c->again_segments += segments;
			c->again_tsval = packet->tsval;
			stats->recovered_in += segments;
		} else {
			stats->reordered_in += segments;
		}
		if (packet->seq == hole->begin)
			hole->begin = end;
		else
			hole->end = packet->seq;
	} else if (tcpd_after(packet->seq, rcv_nxt) && tcpd_after(packet->end, known)) {
		tcpd_hole_opens(c, packet, known, view->now_us);
	} else if (c->again_segments && !tcpd_after(packet->end, known)) {
		tcpd_late_copy(c, stats, packet);
	}
	/* what arrives in order now is so from here on */
	tcpd_holes_close(c, !tcpd_after(packet->seq, rcv_nxt) && tcpd_after(packet->end, rcv_nxt)
				    ? packet->end
				    : rcv_nxt);
	return found;
}

#endif
