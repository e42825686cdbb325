/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Trains: packet dispersion (Jain and Routhier 1986; Dovrolis et al. 2004). What the peer's TCP
 * sent at once comes one by one at the rate of the narrowest place, whatever its application takes.
 * If that is about all that comes from this endpoint, the place is full; no floor is needed to see
 * it.
 *
 * When the segments were sent is known by their TSval (RFC 7323), to a tick; over many trains the
 * ticks average out. A train that was sent over more than a tick followed its ACKs or its
 * application, and proves nothing. Nor does one whose segments came merged (GRO), or through a
 * token bucket that lets a whole response through at once: these are only counted.
 */
#ifndef TCPDIAG_ENGINE_TRAIN_H
#define TCPDIAG_ENGINE_TRAIN_H

#include "engine/connection.h"
#include "engine/packet.h"

#define TCPD_TRAIN_LEAST 4 /* segments */
/* Bulk goes on without end. By count: by time or TSval, the cut would depend on what is measured. */
#define TCPD_TRAIN_MOST 64

static __always_inline void tcpd_train_ends(const struct tcpd_connection *c,
					    struct tcpd_endpoint_stats *stats)
{
	u32 ticks = c->train_last_tsval - c->train_first_tsval;

	if (c->train_segments < TCPD_TRAIN_LEAST || ticks > 1) {
		stats->trains_unused += !!c->train_segments;
		return;
	}
	stats->trains++;
	stats->train_bytes += c->train_bytes;
	stats->train_us += c->train_last_us - c->train_first_us;
	stats->train_sender_us += ticks * 1000;
}

/* Data came, in whatever order. tick_1ms: the peer's clock is known to tick so. */
tcpd_subprogram int tcpd_train(struct tcpd_connection *c, struct tcpd_endpoint_stats *stats,
			       const struct tcpd_packet *packet, bool tick_1ms, u64 now)
{
	u32 now_us = now / 1000;

	if (!packet->has_timestamp || !tick_1ms)
		return 0;
	/* what this host sends meanwhile begins another exchange */
	if (packet->seq != c->train_end || c->train_sent != c->sent_high ||
	    c->train_segments >= TCPD_TRAIN_MOST) {
		tcpd_train_ends(c, stats);
		c->train_segments = 0;
		c->train_bytes = 0;
		c->train_first_us = now_us;
		c->train_first_tsval = packet->tsval;
		c->train_sent = c->sent_high;
	} else {
		c->train_bytes += packet->payload;
	}
	c->train_segments++;
	c->train_last_us = now_us;
	c->train_last_tsval = packet->tsval;
	c->train_end = packet->end;
	return 0;
}

#endif
