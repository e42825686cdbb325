/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Nagle's algorithm against delayed ACKs (RFC 896, RFC 9293 section 3.7.4): a small second write
 * waits until the first is acknowledged, and the other end delays that ACK since it waits for the
 * rest. It shows as silence within a request or a response that lasts as a delayed ACK does, 40 to
 * 200 ms on Linux, and that the ACK ends: the rest follows it at once. Counted for whichever end
 * writes so.
 */
#ifndef TCPDIAG_ENGINE_NAGLE_H
#define TCPDIAG_ENGINE_NAGLE_H

#include "engine/connection.h"

/* TCP_DELACK_MIN and TCP_DELACK_MAX of Linux with their timers' granularity. */
#define TCPD_DELAYED_ACK_FROM_US 35000
#define TCPD_DELAYED_ACK_TO_US 210000
/* What the ACK lets go leaves in the same softirq; on the peer's side unseen work is added. */
#define TCPD_NAGLE_PROMPT_NS 1000000ULL
#define TCPD_NAGLE_PEER_PROMPT_US 2000

static __always_inline u32 tcpd_us_between(u64 from, u64 to)
{
	u64 us = from && to > from ? (to - from) / 1000 : 0;

	return us > 0xffffffff ? 0xffffffff : us;
}

/* The wait, if an ACK that is late by `us` was delayed; else 0. */
static __always_inline u32 tcpd_delayed_ack_us(u32 us)
{
	return us >= TCPD_DELAYED_ACK_FROM_US && us <= TCPD_DELAYED_ACK_TO_US ? us : 0;
}

/* More of a request or response of this host leaves. */
static __always_inline void tcpd_nagle_own(const struct tcpd_connection *c,
					   struct tcpd_endpoint_stats *stats, u32 bytes, u64 now)
{
	u32 us;

	if (!stats || c->nodelay || bytes >= c->mss || now - c->all_acked_ns > TCPD_NAGLE_PROMPT_NS)
		return;
	if (c->inbound ? c->outstanding || !c->in_response : !c->outstanding)
		return;
	us = tcpd_us_between(c->last_sent_ns, c->all_acked_ns);
	us = tcpd_delayed_ack_us(us > c->round_trip_us ? us - c->round_trip_us : 0);
	stats->nagle_own += !!us;
	stats->nagle_own_us += us;
}

/* More of a request or response of the peer comes, a round trip after our ACK. floor_us: what that
 * takes at least; 0: not known. */
static __always_inline void tcpd_nagle_peer(const struct tcpd_connection *c,
					    struct tcpd_endpoint_stats *stats, u32 floor_us,
					    u32 bytes, u64 now)
{
	u32 us, after_us;

	if (!floor_us || bytes >= c->mss || now <= c->acked_ns)
		return;
	if (c->inbound ? !c->outstanding : c->outstanding || !c->in_response)
		return;
	us = tcpd_delayed_ack_us(tcpd_us_between(c->last_received_ns, c->acked_ns));
	if (!us)
		return;
	after_us = (now - c->acked_ns) / 1000;
	if (after_us < floor_us - floor_us / 4 ||
	    after_us > floor_us + floor_us / 4 + TCPD_NAGLE_PEER_PROMPT_US)
		return;
	stats->nagle_peer++;
	stats->nagle_peer_us += us;
}

#endif
