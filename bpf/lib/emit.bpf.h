/* SPDX-License-Identifier: GPL-2.0-only */
/* Sending events. Every event carries the socket's identity, owner and figures
 * (wire.h), so that it can be understood when an earlier one was lost. */
#ifndef TCPDIAG_LIB_EMIT_H
#define TCPDIAG_LIB_EMIT_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>

#include "lib/budget.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/maps.bpf.h"

/* A reserved event with everything but the body, or NULL: nothing is to be said, there were too
 * many in this second, or the ring is full (both counted). */
static __always_inline struct tcpd_wire_event *
tcpd_event_begin(u16 kind, const struct tcpd_sock *s, const struct sock *sk, u8 state, u64 now)
{
	struct tcpd_wire_event *e;

	if (s->pending || s->rejected)
		return NULL;
	if (!tcpd_within_budget(kind == TCPD_EVENT_RETRANSMIT || kind == TCPD_EVENT_DROPPED, now))
		return NULL;
	e = bpf_ringbuf_reserve(&tcpd_events, sizeof(*e), 0);
	if (!e) {
		tcpd_count(TCPD_COUNT_RING_FULL);
		return NULL;
	}
	e->kind = kind;
	e->size = sizeof(*e);
	e->cpu = bpf_get_smp_processor_id();
	e->at_ns = now;
	e->sock = s->ref;
	e->owner = s->owner;
	tcpd_fill_flow(&e->flow, s, sk, state, now);
	__builtin_memset(&e->body, 0, sizeof(e->body));
	return e;
}

static __always_inline void tcpd_emit_plain(u16 kind, const struct tcpd_sock *s,
					    const struct sock *sk, u8 state, u64 now)
{
	struct tcpd_wire_event *e = tcpd_event_begin(kind, s, sk, state, now);

	if (e)
		bpf_ringbuf_submit(e, 0);
}

/* The same for what has no connection of ours: a reset for nobody, a half-open request. */
static __always_inline struct tcpd_wire_event *
tcpd_event_without_socket(u16 kind, const struct tcpd_wire_sock *ref)
{
	u64 now = bpf_ktime_get_ns();
	struct tcpd_wire_event *e;

	if (!tcpd_within_budget(true, now))
		return NULL;
	e = bpf_ringbuf_reserve(&tcpd_events, sizeof(*e), 0);
	if (!e) {
		tcpd_count(TCPD_COUNT_RING_FULL);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->size = sizeof(*e);
	e->cpu = bpf_get_smp_processor_id();
	e->at_ns = now;
	e->sock = *ref;
	e->flow.idle_before_request_ns = TCPD_UNKNOWN_NS;
	return e;
}

#endif
