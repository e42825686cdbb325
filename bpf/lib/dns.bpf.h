/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queries for names over UDP as they leave, and their answers as they arrive. Of a message the
 * first 12 bytes are read (RFC 1035 section 4.1.1): names are in none of them. Only where names are
 * asked for (tcpd_config.dns_names) the question of a query is read, too.
 *
 * A query is met where it is handed to its device, by the task that sent it, mostly. A neighbour
 * that had to be found first makes that a stranger's softirq: so the sender is believed only if it
 * has the socket among its files.
 */
#ifndef TCPDIAG_LIB_DNS_H
#define TCPDIAG_LIB_DNS_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lib/budget.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/dns_query.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/maps.bpf.h"
#include "lib/owner.bpf.h"

#define DNS_PORT 53
#define DNS_IS_ANSWER 0x8000
#define DNS_OPCODE 0x7800
/* Devices that lie on each other (VLAN, bond, bridge) are handed the same packet one after the
 * other. */
#define DNS_SAME_PACKET_NS 1000000ULL

struct tcpd_dns_message {
	u16 sport, dport; /* UDP's header */
	u16 length, check;
	u16 id;
	u16 flags;
	u16 questions;
};

/* Whether some query went to another port than 53, for its address was translated on this host. */
volatile __u32 tcpd_dns_elsewhere __weak SEC(".data") = 0;

#define FILES_AT_ONCE 16

/* It leaves at once when it has found it: what is summed up over the branches would double what the
 * verifier walks. */
static __always_inline bool is_among(struct file **files, const struct file *wanted)
{
	u64 some[FILES_AT_ONCE] = {};
	int i;

	bpf_probe_read_kernel(some, sizeof(some), files);
#pragma unroll
	for (i = 0; i < FILES_AT_ONCE; i++) {
		if (some[i] == (u64)wanted)
			return true;
	}
	return false;
}

/* Has the current task this socket among its files? Around the newest one first, then the first
 * 512: a table is a multiple of 64 long. */
tcpd_subprogram bool tcpd_current_has(const struct file *wanted)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct files_struct *files = BPF_CORE_READ(task, files);
	struct fdtable *table;
	struct file **all;
	u32 size, newest, i;

	if (!wanted || !files)
		return false;
	table = BPF_CORE_READ(files, fdt);
	all = BPF_CORE_READ(table, fd);
	size = BPF_CORE_READ(table, max_fds);
	newest = BPF_CORE_READ(files, next_fd);
	if (newest >= FILES_AT_ONCE && newest <= size &&
	    is_among(all + newest - FILES_AT_ONCE, wanted))
		return true;
	for (i = 0; i < 512; i += FILES_AT_ONCE) {
		barrier_var(
			i); /* else the compiler counts by addresses, and the verifier sees no end */
		if (i >= size)
			return false;
		if (is_among(all + i, wanted))
			return true;
	}
	return false;
}

static __always_inline bool tcpd_read_dns(struct tcpd_dns_message *m, const unsigned char *udp)
{
	u16 header[7];

	if (bpf_probe_read_kernel(header, sizeof(header), udp))
		return false;
	m->sport = bpf_ntohs(header[0]);
	m->dport = bpf_ntohs(header[1]);
	m->length = bpf_ntohs(header[2]);
	m->id = bpf_ntohs(header[4]);
	m->flags = bpf_ntohs(header[5]);
	m->questions = bpf_ntohs(header[6]);
	return m->length >= 8 + 12;
}

/* `size`: of the record. */
static __always_inline struct tcpd_wire_dns *tcpd_dns_begin(const struct tcpd_dns_key *key,
							    const struct tcpd_dns_query *query,
							    u16 flags, u64 now, u32 size)
{
	struct tcpd_wire_dns *e;

	if (!tcpd_within_budget(true, now))
		return NULL;
	e = bpf_ringbuf_reserve(&tcpd_events, size, 0);
	if (!e) {
		tcpd_count(TCPD_COUNT_RING_FULL);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = TCPD_RECORD_DNS;
	e->size = size;
	e->cpu = bpf_get_smp_processor_id();
	e->at_ns = now;
	e->first_sent_ns = query->first_ns;
	__builtin_memcpy(e->laddr, key->laddr, 16);
	__builtin_memcpy(e->raddr, query->resolver, 16);
	e->lport = key->lport;
	e->rport = query->port;
	e->id = key->id;
	e->flags = flags;
	e->netns = query->netns;
	return e;
}

/* The addresses of the IP header at `ip`, as its sender has them. */
static __always_inline bool tcpd_read_addresses(const unsigned char *ip, u8 *from, u8 *to)
{
	u8 header[40];

	if (bpf_probe_read_kernel(header, sizeof(header), ip))
		return false;
	if (header[0] >> 4 == 4) {
		tcpd_map_v4(from, *(u32 *)(header + 12));
		tcpd_map_v4(to, *(u32 *)(header + 16));
		return true;
	}
	if (header[0] >> 4 != 6)
		return false;
	__builtin_memcpy(from, header + 8, 16);
	__builtin_memcpy(to, header + 24, 16);
	return true;
}

/* No more than the message has, and than lies in one piece in the packet. */
static __always_inline void tcpd_dns_read_name(struct tcpd_wire_dns_named *e,
					       const struct sk_buff *skb, u32 message)
{
	u32 begin = skb->transport_header + 8 + 12, tail = skb->tail;
	u64 octets = message - 12; /* of 64 bits, as the helper's argument: the bound must be of the
				      same register */

	e->octets = 0;
	if (tail <= begin)
		return;
	if (octets > tail - begin)
		octets = tail - begin;
	barrier_var(octets);
	if (octets > TCPD_DNS_NAME_OCTETS)
		octets = TCPD_DNS_NAME_OCTETS;
	if (!bpf_probe_read_kernel(e->name, octets, skb->head + begin))
		e->octets = octets;
}

/* A datagram of a UDP socket is handed to a device. */
static __always_inline void tcpd_dns_leaves(struct sk_buff *skb, struct sock *sk)
{
	struct tcpd_wire_sock ref = {};
	struct tcpd_wire_owner owner = {};
	struct tcpd_dns_query query = {}, *known;
	struct tcpd_dns_key key = {};
	struct tcpd_dns_message m;
	struct tcpd_wire_dns *e;
	bool connected;
	u64 now;

	ref.netns = sk->__sk_common.skc_net.net->ns.inum;
	if (!tcpd_netns_wanted(ref.netns) || !tcpd_read_dns(&m, skb->head + skb->transport_header))
		return;
	connected = sk->__sk_common.skc_dport == bpf_htons(DNS_PORT);
	if (!connected && m.dport != DNS_PORT)
		return;
	/* below a tunnel's device it is the tunnel's header that is read */
	if (m.sport != sk->__sk_common.skc_num)
		return;
	if ((m.flags & (DNS_IS_ANSWER | DNS_OPCODE)) || !m.questions)
		return;
	if (!tcpd_read_addresses(skb->head + skb->network_header, key.laddr, key.raddr))
		return;
	now = bpf_ktime_get_ns();
	key.lport = m.sport;
	key.rport = m.dport;
	key.id = m.id;
	key.netns = ref.netns;
	query.first_ns = now;
	query.netns = ref.netns;
	query.port = m.dport;
	__builtin_memcpy(query.resolver, key.raddr, 16);
	if (connected) {
		tcpd_read_tuple(&sk->__sk_common, &ref);
		query.port = DNS_PORT;
		__builtin_memcpy(query.resolver, ref.raddr, 16);
	}
	if (m.dport != DNS_PORT)
		tcpd_dns_elsewhere = 1;
	known = bpf_map_lookup_elem(&tcpd_dns_queries, &key);
	if (known) {
		if (now - known->newest_ns < DNS_SAME_PACKET_NS)
			return;
		query.first_ns = known->first_ns;
	}
	query.newest_ns = now;
	if (tcpd_current_has(BPF_CORE_READ(sk, sk_socket, file)))
		tcpd_own_by_current(&owner, TCPD_OWNER_CALLER);
	if (tcpd_owner_matters() && (!owner.source || !tcpd_owner_wanted(&owner, true)))
		return;
	bpf_map_update_elem(&tcpd_dns_queries, &key, &query, BPF_ANY);
	e = tcpd_dns_begin(&key, &query, m.flags, now,
			   tcpd_cfg.dns_names ? sizeof(struct tcpd_wire_dns_named) : sizeof(*e));
	if (e) {
		e->owner = owner;
		if (tcpd_cfg.dns_names)
			tcpd_dns_read_name((struct tcpd_wire_dns_named *)e, skb, m.length - 8);
		bpf_ringbuf_submit(e, 0);
	}
	/* macvlan, ipvlan and VLANs: the kernel tells of an answer at the device below, which is in
	 * another namespace */
	key.netns = 0;
	bpf_map_update_elem(&tcpd_dns_queries, &key, &query, BPF_ANY);
	tcpd_cost(TCPD_PROG_DNS, now);
}

#endif
