/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * recovery: an episode begins with the first retransmission and ends with the cumulative ACK beyond
 * all that was retransmitted in it. An episode whose end was not seen is counted as unfinished.
 */
#ifndef TCPDIAG_ENGINE_RECOVERY_H
#define TCPDIAG_ENGINE_RECOVERY_H

#include "engine/connection.h"
#include "engine/histogram.h"

static __always_inline void tcpd_recovery_unfinished(struct tcpd_connection *c,
						     struct tcpd_endpoint_stats *stats)
{
	if (c->recovery_ns && stats)
		stats->recovery_unfinished++;
	c->recovery_ns = 0;
}

/* snd_una: what was acknowledged until now. */
static __always_inline void tcpd_recovery_retransmitted(struct tcpd_connection *c,
							struct tcpd_endpoint_stats *stats,
							u32 snd_una, u32 end_seq, u64 now)
{
	if (c->recovery_ns && !tcpd_after(c->recovery_high, snd_una))
		tcpd_recovery_unfinished(c, stats);
	if (!c->recovery_ns) {
		c->recovery_ns = now;
		c->recovery_high = end_seq;
	} else if (tcpd_after(end_seq, c->recovery_high)) {
		c->recovery_high = end_seq;
	}
}

static __always_inline void tcpd_recovery_acked(struct tcpd_connection *c,
						struct tcpd_endpoint_stats *stats, u32 ack, u64 now)
{
	if (!c->recovery_ns || tcpd_after(c->recovery_high, ack))
		return;
	tcpd_hist_add(&stats->measures[TCPD_RECOVERY], now - c->recovery_ns);
	c->recovery_ns = 0;
}

#endif
