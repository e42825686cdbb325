// SPDX-License-Identifier: GPL-2.0-only
/* The life of a connection: connect, handshake, FINs, end. */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/compat.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/nested.bpf.h"
#include "lib/owner.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* What a change of state means, and the record it belongs to; kind 0: nothing to emit. */
struct transition {
	struct tcpd_sock *s;
	u16 kind;
	bool by_application;
};

/* connect(): the caller holds the socket's lock, so it is the owner. The remote side and the local
 * address are set, the local port is chosen later (inet_hash_connect), unless it was bound. */
static __always_inline struct transition connect_started(struct sock *sk, u64 now)
{
	struct tcpd_wire_sock ref = { .role = TCPD_ROLE_OUTBOUND,
				      .role_source = TCPD_ROLE_BY_CONNECT };
	struct transition t = { .kind = TCPD_EVENT_CONNECT };
	struct tcpd_wire_owner owner = {};

	tcpd_read_tuple(&sk->__sk_common, &ref);
	tcpd_own_by_current(&owner, TCPD_OWNER_CALLER);
	if (!tcpd_tuple_wanted(&ref) || !tcpd_owner_wanted(&owner, true)) {
		tcpd_sock_forget(sk);
		tcpd_count(TCPD_COUNT_FILTERED_OUT);
		return t;
	}
	t.s = tcpd_sock_create(sk);
	if (!t.s)
		return t;
	tcpd_sock_identify(sk, &ref, now);
	tcpd_sock_is(t.s, &ref);
	t.s->opened_ns = now;
	t.s->base_segs_out = tcpd_tcp(sk, segs_out);
	t.s->base_segs_in = tcpd_tcp(sk, segs_in);
	t.s->base_total_retrans = tcpd_tcp(sk, total_retrans);
	t.s->owner = owner;
	tcpd_call_begins(t.s, now);
	if (tcpd_port_matters() && !ref.lport)
		t.s->pending |= TCPD_PENDING_PORT;
	t.s->slot.index = TCPD_NO_SLOT;
	if (!t.s->pending)
		tcpd_join_endpoint(t.s);
	return t;
}

/* The last ACK of a handshake made a child socket ESTABLISHED: in softirq, with a stranger as the
 * current task. */
static __always_inline struct transition accepted(struct sock *sk, u64 now)
{
	struct tcpd_wire_sock ref = { .role = TCPD_ROLE_INBOUND,
				      .role_source = TCPD_ROLE_BY_ACCEPT };
	struct transition t = { .kind = TCPD_EVENT_ESTABLISHED };

	tcpd_read_tuple(&sk->__sk_common, &ref);
	if (!tcpd_tuple_wanted(&ref)) {
		tcpd_sock_forget(sk);
		tcpd_count(TCPD_COUNT_FILTERED_OUT);
		return t;
	}
	t.s = tcpd_sock_create(sk);
	if (!t.s)
		return t;
	tcpd_sock_identify(sk, &ref, now);
	tcpd_sock_is(t.s, &ref);
	t.s->opened_ns = now;
	t.s->c.established_ns = now;
	/* it starts with the SYN-ACK's (tcp_create_openreq_child), which have events of their own */
	t.s->base_total_retrans = tcpd_tcp(sk, total_retrans);
	if (tcpd_owner_matters())
		t.s->pending = TCPD_PENDING_OWNER;
	tcpd_join_endpoint(t.s);
	return t;
}

/* TCP Fast Open (RFC 7413): the request came with the SYN, and the answer may have left before the
 * handshake ended. The moments were not seen. */
static __always_inline void before_accepted(struct sock *sk, struct tcpd_sock *s, u64 now)
{
	u32 received = tcpd_bytes_received(sk), sent = tcpd_tcp(sk, bytes_sent);
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);

	if (!received)
		return;
	tcpd_set_sent_base(s, sk, 0);
	s->base_bytes_received = 0;
	s->flushed_bytes_received = 0;
	s->flushed_rcv -= received;
	tcpd_request_bytes(&s->c, stats, received, now);
	s->c.exact = 0;
	s->c.last_received_ns = now;
	if (!sent)
		return;
	tcpd_response_bytes(&s->c, stats, sent, 0);
	s->c.last_sent_ns = now;
}

/*
 * The handshake has ended. The kernel keeps neither initial sequence number of a connection, but
 * counts the bytes that went beyond them: its own SYN is among those acknowledged, unless it was a
 * SYN-ACK (tcp_create_openreq_child begins to count behind it); the peer's is not among those
 * received.
 */
static __always_inline void note_initial_seqs(const struct sock *sk, struct tcpd_sock *s)
{
	s->ref.initial_seq_local =
		tcpd_tcp(sk, snd_una) - (u32)tcpd_tcp(sk, bytes_acked) - s->c.inbound;
	s->ref.initial_seq_remote = tcpd_tcp(sk, rcv_nxt) - (u32)tcpd_tcp(sk, bytes_received) - 1;
	s->ref.has_initial_seq_local = 1;
	s->ref.has_initial_seq_remote = 1;
}

/* The SYN-ACK came. */
static __always_inline struct transition connected(struct sock *sk, struct tcpd_sock *s, u64 now)
{
	struct transition t = { .s = s, .kind = TCPD_EVENT_ESTABLISHED };

	tcpd_local_port_known(sk, s);
	s->c.established_ns = now;
	return t;
}

static __always_inline struct transition state_changed(struct sock *sk, struct tcpd_sock *s,
						       u8 from, u8 to, u64 now)
{
	struct transition t = { .s = s };

	if (from == TCP_SYN_SENT && to == TCP_CLOSE && !s->c.outstanding)
		tcpd_call_counted(&s->c, tcpd_stats_of(s));
	tcpd_catch_up(s, sk, now);
	if (tcpd_fin_received(sk) && !s->fin_received_ns)
		s->fin_received_ns = now;
	/* close() and shutdown() set SEND_SHUTDOWN under the lock before they change the state; a
	 * RST that is worked off from the backlog, with the lock held too, sets it later
	 * (tcp_done). */
	t.by_application = sk->sk_lock.owned && (sk->sk_shutdown & SEND_SHUTDOWN) &&
			   to != TCP_CLOSE_WAIT &&
			   (from == TCP_ESTABLISHED || from == TCP_SYN_SENT ||
			    from == TCP_SYN_RECV || from == TCP_CLOSE_WAIT);
	if (to == TCP_CLOSE || to == TCP_FIN_WAIT1 || to == TCP_CLOSE_WAIT || to == TCP_LAST_ACK)
		t.kind = TCPD_EVENT_STATE;
	return t;
}

static __always_inline void state_body(struct tcpd_body_state *body, struct sock *sk,
				       const struct transition *t, u8 from, u8 to)
{
	body->from = from;
	body->to = to;
	body->socket_error = sk->sk_err;
	body->soft_error = sk->sk_err_soft;
	body->by_application = t->by_application;
	/* snd_nxt moves although this host's own rules threw the SYN away (tcp_connect) */
	body->syn_was_sent = t->s->syn_sent || t->s->c.is_older;
	body->process_exiting = t->by_application && tcpd_current_exiting();
}

/* The RTT of the handshake: of an outbound socket from the device, of an inbound one as the kernel
 * took it. A SYN that was repeated tells nothing. */
static __always_inline void handshake_floor(const struct sock *sk, const struct tcpd_sock *s,
					    u64 now)
{
	struct tcpd_endpoint_shared *shared = tcpd_shared_of(s);

	if (!shared)
		return;
	if (s->c.inbound)
		tcpd_lower(shared, &shared->floor_kernel_us, tcpd_rtt_min(sk));
	else if (s->c.syn_ns && !tcpd_tcp(sk, total_retrans))
		tcpd_lower(shared, &shared->floor_handshake_us, (now - s->c.syn_ns) / 1000 + 1);
}

/* The end: nothing can follow that would complete what is under way. */
static __always_inline void conclude(struct sock *sk, struct tcpd_sock *s, u64 now)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);

	tcpd_exchange_finish(&s->c, stats);
	if (s->c.inbound)
		tcpd_request_over(s);
	tcpd_conclude(sk, s, stats, now);
	tcpd_leave_endpoint(s);
}

static __always_inline void tell(struct sock *sk, struct transition t, u8 from, u8 to, u64 now,
				 u32 program)
{
	struct tcpd_wire_event *e;
	struct tcpd_sock *s = t.s;
	u64 fin_sent_ns;

	if (!s)
		return;
	s->previous_state = from;
	if (t.kind == TCPD_EVENT_CONNECT || t.kind == TCPD_EVENT_ESTABLISHED) {
		if (!s->c.outstanding)
			s->c.idle_before_request_ns = TCPD_UNKNOWN_NS;
		if (t.kind == TCPD_EVENT_ESTABLISHED)
			note_initial_seqs(sk, s);
		tcpd_set_base(s, sk);
		if (s->c.inbound)
			before_accepted(sk, s, now);
		else if (t.kind == TCPD_EVENT_ESTABLISHED)
			tcpd_set_sent_base(s, sk, s->base_bytes_acked > 0); /* the SYN */
	}
	fin_sent_ns = s->fin_sent_ns;
	if ((to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK) && !fin_sent_ns)
		fin_sent_ns = now;
	/* Nothing may stand between the reservation and the test of it: before 6.12 the verifier
	 * forgets that it was tested already and takes the other branch for a leak. */
	e = t.kind ? tcpd_event_begin(t.kind, s, sk, from, now) : NULL;
	if (e) {
		e->flow.fin_sent_ns = fin_sent_ns;
		if (t.kind == TCPD_EVENT_STATE)
			state_body(&e->body.state, sk, &t, from, to);
		s->close_reported |= to == TCP_CLOSE;
		bpf_ringbuf_submit(e, 0);
	}
	/* after the figures were taken: the FIN is not in the sequence numbers yet */
	s->fin_sent_ns = fin_sent_ns;
	if (t.kind == TCPD_EVENT_ESTABLISHED)
		handshake_floor(sk, s, now);
	if (to == TCP_CLOSE)
		conclude(sk, s, now);
	tcpd_cost(program, now);
}

/* One that is followed. */
static __always_inline struct tcpd_sock *followed(struct sock *sk)
{
	struct tcpd_sock *s = tcpd_sock_find(sk);

	return s && !s->rejected ? s : NULL;
}

static __always_inline void connect_starts(struct sock *sk, u8 from)
{
	u64 now = bpf_ktime_get_ns();

	tell(sk, connect_started(sk, now), from, TCP_SYN_SENT, now, TCPD_PROG_CONNECT_STARTS);
}

static __always_inline void connect_ends(struct sock *sk)
{
	struct tcpd_sock *s = followed(sk);
	u64 now = bpf_ktime_get_ns();

	if (s)
		tell(sk, connected(sk, s, now), TCP_SYN_SENT, TCP_ESTABLISHED, now,
		     TCPD_PROG_CONNECT_ENDS);
}

static __always_inline void accept_begins(struct sock *sk)
{
	u64 now = bpf_ktime_get_ns();

	tell(sk, accepted(sk, now), TCP_SYN_RECV, TCP_ESTABLISHED, now, TCPD_PROG_ACCEPT_BEGINS);
}

static __always_inline void state_changes(struct sock *sk, u8 from, u8 to)
{
	struct tcpd_sock *s = followed(sk);
	u64 now = bpf_ktime_get_ns();

	if (s)
		tell(sk, state_changed(sk, s, from, to, now), from, to, now, TCPD_PROG_STATE);
}

static __always_inline bool state_matters(const struct sock *sk, int from, int to)
{
	return sk->sk_protocol == IPPROTO_TCP && from != TCP_LISTEN && to != TCP_LISTEN &&
	       tcpd_netns_wanted(sk->__sk_common.skc_net.net->ns.inum);
}

/* The last ACK of a handshake. A record found here is the left-over of an address that is used
 * again, unless both sides have connected. */
static __always_inline bool is_accept(struct sock *sk, int from, int to)
{
	struct tcpd_sock *s;

	if (from != TCP_SYN_RECV || to != TCP_ESTABLISHED)
		return false;
	s = tcpd_sock_find(sk);
	return !s || s->c.inbound;
}

static __always_inline bool is_connected(int from, int to)
{
	return from == TCP_SYN_SENT && to == TCP_ESTABLISHED;
}

/* A program for each kind of change, and not one for all: the verifier would walk what they share
 * for each of them, with the figures of all the others. */
TCPD_TWINS("inet_sock_set_state", tcpd_connect_starts, TCPD_PROG_CONNECT_STARTS,
	   to == TCP_SYN_SENT && state_matters(sk, from, to), connect_starts(sk, from),
	   struct sock *sk, int from, int to)
TCPD_TWINS("inet_sock_set_state", tcpd_connect_ends, TCPD_PROG_CONNECT_ENDS,
	   is_connected(from, to) && state_matters(sk, from, to), connect_ends(sk), struct sock *sk,
	   int from, int to)
TCPD_TWINS("inet_sock_set_state", tcpd_accept_begins, TCPD_PROG_ACCEPT_BEGINS,
	   state_matters(sk, from, to) && is_accept(sk, from, to), accept_begins(sk),
	   struct sock *sk, int from, int to)
TCPD_TWINS("inet_sock_set_state", tcpd_set_state, TCPD_PROG_STATE,
	   to != TCP_SYN_SENT && !is_connected(from, to) && state_matters(sk, from, to) &&
		   !is_accept(sk, from, to),
	   state_changes(sk, from, to), struct sock *sk, int from, int to)

/* --children: what the named processes fork, and what that forks, belongs to them. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(tcpd_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 from = parent->tgid, to = child->tgid;
	u8 one = 1;

	if (from == to || !bpf_map_lookup_elem(&tcpd_pid_set, &from))
		return 0;
	if (bpf_map_update_elem(&tcpd_pid_set, &to, &one, BPF_ANY))
		tcpd_count(TCPD_COUNT_PROCESSES_FULL);
	return 0;
}

/* Its number may be given to somebody else. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(tcpd_exit, struct task_struct *task)
{
	u32 tgid = task->tgid;

	if (task->pid == task->tgid)
		bpf_map_delete_elem(&tcpd_pid_set, &tgid);
	return 0;
}

/* Says nothing of a socket whose end was reported; repairs the loss of that report. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcpd_destroy_sock, struct sock *sk)
{
	struct tcpd_sock *s;

	if (!tcpd_candidate(sk))
		return 0;
	s = tcpd_sock_find(sk);
	if (!s || s->rejected || s->close_reported)
		return 0;
	tcpd_emit_plain(TCPD_EVENT_DESTROYED, s, sk, s->previous_state, bpf_ktime_get_ns());
	return 0;
}

/* ICMP errors while connecting; later errors come with the change of state. Kernel 5.14 ("net:
 * sock: add trace for socket errors"). */
SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(tcpd_error_report, struct sock *sk)
{
	struct tcpd_wire_event *e;
	struct tcpd_sock *s;

	if (sk->__sk_common.skc_state != TCP_SYN_SENT || !tcpd_candidate(sk))
		return 0;
	s = tcpd_sock_find(sk);
	if (!s)
		return 0;
	e = tcpd_event_begin(TCPD_EVENT_ERROR, s, sk, TCP_SYN_SENT, bpf_ktime_get_ns());
	if (e) {
		e->body.error.socket_error = sk->sk_err;
		e->body.error.soft_error = sk->sk_err_soft;
		bpf_ringbuf_submit(e, 0);
	}
	return 0;
}
