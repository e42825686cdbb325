/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recovery: an episode begins with the first retransmission and ends with the cumulative ACK beyond
 * all that was retransmitted in it. tcp_probe sees that ACK in ESTABLISHED only: an episode that
 * ends elsewhere is counted as unfinished.
 */
#ifndef TCPDIAG_RECOVERY_H
#define TCPDIAG_RECOVERY_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

#include "exchange.h"
#include "tcp.h"

static __always_inline void tcpd_recovery_unfinished(struct tcpd_sock *s,
						     struct tcpd_endpoint_stats *stats)
{
	if (s->recovery_ns && stats)
		stats->recovery_unfinished++;
	s->recovery_ns = 0;
}

static __always_inline void tcpd_recovery_retransmitted(const struct sock *sk, struct tcpd_sock *s,
							u32 end_seq, u64 now)
{
	if (s->recovery_ns && !tcpd_after(s->recovery_high, tcpd_tcp(sk, snd_una)))
		tcpd_recovery_unfinished(s, tcpd_stats_of(s));
	if (!s->recovery_ns) {
		s->recovery_ns = now;
		s->recovery_high = end_seq;
	} else if (tcpd_after(end_seq, s->recovery_high)) {
		s->recovery_high = end_seq;
	}
}

static __always_inline void tcpd_recovery_acked(struct tcpd_sock *s,
						struct tcpd_endpoint_stats *stats, u32 ack, u64 now)
{
	if (!s->recovery_ns || tcpd_after(s->recovery_high, ack))
		return;
	tcpd_hist_add(&stats->measures[TCPD_RECOVERY], now - s->recovery_ns);
	s->recovery_ns = 0;
}

#endif
