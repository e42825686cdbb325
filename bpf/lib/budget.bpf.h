/* SPDX-License-Identifier: GPL-2.0-only */
/* How many events a second are emitted at most (--max-events-per-second). */
#ifndef TCPDIAG_LIB_BUDGET_H
#define TCPDIAG_LIB_BUDGET_H

#include "lib/filter.bpf.h"
#include "lib/maps.bpf.h"

#define TCPD_NS_PER_SECOND 1000000000ULL

/* One more, unless that is above the limit. Adding first and looking then, two CPUs at the same
 * time may both be refused the last place, but never both get it. The sum that the addition could
 * return is not used: kernels before 5.12 (commit 5ca419f2864a, "bpf: Add BPF_FETCH field / create
 * atomic_fetch_add instruction") add without returning the sum. */
static __always_inline bool tcpd_take_place(s64 *emitted, const s64 *before, s64 limit)
{
	__sync_fetch_and_add(emitted, 1);
	if (*(volatile s64 *)emitted - *(const volatile s64 *)before <= limit)
		return true;
	__sync_fetch_and_add(emitted, -1);
	return false;
}

/*
 * Two CPUs that both find a new second begun take off nearly the same, so a second may have a few
 * events too many: as many as were emitted between one's look and the other's.
 */
tcpd_subprogram bool tcpd_take_from_budget(bool repeats, u64 now)
{
	u64 second = now / TCPD_NS_PER_SECOND;
	s64 limit = tcpd_cfg.max_events_per_second;
	struct tcpd_budget *budget;
	u32 key = 0;

	budget = bpf_map_lookup_elem(&tcpd_budgets, &key);
	if (!budget)
		return true;
	if ((s64)(second - budget->second) > 0) {
		budget->emitted_before = budget->emitted;
		budget->repeated_before = budget->repeated;
		budget->second = second;
	}
	if (repeats &&
	    !tcpd_take_place(&budget->repeated, &budget->repeated_before, limit - limit / 4))
		return false;
	if (tcpd_take_place(&budget->emitted, &budget->emitted_before, limit))
		return true;
	if (repeats)
		__sync_fetch_and_add(&budget->repeated, -1);
	return false;
}

/*
 * May this event be emitted? If not it is counted. `repeats`: what a storm has most of, and what is
 * no turning point of a connection, namely retransmissions, drops and what has no socket of ours.
 * It gets three quarters, so that the beginnings and ends of connections are emitted in a storm too.
 */
static __always_inline bool tcpd_within_budget(bool repeats, u64 now)
{
	if (!tcpd_cfg.max_events_per_second || tcpd_take_from_budget(repeats, now))
		return true;
	tcpd_count(TCPD_COUNT_RATE_LIMITED);
	return false;
}

#endif
