// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that this host dropped: its packet filter, its queues, its routes, its memory. kfree_skb
 * runs for every packet that is not consumed, also for what TCP itself lays aside (old data, old
 * ACKs): the first test is a look into a table of reasons (src/model/drop_reason.cpp), filled by
 * the loader since their values differ between kernels.
 */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "engine/packet.h"
#include "lib/compat.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/nested.bpf.h"

const volatile __u8 tcpd_drop_reasons[TCPD_DROP_REASONS] SEC(".rodata") = {};

static __always_inline bool is_drop(u32 reason)
{
	return reason < TCPD_DROP_REASONS && tcpd_drop_reasons[reason];
}

/* A packet as its headers say it. */
struct dropped {
	struct tcpd_packet packet;
	u16 source, dest; /* host order */
	u32 segments;
	u8 version; /* 0: TCP has not handed it to IP yet, so that only TCP's header is there */
	u8 raddr[16];
	u8 laddr[16];
};

static __always_inline u32 segments_of(const struct sk_buff *skb)
{
	struct skb_shared_info *shared;
	u32 segments;

	shared = (struct skb_shared_info *)(skb->head + skb->end);
	segments = BPF_CORE_READ(shared, gso_segs);
	return segments ? segments : 1;
}

/* The addresses as this host sees them if it receives the packet. False: not TCP, or not the
 * beginning of one. On the way in the place of TCP's header is not known before IP has looked at
 * the packet. */
static __always_inline bool read_ip(const struct sk_buff *skb, struct dropped *d, u32 *tcp)
{
	unsigned char *ip = skb->head + skb->network_header;
	u8 header[40];

	if (!skb->network_header || bpf_probe_read_kernel(header, sizeof(header), ip))
		return false;
	d->version = header[0] >> 4;
	if (d->version == 4) {
		u16 fragment;

		__builtin_memcpy(&fragment, header + 6, 2);
		if (header[9] != IPPROTO_TCP || (fragment & bpf_htons(0x1fff)))
			return false;
		*tcp = skb->network_header + (header[0] & 15) * 4;
		tcpd_map_v4(d->raddr, *(u32 *)(header + 12));
		tcpd_map_v4(d->laddr, *(u32 *)(header + 16));
		return true;
	}
	if (d->version != 6 || header[6] != IPPROTO_TCP)
		return false;
	*tcp = skb->network_header + 40;
	__builtin_memcpy(d->raddr, header + 8, 16);
	__builtin_memcpy(d->laddr, header + 24, 16);
	return true;
}

static __always_inline bool read_tcp(const struct sk_buff *skb, struct dropped *d, u32 tcp)
{
	struct tcpd_tcp_header h;
	u32 data = skb->data - skb->head;

	if (bpf_probe_read_kernel(&h, sizeof(h), skb->head + tcp))
		return false;
	/* data may lie before TCP's header (on the way out), at it, or behind it (TCP has taken the
	 * header off) */
	tcpd_parse_packet(&d->packet, &h, skb->len + data - tcp);
	d->source = bpf_ntohs(h.source);
	d->dest = bpf_ntohs(h.dest);
	d->segments = segments_of(skb);
	return true;
}

static __always_inline void fill(struct tcpd_body_dropped *body, const struct dropped *d,
				 u32 reason, bool incoming)
{
	body->reason = reason;
	body->segments = d->segments;
	body->seq = d->packet.seq;
	body->end_seq = d->packet.end + !!(d->packet.flags & TCPD_FLAG_SYN) +
			!!(d->packet.flags & TCPD_FLAG_FIN);
	body->flags = d->packet.flags;
	body->incoming = incoming;
}

/* Of a connection that is traced, or not. */
static __always_inline void dropped_of_connection(struct sock *sk, const struct sk_buff *skb,
						  u32 reason, bool received)
{
	struct tcpd_wire_event *e;
	struct dropped d = {};
	struct tcpd_sock *s;
	u64 now;

	s = tcpd_sock_find(sk);
	if (!s || s->rejected)
		return;
	now = bpf_ktime_get_ns();
	if (!read_tcp(skb, &d, skb->transport_header))
		return;
	/* a received packet has been given its socket early (early demux) */
	received = received || d.source != sk->__sk_common.skc_num;
	if (!received && tcpd_local_port_known(sk, s))
		tcpd_emit_plain(TCPD_EVENT_CONNECT, s, sk, TCP_CLOSE, now);
	e = tcpd_event_begin(TCPD_EVENT_DROPPED, s, sk, sk->__sk_common.skc_state, now);
	if (!e)
		return;
	fill(&e->body.dropped, &d, reason, received);
	bpf_ringbuf_submit(e, 0);
	tcpd_cost(TCPD_PROG_DROP, now);
}

/* A traced endpoint that these addresses belong to; UNKNOWN: none. */
static __always_inline u8 role_of_tuple(const struct tcpd_wire_sock *ref)
{
	struct tcpd_endpoint_key key = { .netns = ref->netns };

	key.role = TCPD_ROLE_INBOUND;
	key.port = ref->lport;
	__builtin_memcpy(key.addr, ref->laddr, 16);
	if (bpf_map_lookup_elem(&tcpd_endpoints, &key))
		return TCPD_ROLE_INBOUND;
	key.role = TCPD_ROLE_OUTBOUND;
	key.port = ref->rport;
	__builtin_memcpy(key.addr, ref->raddr, 16);
	return bpf_map_lookup_elem(&tcpd_endpoints, &key) ? TCPD_ROLE_OUTBOUND : TCPD_ROLE_UNKNOWN;
}

static __always_inline bool listens(const struct tcpd_wire_sock *ref, u8 flags)
{
	struct tcpd_listener_key listener = { .netns = ref->netns, .port = ref->lport };

	return (flags & (TCPD_FLAG_SYN | TCPD_FLAG_ACK)) == TCPD_FLAG_SYN &&
	       bpf_map_lookup_elem(&tcpd_listeners, &listener);
}

static __always_inline void emit_without_connection(struct tcpd_wire_sock *ref,
						    const struct dropped *d, u32 reason,
						    bool incoming)
{
	struct tcpd_wire_event *e;

	if (tcpd_owner_matters() || !tcpd_tuple_wanted(ref))
		return;
	e = tcpd_event_without_socket(TCPD_EVENT_DROPPED, ref);
	if (!e)
		return;
	fill(&e->body.dropped, d, reason, incoming);
	bpf_ringbuf_submit(e, 0);
}

/*
 * A packet whose connection is not at hand. Received: it was dropped before TCP looked for one, or
 * there is none but the listener. Sent: segments that were cut from a larger packet (GSO) have lost
 * it. What is on its way through this host mostly belongs to no endpoint; user space, which knows
 * all connections by their addresses, leaves out the rest.
 */
static __always_inline void dropped_before_socket(const struct sk_buff *skb, u32 netns, u32 reason)
{
	struct tcpd_wire_sock ref = { .netns = netns };
	struct dropped d = {};
	u32 tcp;

	if (!tcpd_netns_wanted(netns) || !read_ip(skb, &d, &tcp) || !read_tcp(skb, &d, tcp))
		return;
	__builtin_memcpy(ref.laddr, d.laddr, 16);
	__builtin_memcpy(ref.raddr, d.raddr, 16);
	ref.lport = d.dest;
	ref.rport = d.source;
	ref.role_source = TCPD_ROLE_BY_LISTENERS;
	ref.role = role_of_tuple(&ref);
	if (!ref.role && listens(&ref, d.packet.flags))
		ref.role = TCPD_ROLE_INBOUND;
	if (ref.role) {
		emit_without_connection(&ref, &d, reason, true);
		return;
	}
	__builtin_memcpy(ref.laddr, d.raddr, 16);
	__builtin_memcpy(ref.raddr, d.laddr, 16);
	ref.lport = d.source;
	ref.rport = d.dest;
	ref.role = role_of_tuple(&ref);
	if (ref.role)
		emit_without_connection(&ref, &d, reason, false);
}

/* What a half-open connection sends: its SYN-ACK. */
static __always_inline void dropped_of_request(const struct sock *sk, const struct sk_buff *skb,
					       u32 reason)
{
	struct tcpd_wire_sock ref = { .role = TCPD_ROLE_INBOUND,
				      .role_source = TCPD_ROLE_BY_ACCEPT };
	struct dropped d = {};

	tcpd_read_tuple(&sk->__sk_common, &ref);
	if (!tcpd_netns_wanted(ref.netns) || !read_tcp(skb, &d, skb->transport_header))
		return;
	emit_without_connection(&ref, &d, reason, d.source != ref.lport);
}

static __always_inline void dropped_skb(struct sk_buff *skb, u32 reason)
{
	struct sock *sk = skb->sk;
	struct net_device *dev;

	if (sk) {
		if (tcpd_candidate(sk)) {
			dropped_of_connection(sk, skb, reason, false);
			return;
		}
		if (sk->__sk_common.skc_state == TCP_NEW_SYN_RECV) {
			dropped_of_request(sk, skb, reason);
			return;
		}
	}
	dev = skb->dev;
	if (dev && skb->network_header)
		dropped_before_socket(skb, dev->nd_net.net->ns.inum, reason);
}

static __always_inline void dropped_by_receiver(struct sk_buff *skb, u32 reason, struct sock *sk)
{
	if (!sk) {
		dropped_skb(skb, reason);
		return;
	}
	if (tcpd_candidate(sk))
		dropped_of_connection(sk, skb, reason, true);
	else if (sk->__sk_common.skc_state == TCP_LISTEN ||
		 sk->__sk_common.skc_state == TCP_NEW_SYN_RECV)
		dropped_before_socket(skb, sk->__sk_common.skc_net.net->ns.inum, reason);
}

/* With the receiving socket: kernel 6.11, commit c53795d48ee8 ("net: add rx_sk to trace_kfree_skb").
 */
TCPD_TWINS("kfree_skb", tcpd_dropped_rx, TCPD_PROG_DROP, is_drop(reason),
	   dropped_by_receiver(skb, reason, rx_sk), struct sk_buff *skb, void *location,
	   unsigned int reason, struct sock *rx_sk)

/* With the reason: kernel 5.17, commit c504e5c2f964 ("net: skb: introduce kfree_skb_reason()"). */
TCPD_TWINS("kfree_skb", tcpd_dropped, TCPD_PROG_DROP, is_drop(reason), dropped_skb(skb, reason),
	   struct sk_buff *skb, void *location, unsigned int reason)

/* Who begins to listen while tracing; the others are met by the seeding iterator. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcpd_listens, struct sock *sk, int from, int to)
{
	struct tcpd_listener_key listener = {};
	u8 one = 1;

	if (to != TCP_LISTEN || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	listener.netns = sk->__sk_common.skc_net.net->ns.inum;
	listener.port = sk->__sk_common.skc_num;
	if (listener.port && tcpd_netns_wanted(listener.netns))
		bpf_map_update_elem(&tcpd_listeners, &listener, &one, BPF_ANY);
	return 0;
}
