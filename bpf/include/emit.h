/* SPDX-License-Identifier: GPL-2.0-only */
/* Filling and sending events. Every event carries the socket's identity, owner and figures
 * (wire.h), so that it can be understood when an earlier one was lost. */
#ifndef TCPDIAG_EMIT_H
#define TCPDIAG_EMIT_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "budget.h"
#include "compat.h"
#include "exchange.h"
#include "filter.h"
#include "maps.h"
#include "tcp.h"

#define PF_KTHREAD 0x00200000

/* Our FIN counts as one (RFC 9293 section 3.4): is it among what the peer has acknowledged? */
static __always_inline u32 tcpd_fin_acked(const struct tcpd_sock *s, const struct sock *sk)
{
	u32 snd_una = tcpd_tcp(sk, snd_una);

	return s->fin_sent_ns && snd_una == tcpd_tcp(sk, snd_nxt) &&
	       snd_una == tcpd_tcp(sk, write_seq);
}

/* bytes_acked counts the FIN once it is acknowledged; bytes_received counts the peer's. */
static __always_inline u64 tcpd_bytes_acked(const struct tcpd_sock *s, const struct sock *sk)
{
	u64 bytes = tcpd_tcp(sk, bytes_acked);

	return bytes && tcpd_fin_acked(s, sk) ? bytes - 1 : bytes;
}

/* snd_una without the FIN. */
static __always_inline u32 tcpd_acked_end(const struct tcpd_sock *s, const struct sock *sk)
{
	return tcpd_tcp(sk, snd_una) - tcpd_fin_acked(s, sk);
}

static __always_inline u64 tcpd_bytes_received(const struct sock *sk)
{
	u64 bytes = tcpd_tcp(sk, bytes_received);

	return bytes && tcpd_fin_received(sk) ? bytes - 1 : bytes;
}

static __always_inline void tcpd_fill_flow(struct tcpd_wire_flow *f, const struct tcpd_sock *s,
					   const struct sock *sk, u8 state)
{
	u64 acked = tcpd_bytes_acked(s, sk), received = tcpd_bytes_received(sk);
	u32 unacked = tcpd_tcp(sk, snd_nxt) - tcpd_tcp(sk, snd_una),
	    unread = tcpd_tcp(sk, rcv_nxt) - tcpd_tcp(sk, copied_seq);

	f->opened_ns = s->opened_ns;
	f->syn_ns = s->syn_ns;
	f->established_ns = s->established_ns;
	f->last_sent_ns = s->last_sent_ns;
	f->last_received_ns = s->last_received_ns;
	f->fin_received_ns = s->fin_received_ns;
	f->fin_sent_ns = s->fin_sent_ns;
	f->request_first_ns = s->request_first_ns;
	f->request_last_ns = s->request_last_ns;
	f->request_acked_ns = s->request_acked_ns;
	f->response_first_ns = s->response_first_ns;
	f->idle_before_request_ns = s->idle_before_request_ns;
	f->exchanges = s->exchanges;
	f->bytes_acked_total = acked;
	f->bytes_received_total = received;
	f->bytes_acked = acked > s->base_bytes_acked ? acked - s->base_bytes_acked : 0;
	f->bytes_received = received > s->base_bytes_received ? received - s->base_bytes_received
							      : 0;
	f->segments_sent = tcpd_tcp(sk, segs_out) - s->base_segs_out;
	f->segments_received = tcpd_tcp(sk, segs_in) - s->base_segs_in;
	f->retransmitted_segments = tcpd_tcp(sk, total_retrans) - s->base_total_retrans;
	f->out_of_order_segments = tcpd_tcp(sk, rcv_ooopack) - s->base_rcv_ooopack;
	f->spurious_retransmits = tcpd_tcp(sk, dsack_dups) - s->base_dsack_dups;
	f->request_bytes = s->request_bytes;
	f->response_bytes = s->response_bytes;
	f->request_retransmits = s->request_retransmits;
	f->request_rtos = s->request_rtos;
	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		unacked = 0;
	else if (unacked && s->fin_sent_ns && tcpd_tcp(sk, snd_nxt) == tcpd_tcp(sk, write_seq))
		unacked--;
	f->unacked_bytes = unacked;
	f->unread_bytes = unread && tcpd_fin_received(sk) ? unread - 1 : unread;
	f->srtt_us = tcpd_tcp(sk, srtt_us) >> 3;
	f->rtt_us = tcpd_tcp(sk, rack.rtt_us);
	f->rtt_min_us = tcpd_rtt_min(sk);
	f->mss = tcpd_tcp(sk, mss_cache);
	f->first_byte_max_us = s->first_byte_max_us;
	f->path_rise_us = s->path_rise_us;
	f->path_samples = s->path_samples;
	f->unread_bytes_max = s->unread_bytes_max;
	f->zero_window_received_us = s->zero_window_received_us;
	f->call_tid = s->call_tid;
	f->request_read_ns = s->request_read_ns;
	f->app_gap_us = s->app_gap_us;
	f->calls_since_read = tcpd_calls_since_read(s);
	f->app_gap_ambiguous = s->app_gap_ambiguous;
	f->pad1 = 0;
	f->state = state;
	f->outstanding = s->outstanding;
	f->in_response = s->in_response;
	f->request_acked = !tcpd_after(s->sent_high, tcpd_tcp(sk, snd_una));
	f->keepalive_on = (sk->__sk_common.skc_flags >> SOCK_KEEPOPEN) & 1;
	f->pad[0] = f->pad[1] = f->pad[2] = 0;
}

/* A reserved event with everything but the body, or NULL: nothing is to be said, there were too
 * many in this second, or the ring is full (both counted). */
static __always_inline struct tcpd_wire_event *
tcpd_event_begin(u16 kind, const struct tcpd_sock *s, const struct sock *sk, u8 state, u64 now)
{
	struct tcpd_wire_event *e;

	if (s->pending || s->rejected)
		return NULL;
	if (!tcpd_within_budget(kind == TCPD_EVENT_RETRANSMIT, now))
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
	tcpd_fill_flow(&e->flow, s, sk, state);
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

static __always_inline bool tcpd_current_exiting(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, flags) & PF_EXITING;
}

static __always_inline void tcpd_fill_owner_names(struct tcpd_wire_owner *owner,
						  struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	/* the kernel's element is larger than the part of it that is declared here */
	const char *number =
		(const char *)&pid->numbers[0].nr + (level & 31) * bpf_core_type_size(struct upid);

	BPF_CORE_READ_STR_INTO(&owner->comm, leader, comm);
	bpf_probe_read_kernel(&owner->ns_tgid, sizeof(owner->ns_tgid), number);
}

/* Also everything that the named cgroups hold that was made while tracing: the ancestors of the
 * current task's cgroup are looked up, too. bpf_get_current_ancestor_cgroup_id() is for tracing
 * programs since 5.15 only, so this follows the pointers. */
tcpd_subprogram bool tcpd_cgroup_wanted(u64 id, bool of_current)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct cgroup_subsys_state *state;
	u64 ancestor;
	int level;

	if (bpf_map_lookup_elem(&tcpd_cgroup_set, &id))
		return true;
	if (!of_current)
		return false;
	state = BPF_CORE_READ(task, cgroups, dfl_cgrp, self.parent);
	for (level = 0; level < 16 && state; level++) {
		ancestor = BPF_CORE_READ(state, cgroup, kn, id);
		if (bpf_map_lookup_elem(&tcpd_cgroup_set, &ancestor))
			return true;
		state = BPF_CORE_READ(state, parent);
	}
	return false;
}

static __always_inline bool tcpd_owner_wanted(const struct tcpd_wire_owner *owner, bool is_current)
{
	struct tcpd_comm comm;

	if (tcpd_cfg.filter_pid && !bpf_map_lookup_elem(&tcpd_pid_set, &owner->tgid))
		return false;
	if (tcpd_cfg.filter_comm) {
		__builtin_memcpy(comm.name, owner->comm, sizeof(comm.name));
		if (!bpf_map_lookup_elem(&tcpd_comm_set, &comm))
			return false;
	}
	return !tcpd_cfg.filter_cgroup || tcpd_cgroup_wanted(owner->cgroup_id, is_current);
}

/*
 * The current task is the owner: only to be called where it holds the socket's lock by a system
 * call, never in a softirq, whose current task is a stranger. Threads of the kernel (kTLS,
 * strparser) own nothing.
 */
static __always_inline bool tcpd_own_by_current(struct tcpd_wire_owner *owner, u8 source)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 id = bpf_get_current_pid_tgid();

	if (!id || (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return false;
	owner->tgid = id >> 32;
	owner->tid = (u32)id;
	owner->source = source;
	owner->cgroup_id = bpf_get_current_cgroup_id();
	tcpd_fill_owner_names(owner, task);
	return true;
}

/* Another process than the owner uses the socket: it was inherited by fork() or passed. */
static __always_inline bool tcpd_becomes_shared(const struct tcpd_sock *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return tgid && tgid != s->owner.tgid && !s->owner.shared &&
	       !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

/* A hook whose current task truly uses the socket: the first of them finds the owner of an accepted
 * or older socket. */
static __always_inline void tcpd_meet_owner(struct sock *sk, struct tcpd_sock *s, u8 source,
					    u64 now)
{
	if (s->rejected || !sk->sk_lock.owned)
		return;
	if (s->owner.source) {
		if (!tcpd_becomes_shared(s))
			return;
		s->owner.shared = 1;
	} else {
		if (!tcpd_own_by_current(&s->owner, source))
			return;
		tcpd_settle(s, TCPD_PENDING_OWNER, tcpd_owner_wanted(&s->owner, true));
	}
	if (s->pending || s->rejected)
		return;
	tcpd_emit_plain(TCPD_EVENT_OWNER, s, sk, sk->__sk_common.skc_state, now);
}

/* The local port of a connecting socket: chosen after SYN_SENT, so first seen with the first SYN.
 * True: what was pending for it is settled now, and the socket is let in. */
static __always_inline bool tcpd_local_port_known(const struct sock *sk, struct tcpd_sock *s)
{
	if (s->ref.lport)
		return false;
	s->ref.lport = sk->__sk_common.skc_num;
	if (!s->ref.lport || !(s->pending & TCPD_PENDING_PORT))
		return false;
	tcpd_settle(s, TCPD_PENDING_PORT, true);
	if (s->rejected)
		return false;
	s->slot = tcpd_slot_of(&s->ref);
	return true;
}

/* Adds what is new in the socket's own counters to its endpoint's. */
tcpd_subprogram void tcpd_flush(const struct sock *sk, struct tcpd_sock *s,
				struct tcpd_endpoint_stats *stats, u64 now)
{
	u64 acked = tcpd_bytes_acked(s, sk), received = tcpd_bytes_received(sk);
	u32 segs_out = tcpd_tcp(sk, segs_out), segs_in = tcpd_tcp(sk, segs_in),
	    ooo = tcpd_tcp(sk, rcv_ooopack);

	s->flushed_ns = now;
	if ((s64)(acked - s->flushed_bytes_acked) > 0) {
		stats->bytes_sent += acked - s->flushed_bytes_acked;
		s->flushed_bytes_acked = acked;
	}
	if ((s64)(received - s->flushed_bytes_received) > 0) {
		stats->bytes_received += received - s->flushed_bytes_received;
		s->flushed_bytes_received = received;
	}
	stats->segments_sent += segs_out - s->flushed_segs_out;
	stats->segments_received += segs_in - s->flushed_segs_in;
	stats->out_of_order_segments += ooo - s->flushed_rcv_ooopack;
	s->flushed_segs_out = segs_out;
	s->flushed_segs_in = segs_in;
	s->flushed_rcv_ooopack = ooo;
}

/* bytes_acked is what it was before any payload. */
static __always_inline void tcpd_set_sent_base(struct tcpd_sock *s, u64 bytes_acked)
{
	s->base_bytes_acked = bytes_acked;
	s->flushed_bytes_acked = bytes_acked;
}

/* tcp_sock's counters now are the zero of what is reported for this socket. */
static __always_inline void tcpd_set_base(struct tcpd_sock *s, const struct sock *sk)
{
	s->sent_high = tcpd_tcp(sk, snd_nxt);
	s->received_high = tcpd_received_end(sk);
	tcpd_set_sent_base(s, tcpd_tcp(sk, bytes_acked));
	s->base_bytes_received = tcpd_bytes_received(sk);
	s->flushed_bytes_received = s->base_bytes_received;
	s->flushed_segs_out = tcpd_tcp(sk, segs_out);
	s->flushed_segs_in = tcpd_tcp(sk, segs_in);
	s->flushed_rcv_ooopack = tcpd_tcp(sk, rcv_ooopack);
	s->rtt_una = tcpd_tcp(sk, snd_una);
	s->path_dirty_until = s->sent_high;
	s->copied_seq = tcpd_tcp(sk, copied_seq);
	if (!s->call_noted)
		s->app_gap_us = TCPD_UNKNOWN_US;
}

#endif
