/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket's endpoint: its slot among the aggregates. The slot may have been given to another
 * endpoint since the socket found it; then its generation has changed, and nothing is counted.
 */
#ifndef TCPDIAG_LIB_ENDPOINT_H
#define TCPDIAG_LIB_ENDPOINT_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>

#include "lib/maps.bpf.h"

/* Where the socket has none (any more): a slot behind those of endpoints, which nobody reads. So
 * what is counted need not ask whether it is, and the verifier does not walk all of it twice. NULL:
 * never, but the verifier does not know that. */
static __always_inline struct tcpd_endpoint_stats *tcpd_stats_of(const struct tcpd_sock *s)
{
	u32 index = s->slot.index, spare = tcpd_cfg.spare_slot;
	struct tcpd_endpoint_stats *stats = bpf_map_lookup_elem(&tcpd_stats, &index);

	if (!stats || stats->generation != s->slot.generation)
		stats = bpf_map_lookup_elem(&tcpd_stats, &spare);
	return stats;
}

static __always_inline struct tcpd_endpoint_shared *tcpd_shared_of(const struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared;
	u32 index = s->slot.index;

	if (index == TCPD_NO_SLOT)
		return NULL;
	shared = bpf_map_lookup_elem(&tcpd_shared, &index);
	return shared && shared->generation == s->slot.generation ? shared : NULL;
}

/* The same, or the slot that nobody reads: what a segment learned there is not known to the next. */
static __always_inline struct tcpd_endpoint_shared *tcpd_shared_or_spare(const struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared = tcpd_shared_of(s);
	u32 spare = tcpd_cfg.spare_slot;

	if (shared)
		return shared;
	shared = bpf_map_lookup_elem(&tcpd_shared, &spare);
	if (shared) {
		shared->floor_us = 0;
		shared->tick = TCPD_TICK_UNKNOWN;
	}
	return shared;
}

static __always_inline void tcpd_find_slot(struct tcpd_slot *slot, const struct tcpd_wire_sock *ref)
{
	struct tcpd_endpoint_key key = { .netns = ref->netns };
	struct tcpd_slot *found;

	if (ref->role == TCPD_ROLE_INBOUND) {
		key.role = TCPD_ROLE_INBOUND;
		key.port = ref->lport;
		__builtin_memcpy(key.addr, ref->laddr, 16);
	} else {
		key.role = TCPD_ROLE_OUTBOUND;
		key.port = ref->rport;
		__builtin_memcpy(key.addr, ref->raddr, 16);
	}
	found = bpf_map_lookup_elem(&tcpd_endpoints, &key);
	if (!found) {
		if (bpf_map_pop_elem(&tcpd_free_slots, slot)) {
			slot->index = TCPD_NO_SLOT;
			tcpd_count(TCPD_COUNT_ENDPOINTS_FULL);
			return;
		}
		if (!bpf_map_update_elem(&tcpd_endpoints, &key, slot, BPF_NOEXIST))
			return;
		/* another CPU was faster */
		bpf_map_push_elem(&tcpd_free_slots, slot, 0);
		found = bpf_map_lookup_elem(&tcpd_endpoints, &key);
	}
	if (found)
		*slot = *found;
	else
		slot->index = TCPD_NO_SLOT;
}

static __always_inline void tcpd_join_endpoint(struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared;
	struct tcpd_slot slot = {};

	tcpd_find_slot(&slot, &s->ref);
	s->slot = slot;
	shared = tcpd_shared_of(s);
	if (!shared)
		return;
	__sync_fetch_and_add(&shared->open_sockets, 1);
	s->counts_as_open = 1;
}

/* It has ended, or is not wanted after all. What still happens to it is counted as long as the slot
 * is the endpoint's. */
static __always_inline void tcpd_leave_endpoint(struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared;

	if (!s->counts_as_open)
		return;
	s->counts_as_open = 0;
	shared = tcpd_shared_of(s);
	if (shared)
		__sync_fetch_and_add(&shared->open_sockets, -1);
}

#endif
