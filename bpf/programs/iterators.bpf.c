// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is open already, and what is open still. At the start, per namespace: iter/tcp makes a
 * record for every connection (it meets listeners first, so roles can be derived); then one pass of
 * iter/task_file over all processes finds the owners; then iter/tcp writes the snapshots. At the
 * end the last two steps.
 */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/compat.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/owner.bpf.h"

volatile __u32 tcpd_snapshot_mode SEC(".data") = TCPD_SNAPSHOT_START; /* enum tcpd_snapshot_mode */

/* A response of which nothing more has come for so long when the trace ends is taken as complete. */
#define RESPONSE_QUIET_NS 50000000ULL

/*
 * The kernel keeps the jiffy of the newest data each way. For a socket older than the trace it
 * tells how long a request has been waiting, to within a jiffy (tcp_event_data_sent,
 * tcp_event_data_recv).
 */
static __always_inline void infer_exchange(struct tcpd_sock *s, const struct sock *sk, u64 now)
{
	u32 jiffies = (u32)bpf_jiffies64();
	u32 sent = tcpd_tcp(sk, lsndtime), received = tcpd_tcp(sk, inet_conn.icsk_ack.lrcvtime);
	bool has_sent = tcpd_tcp(sk, bytes_acked) > 1 ||
			tcpd_tcp(sk, snd_nxt) != tcpd_tcp(sk, snd_una);
	bool has_received = tcpd_tcp(sk, bytes_received) > 0;

	if (has_sent)
		s->c.last_sent_ns = now - (u64)(jiffies - sent) * tcpd_cfg.tick_ns;
	if (has_received)
		s->c.last_received_ns = now - (u64)(jiffies - received) * tcpd_cfg.tick_ns;
	if (s->c.inbound) {
		s->c.outstanding = has_received && (!has_sent || tcpd_after(received, sent));
		s->c.request_first_ns = s->c.outstanding ? s->c.last_received_ns : 0;
	} else {
		s->c.outstanding = has_sent && (!has_received || tcpd_after(sent, received));
		s->c.request_first_ns = s->c.outstanding ? s->c.last_sent_ns : 0;
	}
	s->c.request_last_ns = s->c.request_first_ns;
}

/* The kernel does not keep who opened a connection: inbound if somebody listens on its local port. */
static __always_inline u8 derived_role(const struct tcpd_wire_sock *ref)
{
	struct tcpd_listener_key listener = { .netns = ref->netns, .port = ref->lport };

	return bpf_map_lookup_elem(&tcpd_listeners, &listener) ? TCPD_ROLE_INBOUND
							       : TCPD_ROLE_OUTBOUND;
}

static __always_inline void seed(struct sock *sk, u64 now)
{
	struct tcpd_endpoint_shared *shared;
	struct tcpd_wire_sock ref = { .role_source = TCPD_ROLE_BY_LISTENERS,
				      .older_than_trace = 1 };
	struct tcpd_sock *s;

	tcpd_read_tuple(&sk->__sk_common, &ref);
	ref.role = derived_role(&ref);
	if (!tcpd_tuple_wanted(&ref)) {
		tcpd_count(TCPD_COUNT_FILTERED_OUT);
		return;
	}
	s = tcpd_sock_create(sk);
	if (!s)
		return;
	tcpd_sock_identify(sk, &ref, now);
	tcpd_sock_is(s, &ref);
	s->c.idle_before_request_ns = TCPD_UNKNOWN_NS;
	s->base_segs_out = tcpd_tcp(sk, segs_out);
	s->base_segs_in = tcpd_tcp(sk, segs_in);
	s->base_total_retrans = tcpd_tcp(sk, total_retrans);
	s->base_rcv_ooopack = tcpd_tcp(sk, rcv_ooopack);
	s->base_dsack_dups = tcpd_tcp(sk, dsack_dups);
	tcpd_set_base(s, sk);
	s->previous_state = sk->__sk_common.skc_state;
	if (tcpd_fin_received(sk))
		s->fin_received_ns = now;
	if (s->previous_state != TCP_ESTABLISHED && s->previous_state != TCP_SYN_SENT &&
	    s->previous_state != TCP_CLOSE_WAIT)
		s->fin_sent_ns = now;
	infer_exchange(s, sk, now);
	if (tcpd_owner_matters())
		s->pending = TCPD_PENDING_OWNER;
	tcpd_join_endpoint(s);
	shared = tcpd_shared_of(s);
	if (shared)
		tcpd_lower(shared, &shared->floor_kernel_us, tcpd_rtt_min(sk));
}

SEC("iter/tcp")
int tcpd_seed(struct bpf_iter__tcp *ctx)
{
	struct sock_common *c = ctx->sk_common;
	struct tcpd_listener_key listener = {};
	struct sock *sk;
	u8 one = 1;

	if (!c)
		return 0;
	if (c->skc_state == TCP_LISTEN) {
		listener.netns = c->skc_net.net->ns.inum;
		listener.port = c->skc_num;
		bpf_map_update_elem(&tcpd_listeners, &listener, &one, BPF_ANY);
		return 0;
	}
	if (c->skc_state == TCP_TIME_WAIT || c->skc_state == TCP_NEW_SYN_RECV)
		return 0;
	sk = (struct sock *)bpf_skc_to_tcp_sock(c);
	if (!sk)
		return 0;
	/* already met by an event since the programs were attached */
	if (tcpd_sock_find(sk))
		return 0;
	seed(sk, bpf_ktime_get_ns());
	return 0;
}

/* Silence in the middle of a response from which on it is looked at who waits. */
#define READER_QUIET_NS 500000000ULL
#define WAITERS 4

/* Does somebody wait on the socket: a thread in recv(), poll() or select(), a request of io_uring?
 * They name themselves in `private`; epoll's entry does not, and stands there whether anybody waits
 * or not. */
static __always_inline bool is_waited_for(const struct sock *sk)
{
	struct socket_wq *wq = BPF_CORE_READ(sk, sk_wq);
	struct list_head *head, *next;
	char *entry;
	void *waiter;
	int i;

	if (!wq)
		return false;
	head = (struct list_head *)((char *)wq + bpf_core_field_offset(struct socket_wq, wait) +
				    bpf_core_field_offset(struct wait_queue_head, head));
	next = BPF_CORE_READ(head, next);
	for (i = 0; i < WAITERS && next && next != head; i++) {
		entry = (char *)next - bpf_core_field_offset(struct wait_queue_entry, entry);
		waiter = BPF_CORE_READ((struct wait_queue_entry *)entry, private);
		if (waiter)
			return true;
		next = BPF_CORE_READ(next, next);
	}
	return false;
}

/*
 * Once a second. A response that stopped looks like one that is complete, but for the application,
 * which still waits to read.
 */
SEC("iter/bpf_sk_storage_map")
int tcpd_readers(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct tcpd_sock *s = ctx->value;
	struct sock *sk = ctx->sk;
	u64 now;

	if (!sk || !s)
		return 0;
	if (s->rejected || s->c.inbound || !s->c.in_response ||
	    sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	now = bpf_ktime_get_ns();
	if (now - s->c.last_received_ns >= READER_QUIET_NS && is_waited_for(sk))
		s->c.reader_ns = now;
	return 0;
}

static __always_inline void fill_owner_of(struct tcpd_wire_owner *owner, struct task_struct *task)
{
	owner->tgid = task->tgid;
	owner->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	owner->source = TCPD_OWNER_TABLE;
	tcpd_fill_owner_names(owner, task);
}

SEC("iter/task_file")
int tcpd_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct tcpd_wire_owner owner = {};
	struct tcpd_sock *s;

	if (!task || !file)
		return 0;
	s = tcpd_sock_find_by_file(file);
	if (!s)
		return 0;
	if (s->owner.tgid == (u32)task->tgid)
		return 0;
	if (s->owner.source) {
		s->owner.shared = 1;
		return 0;
	}
	fill_owner_of(&owner, task);
	/* of several holders the one that was asked for */
	if (!tcpd_owner_wanted(&owner, false))
		return 0;
	s->owner = owner;
	tcpd_settle(s, TCPD_PENDING_OWNER, true);
	return 0;
}

static __always_inline void finish(struct sock *sk, struct tcpd_sock *s, u64 now)
{
	u64 last = s->c.inbound ? s->c.last_sent_ns : s->c.last_received_ns;
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);

	if (s->c.in_response && now > last + RESPONSE_QUIET_NS)
		tcpd_exchange_finish(&s->c, stats);
	tcpd_conclude(sk, s, stats, now);
}

/* It would take most of the stack. One iterator runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tcpd_wire_snapshot);
} tcpd_newest_snapshot SEC(".maps");

SEC("iter/tcp")
int tcpd_snapshot(struct bpf_iter__tcp *ctx)
{
	struct tcpd_wire_snapshot *snapshot;
	struct sock_common *c = ctx->sk_common;
	struct tcpd_sock *s;
	struct sock *sk;
	u32 key = 0;
	u64 now;

	if (!c || c->skc_state == TCP_LISTEN || c->skc_state == TCP_TIME_WAIT ||
	    c->skc_state == TCP_NEW_SYN_RECV)
		return 0;
	sk = (struct sock *)bpf_skc_to_tcp_sock(c);
	if (!sk)
		return 0;
	snapshot = bpf_map_lookup_elem(&tcpd_newest_snapshot, &key);
	if (!snapshot)
		return 0;
	__builtin_memset(snapshot, 0, sizeof(*snapshot));
	now = bpf_ktime_get_ns();
	snapshot->at_ns = now;
	snapshot->size = sizeof(*snapshot);
	s = tcpd_sock_find(sk);
	if (s && !s->pending && !s->rejected) {
		tcpd_catch_up(s, sk, now);
		snapshot->tracked = 1;
		snapshot->sock = s->ref;
		snapshot->owner = s->owner;
		tcpd_fill_flow(&snapshot->flow, s, sk, c->skc_state, now);
		if (tcpd_snapshot_mode != TCPD_SNAPSHOT_START)
			finish(sk, s, now);
	} else if (tcpd_snapshot_mode == TCPD_SNAPSHOT_ALL) {
		tcpd_read_tuple(c, &snapshot->sock);
		snapshot->sock.role = derived_role(&snapshot->sock);
		snapshot->flow.bytes_acked_total = tcpd_tcp(sk, bytes_acked);
		snapshot->flow.bytes_received_total = tcpd_tcp(sk, bytes_received);
	} else {
		return 0;
	}
	bpf_seq_write(ctx->meta->seq, snapshot, sizeof(*snapshot));
	return 0;
}
