// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers to queries for names, as they arrive at a device. Queries: packet.bpf.c, lib/dns.bpf.h.
 *
 * This runs for every packet that arrives (after GRO), so what is no UDP is told by one byte.
 */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/dns.bpf.h"

static __always_inline void arrives(const struct sk_buff *skb, const unsigned char *ip,
				    u32 header_length)
{
	struct tcpd_dns_query *known, query;
	struct tcpd_dns_key key = {};
	struct tcpd_dns_message m;
	struct tcpd_wire_dns *e;
	struct net_device *dev;
	u64 now;

	if (!tcpd_read_dns(&m, ip + header_length) || !(m.flags & DNS_IS_ANSWER))
		return;
	if (m.sport != DNS_PORT && !tcpd_dns_elsewhere)
		return;
	dev = skb->dev;
	if (!dev || !tcpd_read_addresses(ip, key.raddr, key.laddr))
		return;
	now = bpf_ktime_get_ns();
	key.lport = m.dport;
	key.rport = m.sport;
	key.id = m.id;
	key.netns = dev->nd_net.net->ns.inum;
	known = bpf_map_lookup_elem(&tcpd_dns_queries, &key);
	if (!known) {
		key.netns = 0;
		known = bpf_map_lookup_elem(&tcpd_dns_queries, &key);
		if (!known)
			return;
	}
	query = *known;
	key.netns = 0;
	bpf_map_delete_elem(&tcpd_dns_queries, &key);
	key.netns = query.netns;
	bpf_map_delete_elem(&tcpd_dns_queries, &key);
	e = tcpd_dns_begin(&key, &query, m.flags, now, sizeof(*e));
	if (e) {
		e->is_answer = 1;
		bpf_ringbuf_submit(e, 0);
	}
	tcpd_cost(TCPD_PROG_DNS, now);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(tcpd_dns_arrives, struct sk_buff *skb)
{
	const unsigned char *ip = skb->data; /* IP has not looked at it yet */
	u16 protocol = skb->protocol;
	u8 next = 0, begin = 0;

	if (protocol == bpf_htons(ETH_P_IP)) {
		bpf_probe_read_kernel(&next, sizeof(next), ip + 9);
		if (next != IPPROTO_UDP || tcpd_is_over)
			return 0;
		bpf_probe_read_kernel(&begin, sizeof(begin), ip);
		arrives(skb, ip, (begin & 15) * 4);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		bpf_probe_read_kernel(&next, sizeof(next), ip + 6);
		if (next == IPPROTO_UDP && !tcpd_is_over)
			arrives(skb, ip, 40);
	}
	return 0;
}
