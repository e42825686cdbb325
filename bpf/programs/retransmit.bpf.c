// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions: the raw facts; what kind each was is decided in user space
 * (src/model/retransmit.h). */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "engine/segment.h"
#include "lib/compat.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/nested.bpf.h"

static __always_inline u32 segments_of(const struct tcp_skb_cb *cb)
{
	u32 segments = BPF_CORE_READ(cb, tcp_gso_segs);

	return segments ? segments : 1;
}

/* Between the end of the trace and the last look at this socket: its snapshot is not to count what
 * no event tells. */
static __always_inline void retransmitted_after_trace(struct sock *sk, const struct sk_buff *skb)
{
	struct tcpd_sock *s = tcpd_sock_find(sk);

	if (s)
		s->base_total_retrans += segments_of((const struct tcp_skb_cb *)&skb->cb[0]);
}

static __always_inline bool matters(const struct sock *sk)
{
	return tcpd_is_over || tcpd_candidate(sk);
}

static __always_inline void retransmitted(struct sock *sk, const struct sk_buff *skb, s32 error)
{
	struct tcpd_retransmission r = { .error = error };
	struct tcpd_wire_event *e;
	struct tcpd_sock *s;
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)&skb->cb[0];
	u64 now;

	if (tcpd_is_over) {
		retransmitted_after_trace(sk, skb);
		return;
	}
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (!s)
		return;
	tcpd_catch_up_received(s, sk, now);
	r.timer_pending = tcpd_tcp(sk, inet_conn.icsk_pending);
	r.ca_state = BPF_CORE_READ_BITFIELD_PROBED((const struct inet_connection_sock *)sk,
						   icsk_ca_state);
	r.is_syn = (BPF_CORE_READ(cb, tcp_flags) & TCPD_FLAG_SYN) ||
		   sk->__sk_common.skc_state == TCP_SYN_SENT;
	r.seq = BPF_CORE_READ(cb, seq);
	r.end_seq = BPF_CORE_READ(cb, end_seq);
	r.snd_una = tcpd_tcp(sk, snd_una);
	tcpd_segment_retransmitted(&s->c, tcpd_stats_of(s), &r, now);
	e = tcpd_event_begin(TCPD_EVENT_RETRANSMIT, s, sk, sk->__sk_common.skc_state, now);
	if (!e)
		return;
	e->body.retrans.error = error;
	e->body.retrans.timer_pending = r.timer_pending;
	e->body.retrans.ca_state = r.ca_state;
	e->body.retrans.is_syn = r.is_syn;
	e->body.retrans.segments = segments_of(cb);
	e->body.retrans.seq = r.seq;
	e->body.retrans.end_seq = r.end_seq;
	e->body.retrans.first_sent_ns = r.first_sent_ns;
	e->body.retrans.first_bound_us = r.first_bound_us;
	bpf_ringbuf_submit(e, 0);
	tcpd_cost(TCPD_PROG_RETRANSMIT, now);
}

/* With the error, also for attempts that failed: kernel 6.17, commit ad892e912b84 ("tcp: trace
 * retransmit failures in tcp_retransmit_skb"). */
TCPD_TWINS("tcp_retransmit_skb", tcpd_retransmit_error, TCPD_PROG_RETRANSMIT, matters(sk),
	   retransmitted(sk, skb, error), struct sock *sk, struct sk_buff *skb, int error)

TCPD_TWINS("tcp_retransmit_skb", tcpd_retransmit, TCPD_PROG_RETRANSMIT, matters(sk),
	   retransmitted(sk, skb, 0), struct sock *sk, struct sk_buff *skb)

/* The socket is the listener; the client is in the request. There is no connection yet, so no
 * record of one. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcpd_retransmit_synack, struct sock *sk, struct request_sock *req)
{
	struct tcpd_wire_sock ref = { .role = TCPD_ROLE_INBOUND,
				      .role_source = TCPD_ROLE_BY_ACCEPT };
	struct tcpd_wire_event *e;

	if (!tcpd_netns_wanted(sk->__sk_common.skc_net.net->ns.inum) || tcpd_owner_matters())
		return 0;
	tcpd_read_tuple(&req->__req_common, &ref);
	if (!tcpd_tuple_wanted(&ref))
		return 0;
	e = tcpd_event_without_socket(TCPD_EVENT_SYNACK, &ref);
	if (!e)
		return 0;
	e->flow.state = TCP_LISTEN;
	e->body.synack.first_sent_ns =
		BPF_CORE_READ((const struct tcp_request_sock *)req, snt_synack) * 1000;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
