// SPDX-License-Identifier: GPL-2.0-only
/* The packet path: when requests leave and responses arrive (exchange.h has the idea), and who owns
 * the socket. */
#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cost.h"
#include "emit.h"

/* RFC 9293 section 3.1, as it lies in memory. */
struct tcp_header {
	u16 source, dest;
	u32 seq, ack_seq;
	u8 data_offset; /* upper half: header length in 4 bytes */
	u8 flags;
	u16 window, checksum, urgent;
};

#define TCP_FLAG_FIN_BIT 0x01
#define TCP_FLAG_SYN_BIT 0x02

static __always_inline void probe(struct sock *sk, struct tcpd_sock *s, const struct sk_buff *skb,
				  u64 now)
{
	struct tcp_header header;
	u32 seq, end, rcv_nxt, payload;

	/* the TCP header is at skb->data here, and all figures of the socket are those before this
	 * segment */
	if (bpf_probe_read_kernel(&header, sizeof(header), skb->data))
		return;
	payload = skb->len - (header.data_offset >> 4) * 4;
	rcv_nxt = tcpd_tcp(sk, rcv_nxt);
	if (s->outstanding && !s->request_acked_ns && s->ref.role != TCPD_ROLE_INBOUND &&
	    !tcpd_after(s->sent_high, bpf_ntohl(header.ack_seq)))
		s->request_acked_ns = now;
	tcpd_sync_received(s, rcv_nxt, now);
	if (!payload || (s32)payload < 0)
		return;
	seq = bpf_ntohl(header.seq);
	end = seq + payload;
	/* new data, and no gap before it: what fills no gap has not arrived for the application */
	if (!tcpd_after(end, rcv_nxt) || tcpd_after(seq, rcv_nxt))
		return;
	tcpd_received(s, end - rcv_nxt, now);
	s->received_high = end;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcpd_probe, struct sock *sk, struct sk_buff *skb)
{
	struct tcpd_sock *s;
	u64 now;

	/* fires in ESTABLISHED only */
	if (!tcpd_netns_wanted(sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		probe(sk, s, skb, now);
		tcpd_cost(TCPD_PROG_PROBE, now);
	}
	return 0;
}

static __always_inline void first_syn(struct sock *sk, struct tcpd_sock *s, u64 now)
{

	s->syn_sent = 1;
	if (s->syn_ns)
		return;
	s->syn_ns = now;
	if (tcpd_local_port_known(sk, s))
		tcpd_emit_plain(TCPD_EVENT_CONNECT, s, sk, TCP_CLOSE, now);
}

static __always_inline void transmit(struct sock *sk, struct tcpd_sock *s,
				     const struct sk_buff *skb, u64 now)
{
	struct tcp_header header;
	unsigned char *head = skb->head;
	u32 payload, end, before;

	if (bpf_probe_read_kernel(&header, sizeof(header), head + skb->transport_header))
		return;
	if (header.flags & TCP_FLAG_SYN_BIT) {
		if (sk->__sk_common.skc_state == TCP_SYN_SENT)
			first_syn(sk, s, now);
		return;
	}
	before = head + skb->transport_header - skb->data;
	payload = skb->len - before - (header.data_offset >> 4) * 4;
	if (!payload || (s32)payload < 0 || (!s->established_ns && !s->ref.older_than_trace))
		return;
	end = bpf_ntohl(header.seq) + payload;
	/* only the first copy of a byte, on the first device of a stack of them */
	if (!tcpd_after(end, s->sent_high))
		return;
	tcpd_sync_received(s, tcpd_received_end(sk), now);
	tcpd_sent(s, end - s->sent_high, now);
	s->sent_high = end;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tcpd_start_xmit, struct sk_buff *skb, struct net_device *dev)
{
	struct sock *sk = skb->sk;
	struct tcpd_sock *s;
	u64 now;

	if (!sk || !tcpd_candidate(sk))
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		transmit(sk, s, skb, now);
		tcpd_cost(TCPD_PROG_XMIT, now);
	}
	return 0;
}

/* Here, and not at net_dev_start_xmit, where a qdisc's softirq may send for strangers, the sender's
 * own context is current whenever the lock is owned. */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(tcpd_dev_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcpd_sock *s;
	u64 now;

	if (!sk || !tcpd_candidate(sk) || !sk->sk_lock.owned)
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_CALLER, now);
		tcpd_cost(TCPD_PROG_QUEUE, now);
	}
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcpd_rcv_space_adjust, struct sock *sk)
{
	struct tcpd_sock *s;
	u64 now;

	if (!tcpd_candidate(sk) || !sk->sk_lock.owned)
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_READER, now);
		tcpd_cost(TCPD_PROG_READ, now);
	}
	return 0;
}
