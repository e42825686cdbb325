// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions: the raw facts; what kind each was is decided in user space
 * (src/model/retransmit.h). */
#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cost.h"
#include "emit.h"
#include "nested.h"
#include "path.h"
#include "recovery.h"

#define TCPHDR_SYN 0x02
#define EAGAIN 11
#define ENOMEM 12
#define EBUSY 16
#define EHOSTUNREACH 113
#define TCP_CA_LOSS 4

static __always_inline void retransmitted(struct sock *sk, const struct sk_buff *skb, s32 error)
{
	struct tcpd_wire_event *e;
	struct tcpd_sock *s;
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)&skb->cb[0];
	u32 end_seq, first_bound_us = 0;
	u8 pending, ca_state, is_syn;
	u64 now, first_sent_ns;
	bool failed;

	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (!s)
		return;
	tcpd_sync_received(s, tcpd_received_end(sk), now);
	pending = tcpd_tcp(sk, inet_conn.icsk_pending);
	ca_state = BPF_CORE_READ_BITFIELD_PROBED((const struct inet_connection_sock *)sk,
						 icsk_ca_state);
	is_syn = (BPF_CORE_READ(cb, tcp_flags) & TCPHDR_SYN) ||
		 sk->__sk_common.skc_state == TCP_SYN_SENT;
	/* refused before anything was sent; other errors count as sent, as in TcpRetransSegs */
	failed = error == -EBUSY || error == -EAGAIN || error == -EHOSTUNREACH || error == -ENOMEM;
	end_seq = BPF_CORE_READ(cb, end_seq);
	/* outside ESTABLISHED no tcp_probe has told of the ACKs */
	tcpd_path_acked(s, tcpd_tcp(sk, snd_una), now / 1000);
	first_sent_ns = s->syn_ns;
	if (!is_syn) {
		first_sent_ns =
			tcpd_path_first_sent(s, BPF_CORE_READ(cb, seq), now, &first_bound_us);
		if (!failed)
			tcpd_recovery_retransmitted(sk, s, end_seq, now);
	}
	if (!failed)
		s->path_dirty_until = s->sent_high;
	if (s->outstanding && !failed) {
		s->request_retransmits++;
		s->request_rtos += pending == 0 && ca_state == TCP_CA_LOSS;
	}
	e = tcpd_event_begin(TCPD_EVENT_RETRANSMIT, s, sk, sk->__sk_common.skc_state, now);
	if (!e)
		return;
	e->body.retrans.error = error;
	e->body.retrans.timer_pending = pending;
	e->body.retrans.ca_state = ca_state;
	e->body.retrans.is_syn = is_syn;
	e->body.retrans.segments = BPF_CORE_READ(cb, tcp_gso_segs);
	if (!e->body.retrans.segments)
		e->body.retrans.segments = 1;
	e->body.retrans.seq = BPF_CORE_READ(cb, seq);
	e->body.retrans.end_seq = end_seq;
	e->body.retrans.first_sent_ns = first_sent_ns;
	e->body.retrans.first_bound_us = first_bound_us;
	bpf_ringbuf_submit(e, 0);
	tcpd_cost(TCPD_PROG_RETRANSMIT, now);
}

static __always_inline void first_of_twins(struct sock *sk, const struct sk_buff *skb, s32 error)
{
	if (!tcpd_candidate(sk))
		return;
	tcpd_set_running(TCPD_PROG_RETRANSMIT, 1);
	retransmitted(sk, skb, error);
	tcpd_set_running(TCPD_PROG_RETRANSMIT, 0);
}

/* With the error, also for attempts that failed: kernel 6.17, commit ad892e912b84 ("tcp: trace
 * retransmit failures in tcp_retransmit_skb"). */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcpd_retransmit_error, struct sock *sk, struct sk_buff *skb, int error)
{
	first_of_twins(sk, skb, error);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcpd_retransmit_error_nested, struct sock *sk, struct sk_buff *skb, int error)
{
	if (tcpd_candidate(sk) && tcpd_is_running(TCPD_PROG_RETRANSMIT))
		retransmitted(sk, skb, error);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcpd_retransmit, struct sock *sk, struct sk_buff *skb)
{
	first_of_twins(sk, skb, 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcpd_retransmit_nested, struct sock *sk, struct sk_buff *skb)
{
	if (tcpd_candidate(sk) && tcpd_is_running(TCPD_PROG_RETRANSMIT))
		retransmitted(sk, skb, 0);
	return 0;
}

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
