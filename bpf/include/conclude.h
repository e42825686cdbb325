/* SPDX-License-Identifier: GPL-2.0-only */
/* What is under way when a socket or the trace ends. */
#ifndef TCPDIAG_CONCLUDE_H
#define TCPDIAG_CONCLUDE_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

#include "emit.h"
#include "recovery.h"
#include "window.h"

static __always_inline void tcpd_conclude(const struct sock *sk, struct tcpd_sock *s, u64 now)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);

	if (!stats)
		return;
	tcpd_recovery_unfinished(s, stats);
	tcpd_windows_end(sk, s, stats, now);
	tcpd_flush(sk, s, stats, now);
}

#endif
