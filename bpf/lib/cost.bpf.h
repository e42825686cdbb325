/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs cost: every run that found a socket to trace is counted, one in TCPD_COST_EVERY
 * is timed. No BPF statistics of the kernel are switched on for it: they need privileges that are
 * dropped later, and slow every BPF program of the host.
 */
#ifndef TCPDIAG_LIB_COST_H
#define TCPDIAG_LIB_COST_H

#include "lib/maps.bpf.h"

/* At the end of a run that began at start_ns. Nothing is carried through the run but the time,
 * which it needs anyway. */
static __always_inline void tcpd_cost(u32 program, u64 start_ns)
{
	struct tcpd_cost *cost = bpf_map_lookup_elem(&tcpd_costs, &program);

	/* the 16th of each lot: the very first runs have cold caches */
	if (cost && (cost->runs++ & (TCPD_COST_EVERY - 1)) == 15) {
		cost->timed_ns += bpf_ktime_get_ns() - start_ns;
		cost->timed_runs++;
	}
}

#endif
