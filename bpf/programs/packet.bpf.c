// SPDX-License-Identifier: GPL-2.0-only
/* The packet path: its segments (engine/segment.h), this host's queue, the reading
 * application, and who owns the socket. */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "engine/segment.h"
#include "lib/compat.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/dns.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/owner.bpf.h"

/* A departure time further back is not believed. */
#define HOST_QUEUE_MAX_NS 60000000000ULL

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

/* header: address of the TCP header; length: bytes from there to the end of the packet. */
static __always_inline bool read_packet(struct tcpd_packet *packet, const unsigned char *header,
					u32 length)
{
	struct tcpd_tcp_header h;

	if (bpf_probe_read_kernel(&h, sizeof(h), header))
		return false;
	tcpd_parse_packet(packet, &h, length);
	return true;
}

static __always_inline void probe(struct sock *sk, struct tcpd_sock *s, const struct sk_buff *skb,
				  u64 now)
{
	struct tcpd_endpoint_shared *shared = tcpd_shared_or_spare(s);
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);
	const struct tcp_sock *tp = tcpd_tcp_sock(sk);
	struct tcpd_arrival a = { .now = now };
	u64 answered = s->c.exchanges;

	/* the TCP header is at skb->data here */
	if (!stats || !shared || !tp || !read_packet(&a.packet, skb->data, skb->len))
		return;
	a.tcp.snd_una = tp->snd_una;
	a.tcp.snd_nxt = tp->snd_nxt;
	a.tcp.write_seq = tp->write_seq;
	a.tcp.rcv_nxt = tp->rcv_nxt;
	a.tcp.copied_seq = tp->copied_seq;
	a.tcp.mss = tp->mss_cache;
	a.tcp.rtt_us = tp->rack.rtt_us;
	a.tcp.srtt_us = tp->srtt_us >> 3;
	tcpd_tell_bytes(s, stats, &a);
	tcpd_segment_order(&s->c, stats, shared, &a);
	tcpd_segment_arrives(&s->c, stats, shared, &a);
	tcpd_answers_noted(s, answered);
	if (now - s->flushed_ns > TCPD_FLUSH_NS)
		tcpd_flush(sk, s, stats, now);
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

static __always_inline void first_syn(struct sock *sk, struct tcpd_sock *s,
				      const struct tcpd_packet *packet, u64 now)
{
	s->c.syn_ns = now;
	s->ref.initial_seq_local = packet->seq;
	s->ref.has_initial_seq_local = 1;
	if (tcpd_local_port_known(sk, s))
		tcpd_emit_plain(TCPD_EVENT_CONNECT, s, sk, TCP_CLOSE, now);
	if (packet->payload)
		tcpd_syn_data_leaves(&s->c, tcpd_stats_of(s), packet, now);
}

/* Data is on its way to the device. If it begins a request or an answer: who sends it? The first
 * request of a connection belongs to the call that connected, unless that thread had read nothing. */
static __always_inline void note_sender(const struct sock *sk, struct tcpd_sock *s, u64 now)
{
	bool inbound = s->c.inbound;

	if (inbound ? !s->c.outstanding
		    : s->c.outstanding || (s->c.call_noted && s->c.app_gap_us != TCPD_UNKNOWN_US))
		return;
	if (!tcpd_is_open(&s->c))
		return;
	/* an ACK alone leaves nothing unsent */
	if (!tcpd_data_waits(sk))
		return;
	if (inbound)
		tcpd_answered_by_current(s);
	else
		tcpd_call_begins(s, now);
}

/* From the moment that TCP stamped to the driver: qdiscs and what lies before them. */
static __always_inline void host_queue(struct tcpd_endpoint_stats *stats, const struct sk_buff *skb,
				       u64 now)
{
	u64 departure = tcpd_departure_ns(skb);

	if (departure && departure <= now && now - departure < HOST_QUEUE_MAX_NS)
		tcpd_hist_add(&stats->measures[TCPD_HOST_QUEUE], now - departure);
}

static __always_inline void note_device(const struct tcpd_sock *s, const struct net_device *dev)
{
	struct tcpd_endpoint_shared *shared = tcpd_shared_of(s);

	if (shared && !shared->device[0])
		bpf_probe_read_kernel_str(shared->device, sizeof(shared->device), dev->name);
}

static __always_inline void transmit(struct sock *sk, struct tcpd_sock *s,
				     const struct sk_buff *skb, const struct net_device *dev,
				     u64 now)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);
	unsigned char *header = skb->head + skb->transport_header;
	struct tcpd_packet packet;
	u64 answered;
	u32 leaves;

	if (!stats || !read_packet(&packet, header, skb->len - (u32)(header - skb->data)))
		return;
	if (packet.flags & TCPD_FLAG_SYN) {
		if (sk->__sk_common.skc_state != TCP_SYN_SENT)
			return;
		s->syn_sent = 1;
		if (s->c.syn_ns)
			return;
		host_queue(stats, skb, now);
		first_syn(sk, s, &packet, now);
		return;
	}
	/* The end of its handshake was not seen: the kernel withholds events (nested.bpf.h). What
	 * follows is measured nevertheless. */
	if (!tcpd_is_open(&s->c) && sk->__sk_common.skc_state == TCP_ESTABLISHED)
		s->c.established_ns = now;
	leaves = tcpd_segment_leaves(&s->c, stats, &packet, now);
	if (leaves)
		host_queue(stats, skb, now);
	if (!(leaves & TCPD_LEAVES_DATA))
		return;
	tcpd_catch_up_received(s, sk, now);
	if (s->c.outstanding && s->c.inbound && now - s->c.request_first_ns >= TCPD_SLOW_ANSWER_NS)
		tcpd_emit_plain(TCPD_EVENT_SLOW_ANSWER, s, sk, sk->__sk_common.skc_state, now);
	answered = s->c.exchanges;
	tcpd_data_leaves(&s->c, stats, packet.end, now);
	tcpd_answers_noted(s, answered);
	note_device(s, dev);
	if (now - s->flushed_ns > TCPD_FLUSH_NS)
		tcpd_flush(sk, s, stats, now);
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
		transmit(sk, s, skb, dev, now);
		tcpd_cost(TCPD_PROG_XMIT, now);
	}
	return 0;
}

static __always_inline void queued(struct sock *sk)
{
	struct tcpd_sock *s;
	u64 now;

	if (!sk->sk_lock.owned)
		return;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_CALLER, now);
		note_sender(sk, s, now);
		tcpd_cost(TCPD_PROG_QUEUE, now);
	}
}

/* With or without queries for names, which cost a packet of TCP nothing so: a program of their own
 * would run for each. */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(tcpd_dev_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (sk && tcpd_candidate(sk))
		queued(sk);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(tcpd_dev_queue_dns, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (!sk)
		return 0;
	if (tcpd_candidate(sk))
		queued(sk);
	else if (tcpd_is_connection(sk) &&
		 sk->sk_protocol == IPPROTO_UDP) /* UDP has the same states */
		tcpd_dns_leaves(skb, sk);
	return 0;
}

static __always_inline void has_read(const struct sock *sk, struct tcpd_sock *s, u64 now)
{
	u32 copied = tcpd_tcp(sk, copied_seq);

	if (copied == s->c.copied_seq)
		return; /* a peek */
	if (s->c.inbound) {
		tcpd_catch_up_received(s, sk, now);
		if (s->c.outstanding)
			tcpd_request_read(s, now);
	}
	tcpd_data_read(&s->c, tcpd_stats_of(s), copied, now);
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
	if (s && !s->rejected) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_READER, now);
		has_read(sk, s, now);
		tcpd_cost(TCPD_PROG_READ, now);
	}
	return 0;
}
