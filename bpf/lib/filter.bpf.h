/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sockets are traced. Address, port, family, role and namespace are decided once, at a
 * socket's birth; the owner at the first hook whose current task truly is the owner. A socket that
 * was left out has no record (or one marked rejected), so that the hooks on the packet path need
 * one look-up and no filter.
 */
#ifndef TCPDIAG_LIB_FILTER_H
#define TCPDIAG_LIB_FILTER_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lib/endpoint.bpf.h"
#include "lib/maps.bpf.h"
#include "lib/tcp.bpf.h"

/* States in which a struct sock is a full TCP connection: not LISTEN, TIME_WAIT, NEW_SYN_RECV
 * (smaller structs). */
#define TCPD_CONNECTION_STATES                                                               \
	(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 | \
	 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE | 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK |     \
	 1 << TCP_CLOSING)

static __always_inline bool tcpd_is_connection(const struct sock *sk)
{
	return (TCPD_CONNECTION_STATES >> (sk->__sk_common.skc_state & 31)) & 1;
}

static __always_inline bool tcpd_netns_wanted(u32 inum)
{
	if (tcpd_is_over)
		return false;
	if (tcpd_cfg.only_netns)
		return inum == tcpd_cfg.only_netns;
	return bpf_map_lookup_elem(&tcpd_netns_set, &inum) != NULL;
}

/* A connection of a traced namespace; the cheap test before any look-up by socket. */
static __always_inline bool tcpd_candidate(const struct sock *sk)
{
	return tcpd_is_connection(sk) && sk->sk_protocol == IPPROTO_TCP &&
	       tcpd_netns_wanted(sk->__sk_common.skc_net.net->ns.inum);
}

static __always_inline void tcpd_map_v4(u8 *to, u32 addr)
{
	__builtin_memset(to, 0, 10);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &addr, 4);
}

static __always_inline void tcpd_copy_v6(u8 *to, const struct in6_addr *from)
{
	u32 word[4];

	word[0] = from->in6_u.u6_addr32[0];
	word[1] = from->in6_u.u6_addr32[1];
	word[2] = from->in6_u.u6_addr32[2];
	word[3] = from->in6_u.u6_addr32[3];
	__builtin_memcpy(to, word, 16);
}

static __always_inline void tcpd_read_tuple(const struct sock_common *c, struct tcpd_wire_sock *ref)
{
	if (c->skc_family == AF_INET) {
		tcpd_map_v4(ref->laddr, c->skc_rcv_saddr);
		tcpd_map_v4(ref->raddr, c->skc_daddr);
	} else if (bpf_core_field_exists(c->skc_v6_daddr)) { /* CONFIG_IPV6 */
		tcpd_copy_v6(ref->laddr, &c->skc_v6_rcv_saddr);
		tcpd_copy_v6(ref->raddr, &c->skc_v6_daddr);
	}
	ref->lport = c->skc_num;
	ref->rport = bpf_ntohs(c->skc_dport);
	ref->netns = c->skc_net.net->ns.inum;
}

static __always_inline bool tcpd_is_v4(const u8 *addr)
{
	const u32 *word = (const u32 *)addr;

	return !word[0] && !word[1] && word[2] == bpf_htonl(0xffff);
}

static __always_inline bool tcpd_addr_in(void *trie, const u8 *addr)
{
	struct tcpd_cidr_key key = { .prefix_len = 128 };

	__builtin_memcpy(key.addr, addr, 16);
	return bpf_map_lookup_elem(trie, &key) != NULL;
}

/* 1 where v is 0, else 0, without a branch: every branch would double the paths that the verifier
 * walks through the expression. */
static __always_inline u64 tcpd_is_zero(u64 v)
{
	u64 zero = 1 ^ ((v | -v) >> 63);

	barrier_var(zero);
	return zero;
}

static __always_inline u64 tcpd_step_holds(const volatile struct tcpd_expression_step *step,
					   const u8 *addr, u16 port)
{
	const u32 *word = (const u32 *)addr;
	u64 low = step->port_low, high = step->port_high, differs = 0;

	if (step->op == TCPD_EXPR_PORT)
		return tcpd_is_zero(((port - low) >> 63) | ((high - port) >> 63));
	differs |= (word[0] ^ step->net[0]) & step->mask[0];
	differs |= (word[1] ^ step->net[1]) & step->mask[1];
	differs |= (word[2] ^ step->net[2]) & step->mask[2];
	differs |= (word[3] ^ step->net[3]) & step->mask[3];
	return tcpd_is_zero(differs);
}

/* The steps are constants to the verifier. The stack is a word: its newest value is bit 0. */
tcpd_subprogram bool tcpd_expression_holds(const struct tcpd_wire_sock *ref)
{
	u64 stack = 0, v;
	u32 i;

	for (i = 0; i < TCPD_EXPRESSION_STEPS; i++) {
		const volatile struct tcpd_expression_step *step = &tcpd_expression[i];

		if (i >= tcpd_cfg.expression_steps)
			break;
		if (step->op == TCPD_EXPR_NOT) {
			stack ^= 1;
			continue;
		}
		if (step->op == TCPD_EXPR_AND) {
			stack = (stack >> 1) & (stack | ~1ULL);
			continue;
		}
		if (step->op == TCPD_EXPR_OR) {
			stack = (stack >> 1) | (stack & 1);
			continue;
		}
		v = 0;
		if (step->local)
			v |= tcpd_step_holds(step, ref->laddr, ref->lport);
		if (step->remote)
			v |= tcpd_step_holds(step, ref->raddr, ref->rport);
		stack = stack << 1 | v;
	}
	return stack & 1;
}

/* All filters but the owner's. A local port of 0 is not known yet and passes. */
static __always_inline bool tcpd_tuple_wanted(const struct tcpd_wire_sock *ref)
{
	if (tcpd_cfg.filter_family && (tcpd_cfg.filter_family == 4) != tcpd_is_v4(ref->raddr))
		return false;
	if (tcpd_cfg.filter_role && tcpd_cfg.filter_role != ref->role)
		return false;
	if (tcpd_cfg.filter_remote_port && !bpf_map_lookup_elem(&tcpd_remote_ports, &ref->rport))
		return false;
	if (tcpd_cfg.filter_local_port && ref->lport &&
	    !bpf_map_lookup_elem(&tcpd_local_ports, &ref->lport))
		return false;
	if (tcpd_cfg.filter_remote_addr && !tcpd_addr_in(&tcpd_remote_addrs, ref->raddr))
		return false;
	if (tcpd_cfg.filter_local_addr && !tcpd_addr_in(&tcpd_local_addrs, ref->laddr))
		return false;
	if (tcpd_cfg.expression_steps && (ref->lport || !tcpd_cfg.expression_needs_port))
		return tcpd_expression_holds(ref);
	return true;
}

/* Something depends on the local port, which a connecting socket has not got yet. */
static __always_inline bool tcpd_port_matters(void)
{
	return tcpd_cfg.filter_local_port || tcpd_cfg.expression_needs_port;
}

static __always_inline bool tcpd_owner_matters(void)
{
	return tcpd_cfg.filter_pid || tcpd_cfg.filter_comm || tcpd_cfg.filter_cgroup;
}

/* Called whenever something that was pending has become known: rejects the socket, or lets it in.
 * owner_wanted: true when it is something else that has become known. */
static __always_inline void tcpd_settle(struct tcpd_sock *s, u8 known, bool owner_wanted)
{
	if (!(s->pending & known))
		return;
	s->pending &= ~known;
	if (!owner_wanted || !tcpd_tuple_wanted(&s->ref)) {
		s->rejected = 1;
		tcpd_leave_endpoint(s);
		tcpd_count(TCPD_COUNT_FILTERED_OUT);
	}
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
	tcpd_join_endpoint(s);
	return true;
}

#endif
