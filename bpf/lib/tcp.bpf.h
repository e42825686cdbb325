/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading struct tcp_sock. */
#ifndef TCPDIAG_LIB_TCP_H
#define TCPDIAG_LIB_TCP_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define SOCK_DONE 1 /* enum sock_flags: the peer's FIN was processed (tcp_fin) */

/* For plain loads, which cost a tenth of what tcpd_tcp() does. Of a tracepoint's own argument:
 * newer verifiers hand out skb->sk as a pointer that the helper refuses. */
static __always_inline const struct tcp_sock *tcpd_tcp_sock(struct sock *sk)
{
	return (const struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
}

/* One figure of any other socket that tcpd_candidate() accepted, with bpf_probe_read_kernel. */
#define tcpd_tcp(sk, member) BPF_CORE_READ((const struct tcp_sock *)(sk), member)

static __always_inline bool tcpd_fin_received(const struct sock *sk)
{
	return sk->__sk_common.skc_flags & (1UL << SOCK_DONE);
}

/* rcv_nxt without the FIN, which counts as one (RFC 9293 section 3.4). */
static __always_inline u32 tcpd_received_end(const struct sock *sk)
{
	return tcpd_tcp(sk, rcv_nxt) - (tcpd_fin_received(sk) ? 1 : 0);
}

#define TCP_NAGLE_OFF 1

static __always_inline bool tcpd_nodelay(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED((const struct tcp_sock *)sk, nonagle) & TCP_NAGLE_OFF;
}

/* tp->rtt_min, 0: no sample yet (the kernel has ~0 then, tcp_init_sock). */
static __always_inline u32 tcpd_rtt_min(const struct sock *sk)
{
	u32 us = tcpd_tcp(sk, rtt_min.s[0].v);

	return us == ~0U ? 0 : us;
}

#endif
